"""Where Azure, Voice Live, the beta shape and xAI differ from OpenAI."""
