"""Calls over WebRTC, as far as they need no network: what is played to the client, and who else listens."""
