"""The sweep: one ordinary test of a client, run again under every meaningful fault at every event, in virtual time."""
