"""Stand-ins that behave as the real thing does, by the same contract tests, and can be told to fail."""
