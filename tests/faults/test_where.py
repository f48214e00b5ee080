"""Which frame: names, ordinals, responses, items, gates, chance; and what a fault says that never fired."""

from __future__ import annotations

import re

import pytest

from mockserver import MockServer, faults, script, simulator
from mockserver.core.frames import Sender
from mockserver.dialects.openai.lens import OPENAI, output_format
from mockserver.errors import FaultNeverFired, UsageError
from mockserver.faults import After, Where
from mockserver.faults.where import named
from tests.faults.stage import Stage, turn

DELTA = "response.output_audio.delta"
TWO = turn(second_at_ms=1_000)


def met(spec: str) -> list[tuple[float, str]]:
    """(ms, name) of what a no-op met in two turns."""
    stage = turn(f"noop {spec}", second_at_ms=1_000)
    return [(entry.at / 1_000, entry.what.data["event"]) for entry in stage.journal if entry.what in stage.notes]


def at(name: str) -> list[float]:
    return [when for when, each in TWO.timeline if each == name]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("on response.created", at("response.created")),
        ("on 2nd response.created", at("response.created")[1:]),
        (f"on every 3rd {DELTA}", at(DELTA)[2::3]),
        (f"on {DELTA} once", at(DELTA)[:1]),
        (f"on {DELTA} at most 5 times", at(DELTA)[:5]),
        (f"on 2nd {DELTA} in 2nd response", at(DELTA)[5:6]),
        (f"on {DELTA} in first response", at(DELTA)[:4]),
        ("on conversation.item.done in 2nd response", at("conversation.item.done")[1:]),
        ("on conversation.item.done in 2nd item", at("conversation.item.done")[1:]),
        (f"on {DELTA} after 3 {DELTA}", at(DELTA)[2:]),
        (f"on {DELTA} after 3 {DELTA} since response.created", [*at(DELTA)[2:4], *at(DELTA)[6:]]),
        (f"on {DELTA} after 300ms of audio", at(DELTA)[2:]),
        (f"on {DELTA} after response.done", at(DELTA)[4:]),
        (f"on {DELTA} after 500ms", at(DELTA)[4:]),
        (f"on {DELTA} after 120ms since response.created", [*at(DELTA)[1:4], *at(DELTA)[5:]]),
        ("on response.create", [10.0, 1_000.0]),
        ("on response.created from client", []),
        ("from client", [10.0, 1_000.0]),
        ("on close*", []),
    ],
)
def test_which_frames_are_met(spec: str, expected: list[float]) -> None:
    assert [when for when, _ in met(spec)] == expected


def test_ids_are_found_too() -> None:
    response = TWO.bodies("response.created")[1]["response"]["id"]
    item = TWO.bodies("response.output_item.added")[0]["item"]["id"]
    assert len(met(f"on {DELTA} in response {response}")) == 4
    assert [when for when, _ in met(f"on {DELTA} in item {item}")] == at(DELTA)[:4]


def test_a_star_does_not_mean_the_end_of_the_connection() -> None:
    assert not named("close 1000", ("*",))
    assert named("close 1000", ("close*",))
    assert named("lost", ("lost",))
    stage = turn("drop", "close 1000 on session.created")
    assert stage.names == []
    stage = turn("close 1000 on session.created", "drop on 'close*'")
    assert "close 1000" not in stage.names
    assert not stage.session.over


def test_who_sends_it_follows_from_the_name() -> None:
    assert faults.drop("session.update").where.spoken_by(Sender.SERVER, ("session.update",), OPENAI) is Sender.CLIENT
    assert faults.drop("session.updated").where.spoken_by(Sender.CLIENT, ("session.updated",), OPENAI) is Sender.SERVER
    assert (
        faults.drop(("session.update", "x")).where.spoken_by(Sender.CLIENT, ("session.update", "x"), OPENAI)
        is Sender.SERVER
    )


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        ({"audio": {"output": {"format": {"type": "audio/pcm", "rate": 16_000}}}}, (16_000, "pcm")),
        ({"audio": {"output": {"format": {"type": "audio/pcmu"}}}}, (8_000, "ulaw")),
        ({"output_audio_format": "g711_alaw"}, (8_000, "alaw")),
        ({"output_audio_format": "pcm16"}, (24_000, "pcm")),
        ({}, None),
        ([], None),
    ],
)
def test_how_long_audio_is_depends_on_the_session(session: object, expected: object) -> None:
    assert output_format({"session": session}) == expected


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Where(nth=1), "nth, every and before need an event name"),
        (lambda: Where(events=("a",), nth=1, every=2), "nth and every: give one of them, not both"),
        (lambda: Where(events=("a",), nth=0), "nth: expected 1 or more, got 0"),
        (lambda: Where(events=("a",), nth=True), "Where: nth=True: expected a whole number or None"),
        (lambda: Where(probability=0), "probability: expected more than 0 and at most 1, got 0"),
        (lambda: Where(events=("",)), "events: expected event names, got ('',)"),
        (lambda: After(amount=0), "after: expected a positive amount, got 0"),
        (lambda: After(amount=1, unit="events"), "after: an event name goes with the unit events, and only with it"),
        (
            lambda: faults.drop("a", after_ms=1, after_frames=1),
            "after_ms, after_audio_ms, after_frames, after_events: give one of them, not several",
        ),
        (lambda: faults.drop("a", since="b"), "since: says what 'after' counts from; add after_ms, after_frames ..."),
        (lambda: faults.drop("a", sender="me"), "faults.drop: sender='me': expected one of 'client', 'server' or None"),
        (lambda: faults.drop(Where(), nth=1), "nth: is part of the Where; give one of them, not both"),
    ],
)
def test_wrong_arguments(make, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        make()
    assert str(caught.value) == message


def test_an_unknown_option_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'nht'"):
        faults.drop("a", nht=2)  # type: ignore[call-arg]


# --- never fired ---


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("drop on respones.done", "the server sent no respones.done; did you mean 'response.done'? (it sent "),
        ("drop on response.done from client", "the client sent no response.done, the server did; add 'from server'"),
        ("drop on session.updated from server", "the server sent no session.updated"),
        ("drop on response.done in 2nd response", "saw 1 response.done, but 1 not in response 2"),
        ("drop on 3rd response.done", "saw 1 response.done, but 1 not number 3"),
        ("drop on response.done after 10s", "saw 1 response.done, but 1 not after 10s"),
        ("close 1000 after 2min", "'after 2min' was never reached (20 frames from the server)"),
    ],
)
def test_a_fault_that_never_fired_says_why(spec: str, why: str) -> None:
    armed = turn(spec).armed[0]
    error = armed.never_fired()
    assert isinstance(error, FaultNeverFired)
    assert str(error).startswith(f"fault '{spec}' never fired: {why}")


def test_a_handshake_fault_without_a_client() -> None:
    error = Stage("refuse 401").armed[0].never_fired()
    assert error is not None
    assert "never fired: no client connected" in str(error)


def test_optional_and_fired_faults_are_silent() -> None:
    assert turn("drop on nothing optional").armed[0].never_fired() is None
    assert turn("drop on response.done").armed[0].never_fired() is None
    assert turn("drop on response.done").armed[0].state["fired"] == 1


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("drop on response.craeted", "OpenAI Realtime has no event response.craeted; did you mean response.created?"),
        ("reset after 3s since sesion.created", "did you mean session.created?"),
        ("delay 1s on respons.done or response.created", "did you mean response.done?"),
    ],
)
def test_a_slip_in_an_events_name_is_told_before_anything_runs(spec: str, told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        MockServer(simulator("openai"), faults=[spec])
    MockServer(simulator("openai"), faults=[f"{spec} optional"])  # an event that nobody knows here may be meant


def test_events_that_nobody_knows_here_may_be_named() -> None:
    # response.text.delta is the beta's name, for whoever forwards it
    for source, name in (
        *(
            (simulator("openai"), name)
            for name in ("response.humming.started", "response.*.delta", "response.text.delta")
        ),
        (script(lambda session: None, dialect="generic"), "response.craeted"),
    ):
        [armed] = MockServer(source, faults=[f"drop on {name}"]).faults.values()
        assert str(armed.fault.spec) == f"drop on {name}"
