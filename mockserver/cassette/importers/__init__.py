"""Cassettes out of recordings that other tools made. ``detect.import_bytes`` finds out which."""
