"""The one syntax: every fault there and back, the words people say, and what a wrong spec is told."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import faults
from mockserver.core.frames import Sender
from mockserver.errors import SpecError
from mockserver.faults import After, Fault, Where, catalogue, load_text, parse

EXAMPLES = [entry.example for entry in catalogue()]
names = st.one_of(
    st.sampled_from(
        [
            "response.created",
            "response.*",
            "first",
            "2nd",
            "the",
            "or",
            "11s",
            "optional",
            "a b",
            "it's",
            'say "hi"',
            "ünïcode",
            "frames",
            "close 1000",
            "audio",
            "[x]",
            "{y",
            "a,b",
        ]
    ),
    st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=12).filter(lambda s: bool(s.strip())),
)
counts = st.integers(1, 10_000)
afters = st.builds(
    lambda amount, unit, event, since: After(
        amount=amount, unit=unit, since=since, event=event if unit == "events" else None
    ),
    counts,
    st.sampled_from(["time", "audio", "frames", "events"]),
    names,
    st.none() | names,
)


@st.composite
def wheres(draw: st.DrawFn) -> Where:
    events = draw(st.lists(names, max_size=3))
    ordinal = draw(st.sampled_from(["nth", "every", None])) if events else None
    return Where(
        events=tuple(events),
        sender=draw(st.none() | st.sampled_from(Sender)),
        nth=draw(counts) if ordinal == "nth" else None,
        every=draw(counts) if ordinal == "every" else None,
        response=draw(st.none() | counts | names),
        item=draw(st.none() | counts | names),
        after=draw(st.none() | afters),
        probability=draw(st.floats(0, 1, exclude_min=True)),
        seed=draw(st.none() | st.integers(-5, 99)),
        times=draw(st.none() | counts),
        attempts=draw(st.none() | counts),
        connection=draw(st.none() | counts),
    )


micros = st.integers(1, 10**10)
texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20)
actions = st.one_of(
    st.builds(faults.timing.Delay, micros, micros, micros, st.sampled_from(["response", "stream", "none"])),
    st.builds(faults.timing.Stall, micros),
    st.builds(faults.timing.Bandwidth, counts),
    st.builds(faults.timing.Hold, names),
    st.builds(faults.loss.Duplicate, counts),
    st.builds(faults.loss.Reorder, counts, micros),
    st.builds(faults.damage.Strip, names),
    st.builds(
        lambda path, value: faults.set_field(path, value, "x").action,
        names,
        st.recursive(
            st.none() | st.booleans() | st.integers() | texts,
            lambda kids: st.lists(kids, max_size=3) | st.dictionaries(texts, kids, max_size=3),
        ),
    ),
    st.builds(faults.damage.AnotherId, names),
    st.builds(faults.spoil.NotJson, texts),
    st.builds(faults.spoil.Oversize, counts),
)


@given(actions, wheres(), st.booleans())
def test_every_fault_reads_back_as_itself(action: faults.Action, where: Where, optional: bool) -> None:
    fault = Fault(action, where, optional)
    assert parse(fault.spec) == fault


@given(names | st.sampled_from(["for", "ON", "optional", "after"]), st.none() | counts, st.booleans())
def test_a_value_that_reads_like_a_clause_reads_back_as_itself(name: str, attempts: int | None, optional: bool) -> None:
    fault = faults.wrong_subprotocol(name, attempts=attempts, optional=optional)
    assert parse(fault.spec) == fault


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_reads_back_as_itself(example: str) -> None:
    fault = parse(example)
    assert parse(fault.spec) == fault
    assert hash(parse(fault.spec)) == hash(fault)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("delay 11s on response.created", faults.delay("response.created", seconds=11)),
        ("DELAY 300ms on the second response.created", faults.delay("response.created", seconds=0.3, nth=2)),
        ("delay 0.3s on #2 response.created", faults.delay("response.created", seconds=0.3, nth=2)),
        ("delay 1min on every 3rd a or b", faults.delay(("a", "b"), seconds=60, every=3)),
        ("drop on a, b", faults.drop(("a", "b"))),
        ("drop metadata on response.created", faults.strip("metadata", "response.created")),
        ("drop response.created", faults.drop("response.created")),
        ("drop response.*.delta with probability 5%", faults.drop("response.*.delta", probability=0.05)),
        ("drop the second response.done or error", faults.drop(("response.done", "error"), nth=2)),
        ("drop every 3rd response.created in 1st response", faults.drop("response.created", every=3, response=1)),
        ("drop toolCall", faults.drop("toolCall")),
        ("drop pong optional", faults.drop("pong", optional=True)),
        ("drop response.metadata on response.created", faults.strip("response.metadata", "response.created")),
        ("drop error on response.done", faults.strip("error", "response.done")),
        ("drop from client with probability 5%", faults.drop(sender="client", probability=0.05)),
        ("drop on a in the second response", faults.drop("a", response=2)),
        ("drop on a within response second", faults.drop("a", response=2)),
        ("drop on a within response 2", faults.drop("a", response=2)),
        ("drop on a in response resp_abc", faults.drop("a", response="resp_abc")),
        ("drop on a in item item_abc once", faults.drop("a", item="item_abc", times=1)),
        ("drop on a after 300ms of audio since b", faults.drop("a", after_audio_ms=300, since="b")),
        ("drop on a after b", faults.drop("a", after_events=(1, "b"))),
        ("drop after 3 frames at most 2 times", faults.drop(after_frames=3, times=2)),
        (
            "cancel midway on response.*.delta because client_cancelled after 300ms of audio",
            faults.cancel_midway("response.*.delta", reason="client_cancelled", after_audio_ms=300),
        ),
        (
            "close 1011 'gone' after 3 response.output_audio.delta",
            faults.close(code=1011, reason="gone", after_events=(3, "response.output_audio.delta")),
        ),
        ("refuse 429 retry-after 2s for first 2 attempts", faults.refuse(429, retry_after=2, attempts=2)),
        (
            "set response.status to failed on response.done",
            faults.set_field("response.status", "failed", "response.done"),
        ),
        ("reset optional before response.done", faults.reset("response.done", before=True, optional=True)),
        ("wrong subprotocol for first attempt", faults.wrong_subprotocol(attempts=1)),
        ("wrong subprotocol graphql-ws optional", faults.wrong_subprotocol("graphql-ws", optional=True)),
        ("wrong subprotocol 'optional'", faults.wrong_subprotocol("optional")),
        ("stall for the first 2 attempts", faults.stall(attempts=2)),
        ("stall for 2s for first attempt", faults.stall(seconds=2, attempts=1)),
    ],
)
def test_what_people_say(said: str, meant: Fault) -> None:
    assert parse(said) == meant


WRONG = {
    "": "fault '', column 1: the spec ends where a fault, such as 'reset after 3s' was expected",
    "dealy 11s on a": "fault 'dealy 11s on a', column 1: no fault is called 'dealy'; did you mean 'delay'? "
    "(the list: mockserver faults)",
    "hold a until b": "fault 'hold a until b', column 1: no fault is called 'hold'; did you mean 'hold until'? "
    "(the list: mockserver faults)",
    "cancel midways on a": "fault 'cancel midways on a', column 1: no fault is called 'cancel'; did you mean "
    "'cancel midway'? (the list: mockserver faults)",
    "delay on a": "fault 'delay on a', column 7: expected a duration such as 300ms or 11s, got 'on'",
    "delay 11 on a": "fault 'delay 11 on a', column 7: expected a duration such as 300ms or 11s, got '11'",
    "delay 0s on a": "fault 'delay 0s on a': delay: expected a time above 0",
    "delay 11s onn a": "fault 'delay 11s onn a', column 11: unexpected 'onn'; did you mean 'on'? (here may stand: "
    "jitter, growing, holding, alone, on, before, from, in, within, after, with, at, once, for, "
    "optional)",
    "delay 11s on": "fault 'delay 11s on', column 13: the spec ends where an event name was expected",
    "drop on a on b": "fault 'drop on a on b', column 11: 'on' is said twice",
    "delay 1s alone holding everything on a": "fault 'delay 1s alone holding everything on a', column 16: "
    "'holding' is said twice",
    "drop on a from sever": "fault 'drop on a from sever', column 16: expected client or server, got 'sever'; "
    "did you mean 'server'?",
    "drop on a with probability 150%": "fault 'drop on a with probability 150%', column 28: expected a chance such as "
    "10% or 0.1, got '150%'",
    "drop on a with luck": "fault 'drop on a with luck', column 16: expected probability or seed, got 'luck'",
    "drop on every 0th a": "fault 'drop on every 0th a': every: expected 1 or more, got 0",
    "drop on every a": "fault 'drop on every a', column 15: expected an ordinal such as 3rd, got 'a'",
    "drop on a in 2nd reponse": "fault 'drop on a in 2nd reponse', column 18: expected response, item or connection, "
    "got 'reponse'; did you mean 'response'?",
    "drop on a after 300 ms": "fault 'drop on a after 300 ms', column 21: write the unit without a space: 300ms",
    "drop on a after 300ms of music": "fault 'drop on a after 300ms of music', column 26: expected 'audio' after 'of'",
    "drop on a at most twice": "fault 'drop on a at most twice', column 19: expected a whole number, got 'twice'",
    "drop metadata": "fault 'drop metadata', column 6: 'drop metadata' takes a field out of an event: add 'on EVENT'; "
    "to lose an event of this name say 'drop on metadata'",
    "drop response.done on": "fault 'drop response.done on', column 22: the spec ends where an event name was expected",
    "duplicate response.done": "fault 'duplicate response.done', column 11: unexpected 'response.done'; did you mean "
    "'on response.done'? (here may stand: on, before, from, in, within, after, with, "
    "at, once, for, optional)",
    "refuse 429 for 2 attempts": "fault 'refuse 429 for 2 attempts', column 16: expected 'first', as in 'for first 2 "
    "attempts'",
    "refuse 42 for first 2 attempts": "fault 'refuse 42 for first 2 attempts': refuse: expected a status from 400 to "
    "599, got 42",
    "close 1011 'gone": 'fault "close 1011 \'gone", column 12: this quote is not closed',
    'set a to {"b" on c': "fault 'set a to {\"b\" on c', column 10: this is not a JSON value (Expecting ':' delimiter)",
    "set a 3 on c": "fault 'set a 3 on c', column 7: expected 'to', got '3'",
    "close 1011 'gone'": "fault \"close 1011 'gone'\": close: needs a moment; add 'on EVENT', 'before EVENT' or "
    "'after ...' (example: close 1011 \"gone\" after 3 response.output_audio.delta)",
    "cancel midway because turn_detect": "fault 'cancel midway because turn_detect', column 23: expected one of "
    "turn_detected, client_cancelled, got 'turn_detect'; did you mean "
    "'turn_detected'?",
}


@pytest.mark.parametrize("spec", WRONG)
def test_a_wrong_spec_is_told_where_and_what(spec: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(spec)
    assert str(caught.value) == WRONG[spec]
    assert caught.value.source == spec
    column = re.search(r"column (\d+)", WRONG[spec])
    assert caught.value.column == (int(column[1]) - 1 if column else None)


@given(st.text(max_size=40) | st.lists(st.sampled_from(" ".join(EXAMPLES).split()), max_size=8).map(" ".join))
def test_any_text_is_a_fault_or_a_spec_error(text: str) -> None:
    try:
        fault = parse(text)
    except SpecError:
        return
    assert parse(fault.spec) == fault


# --- files of named sets ---


def test_named_sets() -> None:
    sets = load_text("late:\n  - delay 11s on response.created\n  - drop on a optional\nbusy: active response\n")
    assert sets == {
        "late": [faults.delay("response.created", seconds=11), faults.drop("a", optional=True)],
        "busy": [faults.active_response()],
    }
    assert load_text("") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "late:\n  - delay 11s on a\n  - dealy 1s\n",
            (
                "f.yaml, line 3, set 'late': fault 'dealy 1s', column 1: no fault is called 'dealy'; did you mean "
                "'delay'? (the list: mockserver faults)"
            ),
        ),
        ("- delay 11s", "f.yaml, line 1: expected a mapping of names to lists of faults"),
        ("a: [drop\n", "f.yaml, line 2: not YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: drop\nb: drop\na: drop\n", "f.yaml, line 3: there are two sets called 'a'"),
        (
            "a:\n  - {drop: now}\n",
            "f.yaml, line 2, set 'a': expected a fault as text, such as: reset after 3s",
        ),
    ],
)
def test_wrong_files_name_the_line(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_text(text, source="f.yaml")
    assert str(caught.value) == message
