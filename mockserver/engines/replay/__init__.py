"""A cassette answers."""
