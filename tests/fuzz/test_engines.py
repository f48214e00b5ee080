"""Frames of every dialect into every engine, every fault around it: nothing raises, and what goes out can be sent."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import faults, replay, simulator
from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.core.frames import (
    Accept,
    Answer,
    Binary,
    Close,
    Dialled,
    Effect,
    Event,
    Frame,
    Handshake,
    Hangup,
    Lost,
    Opened,
    Peer,
    Received,
    Refuse,
    Send,
    Sender,
    Text,
)
from mockserver.core.journal import Journal
from mockserver.core.machine import earliest
from mockserver.core.session import Session
from mockserver.core.view import View
from mockserver.dialects.base import Dialect
from mockserver.dialects.registry import DIALECTS
from mockserver.engines.base import SessionContext
from mockserver.engines.relay.source import Relay
from mockserver.engines.simulator.openai.profiles import PROFILES
from mockserver.errors import UsageError
from mockserver.faults.action import ACTIONS
from tests.fuzz.inputs import EVERY, SERVER_EVENTS, frames

SHAKE = Handshake(
    "/v1/realtime",
    (("model", "gpt-realtime"),),
    (("Authorization", "Bearer any"),),
    (),
    "/v1/realtime",
)
STEPS = st.lists(st.tuples(st.integers(0, 400_000), frames(EVERY)), min_size=1, max_size=12)


def sendable(effects: Iterable[Effect], *, json_only: bool) -> bool:
    """Check that the shell can send these; returns whether the session goes on."""
    on = True
    for effect in effects:
        match effect:
            case Send(_, Text(data)):
                data.encode()
                assert "Traceback" not in data
                if json_only:
                    assert isinstance(json.loads(data), dict), data
            case Send(_, Binary(data)):
                assert isinstance(data, bytes)
            case Hangup(Peer.CLIENT, code, reason):
                on = False
                assert code is None or 1000 <= code <= 4999
                assert len(reason.encode()) <= 123
            case Refuse(status):
                on = False
                assert 300 <= status <= 599
            case Accept(subprotocol):
                assert subprotocol is None or subprotocol.isascii()
    return on


def drive(session: Session, steps: list[tuple[int, Frame]], *, json_only: bool = False) -> bool:
    """Let the session live through the steps and a minute after them; whether it goes on."""
    now = 0
    on = sendable(session.feed(Opened(SHAKE), now), json_only=json_only)
    for wait, frame in steps:
        now += wait
        on = sendable(session.feed(Received(Peer.CLIENT, frame), now), json_only=json_only) and on
        if session.over:
            return False
    for _ in range(2_000):
        due = session.wake_at()
        if due is None or due > now + 60_000_000:
            break
        on = sendable(session.wake(due), json_only=json_only) and on
        if session.over:
            return False
    return on


def context(dialect: Dialect, journal: Journal) -> tuple[Any, SessionContext]:
    """A session's log and what its engine knows."""
    log = journal.open(dialect)
    return log, SessionContext(log.number, log.seed, log.lens, 0, 1_700_000_000_000_000, "http://127.0.0.1:1/v1")


@given(frame=frames(EVERY + SERVER_EVENTS), sender=st.sampled_from(Sender))
@pytest.mark.parametrize("name", DIALECTS)
def test_every_lens_reads_every_frame(name: str, frame: Frame, sender: Sender) -> None:
    dialect = DIALECTS[name]
    view = dialect.view(frame, sender)
    assert isinstance(view, View)
    assert isinstance(dialect.peek(frame, sender), str)
    dialect.summary(view).encode("utf-8", "replace")


@given(steps=STEPS)
@pytest.mark.parametrize("pace", ["instant", "natural"])
@pytest.mark.parametrize("provider", sorted(PROFILES))
def test_the_simulator_answers_or_closes(provider: str, pace: Any, steps: list[tuple[int, Frame]]) -> None:
    source = simulator(provider, pace=pace)
    journal = Journal()
    log, known = context(source.dialect, journal)
    session = Session(source.open(SHAKE, known), journal=journal, log=log)
    going = drive(session, steps, json_only=True)
    if going:
        # It still answers: an event of no known type is an error that does not end the session.
        out = session.feed(
            Received(Peer.CLIENT, Text('{"type":"no.such.event"}')),
            earliest(session.wake_at(), 10**9) or 0,
        )
        assert any(isinstance(one, Send) for one in out) or session.wake_at() is not None


@given(
    steps=STEPS,
    recorded=st.lists(st.tuples(st.sampled_from(Sender), frames(EVERY + SERVER_EVENTS)), max_size=10),
)
@pytest.mark.parametrize("name", DIALECTS)
def test_replay_of_any_recording_answers_any_client(
    name: str, steps: list[tuple[int, Frame]], recorded: list[tuple[Sender, Frame]]
) -> None:
    records = tuple(Record(number * 1_000, sender, frame) for number, (sender, frame) in enumerate(recorded))
    cassette = Cassette(Header(name), (Connection(0, Handshake(), Answer(), 0, records),))
    source = replay(cassette, stall_after=1.0)
    journal = Journal()
    log, known = context(source.dialect, journal)
    session = Session(source.open(SHAKE, known), journal=journal, log=log)
    drive(session, steps)
    assert all(str(problem) for problem in source.problems())


@given(steps=STEPS, answers=st.lists(frames(SERVER_EVENTS), min_size=1, max_size=8))
@pytest.mark.parametrize("name", ["openai", "gemini", "generic"])
def test_the_relay_passes_anything_on(name: str, steps: list[tuple[int, Frame]], answers: list[Frame]) -> None:
    source = Relay("wss://example.invalid/v1", DIALECTS[name])
    journal = Journal()
    log, known = context(source.dialect, journal)
    session = Session(source.open(SHAKE, known), journal=journal, log=log)
    sendable(session.feed(Opened(SHAKE), 0), json_only=False)
    sendable(session.feed(Dialled(Answer(101)), 1), json_only=False)
    sent, now = 0, 2
    for number, (wait, frame) in enumerate(steps):
        now += wait
        if session.over:
            break
        out = session.feed(Received(Peer.CLIENT, frame), now)
        sent += sum(isinstance(one, Send) and one.peer is Peer.UPSTREAM and one.frame == frame for one in out)
        sendable(out, json_only=False)
        if number < len(answers) and not session.over:
            sendable(session.feed(Received(Peer.UPSTREAM, answers[number]), now), json_only=False)
    assert sent or session.over or not any(isinstance(frame, Text | Binary) for _, frame in steps)


class Parrot:
    """An engine that says what it was given, frame by frame, whatever the client sends."""

    def __init__(self, frames: list[Frame]) -> None:
        self.frames = list(frames)

    def feed(self, event: Event, now: int) -> list[Effect]:
        if isinstance(event, Opened):
            return [Accept()]
        if isinstance(event, Received) and not isinstance(event.frame, Close | Lost) and self.frames:
            frame = self.frames.pop(0)
            if isinstance(frame, Text | Binary):
                return [Send(Peer.CLIENT, frame)]
            return [Hangup(code=frame.code if isinstance(frame, Close) else 1011, reason="")]
        return []

    def wake_at(self) -> int | None:
        return None

    def wake(self, now: int) -> list[Effect]:
        return []


pytestmark = pytest.mark.timeout(36_000 if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz" else 300)
"""Making a hundred bent sessions takes a busy machine longer than the suite lets one test run."""

EXAMPLES = sorted({action.shown_example() for action in ACTIONS.values() if action.example})


@given(
    chain=st.lists(st.sampled_from(EXAMPLES), min_size=1, max_size=4),
    steps=STEPS,
    answers=st.lists(frames(SERVER_EVENTS), max_size=12),
    name=st.sampled_from(sorted(DIALECTS)),
)
def test_faults_survive_any_frame(
    chain: list[str], steps: list[tuple[int, Frame]], answers: list[Frame], name: str
) -> None:
    journal = Journal()
    dialect = DIALECTS[name]
    log = journal.open(dialect)
    layers = []
    for number, spec in enumerate(chain):
        armed = faults.parse(spec).arm(number)
        try:
            armed.check(dialect)
        except UsageError:
            continue  # this provider has no frames for it, and a server would refuse it too
        layers.append(armed.layer(log, dialect))
    session = Session(Parrot(answers), journal=journal, log=log, layers=layers)
    drive(session, steps)
    for layer in list(session.layers):
        sendable(session.remove_layer(layer, 10**10), json_only=False)
    assert session.layers == []


@given(chain=st.lists(st.sampled_from(EXAMPLES), min_size=1, max_size=3), steps=STEPS)
def test_faults_around_the_simulator(chain: list[str], steps: list[tuple[int, Frame]]) -> None:
    source = simulator("openai", pace="natural")
    journal = Journal()
    log, known = context(source.dialect, journal)
    layers = [faults.parse(spec).arm(number).layer(log, source.dialect) for number, spec in enumerate(chain)]
    session = Session(source.open(SHAKE, known), journal=journal, log=log, layers=layers)
    drive(session, steps)
    assert len(journal.entries) > 1
