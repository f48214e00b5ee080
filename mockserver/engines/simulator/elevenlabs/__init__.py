"""ElevenLabs Agents: its conversations over a websocket, and the plain call for a signed address."""
