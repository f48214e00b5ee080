"""The servers that are measured, each in a process of its own: ``python -m tests.bench.serve ROLE {settings}``.

A role that begins with ``bare`` is aiohttp as anyone would write it, doing the same work; the others are mockserver.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

import aiohttp
from aiohttp import web

from mockserver.cli.collecting import steady
from tests.bench import material, others

TIMES = 150
"""Connections in a cassette: a recorded one is played once."""

Handler = Callable[[web.WebSocketResponse], Any]


# --- bare aiohttp ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def bare(handler: Handler) -> AsyncIterator[int]:
    """A bare aiohttp server whose every websocket is given to ``handler``."""

    async def handle(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(compress=False, max_msg_size=0)
        await ws.prepare(request)
        try:
            await handler(ws)
        except ConnectionResetError:
            pass  # the client has all that it waits for and has left; aiohttp would print a traceback for each
        return ws

    app = web.Application()
    app.router.add_get("/{tail:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def bare_flood(*, count: int, size: int, **_: Any) -> AbstractAsyncContextManager[int]:
    """A loop of ``ws.send_str``."""
    answer = material.answer(count, size, item=material.LIVE_ITEM, tag=material.LIVE_TAG)

    async def talk(ws: web.WebSocketResponse) -> None:
        await ws.send_str(material.created())
        async for message in ws:
            if '"response.create"' in message.data:
                for text in answer:
                    await ws.send_str(text)
            else:
                await ws.send_str(material.added(material.LIVE_ITEM))
                await ws.send_str(material.added(material.LIVE_ITEM, "done"))

    return bare(talk)


def bare_paced(*, count: int, size: int, gap_us: int, **_: Any) -> AbstractAsyncContextManager[int]:
    """A task per session that sleeps until each frame is due."""
    answer = material.answer(count, size, item=material.LIVE_ITEM, tag=material.LIVE_TAG)

    async def talk(ws: web.WebSocketResponse) -> None:
        loop = asyncio.get_running_loop()
        await ws.send_str(material.created())
        async for message in ws:
            if '"response.create"' in message.data:
                began = loop.time() + 0.02
                await ws.send_str(answer[0])
                for number, text in enumerate(answer[1:]):
                    wait = began + number * gap_us / 1e6 - loop.time()
                    if wait > 0:
                        await asyncio.sleep(wait)
                    await ws.send_str(text)
            else:
                await ws.send_str(material.added(material.LIVE_ITEM))
                await ws.send_str(material.added(material.LIVE_ITEM, "done"))

    return bare(talk)


def bare_echo(*, count: int = 0, size: int = 300, **_: Any) -> AbstractAsyncContextManager[int]:
    """The upstream of a recording: every frame comes back, and "flood" is answered with many."""
    answer = material.answer(count, size)

    async def talk(ws: web.WebSocketResponse) -> None:
        async for message in ws:
            if message.type is aiohttp.WSMsgType.TEXT and '"flood"' in message.data:
                for text in answer:
                    await ws.send_str(text)
            else:
                await ws.send_str(message.data)

    return bare(talk)


def bare_relay(*, upstream: str, **_: Any) -> AbstractAsyncContextManager[int]:
    """A relay that records nothing."""
    return relaying(upstream, lambda text: None)


def bare_writer(*, upstream: str, **_: Any) -> AbstractAsyncContextManager[int]:
    """A relay that writes each frame before it passes it on, with a check sum, as it is: no look for secrets."""
    file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - goes with the process

    def keep(text: str) -> None:
        data = text.encode()
        file.write(crc32(data).to_bytes(4, "big") + len(data).to_bytes(4, "big") + data)

    return relaying(upstream, keep)


def relaying(upstream: str, keep: Callable[[str], None]) -> AbstractAsyncContextManager[int]:
    """A relay that gives each text to ``keep`` first."""

    async def talk(ws: web.WebSocketResponse) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{upstream}/v1/realtime", max_msg_size=0) as up,
        ):

            async def down() -> None:
                async for message in up:
                    keep(message.data)
                    await ws.send_str(message.data)

            task = asyncio.create_task(down())
            try:
                async for message in ws:
                    keep(message.data)
                    await up.send_str(message.data)
            finally:
                task.cancel()

    return bare(talk)


def bare_sink(**_: Any) -> AbstractAsyncContextManager[int]:
    """Reads what comes, as a server that parses the JSON of each message does."""

    async def talk(ws: web.WebSocketResponse) -> None:
        await ws.send_str(material.created())
        async for message in ws:
            if json.loads(message.data)["type"] == "session.update":
                await ws.send_str(material.dump({"type": "session.updated", "session": {}}))

    return bare(talk)


def bare_turns(*, turn: list[str], **_: Any) -> AbstractAsyncContextManager[int]:
    """Answers each response.create with the frames that the simulator sent for it, made by ``json.dumps`` each time."""
    bodies = [json.loads(text) for text in turn]

    async def talk(ws: web.WebSocketResponse) -> None:
        await ws.send_str(material.created())
        async for message in ws:
            if json.loads(message.data)["type"] == "response.create":
                for body in bodies:
                    await ws.send_str(json.dumps(body))

    return bare(talk)


# --- mockserver -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def mock(source: Any, **settings: Any) -> AsyncIterator[int]:
    """A MockServer. Its problems are not the bench's: the clients check what they get."""
    from mockserver import MockServer

    server = MockServer(source, **settings)
    await server.start()
    try:
        yield server.port
    finally:
        await server.close()


def replay_instant(*, count: int, size: int, **_: Any) -> AbstractAsyncContextManager[int]:
    """Replay as fast as it goes."""
    from mockserver import replay

    return mock(replay(material.cassette(count, size, times=TIMES), pacing="instant"))


def replay_paced(*, count: int, size: int, gap_us: int, times: int, **_: Any) -> AbstractAsyncContextManager[int]:
    """Replay at the recorded pace."""
    from mockserver import replay

    made = material.cassette(count, size, gap_us=gap_us, times=times)
    return mock(replay(made, pacing="recorded"))


def script_flood(*, count: int, size: int, **_: Any) -> AbstractAsyncContextManager[int]:
    """A script that sends the same frames: the shell alone, without replay."""
    from mockserver import script

    answer = material.answer(count, size, item=material.LIVE_ITEM, tag=material.LIVE_TAG)
    source = script(
        script.send(material.created()),
        script.expect("conversation.item.create"),
        script.send(material.added(material.LIVE_ITEM), material.added(material.LIVE_ITEM, "done")),
        script.expect("response.create"),
        script.send(*answer),
    )
    return mock(source)


@asynccontextmanager
async def record(*, upstream: str, **_: Any) -> AsyncIterator[int]:
    """A relay that records to a file."""
    from mockserver import relay
    from mockserver.server.record import Recording

    with tempfile.TemporaryDirectory() as folder:
        async with Recording(relay(upstream), Path(folder) / "bench.cassette") as recording:
            yield recording.server.port


def simulate(*, pace: str = "instant", **_: Any) -> AbstractAsyncContextManager[int]:
    """The simulator."""
    from mockserver import simulator

    return mock(simulator("openai", pace=pace))


ROLES: dict[str, Callable[..., AbstractAsyncContextManager[int]]] = {
    name.replace("_", "-"): role
    for name, role in list(globals().items())
    if name
    in {
        "bare_flood",
        "bare_paced",
        "bare_echo",
        "bare_relay",
        "bare_writer",
        "bare_sink",
        "bare_turns",
        "replay_instant",
        "replay_paced",
        "script_flood",
        "record",
        "simulate",
    }
}
ROLES |= {"picows-flood": others.picows_flood, "websockets-flood": others.websockets_flood}


# --- the process ----------------------------------------------------------------------------------------------------


def usage() -> dict[str, float]:
    """CPU seconds and memory of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    fields = {line.split(":")[0]: line.split() for line in Path("/proc/self/status").read_text().splitlines()}
    return {
        "cpu": used.ru_utime + used.ru_stime,
        "rss": int(fields["VmRSS"][1]) * 1024,
        "peak": int(fields["VmHWM"][1]) * 1024,
        "port": 0,
    }


async def main() -> None:
    """Serve until stdin ends."""
    role, settings = sys.argv[1], json.loads(sys.argv[2])
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with ROLES[role](**settings) as port:
        with steady(Measured()):  # as the commands do; the bare server too
            await answer(reader, port)


class Measured:
    """A server of which nobody knows whether a session runs: it may be a bare one."""

    running = 1


async def answer(reader: asyncio.StreamReader, port: int) -> None:
    """Say where it is, and what it has used whenever that is asked."""
    print(json.dumps({"port": port, "pid": os.getpid()}), flush=True)
    while line := await reader.readline():
        if line.strip() == b"usage":
            print(json.dumps(usage()), flush=True)


if __name__ == "__main__":
    if os.environ.get("BENCH_LOOP") == "uvloop":
        import uvloop

        uvloop.run(main())
    else:
        asyncio.run(main())
