"""Phonic: one conversation a websocket, taken up again where it is lost."""
