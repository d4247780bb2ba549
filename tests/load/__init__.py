"""A service that can be replaced beside itself, and visitors who notice whether it was."""
