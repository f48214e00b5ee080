"""Runs of pytest inside pytest: a project with a script, a client and cassettes, with only the plugins a test names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mockserver import MockServer, script
from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.cassette.store import save
from mockserver.core.frames import Answer, Close, Handshake, Sender, Text
from tests import warm

TALK = '''
"""A client and a server's side of a talk, for the tests of the plugin."""
import json
import aiohttp
from mockserver import script

def talk():
    return script(
        script.send({"type": "session.created", "session": {"id": "sess_1"}}),
        script.expect("response.create"),
        script.send({"type": "response.created", "response": {"id": "resp_1"}}),
        script.send({"type": "response.done", "response": {"id": "resp_1", "status": "completed"}}),
        script.closed(),
    )

async def ask(url, **response):
    """The types of what the server says up to the reply."""
    seen = []
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        async for message in socket:
            seen.append(message.json()["type"])
            if seen[-1] == "session.created":
                await socket.send_json({"type": "response.create", "response": response})
            if seen[-1] == "response.done":
                break
    return seen

def ask_sync(url, **response):
    import asyncio
    return asyncio.run(ask(url, **response))

WHOLE = ["session.created", "response.created", "response.done"]
'''

OTHERS = (
    "aiohttp",
    "asyncio",
    "anyio",
    "looptime_plugin",
    "recording",
    "xdist",
    "timeout",
    "hypothesispytest",
)
"""The plugins of this environment, by the names that ``-p no:`` takes. An inner run has none of them unless named."""

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with the talk, and no variable of this run that would reach the inner one."""
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_ADDOPTS", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(talk=TALK)
    return pytester


@pytest.fixture
def inner(project: pytest.Pytester) -> Run:
    """Run pytest in the project in a process of its own; ``plugins`` are switched on, all others are off.

    ``real``: an interpreter of its own as well, for what tests/warm cannot show.
    """

    def run(*arguments: str, plugins: tuple[str, ...] = (), real: bool = False) -> pytest.RunResult:
        if not real:
            warm.pytest_of(project)
        off = [word for name in OTHERS if name not in plugins for word in ("-p", f"no:{name}")]
        return project.runpytest_subprocess("-W", "error", "-p", "no:pytester", *off, *arguments, timeout=50)

    return run


def connection(*, number: int = 0, instructions: str | None = None) -> Connection:
    """One recorded talk."""
    response = {} if instructions is None else {"instructions": instructions}
    frames = [
        (Sender.SERVER, {"type": "session.created", "event_id": "event_1", "session": {"id": "sess_1"}}),
        (Sender.CLIENT, {"type": "response.create", "response": response}),
        (Sender.SERVER, {"type": "response.created", "event_id": "event_2", "response": {"id": "resp_1"}}),
        (Sender.SERVER, {"type": "response.done", "event_id": "event_3",
                         "response": {"id": "resp_1", "status": "completed"}}),
    ]  # fmt: skip
    records = [Record(1_000 * at, sender, Text(json.dumps(body))) for at, (sender, body) in enumerate(frames)]
    records.append(Record(9_000, Sender.CLIENT, Close(1000)))
    shake = Handshake("/v1/realtime", headers=(("Host", "x"),), target="/v1/realtime")
    return Connection(number, shake, Answer(), 10_000 * number, tuple(records))


@pytest.fixture
def record_talk(project: pytest.Pytester) -> Callable[..., Path]:
    """Put a cassette of the talk at a place under the project."""

    def put(place: str, *connections: Connection) -> Path:
        path = project.path / "cassettes" / f"{place}.cassette"
        path.parent.mkdir(parents=True, exist_ok=True)
        header = Header("openai", "https://api.openai.com/v1", "2026-01-02", origin="a test")
        return save(Cassette(header, connections or (connection(),)), path)

    return put


@pytest.fixture
def upstream() -> Iterator[MockServer]:
    """A local server that stands for the real service: it holds the talk with whoever comes."""

    def talk(client):
        yield script.send({"type": "session.created", "event_id": "event_x", "session": {"id": "sess_9"}})
        asked = yield script.expect("response.create")
        said = asked["response"].get("instructions", "")
        yield script.send({"type": "response.created", "event_id": "event_y", "response": {"id": "resp_9"}})
        done = {"id": "resp_9", "status": "completed"} | ({"said": said} if said else {})
        yield script.send({"type": "response.done", "event_id": "event_z", "response": done})
        yield script.closed()

    with MockServer(script(talk)).in_thread() as server:
        yield server
