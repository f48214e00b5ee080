"""Cassettes: a redacted journal of one or more connections in a file that people can review."""
