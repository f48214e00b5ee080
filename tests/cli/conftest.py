"""The command line: in this process with click's runner, and as a real process where signals and statuses matter."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mockserver import MockServer, script
from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.cassette.store import save
from mockserver.cli import main
from mockserver.core.frames import Answer, Close, Handshake, Sender, Text
from tests import warm

REAL = (sys.executable, "-m", "mockserver")
"""For what a fork cannot show (tests/warm): groups of processes, children, what is imported."""
TALK = (
    (Sender.SERVER, {"type": "session.created", "event_id": "event_1", "session": {"id": "sess_1"}}),
    (Sender.CLIENT, {"type": "response.create"}),
    (Sender.SERVER, {"type": "response.created", "event_id": "event_2", "response": {"id": "resp_1"}}),
    (Sender.SERVER, {"type": "response.done", "event_id": "event_3",
                     "response": {"id": "resp_1", "status": "completed"}}),
)  # fmt: skip

CLIENT = """
import asyncio, os, sys
import aiohttp

async def main():
    url = os.environ["OPENAI_BASE_URL"].replace("http", "ws", 1) + "/realtime"
    async with aiohttp.ClientSession(trust_env=True) as http, http.ws_connect(url) as socket:
        async for message in socket:
            print(message.json()["type"], flush=True)
            if message.json()["type"] == "session.created":
                await socket.send_json({"type": sys.argv[1] if len(sys.argv) > 1 else "response.create"})
            if message.json()["type"] in ("response.done", "error"):
                break

asyncio.run(main())
"""
"""A client that knows only the variables of the environment."""


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run the command in this process."""

    def invoke(*arguments: str | Path) -> Result:
        return CliRunner().invoke(main, [str(one) for one in arguments], catch_exceptions=False)

    return invoke


@pytest.fixture
def client(tmp_path: Path) -> list[str]:
    """The client as a command."""
    path = tmp_path / "client.py"
    path.write_text(CLIENT, encoding="utf-8")
    return [warm.python(), str(path)]


def command() -> tuple[str, ...]:
    """The command ``mockserver``."""
    return (warm.python(), "-m", "mockserver")


def process(*arguments: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own, to its end."""
    return subprocess.run(
        [*command(), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
        env={**os.environ, **(env or {})},
    )


@contextmanager
def started(*arguments: str | Path, real: bool = False) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A serving command as a process, with what its ready line says."""
    words = [*(REAL if real else command()), *map(str, arguments), "--json"]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        yield running, json.loads(running.stdout.readline())
    finally:
        running.kill()
        running.communicate()


def talk(*, number: int = 0, instructions: str = "") -> Connection:
    """One recorded talk."""
    records = []
    for at, (sender, body) in enumerate(TALK):
        more = {"response": {"instructions": instructions}} if instructions and sender is Sender.CLIENT else {}
        records.append(Record(1_000 * at, sender, Text(json.dumps({**body, **more}))))
    records.append(Record(9_000, Sender.CLIENT, Close(1000)))
    shake = Handshake("/v1/realtime", headers=(("Host", "x"),), target="/v1/realtime")
    return Connection(number, shake, Answer(), 10_000 * number, tuple(records))


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    """A cassette of one talk."""
    return written(tmp_path / "talk.cassette", talk())


def written(path: Path, *connections: Connection) -> Path:
    """A cassette file."""
    header = Header("openai", "https://api.openai.com/v1", "2026-01-02", origin="a test")
    return save(Cassette(header, connections), path)


def speaking(client: Any) -> Any:
    """The server's side of the talk."""
    yield script.send(TALK[0][1])
    while True:
        yield script.expect("response.create", optional=True)
        yield script.send(TALK[2][1], TALK[3][1])


@pytest.fixture
def upstream() -> Iterator[MockServer]:
    """A local server that stands for the real service."""
    with MockServer(script(speaking)).in_thread() as server:
        yield server


@pytest.fixture
def answering() -> Iterator[Callable[[bytes | None], str]]:
    """Servers that are no realtime service: each answers any request with these bytes, or never (None)."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    servers: list[asyncio.Server] = []
    writers: list[asyncio.StreamWriter] = []

    async def begin(reply: bytes | None) -> str:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            await reader.readuntil(b"\r\n\r\n")
            if reply is not None:
                writer.write(reply)
                await writer.drain()
                writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"

    async def end() -> None:
        for server in servers:
            server.close()
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    yield lambda reply: asyncio.run_coroutine_threadsafe(begin(reply), loop).result()
    asyncio.run_coroutine_threadsafe(end(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
