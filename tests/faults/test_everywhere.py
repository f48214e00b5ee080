"""Every fault of the list on every engine, with a real client on a real socket: it fires, nothing in the server breaks,
and a recording of the disturbed session can be read. And every way to say a fault means the same fault.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mockserver import MockServer, errors, relay, replay, script, simulator
from mockserver.cassette.model import Cassette, Record
from mockserver.cassette.store import load
from mockserver.core.frames import Binary, Note, Sender, Text
from mockserver.core.journal import Entry
from mockserver.engines.base import Source
from mockserver.engines.simulator.options import Pace
from mockserver.faults import catalogue, load_text, parse
from mockserver.server.record import Recording

QUICK = Pace(created_ms=1, first_ms=2, audio_speed=60, piece_ms=100)
PATIENCE = 0.6
"""Seconds in which the next frame would have come, on a machine that others use too."""

WHERE = {
    "delay": "delay 20ms on response.created",
    "stall": "stall for 20ms on 2nd response.output_audio.delta",
    "bandwidth": "bandwidth 10MB/s",
    "duplicate": "duplicate on response.done",
    "oversize": "oversize to 2MB on response.done",
    "cancel midway": "cancel midway because turn_detected after 100ms of audio",
    "session expired": "session expired after 2 response.output_audio.delta",
    "slow close": "slow close 20ms on response.done",
    "handshake delay": "handshake delay 20ms",
    "invalid key": "invalid key",
    "handshake hang": "handshake hang",
    "replay stale": "replay stale response.output_audio.delta on 2nd response.created",
}
"""Where the list's own example takes its time, or names an event that this conversation has not."""
OF_CALLS = ("silent audio", "no data channel")
"""What strikes calls over WebRTC alone (tests/engines/calls)."""
SPECS = {entry.name: WHERE.get(entry.name, entry.example) for entry in catalogue() if entry.name not in OF_CALLS}
ENGINES = ("simulator", "replay", "script", "record")


async def converse(url: str, *, patience: float = 4) -> list[str]:
    """Two turns, the second one cancelled when it begins to speak. What goes wrong ends it, and no error gets out."""
    seen: list[str] = []
    turn = 0
    try:
        async with (
            asyncio.timeout(patience),
            aiohttp.ClientSession() as http,
            http.ws_connect(url, protocols=("realtime",), max_msg_size=0, timeout=_timeouts()) as ws,
        ):
            await ws.send_json({"type": "session.update", "session": {"type": "realtime"}})
            await ask(ws)
            while turn < 2:
                message = await ws.receive(timeout=PATIENCE)
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    break
                try:
                    name = json.loads(message.data).get("type", "")
                except ValueError:
                    continue
                seen.append(name)
                if name == "response.output_audio.delta" and turn == 1 and seen.count("response.cancel") == 0:
                    seen.append("response.cancel")
                    await ws.send_json({"type": "response.cancel"})
                if name == "response.done" or (name == "error" and turn == 0):
                    turn += 1
                    if turn == 1:
                        await ask(ws, "one two three four " * 80)  # long enough for a cancel that comes late
    except (aiohttp.ClientError, OSError, TimeoutError):
        pass
    return seen


async def ask(ws: aiohttp.ClientWebSocketResponse, words: str = "one two three four") -> None:
    content = [{"type": "input_text", "text": words}]
    item = {"type": "message", "role": "user", "content": content}
    await ws.send_json({"type": "conversation.item.create", "item": item})
    await ws.send_json({"type": "response.create", "response": {"metadata": {"topic": "numbers"}}})


def _timeouts() -> Any:
    return aiohttp.ClientWSTimeout(ws_close=0.1)


def provider() -> Source:
    return simulator("openai", model="gpt-realtime", pace=QUICK, require_key=False)


async def recorded(tmp: Path) -> Cassette:
    async with Recording(provider(), tmp / "whole.cassette") as recording:
        seen = await converse(recording.server.ws_url)
    assert seen.count("response.done") == 2
    return load(tmp / "whole.cassette")


def lines(cassette: Cassette) -> Source:
    """The server's side of the recording as a script that answers each client frame with what came next."""
    steps: list[Any] = []
    for record in cassette.connections[0].records:
        frame = record.frame
        if record.sender == "server" and hasattr(frame, "data"):
            steps.append(script.send(frame.data))
        elif record.sender == "client" and hasattr(frame, "data"):
            steps.append(script.expect(json.loads(frame.data)["type"], optional=True))
    return script(*steps, strict=False)


def source_of(engine: str, whole: Cassette) -> Source:
    """What answers alone; ``record`` has a provider behind it."""
    match engine:
        case "simulator":
            return provider()
        case "replay":
            return replay(whole, pacing="instant")
        case _:
            return lines(whole)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Cassette:
    return asyncio.run(recorded(tmp_path_factory.mktemp("whole")))


def internal(server: MockServer) -> list[str]:
    """What broke in the server itself. That a disturbed client departs from a recording is no such thing."""
    theirs = (errors.ReplayMismatch, errors.ReplayStalled, errors.ReplayUnfinished)
    return [str(one) for one in server.problems() if not isinstance(one, theirs) and one.__cause__]


def data(sender: Sender, frames: Iterable[Entry | Record]) -> list[object]:
    """What one side said, in its order. The two ends of a wire see it at other moments, and its end in other ways."""
    whats = (one.what if isinstance(one, Entry) else one.frame for one in frames if one.sender is sender)
    return [what for what in whats if isinstance(what, (Text, Binary))]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SPECS)
async def test_every_fault_fires_on_every_engine(name: str, engine: str, whole: Cassette, tmp_path: Path) -> None:
    spec = SPECS[name]
    if engine == "record":
        path = tmp_path / "disturbed.cassette"
        async with MockServer(provider()) as upstream:
            recording = Recording(relay(upstream.base_url), path, faults=[spec])
            async with recording:
                await converse(recording.server.ws_url)
            server = recording.server
            crossed = upstream.journal.frames()
        # The cassette is the service's wire: a fault on the client's side is no part of it.
        connections = load(path).connections if path.exists() else ()
        kept = [record for one in connections for record in one.records]
        told, heard = data(Sender.SERVER, crossed), data(Sender.SERVER, kept)
        assert told[: len(heard)] == heard
        assert bool(told) == bool(heard)
        asked, arrived = data(Sender.CLIENT, kept), data(Sender.CLIENT, crossed)
        assert asked[: len(arrived)] == arrived
    else:
        server = MockServer(source_of(engine, whole), faults=[spec])
        await server.start()
        await converse(server.ws_url)
        await server.close()
    [armed] = server.faults.values()
    assert armed.fired, armed.never_fired()
    notes = [entry.what for entry in server.journal if isinstance(entry.what, Note) and entry.what.kind == "fault"]
    assert notes
    assert internal(server) == []


@pytest.mark.parametrize("engine", ENGINES)
async def test_control_without_a_fault_both_turns_are_whole(engine: str, whole: Cassette, tmp_path: Path) -> None:
    async with MockServer(provider()) as upstream:
        server = MockServer(relay(upstream.base_url) if engine == "record" else source_of(engine, whole))
        await server.start()
        seen = await converse(server.ws_url)
        await server.close()
    assert [one for one in seen if one in ("response.created", "response.done")] == [
        "response.created",
        "response.done",
    ] * 2
    assert internal(server) == []


async def test_each_way_to_say_it_means_the_same_fault() -> None:
    """String, a set in YAML, the control API; the constructors are held to this in tests/typed_faults.py."""
    async with MockServer(provider()) as server, aiohttp.ClientSession() as http:
        for entry in catalogue():
            fault = parse(f"{entry.example} optional")
            # In YAML a fault is a plain text; one with a colon or a hash in it would be quoted.
            assert load_text(f"set:\n  - {json.dumps(fault.spec)}\n") == {"set": [fault]}
            body = {"spec": fault.spec}
            async with http.post(f"{server.url}/__mockserver__/faults", json=body) as answer:
                made = await answer.json()
            assert (answer.status, made["spec"]) == (201, fault.spec)
            assert server.faults[made["id"]].fault == fault


RETRIES = (
    "refuse 503 for first 2 attempts",
    "handshake reset for first attempt",
    "handshake hang for first attempt",
    "handshake delay 5s for first attempt",
)


@pytest.mark.parametrize("engine", ["replay", "script"])
@pytest.mark.parametrize("spec", RETRIES)
async def test_a_client_that_tries_again_has_the_whole_session(spec: str, engine: str, whole: Cassette) -> None:
    """An attempt that a fault has answered uses up nothing of a recording and nothing of a script."""
    async with MockServer(source_of(engine, whole), faults=[spec]) as server:
        tried, seen = 0, []
        while not seen:
            tried += 1
            assert tried < 5
            seen = await converse(server.ws_url, patience=0.3)
        assert seen.count("response.done") == 2
        assert len(server.sessions) > 1


async def test_two_handshakes_that_are_held_have_a_recording_each(whole: Cassette) -> None:
    source = replay([whole, whole], pacing="instant")
    async with MockServer(source, faults=["handshake delay 50ms for first 2 attempts"]) as server:
        both = await asyncio.gather(converse(server.ws_url), converse(server.ws_url))
        assert [seen.count("response.done") for seen in both] == [2, 2]


async def test_one_more_than_recorded_is_refused_when_its_handshake_is_let_go(whole: Cassette) -> None:
    server = MockServer(replay(whole, pacing="instant"), faults=["handshake delay 50ms for first attempt"])
    await server.start()
    both = await asyncio.gather(converse(server.ws_url), converse(server.ws_url))
    await server.close()
    assert sorted(seen.count("response.done") for seen in both) == [0, 2]
    assert "no recorded connection" in str(server.problems()[0])
