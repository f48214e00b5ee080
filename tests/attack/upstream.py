"""A service that does next to nothing, so that what is measured behind a recorder is the recorder's.

python -m tests.attack.upstream        prints its port
"""

from __future__ import annotations

import asyncio
import gc

from aiohttp import WSMsgType, web

from mockserver.server.websocket.app import MAX_MESSAGE


async def serve(request: web.Request) -> web.WebSocketResponse:
    """Greets, and answers each ``clear``; whatever else comes is read and forgotten."""
    ws = web.WebSocketResponse(max_msg_size=MAX_MESSAGE)
    await ws.prepare(request)
    await ws.send_str('{"type":"session.created","event_id":"event_1","session":{"id":"sess_1"}}')
    async for message in ws:
        if message.type is WSMsgType.TEXT and message.data == '{"type":"input_audio_buffer.clear"}':
            await ws.send_str('{"type":"input_audio_buffer.cleared","event_id":"event_2"}')
    return ws


async def main() -> None:
    """Serve until the process is ended. Its own collector would stop it, and whoever waits behind the recorder."""
    gc.disable()
    app = web.Application()
    app.router.add_get("/v1/realtime", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(f'{{"port": {runner.addresses[0][1]}}}', flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
