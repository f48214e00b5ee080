"""The OpenAI family's wire: the lens, what causes what, the order of frames, how a response ends."""
