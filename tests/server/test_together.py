"""Texts of an upstream that came in one read go through together: the same as one by one, in the recording, in the
journal, in the account of what is owed, and at the client.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from mockserver.cassette.model import Cassette
from mockserver.cassette.store import Recorder, load
from mockserver.cassette.tap import Tap
from mockserver.core.burst import Burst
from mockserver.core.entry import Entry
from mockserver.core.frames import (
    Answer,
    Close,
    Dialled,
    Effect,
    Handshake,
    Lost,
    Micros,
    Opened,
    Peer,
    Received,
    Send,
    Text,
)
from mockserver.core.journal import Journal
from mockserver.core.session import Session
from mockserver.dialects.openai.lens import OPENAI
from mockserver.engines.base import SessionContext
from mockserver.engines.relay.source import Relay
from mockserver.faults import parse
from tests.cassette.make import audio_delta, event, noise

SHAKE = Handshake("/v1/realtime")
KEY = "sk-" + "aB3dE6gH9" * 5


class Passed:
    """A relay with a recorder, fed with texts of the upstream."""

    def __init__(self, path: Path, *, fault: str = "", watched: bool = False) -> None:
        self.refused: str | None = None
        self.struck: tuple[str, Callable[[], object]] | None = None
        self.journal = Journal()
        self.recorder = Recorder(path, dialect=OPENAI, journal=self.journal)
        self.seen: list[Entry] = []
        if watched:
            self.journal.listen(self.see)
        log = self.journal.open(OPENAI)
        engine = Relay("wss://service.test/v1", OPENAI).open(SHAKE, SessionContext(0, log.seed, log.lens))
        self.client: list[str] = []
        self.session = Session(engine, journal=self.journal, log=log, emit=self._emit, emit_burst=self._burst)
        if fault:
            self.add_fault(fault)
        self.tap = self.session.tap = Tap(0, OPENAI, Sink(self.recorder), relays=True)
        self.session.feed(Opened(SHAKE), 0)
        self.session.feed(Dialled(Answer(101)), 0)

    def see(self, entry: Entry) -> None:
        """What a sink of the journal is told."""
        if self.refused is not None and isinstance(entry.what, Text) and self.refused in entry.what.data:
            raise RuntimeError("the sink cannot take it")
        self.seen.append(entry)
        if self.struck is not None and isinstance(entry.what, Text) and self.struck[0] in entry.what.data:
            act, self.struck = self.struck[1], None
            act()

    def add_fault(self, spec: str) -> None:
        """As a server sets one while it runs."""
        self.session.add_layer(parse(spec).arm(0).layer(self.session.log, OPENAI))

    def feed(self, texts: Iterable[str], now: Micros) -> None:
        """One by one."""
        for text in texts:
            self.session.feed(Received(Peer.UPSTREAM, Text(text)), now)

    def feed_together(self, texts: list[str], now: Micros) -> bool:
        """At once."""
        return self.session.feed_texts(Burst([(text, None) for text in texts]), now)

    def saved(self) -> Cassette:
        """What was recorded."""
        path = self.recorder.close()
        assert path is not None
        return load(path)

    def _emit(self, effect: Effect) -> None:
        if isinstance(effect, Send) and isinstance(effect.frame, Text):
            self.client.append(effect.frame.data)

    def _burst(self, burst: Burst) -> None:
        self.client += [frame.data for frame in burst]


class Sink:
    """A recording's."""

    def __init__(self, recorder: Recorder) -> None:
        self._keep, self.texts = recorder.keep, recorder.keep_texts

    def __call__(self, entry: Entry) -> None:
        self._keep(entry)


def spoken(chance: random.Random, replies: int) -> list[str]:
    """What a service says: audio that is noise, words, now and then a key, in one frame or over several."""
    made: list[Text] = [event(type="session.created", session={"id": "sess_1"})]
    for number in range(replies):
        made.append(event(type="response.created", response={"id": f"resp_{number}", "status": "in_progress"}))
        about = {"response_id": f"resp_{number}", "item_id": f"item_{number}"}
        for _ in range(chance.randrange(2, 12)):
            match chance.randrange(8):
                case 0:
                    made.append(
                        event(type="response.output_text.delta", **about, delta=chance.choice(("hello ", "sk-", KEY)))
                    )
                case 1:
                    at = chance.randrange(2, len(KEY) - 2)
                    made += [
                        event(type="response.output_text.delta", **about, delta=part) for part in (KEY[:at], KEY[at:])
                    ]
                case 2:
                    made.append(event(type="conversation.item.added", item={"id": "item_x", "token": KEY}))
                case 3:
                    made.append(event(type="response.output_audio.delta", **about, delta="Q29weSBvZiB0aGUga2V5"))
                case _:
                    made.append(audio_delta(noise(chance.randrange(100, 900), len(made)), **about))
        if chance.random() < 0.8:
            made.append(event(type="response.done", response={"id": f"resp_{number}", "status": "completed"}))
    return [frame.data for frame in made]


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_texts_that_come_together_leave_what_they_leave_one_by_one(tmp_path: Path, seed: int, watched: bool) -> None:
    chance = random.Random(seed)
    said = spoken(chance, 6)
    alone, together = (Passed(tmp_path / f"{name}.cassette", watched=watched) for name in ("alone", "together"))
    now, rest = 1_000, said
    while rest:
        many = chance.choice((1, 2, 5, 40))
        part, rest = rest[:many], rest[many:]
        now += chance.randrange(1, 100_000)
        alone.feed(part, now)
        assert together.feed_together(part, now)
        assert together.tap.settled_at(now) == alone.tap.settled_at(now)
    assert together.client == alone.client == said
    assert list(together.journal.entries) == list(alone.journal.entries)
    assert together.seen == alone.seen
    assert len(together.seen) == (len(together.journal.entries) if watched else 0)
    one, other = alone.saved(), together.saved()
    assert other.connections == one.connections
    assert other.header == one.header
    held = [record.frame.data for record in other.connections[0].records if isinstance(record.frame, Text)]
    assert len(held) == len(said)
    assert KEY not in "".join(held)
    assert other.header.redaction


def test_where_a_fault_has_to_see_each_of_them_none_is_fed(tmp_path: Path) -> None:
    passed = Passed(tmp_path / "a.cassette", fault="drop on response.done")
    before = len(passed.journal.entries)
    assert not passed.feed_together(spoken(random.Random(1), 1), 1_000)
    assert len(passed.journal.entries) == before
    assert passed.client == []
    passed.recorder.discard()


def test_what_a_sink_raises_ends_it_at_the_frame_that_it_was_told_of(tmp_path: Path) -> None:
    passed = Passed(tmp_path / "a.cassette", watched=True)
    said = spoken(random.Random(1), 2)
    passed.refused = '"resp_1"'
    with pytest.raises(RuntimeError, match="cannot take it"):
        passed.feed_together(said, 1_000)
    first = next(place for place, text in enumerate(said) if '"resp_1"' in text)
    assert passed.client == said[:first]
    passed.recorder.discard()


def test_what_comes_when_a_side_has_ended_goes_nowhere_together_either(tmp_path: Path) -> None:
    passed = Passed(tmp_path / "a.cassette")
    passed.session.cut(500, "the client is gone")
    assert not passed.feed_together(spoken(random.Random(1), 1), 1_000)
    assert passed.client == []
    passed.recorder.discard()


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda passed: passed.add_fault("drop on response.done"), '"response.done"'),
        (lambda passed: passed.add_fault("close 1011 on response.created"), '"item_2"'),
        (lambda passed: passed.session.cut(1_000, "the test has ended it"), '"resp_1"'),
    ],
    ids=["a fault that takes frames away", "a fault that ends it", "an end"],
)
def test_what_a_sink_does_is_met_by_what_came_behind_the_frame_that_it_was_told_of(
    tmp_path: Path, act: Callable[[Passed], object], told: str
) -> None:
    said = spoken(random.Random(1), 3)
    alone, together = (Passed(tmp_path / f"{name}.cassette", watched=True) for name in ("alone", "together"))
    for passed in (alone, together):
        passed.struck = '"resp_1"', lambda passed=passed: act(passed)
    alone.feed(said, 1_000)
    assert together.feed_together(said, 1_000)
    assert together.client == alone.client
    assert list(together.journal.entries) == list(alone.journal.entries)
    assert (
        together.session.over
        == alone.session.over
        == any(isinstance(entry.what, Close | Lost) for entry in alone.journal.entries)
    )
    first = next(place for place, text in enumerate(said) if '"resp_1"' in text)
    assert together.client[: first + 1] == said[: first + 1]
    assert any(told in text for text in said[first + 1 :])
    assert not any(told in text for text in together.client[first + 1 :])
    for passed in (alone, together):
        passed.recorder.discard()
