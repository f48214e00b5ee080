"""Gemini Live, simulated: the Developer API (AI Studio) and Vertex. docs/providers/gemini.md has the facts."""
