"""Files and texts from outside: cassettes, fault specs, sets of faults, replies. What is wrong is one clear error."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import Rules, faults
from mockserver.cassette import codec
from mockserver.cassette.model import Cassette, Connection, Exchange, Header, Record
from mockserver.cassette.reader import decode
from mockserver.core.frames import Answer, Binary, Close, Handshake, Lost, Sender, Text
from mockserver.errors import MockServerError, SpecError
from mockserver.faults.action import ACTIONS
from mockserver.faults.grammar import load_text
from tests.fuzz.inputs import AUDIO, VALUES

WHOLE = codec.encode(
    Cassette(
        Header(
            "openai",
            "wss://example.invalid/v1",
            "2026-11-22",
            "x",
            rules={"volatile": ["event_id"]},
        ),
        tuple(
            Connection(
                number,
                Handshake(
                    "/v1/realtime",
                    (("model", "m"),),
                    (("Host", "h"),),
                    ("realtime",),
                    "/v1/realtime",
                ),
                Answer(101, (("X", "y"),), "realtime"),
                number,
                tuple(
                    Record(place * 1000, (Sender.CLIENT, Sender.SERVER)[place % 2], frame)
                    for place, frame in enumerate(
                        [
                            Text('{"type":"session.created"}'),
                            Text(f'{{"type":"x","delta":"{AUDIO}"}}'),
                            Binary(b"\0\1" * 50),
                            Text("no json"),
                            Close(1000, "bye"),
                            Lost("gone"),
                        ]
                    )
                ),
            )
            for number in range(3)
        ),
        (Exchange("POST", "/v1/x", b"{}", 200, (("A", "b"),), b"{}", 5),),
    )
)


def attempt(expected: type[Exception], act: Callable[..., Any], *given: Any) -> tuple[Any, Exception | None]:
    """What ``act`` returns, or the one kind of error that may come of it."""
    try:
        return act(*given), None
    except expected as error:
        return None, error


def read_all(data: bytes, *, partial: bool) -> int:
    """Decode everything; how many frames there were. Only our own errors may come."""
    count = 0
    with contextlib.suppress(MockServerError):
        cassette = decode(data, "x.cassette", partial=partial)
        for connection in cassette.connections:
            for record in connection.records:
                count += isinstance(record, Record)
        assert len(cassette.header.dialect) < 1000
    return count


def test_the_whole_one_reads() -> None:
    assert read_all(WHOLE, partial=False) == 18


@given(
    places=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=6),
    cut=st.one_of(st.none(), st.integers(0, len(WHOLE))),
    partial=st.booleans(),
)
def test_changed_bytes_are_damage_and_nothing_worse(
    places: list[tuple[int, int]], cut: int | None, partial: bool
) -> None:
    data = bytearray(WHOLE)
    for at, value in places:
        data[at] = value
    changed = bytes(data if cut is None else data[:cut])
    count = read_all(changed, partial=partial)
    assert count <= 18
    if changed != WHOLE and not partial:
        assert count == 0, "a cassette with changed bytes was read as if it were whole"


@given(
    objects=st.lists(
        st.one_of(
            VALUES.map(lambda value: [value]),
            st.tuples(st.integers(0, 30), st.integers(-1, 200), st.integers(-5, 10**12), VALUES, VALUES).map(list),
            st.tuples(st.integers(0, 30), st.integers(0, 2), st.integers(0, 9), VALUES).map(list),
        ),
        max_size=8,
    ),
    partial=st.booleans(),
    ended=st.sampled_from(["recording", "clean"]),
)
def test_any_objects_after_a_header(objects: list[object], partial: bool, ended: str) -> None:
    header = {codec.MAGIC: 1, "header": {"dialect": "openai", "ended": ended}}
    data = msgpack.packb(header)
    for one in objects:
        with contextlib.suppress(OverflowError, UnicodeEncodeError, ValueError):
            data += msgpack.packb(one)
    assert read_all(data, partial=partial) <= len(objects)


@given(data=st.binary(max_size=200), header=VALUES)
def test_any_bytes(data: bytes, header: object) -> None:
    assert read_all(data, partial=True) == 0
    assert read_all(codec.PREFIX + data, partial=True) == 0
    with contextlib.suppress(OverflowError, UnicodeEncodeError, ValueError):
        assert read_all(msgpack.packb({codec.MAGIC: 1, "header": header}), partial=True) == 0


EXAMPLES = sorted({action.shown_example() for action in ACTIONS.values() if action.example})
WORDS = [
    *sorted({word for example in EXAMPLES for word in example.split()}),
    *"on",
    "before",
    "from",
    "client",
    "server",
    "in",
    "2nd",
    "response",
    "item",
    "after",
    "5s",
    "500ms",
    "of",
    "audio",
    "since",
    "with",
    "probability",
    "10%",
    "seed",
    "7",
    "at",
    "most",
    "3",
    "times",
    "once",
    "for",
    "first",
    "2",
    "attempts",
    "optional",
    "every",
    "3rd",
    "or",
    ",",
    "response.*",
    "[",
    "'",
    '"',
    "\\",
    "1e400s",
    "-1ms",
    "99999999999999999999s",
    "0th",
    "٣rd",
    "²nd",
    "0",
]


@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(WORDS), max_size=10).map(" ".join),
        st.tuples(st.sampled_from(EXAMPLES), st.integers(0, 60), st.text(max_size=3), st.integers(0, 5)).map(
            lambda one: one[0][: one[1]] + one[2] + one[0][one[1] + one[3] :]
        ),
        st.tuples(st.sampled_from(EXAMPLES), st.lists(st.sampled_from(WORDS), max_size=6)).map(
            lambda one: " ".join([one[0], *one[1]])
        ),
    )
)
def test_a_fault_spec_is_a_fault_or_an_error_that_says_where(spec: str) -> None:
    made, error = attempt(SpecError, faults.parse, spec)
    if made is None:
        assert isinstance(error, SpecError)
        assert error.column is None or 0 <= error.column <= len(spec) + 1
        assert len(str(error)) < 2_000 + 2 * len(spec)
        return
    # What was understood can be written down and read again.
    assert faults.parse(made.spec) == made


YAML_BITS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n",
            "!!python/object/apply:os.system ['false']",
            "rules: !!binary x",
            "a: *missing",
            "- - - -",
            "{",
            "[" * 300,
            "a: " + "[" * 3000,
            "rules: [" * 50,
            "? {a: b}\n: c",
            "%YAML 9.9\n---\n",
            "a: 2026-99-99",
            "a: 2026-11-22",
            "a: 0o99",
            "a: 1_000",
            "a: .inf",
            "<<: x",
            "a: &x {<<: *x}",
            "a: &x [*x]",
            "\x00",
            "\x85",
            "a: !!set {x}",
            "a: !!omap [x]",
            "a: !!timestamp x",
            "a: !!int x",
            "a: !!float x",
            "a: !!bool x",
            "=: 1",
            "a: =",
        ]
    ),
)
RULE_BITS = st.sampled_from([
    "rules:\n  - when: {user: /(/}\n    say: x\n", "rules:\n  - when: {turn: x}\n    say: 1\n", "rules: [1]", "rules: {a: 1}",  # noqa: E501
    "rules:\n  - when: {user: a}\n    call: {name: f, arguments: {x: 1}}\n", "transcripts: [null, a]\n", "otherwise: fail\n",  # noqa: E501
    "rules:\n  - say: hi\n    after_ms: -1\n", "rules:\n  - say: hi\n    after_ms: .nan\n", "rules:\n  - silence: 1e999\n",  # noqa: E501
    "rules:\n  - fail: {type: 1}\n", "rules:\n  - call: []\n", "rules:\n  - call: [{}]\n", "rules:\n  - when: {metadata: 1}\n    say: x\n",  # noqa: E501
    "rules:\n  - call: {name: f, arguments: {d: 2026-11-22}}\n", "rules:\n  - call: {name: f, arguments: {1: .inf}}\n",
    "rules:\n  - call: {name: f, arguments: &a [*a]}\n", "rules: &r [*r]\n", "rules:\n  - when: {metadata: &m {a: *m}}\n    say: x\n",  # noqa: E501
])  # fmt: skip


@given(st.lists(st.one_of(YAML_BITS, RULE_BITS), min_size=1, max_size=3).map("".join))
def test_a_replies_file_is_rules_or_a_clear_error(text: str) -> None:
    made, error = attempt(MockServerError, lambda: Rules.from_yaml(text, source="replies.yaml"))
    assert isinstance(made, Rules) or "replies.yaml" in str(error)


@given(
    st.lists(
        st.one_of(
            YAML_BITS,
            st.sampled_from(["slow: delay 1s\n", "a: [drop, stall]\n", "b: [{}]\n", "c: [[drop]]\n"]),
        ),
        min_size=1,
        max_size=3,
    ).map("".join)
)
def test_a_file_of_faults_is_sets_or_a_clear_error(text: str) -> None:
    made, error = attempt(MockServerError, lambda: load_text(text, source="faults.yaml"))
    assert isinstance(made, dict) or "faults.yaml" in str(error)


@pytest.mark.parametrize(
    "read",
    [
        lambda text: Rules.from_yaml(text, source="x.yaml"),
        lambda text: load_text(text, source="x.yaml"),
    ],
)
def test_a_yaml_bomb_is_an_error_and_not_an_hour(read: object) -> None:
    names = "abcdefghijklmnopqrstuvwxyz"
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"{names[number]}: &a{number} [{', '.join([f'*a{number - 1}'] * 9)}]" for number in range(1, 26)]
    text = "\n".join(lines)
    with pytest.raises(MockServerError):
        read(text)  # type: ignore[operator]


@given(seed=st.integers(0, 2**32))
def test_random_bytes_after_a_good_beginning(seed: int) -> None:
    source = random.Random(seed)
    at = source.randrange(len(WHOLE))
    assert read_all(WHOLE[:at] + source.randbytes(50), partial=True) <= 18
