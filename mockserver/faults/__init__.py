"""Faults: machines that stand between the client and the engine and make the wire misbehave."""
