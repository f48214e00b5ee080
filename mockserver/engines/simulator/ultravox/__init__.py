"""Ultravox: the REST call that makes a call, and the call's websocket."""
