"""``make fuzz``: everything that comes from outside, bent. A short form runs with the other tests."""
