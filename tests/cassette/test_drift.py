"""Drift is in the shape. Values, the number of deltas and where floating events stand are none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.cassette.drift import Drift, drift, shape
from mockserver.core.frames import Close, Frame, Lost, Text
from mockserver.dialects.registry import dialect_named

OPENAI = dialect_named("openai")


def frames(*events: dict[str, Any] | Frame) -> list[Frame]:
    return [Text(json.dumps(event)) if isinstance(event, dict) else event for event in events]


def changes(before: list[Frame], after: list[Frame]) -> list[str]:
    return [str(one) for one in drift(before, after, dialect=OPENAI)]


def turn(**response: Any) -> list[dict[str, Any]]:
    return [
        {
            "type": "response.created",
            "event_id": "event_1",
            "response": {"id": "resp_1", "status": "in_progress"},
        },
        {"type": "response.output_text.delta", "delta": "Hel", "response_id": "resp_1"},
        {"type": "response.output_text.delta", "delta": "lo", "response_id": "resp_1"},
        {
            "type": "response.done",
            "event_id": "event_2",
            "response": {"id": "resp_1", "status": "completed", **response},
        },
        {"type": "rate_limits.updated", "rate_limits": [{"name": "tokens", "limit": 10}]},
    ]


def test_the_same_shape_with_other_values_is_no_drift() -> None:
    other = json.loads(
        json.dumps(turn()).replace("resp_1", "resp_9").replace("event_1", "event_x1").replace("Hel", "Bye")
    )
    assert changes(frames(*turn()), frames(*other)) == []


def test_the_number_of_deltas_and_the_place_of_floating_events_are_no_drift() -> None:
    created, first, second, done, limits = turn()
    assert changes(frames(created, first, second, done, limits), frames(created, limits, first, done)) == []


AUDIO = {"type": "audio", "audio_event": {"audio_base_64": "AAAA", "event_id": 1}}
WORDS = {"type": "agent_response", "agent_response_event": {"agent_response": "hi", "event_id": 1}}
CUT = {"type": "interruption", "interruption_event": {"event_id": 2}}


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ([AUDIO, WORDS, AUDIO], [AUDIO, AUDIO, WORDS], True),
        ([AUDIO, WORDS, AUDIO], [AUDIO, WORDS], True),
        ([AUDIO, WORDS], [WORDS, AUDIO], False),
        ([AUDIO, WORDS], [AUDIO], False),
        ([AUDIO, CUT, WORDS], [AUDIO, WORDS, CUT], False),
    ],
)
def test_words_that_are_told_whole_stand_anywhere_amid_their_sound(before: Any, after: Any, *, same: bool) -> None:
    """Behind its first piece, that is (elevenlabs.md#12)."""
    found = drift(frames(*before), frames(*after), dialect=dialect_named("elevenlabs"))
    assert (found == []) is same


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (lambda t: t[:3] + t[4:], "event gone: response.done (1 recorded, 0 now)"),
        (lambda t: [*t, {"type": "response.new"}], "event added: response.new (0 recorded, 1 now)"),
        (lambda t: [t[0], *t[3:]], "event gone: response.output_text.delta (1 recorded, 0 now)"),
        (lambda t: t[:4], "event gone: rate_limits.updated"),
        (lambda t: [t[3], *t[:3], t[4]], "event moved: response.done"),
        (lambda t: [*frames(*t), Close(1011, "oops")], "end changed: close 1011"),
        (lambda t: [*frames(*t), Lost()], "end changed: lost"),
    ],
)
def test_events_that_change(after: Any, expected: str) -> None:
    found = changes(frames(*turn()), frames(*after(turn())))
    assert len(found) == 1, found
    assert found[0].startswith(expected)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"usage": {"total": 1}}, {}, "field gone: response.done: response.usage (was object)"),
        ({}, {"usage": {"total": 1}}, "field added: response.done: response.usage (is object)"),
        (
            {"usage": {"total": 1}},
            {"usage": {"total": "1"}},
            "type changed: response.done: response.usage.total (was number, is string)",
        ),
        (
            {"output": [{"type": "message", "role": "a"}]},
            {"output": [{"type": "message"}]},
            "field gone: response.done: response.output[]<message>.role (was string)",
        ),
    ],
)
def test_fields_that_change(old: dict[str, Any], new: dict[str, Any], expected: str) -> None:
    assert changes(frames(*turn(**old)), frames(*turn(**new))) == [expected]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            {"usage": None},
            {"usage": {"total": 1}},
        ),  # only what is under it is new, and it is a field where none was
        ({"total": 1}, {"total": 1.5}),
        ({"metadata": {"a": "1"}}, {"metadata": {"b": "1"}}),
    ],
)
def test_null_int_and_float_and_the_users_own_keys_are_no_change_of_type(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    found = drift(frames(*turn(**old)), frames(*turn(**new)), dialect=OPENAI)
    assert [one for one in found if one.change == "type changed" or "metadata" in one.where] == []


def test_a_field_that_some_recorded_events_lacked_is_not_missed() -> None:
    one, other = {"type": "error", "error": {"param": "x"}}, {"type": "error", "error": {}}
    assert changes(frames(one, other), frames(other, other)) == []
    assert changes(frames(one, one), frames(other, other)) == ["field gone: error: error.param (was string)"]


def test_an_end_that_is_recorded_must_come() -> None:
    assert changes(frames(Close(1000)), frames(Close(1000))) == []
    assert changes(frames(Close(1000)), frames()) == ["end changed: close 1000 (now the server keeps the connection)"]


def test_variants_of_an_object_are_apart() -> None:
    paths = shape({"type": "x", "item": {"type": "function_call", "name": "f"}})
    assert paths["item<function_call>.name"] == {"string"}
    assert str(Drift("event gone", "a")) == "event gone: a"


def test_what_floats_and_what_comes_in_pieces_is_the_dialects_to_say() -> None:
    """The same frames: no drift where the provider is known for it, drift where it is not."""
    created, first, second, done, limits = turn()
    before, after = (
        frames(created, first, second, done, limits),
        frames(created, limits, first, done),
    )
    generic = dialect_named("generic")
    assert [one.change for one in drift(before, after, dialect=generic)] == ["event moved"]
    assert drift(before, after, dialect=OPENAI) == []
    heard = [{"serverContent": {"modelTurn": {"parts": [{"text": word}]}}} for word in "abc"]
    assert drift(frames(*heard), frames(*heard[:1]), dialect=dialect_named("gemini")) == []
    assert [one.change for one in drift(frames(*heard), frames(*heard[:1]), dialect=generic)] == ["event gone"]
    chunks = [{"type": "audio_chunk", "audio": "AAAA"}] * 3
    assert drift(frames(*chunks), frames(*chunks[:2]), dialect=dialect_named("phonic")) == []


def test_what_comes_in_an_envelope_goes_by_its_own_name_and_what_has_a_clock_of_its_own_has_no_place() -> None:
    """GPT-Live's backend: as many envelopes, with something else in one; its voice goes on meanwhile."""
    live = dialect_named("gpt_live")

    def said(*names: str) -> list[Frame]:
        return frames(
            *(
                {"type": "response.event", "event": {"type": name}} if "." not in name else {"type": name}
                for name in names
            )
        )

    voice = "session.output_audio.delta"
    before = said("created", voice, "completed")
    assert drift(before, said(voice, "created", "completed", voice), dialect=live) == []
    told = [str(one) for one in drift(before, said("created", voice, "failed"), dialect=live)]
    assert told == [
        "event gone: response.event completed (1 recorded, 0 now)",
        "event added: response.event failed (0 recorded, 1 now)",
    ]
    assert [str(one) for one in drift(before, said("created", "completed"), dialect=live)] == [f"event gone: {voice}"]
