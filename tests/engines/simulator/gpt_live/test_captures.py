"""The simulated GPT-Live against recorded sessions of the real one, where the machine has them.

The client's frames are sent as recorded; order and fields of what comes back are compared. The model's words come from
the recording. Recorded audio is cut to 33 bytes, so its chunks are replaced by 100 ms of a voice or of silence each,
and the words are told to the ear. Output audio and its transcript have a clock of their own: of each the place of the
first is compared, and the fields.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mockserver import speech
from mockserver.engines.simulator import Pace, Reply, Scripted, ToolCall, simulator
from tests import shared
from tests.engines.simulator import oracle
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.gpt_live.talk import AUDIO, RATE, Talk, handshake

ALL = [*shared.captures("gpt_live-*.jsonl"), *shared.captures("more/gpt_live-*.jsonl")]
CAPTURES = [path for path in ALL if "webrtc" not in path.stem]
SIDEBANDS = [path for path in ALL if "webrtc" in path.stem]
each_capture = pytest.mark.parametrize("capture", CAPTURES, ids=[path.stem for path in CAPTURES])
SILENCE = "A" * 44
CHUNK_MS = 100
PACE = Pace(created_ms=250, first_ms=1, text_ms=6)
APART = (AUDIO, "session.output_transcript.delta")
# Events of ours that a recording cannot hold: ten seconds of that one are left out, with what came at 15 s in them.
LEFT_OUT = {"gpt_live-an_image_is_described_by_the_backend": {"session.usage.updated"}}
WORK_MS = 900
"""How long the recorded backend thought before it called a tool or wrote."""


@dataclass(frozen=True, slots=True)
class Line:
    sender: str
    at_ms: float | None
    body: dict[str, Any]


def lines(path: Path) -> list[Line]:
    rows = [json.loads(row) for row in path.read_text(encoding="utf-8").splitlines()]
    return [Line(row["from"], row.get("at_ms"), row["json"]) for row in rows if "json" in row]


TIMED = [path for path in CAPTURES if lines(path)[1].at_ms is not None]


def server(path: Path) -> list[dict[str, Any]]:
    return [line.body for line in lines(path) if line.sender == "server"]


def joined(path: Path, name: str) -> str:
    return "".join(body["delta"] for body in server(path) if body["type"] == name).strip()


def script(path: Path) -> list[Reply]:
    """What the model said: the backend's calls and messages, else what was heard."""
    replies = []
    for body in server(path):
        event = body.get("event", {})
        if event.get("type") == "response.output_item.done":
            item = event["item"]
            if item["type"] == "function_call":
                call = ToolCall(item["name"], item["arguments"], item["call_id"])
                replies.append(Reply(calls=(call,), after_ms=WORK_MS))
            else:
                replies.append(Reply(item["content"][0]["text"], after_ms=WORK_MS))
    return replies or [Reply(joined(path, "session.output_transcript.delta"))]


@cache
def play(path: Path) -> Talk:
    """Send a recording's client frames, each at its time and after what the recording shows before it."""
    talk = Talk(
        start=None,
        replier=Scripted(script(path)),
        transcripts=[joined(path, "session.input_transcript.delta")],
        acknowledgement="Sure, I am checking that now.",
        pace=PACE,
    )
    seen: list[dict[str, Any]] = []
    heard = 0
    for line in lines(path):
        if line.sender == "server":
            seen.append(line.body)
            continue
        if line.body["type"] != "session.input_audio.append":
            wait_for(talk, len(order(seen)), audio=heard > 0)
        talk.wait(CHUNK_MS if line.at_ms is None else max(0.0, line.at_ms - talk.now))
        if line.body["type"] == "session.input_audio.append":
            talk.burst(voice(heard) if line.body["audio"] != SILENCE else bytes(RATE * CHUNK_MS // 1000 * 2))
            heard += 1
        else:
            talk.put(line.body)
    talk.wait(3_000)
    return talk


def voice(number: int) -> bytes:
    return speech.babble(number * CHUNK_MS, CHUNK_MS, RATE)


def wait_for(talk: Talk, count: int, *, audio: bool) -> None:
    """Audio goes on meanwhile, as it does in a real session: nothing moves without it."""
    for _ in range(200):
        if len(order(talk.events)) >= count:
            return
        if audio:
            talk.listen(50)
        else:
            talk.wait(10)
    raise AssertionError(f"{count} events before the next client frame, but only {names(order(talk.events))} came")


def names(events: list[dict[str, Any]]) -> list[str]:
    return [body["event"]["type"] if body["type"] == "response.event" else body["type"] for body in events]


def order(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events whose order is compared: of what has a clock of its own the first, of deltas in a run the first."""
    kept: list[dict[str, Any]] = []
    seen: set[str] = set()
    last = ""
    for body, name in zip(events, names(events), strict=True):
        if name in APART:
            if name not in seen:
                seen.add(name)
                kept.append(body)
            continue
        if not (name.endswith(".delta") and name == last):
            kept.append(body)
        last = name
    return kept


def compare(captured: list[dict[str, Any]], ours: list[dict[str, Any]]) -> oracle.Agreement:
    """Names in order, then each event's fields and their kinds."""
    agreement = oracle.Agreement()
    agreement.each(order(captured), order(ours), lambda body: names([body])[0])
    return agreement


@keeps("gl-first", "gl-started", "gl-transcripts", "gl-delegation", "gl-function-round", "gl-image", "gl-closed")
@each_capture
def test_a_session_agrees_with_a_recorded_one(capture: Path) -> None:
    talk = play(capture)
    left_out = LEFT_OUT.get(capture.stem, set())
    agreement = compare(server(capture), [body for body in talk.events if body["type"] not in left_out])
    print(f"{capture.stem}: {agreement}")  # the report: pytest -rP shows it
    assert agreement.differences == []
    assert agreement.fields > 20
    assert talk.of("error") == []


@each_capture
def test_words_are_the_recorded_ones(capture: Path) -> None:
    talk = play(capture)
    theirs = [body["event"] for body in server(capture) if body["type"] == "response.event"]
    exact = {
        "response.output_text.done": "text",
        "response.function_call_arguments.done": "arguments",
        "response.completed": "sequence_number",
    }
    for name, field in exact.items():
        want = [event[field] for event in theirs if event["type"] == name]
        have = [event[field] for event in talk.stream() if event["type"] == name]
        if field == "sequence_number":  # ours cuts deltas in pieces of its own
            assert len(want) == len(have)
        else:
            assert want == have
    assert talk.heard() == joined(capture, "session.input_transcript.delta")


@keeps("gl-clock", "gl-append-acks", "gl-usage", "gl-closed")
@pytest.mark.parametrize("capture", TIMED, ids=lambda path: path.stem)
def test_times_are_near_the_recorded_ones(capture: Path) -> None:
    """Frames, acknowledgements, usage, and how long a close takes; within what recordings differ by."""
    talk = play(capture)
    timed = [(line.at_ms or 0.0, line.body) for line in lines(capture) if line.sender == "server"]
    began = next(line.at_ms for line in lines(capture) if line.body["type"] == "session.input_audio.append")
    assert began is not None

    def firsts(events: list[tuple[float, dict[str, Any]]], name: str) -> list[tuple[float, dict[str, Any]]]:
        return [(at, body) for at, body in events if body["type"] == name]

    assert abs(firsts(timed, AUDIO)[0][0] - firsts(talk.timed, AUDIO)[0][0]) < 200
    for (_, want), (_, have) in zip(
        firsts(timed, "session.commentary.appended"), firsts(talk.timed, "session.commentary.appended"), strict=True
    ):
        assert (want["start_ms"], want["end_ms"]) == (have["start_ms"], have["end_ms"])
    for (at, want), (ours_at, have) in zip(
        firsts(timed, "session.usage.updated"), firsts(talk.timed, "session.usage.updated"), strict=False
    ):
        assert abs(at - ours_at) < 300
        assert want["usage"] == have["usage"]
        assert abs(want["context_window"]["usage_ratio"] - have["context_window"]["usage_ratio"]) < 0.002
    for (at, want), (ours_at, have) in zip(
        firsts(timed, "session.closed"), firsts(talk.timed, "session.closed"), strict=True
    ):
        asked = next(line.at_ms for line in lines(capture) if line.body["type"] == "session.close")
        assert asked is not None
        assert 550 < at - asked < 950
        assert abs(ours_at - at) < 300
        if "image" not in capture.stem:  # of that recording ten seconds of audio are left out
            assert want["usage"] == have["usage"]


@keeps("gl-clock")
@each_capture
def test_output_comes_ten_times_a_second_while_input_flows(capture: Path) -> None:
    times = [at for at, body in play(capture).timed if body["type"] == AUDIO]
    assert min(later - earlier for earlier, later in pairwise(times)) > 99
    for body in server(capture):
        if body["type"] in ("session.output_transcript.delta", "session.input_transcript.delta"):
            assert (body["end_ms"] - body["start_ms"], body["start_ms"] % 200) == (200, 0)
    for body in play(capture).events:
        if body["type"] in ("session.output_transcript.delta", "session.input_transcript.delta"):
            assert (body["end_ms"] - body["start_ms"], body["start_ms"] % 200) == (200, 0)


@keeps("gl-sideband")
@pytest.mark.parametrize("capture", SIDEBANDS, ids=lambda path: path.stem)
def test_a_sideband_is_told_first_as_recorded(capture: Path) -> None:
    (recorded,) = server(capture)
    source = simulator("gpt_live")
    session = {key: recorded["session"][key] for key in ("instructions", "delegation")}
    talk = Talk(source, start=session)
    ident = talk.of("session.started")[0]["session"]["id"]
    sideband = Talk(source, hands=handshake(f"/v1/live/sessions/{ident}/attach"), start=None, number=1)
    sideband.wait(100)
    agreement = compare([recorded], sideband.events)
    print(f"{capture.stem}: {agreement}")
    assert agreement.differences == []


def test_another_order_or_a_missing_field_is_seen() -> None:
    """The control."""
    first: dict[str, Any] = {"type": "session.delegation.created", "offset_ms": 1}
    second: dict[str, Any] = {"type": "response.event", "event": {"type": "response.created", "x": None}}
    frame: dict[str, Any] = {"type": AUDIO, "delta": ""}
    assert compare([frame, first, second], [frame, first, frame, second, frame]).differences == []
    assert compare([first, second], [second, first]).differences != []
    assert compare([frame, first], [first, frame]).differences != []
    assert compare([first], [{"type": "session.delegation.created"}]).differences != []
    assert (
        compare([second], [{"type": "response.event", "event": {"type": "response.created", "x": 1}}]).differences != []
    )
