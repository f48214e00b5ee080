"""What differs between two cassettes, and that the same conversation does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from mockserver.cassette.diff import diff
from mockserver.cassette.files.foreign import detect_and_import
from mockserver.cassette.learn import learn
from mockserver.cassette.model import Cassette
from mockserver.core.frames import Answer, Close, Handshake, Sender, Text
from tests.cassette.make import audio_delta, cassette, cassettes, event, noise
from tests.engines.driving import C, S, recording

CREATE = (Sender.CLIENT, event(type="response.create"))


def turn(ids: str = "a", words: str = "Hello", sound: int = 0, size: int = 4_800) -> Cassette:
    return cassette(
        event(type="session.created", event_id=f"event_{ids}1"),
        CREATE,
        event(type="response.created", response={"id": f"resp_{ids}00001", "metadata": None}),
        audio_delta(noise(size, sound), response_id=f"resp_{ids}00001"),
        event(
            type="response.done",
            response={"id": f"resp_{ids}00001", "output": [{"transcript": words}]},
        ),
        Close(1000, ""),
    )


def told(first: Cassette, second: Cassette) -> list[str]:
    return [str(one) for one in diff(first, second)]


def test_ids_times_and_chunks_are_no_difference() -> None:
    first = turn()
    frames = [record.frame for record in first.connections[0].records]
    raw = noise(4_800)
    chunks = [audio_delta(raw[n : n + 480], response_id="resp_a00001") for n in range(0, 4_800, 480)]
    again = cassette(frames[0], CREATE, frames[2], *chunks, *frames[4:])
    assert told(first, turn("b")) == []
    assert told(first, again) == []
    assert told(first, replace(first, header=replace(first.header, recorded_on="2026-01-01"))) == []


def test_an_id_that_means_another_thing_is_a_difference() -> None:
    def two(second: str) -> Cassette:
        return cassette(event(type="a", item_id="item_000001"), event(type="b", item_id=second))

    assert told(two("item_000001"), two("item_000002")) == ['connection 0 b [1 | 1] item_id: "item#1" -> "item#2"']


def test_changed_fields() -> None:
    words = 'connection 0 response.done [4 | 4] response.output.0.transcript: "Hello" -> "Bye"'
    assert told(turn(), turn(words="Bye")) == [words]
    assert told(turn(), turn(sound=1)) == [
        "connection 0 response.output_audio.delta [3 | 3] audio: 100 ms, with another content"
    ]
    assert told(turn(), turn(size=9_600)) == [
        "connection 0 response.output_audio.delta [3 | 3] audio: 100 ms -> 200 ms"
    ]
    one, other = cassette(event(type="x", a=1, b=[1])), cassette(event(type="x", c=1, b=[1, 2]))
    assert told(one, other) == [
        "connection 0 x [0 | 0] a: only in the first (1)",
        "connection 0 x [0 | 0] b: [1] -> [1, 2]",
        "connection 0 x [0 | 0] c: only in the second (1)",
    ]


def test_one_step_more_does_not_shift_the_rest() -> None:
    first = turn()
    frames = [(record.sender, record.frame) for record in first.connections[0].records]
    more = cassette(*frames[:2], event(type="rate_limits.updated", limit=1), *frames[2:])
    assert told(first, more) == [
        'connection 0 [- | 2] only in the second: <-- rate_limits.updated  {"type": "rate_limits.updated", "limit": 1}'
    ]
    assert told(more, first) == [
        'connection 0 [2 | -] only in the first: <-- rate_limits.updated  {"type": "rate_limits.updated", "limit": 1}'
    ]


@pytest.mark.parametrize("types", [(1, True), (0, None), ("1", 1), (1, 1.0)])
def test_json_types_are_told_apart(types: tuple[object, object]) -> None:
    assert len(diff(cassette(event(type="x", v=types[0])), cassette(event(type="x", v=types[1])))) == 1


def test_connections_handshakes_and_headers() -> None:
    made = turn()
    one = made.connections[0]
    assert told(made, replace(made, connections=(one, replace(one, number=1)))) == [
        "connection 1 [- | -] only in the second (6 frames)"
    ]
    shake = replace(one, handshake=Handshake("/v2", (("model", "m"),), (), ("realtime",)), answer=Answer(401))
    assert told(made, replace(made, connections=(shake,))) == [
        'connection 0 [- | -] path: "/v1/realtime" -> "/v2"',
        'connection 0 [- | -] query.model: only in the second ("m")',
        'connection 0 [- | -] subprotocols: [] -> ["realtime"]',
        "connection 0 [- | -] answer: 101 -> 401",
    ]
    assert told(made, replace(made, header=replace(made.header, ended="killed"))) == [
        'header [- | -] ended: "clean" -> "killed"'
    ]


def test_lines_are_safe_for_a_terminal() -> None:
    lines = told(cassette(Text("\x1b[2J")), cassette(Text("\x1b[31m" + "x" * 5_000)))
    assert lines
    assert all(line.isprintable() and len(line) < 1_000 for line in lines)


@given(cassettes())
def test_a_cassette_does_not_differ_from_itself(made: Cassette) -> None:
    assert diff(made, made) == []


def test_real_captures_do_not_differ_from_themselves(shared_capture: object) -> None:
    made = detect_and_import(str(shared_capture))
    assert diff(made, made) == []
    assert diff(made, replace(made, connections=())) != []


def test_secrets_have_other_names_in_another_recording() -> None:
    first = turn(words="call REDACTED-rule-1 with REDACTED-env-1")
    assert told(first, turn(words="call REDACTED-rule-2 with REDACTED-key-1")) == []
    assert told(first, turn(words="call 1234 with REDACTED-env-1")) == []
    assert told(turn(words="call 1234 with REDACTED-env-1"), first) == []
    assert len(told(first, turn(words="call 1234 without REDACTED-env-1"))) == 1


def test_an_id_under_another_name_is_one() -> None:
    """Gemini's handle of a session is new in each recording, and comes back when it is resumed (gemini.md#79)."""

    def resumed(handle: str, again: str) -> Cassette:
        told = {"sessionResumptionUpdate": {"newHandle": handle, "resumable": True}}
        setup = {"setup": {"model": "m", "sessionResumption": {"handle": again}}}
        return recording((C, {"setup": {"model": "m"}}), (S, told), (C, setup), dialect="gemini")

    one, other = resumed("53ebe315-1e7e", "53ebe315-1e7e"), resumed("dcba28fd-5ede", "dcba28fd-5ede")
    assert told(one, other) == []
    assert learn([one, other])[1].rules() == {}
    # The control: another handle than the one that was told.
    assert told(one, resumed("dcba28fd-5ede", "0c9e7277-c7fe")) != []
