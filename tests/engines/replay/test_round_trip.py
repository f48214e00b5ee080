"""Sessions of the simulator, recorded and replayed: talk, barge-in, cancels, errors, voice
activity, out-of-band.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from mockserver import Scripted, simulator, speech
from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.core.frames import Frame, Text
from mockserver.core.journal import Journal
from mockserver.engines.replay.source import Replay
from tests.engines.driving import C, Live, S
from tests.talk import Talk


def recorded(journal: Journal, dialect: str) -> Cassette:
    """What a recorder would have written down."""
    records = [
        Record(entry.at, entry.sender, entry.what)  # type: ignore[arg-type]
        for entry in journal.frames()
    ]
    shake = journal.sessions[0].handshake
    assert shake is not None
    return Cassette(Header(dialect), (Connection(0, shake, records=tuple(records)),), path="sim.cassette")


def speak(talk: Talk, words: str, *, silence_ms: int = 900, chunk: int = 4_800) -> None:
    pcm = speech.encode(words) + bytes(silence_ms * 48)
    for start in range(0, len(pcm), chunk):
        talk.send("input_audio_buffer.append", audio=base64.b64encode(pcm[start : start + chunk]).decode())
        talk.wait(100)


def talking(talk: Talk) -> None:
    talk.wait(50)
    talk.send("session.update", event_id="e1", session={"type": "realtime", "instructions": "be brief"})
    talk.wait(100)
    item = {
        "id": "item_mine_1",
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "one"}],
    }
    talk.send("conversation.item.create", event_id="e2", item=item)
    talk.send(
        "response.create",
        event_id="e3",
        response={"metadata": {"client_event_id": "response_create_00001"}},
    )
    talk.wait(20_000)


def hearing(talk: Talk) -> None:
    talk.wait(50)
    speak(talk, "where is the harbour")
    talk.wait(20_000)
    speak(talk, "and the station")
    talk.wait(20_000)


def barging_in(talk: Talk) -> None:
    talk.wait(50)
    speak(talk, "tell me a long story")
    talk.wait(300)
    speak(talk, "stop it")
    talk.wait(20_000)


def cancelling(talk: Talk) -> None:
    talk.wait(50)
    talk.send("response.create", response={"metadata": {"client_event_id": "response_create_00001"}})
    talk.wait(700)
    talk.send("response.cancel", event_id="c1")
    talk.wait(20)
    talk.send("response.create", response={"metadata": {"client_event_id": "response_create_00002"}})
    talk.wait(20_000)
    talk.send("response.cancel", event_id="c2")
    talk.wait(1_000)


def failing(talk: Talk) -> None:
    talk.wait(50)
    talk.send("session.update", event_id="e1", session={"type": "realtime", "voice": 3})
    talk.send("input_audio_buffer.commit", event_id="e2")
    talk.send("conversation.item.delete", event_id="e3", item_id="nobody")
    talk.wait(200)
    talk.send("response.create", event_id="e4")
    talk.send("response.create", event_id="e5")
    talk.wait(20_000)


def aside(talk: Talk) -> None:
    talk.wait(50)
    for number in range(3):
        metadata = {"topic": f"topic-{number}-000"}
        talk.send("response.create", response={"conversation": "none", "input": [], "metadata": metadata})
        talk.wait(10)
    talk.send("response.create")
    talk.wait(20_000)


SCENES: list[Callable[[Talk], None]] = [talking, hearing, barging_in, cancelling, failing, aside]
LONG = "once upon a time there was a harbour with a station and a hill behind it " * 3


@cache
def session(scene: Callable[[Talk], None]) -> Cassette:
    talk = Talk(simulator("openai", replier=Scripted([LONG] * 8)))
    scene(talk)
    return recorded(talk.journal, "openai")


def replayed(source: Replay, cassette: Cassette, change: Callable[[Frame], Frame] = lambda one: one) -> Live:
    connection = cassette.connections[0]
    live = Live(source, connection.handshake)
    for record in connection.records:
        if record.sender is C:
            live.wait((record.at - live.now) / 1_000)
            live.send(change(record.frame))
    live.wait(60_000)
    return live


def server_side(cassette: Cassette) -> list[Record]:
    return [record for record in cassette.connections[0].records if record.sender is S]


@pytest.mark.parametrize("scene", SCENES)
def test_a_session_comes_back_frame_by_frame_at_its_times(scene: Callable[[Talk], None]) -> None:
    cassette = session(scene)
    source = Replay(cassette)
    live = replayed(source, cassette)
    assert [(at, one) for at, one in live.got] == [(record.at, record.frame) for record in server_side(cassette)]
    assert source.problems() == []
    assert len(live.got) > 15


def renamed(value: Any) -> Any:
    match value:
        case dict():
            return {key: renamed(one) for key, one in value.items()}
        case list():
            return [renamed(one) for one in value]
        case "item_mine_1" | "e1" | "e2" | "e3" | "e4" | "e5" | "c1" | "c2":
            return f"other-{value}"
        case str() if value.startswith(("response_create_0", "topic-")):
            return f"other-{value}"
        case _:
            return value


@pytest.mark.parametrize("pacing", ["recorded", "instant", "<=50ms", 4])
@pytest.mark.parametrize("scene", SCENES)
def test_a_client_with_other_ids_gets_them_back_at_any_pace(scene: Callable[[Talk], None], pacing: str | float) -> None:
    cassette = session(scene)
    source = Replay(cassette, pacing=pacing)
    live = replayed(source, cassette, lambda one: Text(json.dumps(renamed(json.loads(one.data)))))  # type: ignore[union-attr]
    expected = [renamed(json.loads(record.frame.data)) for record in server_side(cassette)]  # type: ignore[union-attr]
    assert sorted(map(json.dumps, live.bodies())) == sorted(map(json.dumps, expected))
    assert source.problems() == []


def test_a_session_without_times_is_played_in_order() -> None:
    cassette = session(talking)
    cassette = replace(cassette, connections=(replace(cassette.connections[0], timed=False),))
    live = replayed(Replay(cassette), cassette)
    assert live.frames() == [record.frame for record in server_side(cassette)]
