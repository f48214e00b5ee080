"""A recording holds the wire of whoever answers: no fault is in it, on either side."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mockserver.cassette.diff import diff
from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.cassette.tap import QUIET, Tap
from mockserver.core.entry import Entry
from mockserver.core.frames import (
    Abort,
    Accept,
    Answer,
    Close,
    Dial,
    Dialled,
    Frame,
    Handshake,
    Hangup,
    Lost,
    Micros,
    Opened,
    Peer,
    Received,
    Refuse,
    Send,
    Sender,
    Text,
    to_client,
)
from mockserver.core.journal import Journal
from mockserver.core.machine import Plan
from mockserver.core.session import Session
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.openai.lens import OPENAI
from mockserver.engines.base import Relaying, SessionContext
from mockserver.engines.relay.source import Relay
from mockserver.faults import parse
from mockserver.faults.action import ACTIONS

C, S = Sender.CLIENT, Sender.SERVER


def text(name: str, **more: Any) -> Text:
    return Text(json.dumps({"type": name, **more}))


def answer(number: int, words: int) -> list[tuple[int, Text]]:
    """One response of the service: after how many ms, what."""
    response = {"id": f"resp_{number:04d}", "status": "in_progress", "metadata": None, "output": []}
    about = {"response_id": response["id"], "item_id": f"item_{number:04d}", "output_index": 0, "content_index": 0}
    deltas = [(20, text("response.output_text.delta", **about, delta=f"w{place}")) for place in range(words)]
    done = text("response.output_text.done", **about, text="".join(f"w{place}" for place in range(words)))
    ended = {**response, "status": "completed"}
    return [
        (50, text("response.created", response=response)),
        *deltas,
        (10, done),
        (10, text("response.done", response=ended)),
        (1, text("rate_limits.updated", rate_limits=[])),
    ]


class Service:
    """A client with a timetable, faults, a relay, and a service that answers what reaches it."""

    def __init__(self, faults: Sequence[str], client: Sequence[tuple[int, Frame]], *, words: int = 3) -> None:
        source = Relay("wss://service.test/v1", OPENAI)
        journal = Journal()
        log = journal.open(OPENAI)
        engine = source.open(Handshake("/v1/realtime"), SessionContext(0, log.seed, log.lens))
        self.entries: list[Entry] = []
        self.reached: list[Frame] = []
        self.said: list[Frame] = []
        self.heard: list[Frame] = []
        self.session = Session(engine, journal=journal, log=log, emit=self._execute)
        for number, spec in enumerate(faults):
            armed = parse(f"{spec} optional").arm(number)
            self.session.add_layer(armed.layer(log, OPENAI))
        assert isinstance(engine, Relaying)
        self.tap = self.session.tap = Tap(0, OPENAI, self.entries.append, relays=True)
        self._words, self._count = words, 0
        self._plan: Plan[Frame] = Plan()
        self._last: Micros = 0
        self._now: Micros = 0
        self._dialled = False
        self._run([(ms * 1_000, frame) for ms, frame in client])

    def _run(self, client: list[tuple[Micros, Frame]]) -> None:
        self.session.feed(Opened(Handshake("/v1/realtime")), 0)
        if self._dialled:
            self.session.feed(Dialled(Answer(101)), 0)
            self._say(1, text("session.created", session={"id": "sess_1"}))
        while True:
            dues = [self.session.wake_at() if not self.session.over else None, self._plan.next_due()]
            dues += [client[0][0]] if client and not self.session.over else []
            known = [due for due in dues if due is not None]
            if not known or min(known) > 600_000_000:
                return
            self._now = max(self._now, min(known))
            for frame in self._plan.take(self._now):
                self.said.append(frame)
                self.session.feed(Received(Peer.UPSTREAM, frame), self._now)
            if client and client[0][0] <= self._now and not self.session.over:
                self.session.feed(Received(Peer.CLIENT, client.pop(0)[1]), self._now)
            if not self.session.over:
                self.session.wake(self._now)

    def _execute(self, effect: Any) -> None:
        match effect:
            case Dial():
                self._dialled = True
            case Send(Peer.UPSTREAM, frame):
                self.reached.append(frame)
                name = OPENAI.view(frame, C).name
                if name == "response.create":
                    self._count += 1
                    for ms, told in answer(self._count, self._words):
                        self._say(ms, told)
                elif name == "session.update":
                    self._say(5, text("session.updated", session=json.loads(frame.data)["session"]))
            case Hangup(Peer.UPSTREAM, code, reason):
                self.reached.append(Close(code, reason))
            case Send(Peer.CLIENT, frame):
                self.heard.append(frame)

    def _say(self, ms: int, frame: Frame) -> None:
        self._last = max(self._now, self._last) + ms * 1_000
        self._plan.add(self._last, frame)

    def cassette(self) -> Cassette:
        shakes = [one.what for one in self.entries if isinstance(one.what, Handshake)]
        records = tuple(
            Record(one.at, one.sender, one.what)
            for one in self.entries
            if one.sender is not None and isinstance(one.what, Frame)
        )
        return Cassette(Header("openai"), tuple(Connection(0, shake, records=records) for shake in shakes))


ASK = text("response.create", response={"instructions": "say w"})
TALK: list[tuple[int, Frame]] = [
    (10, text("session.update", session={"type": "realtime"})),
    (200, ASK),
    (900, ASK),
    (1_500, Close(1000)),
]
DOWNLINK = (
    *("delay 300ms on response.*", "drop on response.done", "duplicate on response.output_text.delta"),
    *("reorder on 2nd response.output_text.delta", "strip response.metadata on response.created"),
    *('set response.status to "failed" on response.done', "truncate json on response.done", "not json on session.*"),
    *("wrong type of response on response.created", "binary on response.created", "bandwidth 2kB/s"),
    *("stall for 300ms on response.created", "hold until response.done on response.created"),
    *("unknown event on response.created", "done without created on 2nd response.created"),
)
UPLINK = (
    *("delay 150ms on response.create", "drop on 2nd response.create", "duplicate on session.update"),
    *('set response.instructions to "other" on response.create', "truncate json on response.create"),
)


@given(st.lists(st.sampled_from(DOWNLINK), min_size=1, max_size=3), st.integers(0, 4))
def test_what_faults_do_to_the_client_is_in_no_recording(faults: list[str], words: int) -> None:
    whole, disturbed = Service([], TALK, words=words), Service(faults, TALK, words=words)
    assert diff(whole.cassette(), disturbed.cassette()) == []


def test_the_faults_of_that_property_disturb_the_client() -> None:
    undisturbed = Service([], TALK).heard
    for spec in DOWNLINK:
        if not spec.startswith(("delay", "bandwidth", "stall")):  # these change times only
            assert Service([spec], TALK).heard != undisturbed, spec


@given(st.lists(st.sampled_from(UPLINK), min_size=1, max_size=3), st.integers(0, 4))
def test_a_recording_holds_what_faults_let_reach_the_service(faults: list[str], words: int) -> None:
    done = Service(faults, TALK, words=words)
    records = done.cassette().connections[0].records
    assert [one.frame for one in records if one.sender is C] == done.reached
    assert [one.frame for one in records if one.sender is S] == done.said


def test_whatever_family_a_fault_is_of_the_recording_is_the_wire_of_the_service() -> None:
    whole = Service([], TALK)
    struck = 0
    for kind in ACTIONS.values():
        spec = kind.shown_example(OPENAI).replace(" after 300ms of audio", "")
        for limit in (" for first 1 attempts", " for first 2 attempts", "60min"):
            spec = spec.replace(limit, "1s" if limit == "60min" else "")
        done = Service([re.sub(r"(output_audio\S*|content_part).(delta|added)", "output_text.delta", spec)], TALK)
        struck += done.heard != whole.heard
        for line in done.cassette().connections:
            sides = {side: [one.frame for one in line.records if one.sender is side] for side in (C, S)}
            assert sides[S] == done.said, spec
            assert [one for one in sides[C] if not isinstance(one, Lost)] == done.reached, spec
        assert done.reached != whole.reached or diff(whole.cassette(), done.cassette()) == [], spec
    assert struck > 30


def test_a_fault_toward_the_service_is_seen_in_the_recording() -> None:
    assert diff(Service([], TALK).cassette(), Service(["drop on 2nd response.create"], TALK).cassette()) != []


def test_a_fault_that_ends_the_clients_connection_ends_no_recording() -> None:
    for spec in ('close 1001 "gone" on response.created', "reset on 1st response.output_text.delta"):
        done = Service([spec], TALK[:2])
        assert not any("response.done" in getattr(one, "data", "") for one in done.heard)
        [line] = done.cassette().connections
        assert [one.frame for one in line.records if one.sender is S] == done.said
        assert "response.done" in [OPENAI.view(one.frame, one.sender).name for one in line.records]
        assert not any(isinstance(one.frame, Close | Lost) for one in line.records)


def test_an_open_response_is_known_until_it_is_done_refused_or_over() -> None:
    entries: list[Entry] = []
    tap = Tap(0, OPENAI, entries.append, relays=True)
    tap.event(Opened(Handshake("/v1/realtime")), 0)
    tap.event(Dialled(Answer(101)), 0)
    assert tap.settled_at(5) == 5
    tap.effect(Send(Peer.UPSTREAM, ASK), 10)
    assert tap.settled_at(10) is None  # it was asked for
    for ms, frame in answer(1, 2)[:-2]:
        tap.event(Received(Peer.UPSTREAM, frame), ms)
        assert tap.settled_at(ms) is None
    tap.event(Received(Peer.UPSTREAM, answer(1, 2)[-2][1]), 99)
    assert tap.settled_at(99) == 99
    tap.effect(Send(Peer.UPSTREAM, ASK), 100)
    tap.event(Received(Peer.UPSTREAM, text("error", error={"code": "x"})), 101)
    assert tap.settled_at(101) == 101  # it was refused
    tap.effect(Send(Peer.UPSTREAM, ASK), 102)
    tap.event(Received(Peer.UPSTREAM, Close(1011)), 103)
    assert tap.over
    assert tap.settled_at(103) == 103
    tap.lost(104, "too late to be said")
    assert entries[-1].what == Close(1011)


def test_where_nothing_tells_the_end_of_a_response_silence_does() -> None:
    tap = Tap(0, GENERIC, lambda _: None, relays=True)
    tap.event(Opened(Handshake("/")), 0)
    tap.event(Dialled(Answer(101)), 0)
    tap.event(Received(Peer.UPSTREAM, Text("x")), 2_000_000)
    assert tap.settled_at(2_000_001) == 2_000_000 + QUIET


def test_what_a_relay_says_of_itself_is_no_recording() -> None:
    entries: list[Entry] = []
    tap = Tap(0, OPENAI, entries.append, relays=True)
    tap.event(Opened(Handshake("/v1/realtime")), 0)
    tap.event(Dialled(Answer(502), "cannot reach wss://service.test"), 1)
    tap.effect(Refuse(502), 1)
    assert entries == []
    assert tap.over


def test_a_client_that_leaves_before_its_handshake_is_answered_has_been_there() -> None:
    """The upstream was asked; whether its answer or the client's end comes first is chance."""
    told = []
    for late in (True, False):
        entries: list[Entry] = []
        tap = Tap(0, OPENAI, entries.append, relays=True)
        shake = Handshake("/v1/realtime")
        tap.event(Opened(shake), 0)
        tap.effect(Dial(shake), 0)
        if not late:
            tap.event(Dialled(Answer(101)), 1)
        tap.effect(Abort(Peer.UPSTREAM), 2)
        if late:
            tap.event(Dialled(Answer(101)), 3)
        told.append([one.what for one in entries if not isinstance(one.what, Answer)])
    assert told == [[Handshake("/v1/realtime"), Lost("reset")]] * 2
    # The control: an upstream that nobody asked for has had no connection.
    entries = []
    tap = Tap(0, OPENAI, entries.append, relays=True)
    tap.event(Opened(Handshake("/v1/realtime")), 0)
    tap.lost(1, "gone")
    assert entries == []


def test_an_engine_with_words_of_its_own_is_recorded_as_the_service() -> None:
    entries: list[Entry] = []
    tap = Tap(3, OPENAI, entries.append, relays=False)
    tap.event(Opened(Handshake("/v1/realtime")), 0)
    tap.effect(Accept("realtime"), 1)
    tap.event(Received(Peer.CLIENT, ASK), 2)
    tap.effect(to_client(text("pong")), 3)
    tap.effect(Hangup(), 4)
    tap.effect(to_client(text("too late")), 5)
    assert [(one.index, one.session, one.at, one.sender, type(one.what)) for one in entries] == [
        (0, 3, 0, C, Handshake), (1, 3, 1, S, Answer), (2, 3, 2, C, Text), (3, 3, 3, S, Text), (4, 3, 4, S, Close)
    ]  # fmt: skip
