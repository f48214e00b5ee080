"""What a simulated model says: from a context to a reply."""
