"""The only shell: asyncio, aiohttp, TLS, files through ``cassette.store``."""
