"""Named scenarios on one port: a file of them, where each finds its cassettes, and the source that keeps them apart."""
