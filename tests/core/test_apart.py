"""Notes and handshakes of a bounded journal: older ones are packed, and are the same when they are asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.apart import TOGETHER, Apart
from mockserver.core.entry import Entry
from mockserver.core.frames import Answer, Handshake, Note, Sender

VALUES = st.none() | st.integers() | st.text(max_size=5) | st.binary(max_size=3) | st.lists(st.booleans(), max_size=2)
WHATS = st.one_of(
    st.builds(Note, st.text(max_size=8), st.text(max_size=8), st.dictionaries(st.text(max_size=4), VALUES, max_size=3)),
    st.builds(Note, st.just("odd"), st.just(""), st.fixed_dictionaries({"thing": st.just(Sender)})),
    st.builds(Handshake, st.text(max_size=4), headers=st.just((("a", "b"),)), subprotocols=st.just(("x",))),
    st.builds(Answer, st.integers(100, 599), subprotocol=st.none() | st.text(max_size=3), body=st.binary(max_size=4)),
)


def entry(number: int, what: Note | Handshake | Answer) -> Entry:
    sender = None if isinstance(what, Note) else Sender.CLIENT if isinstance(what, Handshake) else Sender.SERVER
    return Entry(number * 3, number % 7, number, sender, what)


@given(st.lists(WHATS, min_size=1, max_size=8), st.integers(-5, 3000), st.integers(-5, 3000))
def test_they_are_what_they_were(whats: list[Note | Handshake | Answer], begin: int, end: int) -> None:
    apart, plain = Apart(), []
    for number in range(3 * TOGETHER):
        one = entry(number, whats[number % len(whats)])
        apart.append(one)
        plain.append(one)
    assert list(apart.between(0, 10_000)) == plain
    assert list(apart.between(begin, end)) == [one for one in plain if begin <= one.index < end]


@pytest.mark.parametrize("count", [0, 1, 2 * TOGETHER - 1, 2 * TOGETHER, 2 * TOGETHER + 1, 5 * TOGETHER])
def test_however_many_there_are(count: int) -> None:
    apart = Apart()
    plain = [entry(number, Note("x", str(number))) for number in range(count)]
    for one in plain:
        apart.append(one)
    assert list(apart.between(0, 10**9)) == plain
    assert [one.index for one in apart.between(9, 30)] == [one.index for one in plain if 9 <= one.index < 30]


def test_they_take_little() -> None:
    apart = Apart()
    for number in range(10 * TOGETHER):
        data = {"seed": f"1/{number}", "dialect": "openai", "fault": "delay 5ms on response.created"}
        apart.append(entry(number, Note("session", f"session {number} begins", data)))
    assert sum(len(pack.data) for pack in apart._packed) < 25 * 10 * TOGETHER


def test_a_reader_that_has_begun_is_not_disturbed() -> None:
    apart = Apart()
    for number in range(2 * TOGETHER - 1):
        apart.append(entry(number, Note("x", str(number))))
    reader = apart.between(0, 10**9)
    first = next(reader)
    for number in range(2 * TOGETHER - 1, 6 * TOGETHER):
        apart.append(entry(number, Note("x", str(number))))
    seen = [first, *reader]
    assert [one.index for one in seen][: 2 * TOGETHER - 1] == [3 * number for number in range(2 * TOGETHER - 1)]
