"""Cassettes out of recordings that other tools made. ``detect.detect_and_import`` finds out which."""
