"""session.created comes first, however early the client speaks (openai.md#20); other delays stay as recorded."""

from __future__ import annotations

import json

import pytest

from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.core.frames import (
    MILLISECOND,
    Handshake,
    Opened,
    Peer,
    Received,
    Send,
    Sender,
    Text,
)
from mockserver.core.machine import advance
from mockserver.core.view import Memo
from mockserver.dialects.registry import dialect_named
from mockserver.engines.base import SessionContext
from mockserver.engines.replay.source import Replay
from tests.engines.driving import Live, S, recording

SESSION = {"type": "session.created", "session": {"id": "sess_1"}}
CREATE = {"type": "response.create"}
CREATED = {"type": "response.created", "response": {"id": "resp_1"}}


def text(body: object) -> Text:
    return Text(json.dumps(body))


def talk(client_ms: int) -> list[tuple[float, str]]:
    """What a client that speaks at this time is sent, and when (ms); recorded were 50, 100 and 130 ms."""
    records = (
        Record(50 * MILLISECOND, Sender.SERVER, text(SESSION)),
        Record(100 * MILLISECOND, Sender.CLIENT, text(CREATE)),
        Record(130 * MILLISECOND, Sender.SERVER, text(CREATED)),
    )
    cassette = Cassette(Header("openai"), (Connection(0, Handshake("/v1/realtime"), records=records),))
    engine = Replay(cassette).open(Handshake("/v1/realtime"), SessionContext(0, "0", Memo(dialect_named("openai"))))
    sent = [(0, effect) for effect in engine.feed(Opened(Handshake("/v1/realtime")), 0)]
    sent += list(advance(engine, client_ms * MILLISECOND))
    came = Received(Peer.CLIENT, text(CREATE))
    sent += [(client_ms * MILLISECOND, one) for one in engine.feed(came, client_ms * MILLISECOND)]
    sent += list(advance(engine, 1_000 * MILLISECOND))
    return [
        (at / MILLISECOND, json.loads(one.frame.data)["type"])
        for at, one in sent
        if isinstance(one, Send) and isinstance(one.frame, Text)
    ]


@pytest.mark.parametrize(("client_ms", "session_ms"), [(0, 30), (10, 40), (30, 50), (100, 50), (500, 50)])
def test_the_greeting_comes_before_any_answer(client_ms: int, session_ms: int) -> None:
    assert talk(client_ms) == [
        (session_ms, "session.created"),
        (client_ms + 30, "response.created"),
    ]


def test_without_recorded_audio_what_audio_would_cause_keeps_its_place() -> None:
    """A capture of a data channel holds no client audio: its events come in the recorded order, whenever it opens."""
    types = [
        "session.created",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "session.updated",
    ]
    made = recording(*((S, {"type": name, "item_id": "item_1"}) for name in types), timed=False)
    live = Live(Replay(made, pacing="instant"), began=150)
    assert live.names() == types
