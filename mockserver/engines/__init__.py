"""What can answer a client: relay, replay, simulator, script. All four are the same kind of part (``engines.base``)."""
