"""OpenAI GPT-Live: one stream of audio each way on one clock, and work that is delegated."""
