"""Connections that the recorded client gave up before anything came of them: how far it came is chance, and no more
than that.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from mockserver.cassette.diff import diff
from mockserver.cassette.given_up import given_up
from mockserver.cassette.learn import learn
from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.core.frames import Answer, Close, Handshake, Lost
from mockserver.dialects.registry import dialect_named
from mockserver.engines.replay.source import Replay
from mockserver.errors import ReplayMismatch, ReplayUnfinished, UsageError
from tests.engines.driving import C, Live, S, frame
from tests.every import every

WHERE = Handshake("/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent", (), (("host", "h"),))
BARE = {"setup": {"model": "models/m"}}
TOOLS = {"setup": {"model": "models/m", "tools": [{"functionDeclarations": [{"name": "weather"}]}]}}
READY = {"setupComplete": {}}
HANDLE = {"sessionResumptionUpdate": {"newHandle": "h1", "resumable": True}}
ASK = {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "hello"}]}], "turnComplete": True}}
SOUND = {"mimeType": "audio/pcm;rate=24000", "data": "AAAA"}
SAYS = {"serverContent": {"modelTurn": {"parts": [{"inlineData": SOUND}]}}}
DONE = {"serverContent": {"turnComplete": True}}
BYE = Close(1000)
Lines = list[tuple[Any, Any]]

STAGES: dict[str, Lines | None] = {
    "not made": None,
    "accepted": [(C, BYE)],
    "lost": [(C, Lost("reset"))],
    "set up": [(C, BARE), (C, BYE)],
    "answered": [(C, BARE), (S, READY), (C, BYE)],
    "answered twice": [(C, BARE), (S, READY), (S, HANDLE), (C, BYE)],
}
MADE = [name for name in STAGES if STAGES[name] is not None]
TALK: Lines = [(C, TOOLS), (S, READY), (C, ASK), (S, SAYS), (S, DONE), (C, BYE)]


def cassette(*connections: Lines | None, dialect: str = "gemini") -> Cassette:
    made = [one for one in connections if one is not None]
    lines = [
        Connection(
            number,
            WHERE,
            records=tuple(Record(100_000 * at, sender, frame(what)) for at, (sender, what) in enumerate(one, 1)),
        )
        for number, one in enumerate(made)
    ]
    return Cassette(Header(dialect), tuple(lines), path="x.cassette")


def goes(source: Replay, lines: Lines, *, number: int = 0) -> Live:
    """A live connection whose client sends what the client sends in these lines."""
    live = Live(source, WHERE, number=number)
    for sender, what in lines:
        live.wait(150)
        if sender is C:
            live.send(what)
    return live


@pytest.mark.parametrize("pacing", ["recorded", "instant"])
@pytest.mark.parametrize("again", [TOOLS, BARE], ids=["another set-up", "the same set-up"])
def test_how_far_it_came_is_chance(pacing: str, again: Any) -> None:
    talk: Lines = [(C, again), *TALK[1:]]

    def check(case: tuple[str, str]) -> None:
        recorded, live = case
        source = Replay(cassette(STAGES[recorded], talk), pacing=pacing)
        lines = STAGES[live]
        if lines is not None:
            goes(source, lines)
        second = goes(source, talk, number=1)
        assert second.bodies() == [READY, SAYS, DONE]
        assert source.problems() == []

    assert every(product(MADE, STAGES), check) == 30


def test_it_is_noted() -> None:
    source = Replay(cassette(STAGES["set up"], TALK))
    live = goes(source, TALK)
    told = "connection 0, which the recorded client gave up, did not come: this is 1"
    assert [note.text for note in live.journal.notes("replay")] == [told]


def departs(source: Replay, kind: type[Exception] = ReplayMismatch) -> str:
    first = source.problems()[0]
    assert type(first) is kind
    return str(first)


def test_a_connection_without_which_nothing_is_left_is_needed() -> None:
    source = Replay(cassette(STAGES["set up"], TALK))
    goes(source, STAGES["set up"] or [])
    assert "recorded connection 1 was never opened" in departs(source, ReplayUnfinished)
    source = Replay(cassette(TALK, STAGES["set up"]))  # after it nothing came: it is no first try
    goes(source, TALK)
    assert "recorded connection 1 was never opened" in departs(source, ReplayUnfinished)


def test_another_set_up_than_the_recorded_one_departs() -> None:
    source = Replay(cassette(STAGES["answered"], TALK))
    goes(source, [(C, {"setup": {"model": "models/another"}}), (C, BYE)])
    assert "setup.model: recorded 'models/m', live 'models/another'" in departs(source)


def test_what_is_said_after_the_set_up_departs() -> None:
    source = Replay(cassette(STAGES["answered"], TALK))
    goes(source, [(C, BARE), (C, ASK), (C, BYE)])
    assert "clientContent at" in departs(source)


@pytest.mark.parametrize("more", [ASK, None], ids=["it says more", "it waits"])
def test_a_set_up_that_was_not_recorded_has_to_be_given_up(more: Any) -> None:
    """The recorded client had left before it: so nothing says what it had to hold, and nothing is answered."""
    source = Replay(cassette(STAGES["accepted"], TALK))
    live = Live(source, WHERE)
    live.send(BARE)
    live.wait(4_999)
    assert live.frames() == []
    if more is None:
        live.wait(1)
    else:
        live.send(more)
    assert "setup at 0.000 s does not match the recording" in departs(source)
    assert isinstance(live.frames()[-1], Close)


def test_a_recording_without_one_allows_none() -> None:
    for stage in ("accepted", "set up", "answered"):
        source = Replay(cassette(TALK))
        goes(source, STAGES[stage] or [])
        goes(source, TALK, number=1)
        assert source.problems()


def test_two_where_one_was_recorded_are_one_too_many() -> None:
    for stage in ("accepted", "set up", "answered"):
        source = Replay(cassette(STAGES["answered"], TALK))
        for number, lines in enumerate((STAGES[stage], STAGES[stage], TALK)):
            goes(source, lines or [], number=number)
        assert source.problems()


def test_one_that_did_not_come_is_no_room_for_another_later() -> None:
    source = Replay(cassette(STAGES["answered"], TALK))
    goes(source, TALK)
    assert Live(source, WHERE, number=1).refused is not None
    assert "all in use or played" in departs(source)


@pytest.mark.parametrize(
    ("lines", "dialect"),
    [
        ([(C, BARE), (S, READY), (S, SAYS), (C, BYE)], "gemini"),
        ([(C, BARE), (S, READY), (C, ASK), (C, BYE)], "gemini"),
        ([(C, BARE), (S, Close(1007, "Request contains an invalid argument."))], "gemini"),
        ([(C, BARE), (S, READY)], "gemini"),
        ([(S, {"type": "session.created"}), (S, {"type": "error", "error": {}}), (C, BYE)], "openai"),
        ([(C, {"a": 1}), (S, {"b": 2}), (C, BYE)], "generic"),
    ],
    ids=["a reply", "a request", "a refusal", "nobody left", "an error", "nothing is known"],
)
def test_what_came_to_something_is_not_chance(lines: Lines, dialect: str) -> None:
    assert given_up(cassette(lines, TALK).connections, dialect_named(dialect)) == []
    assert len(given_up(cassette(STAGES["accepted"], TALK).connections, dialect_named(dialect))) == 1  # the control


def test_a_refused_handshake_is_not_chance() -> None:
    first, second = cassette(STAGES["accepted"], TALK).connections
    refused = Connection(0, first.handshake, Answer(429), records=first.records)
    assert given_up((refused, second), dialect_named("gemini")) == []


# --- several recordings ---


@pytest.mark.parametrize("first", STAGES)
@pytest.mark.parametrize("other", MADE)
def test_recordings_that_came_differently_far_are_one_scenario(first: str, other: str) -> None:
    one, two = cassette(STAGES[first], TALK), cassette(STAGES[other], TALK)
    assert [str(line) for line in diff(one, two)] == []
    made, found = learn([one, two])
    assert found.rules() == {}
    assert [line.number for line in made.connections] == [0, 1]
    for lines in STAGES.values():
        source = Replay(made)
        if lines is not None:
            goes(source, lines)
        assert goes(source, TALK, number=1).bodies() == [READY, SAYS, DONE]
        assert source.problems() == []


def test_what_a_given_up_connection_says_is_compared() -> None:
    one = cassette(STAGES["answered"], TALK)
    two = cassette([(C, {"setup": {"model": "models/another"}}), (C, BYE)], TALK)
    assert ["setup.model" in str(line) for line in diff(one, two)] == [True]
    _, found = learn([one, two])
    assert found.rules() == {"varies": ["setup#0.1:setup.model any string"]}


def test_a_talk_more_is_another_scenario() -> None:
    one, two = cassette(STAGES["answered"], TALK), cassette(TALK, TALK)
    assert any("only in the second" in str(line) for line in diff(one, two))
    with pytest.raises(UsageError, match="the number of connections differs"):
        learn([one, two])
