"""``make bench``: what mockserver costs, beside bare aiohttp (or a direct connection) doing the same work."""
