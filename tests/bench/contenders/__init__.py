"""What is compared: the daemon, what operators use instead, and the bare engine."""
