"""``make attack``: bad clients, bad pages and bad moments against running servers, and what others notice of it."""
