"""The pure centre: frames, timed machines, the session, the journal. Standard library only."""
