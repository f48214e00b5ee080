"""Audio in and out of a simulated model: formats, voice activity, words, and when each piece is sent."""
