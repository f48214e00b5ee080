"""The simulated agent against recorded sessions of real ones, where the machine has them.

The client's frames are sent as recorded; order and fields of what comes back are compared. The model's words come from
the recording. Recorded audio is cut to 33 bytes, so its chunks are replaced by 100 ms of a voice or of silence each.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mockserver import speech
from mockserver.engines.simulator import Pace, Reply, Scripted, ToolCall
from mockserver.engines.simulator.elevenlabs.options import DEFAULT_EVENTS
from tests import shared
from tests.engines.simulator import oracle
from tests.engines.simulator.caller import name_of
from tests.engines.simulator.elevenlabs.talk import RATE, Talk
from tests.engines.simulator.fidelity import keeps

CAPTURES = [*shared.captures("elevenlabs-*.jsonl"), *shared.captures("more/elevenlabs-*.jsonl")]
each_capture = pytest.mark.parametrize("capture", CAPTURES, ids=[path.stem for path in CAPTURES])
SILENCE = "A" * 44
CHUNK_MS = 100
# Beyond the recordings, our model is done at once; the one that is cut off needs a long text, and takes its time.
BRISK = Pace(created_ms=20, first_ms=300, audio_speed=None, transcription_ms=100)
SLOW = Pace(created_ms=20, first_ms=0, text_ms=60, audio_speed=1.0, piece_ms=100, transcription_ms=2_000)
STORY = " had kept the lighthouse for forty years, alone, and every evening he climbed the stairs and lit the lamp."


@dataclass(frozen=True, slots=True)
class Line:
    sender: str
    at_ms: float | None
    body: dict[str, Any]


def lines(path: Path) -> list[Line]:
    rows = [json.loads(row) for row in path.read_text(encoding="utf-8").splitlines()]
    return [Line(row["from"], row.get("at_ms"), row["json"]) for row in rows if "json" in row]


def script(frames: list[Line]) -> list[Reply]:
    """What the model said each time it was asked. A first message is asked of nobody."""
    replies: list[Reply] = []
    for frame in frames:
        match frame.body:
            case {"type": "agent_response", "agent_response_event": event} if event["in_response_to_ids"]:
                text = event["agent_response"]
                replies.append(Reply(text[:-3] + STORY if text.endswith("...") else text))
            case {"type": "client_tool_call", "client_tool_call": call}:
                replies.append(Reply(calls=(ToolCall(call["tool_name"], call["parameters"], call["tool_call_id"]),)))
    return replies


@cache
def play(path: Path) -> Talk:
    """Send a recording's client frames, each at its time and after what the recording shows before it."""
    frames = lines(path)
    cut = any(reply.text and STORY in reply.text for reply in script(frames))
    events = {name_of(frame.body) for frame in frames if frame.sender == "server"}
    said = [
        frame.body["user_transcription_event"]["user_transcript"]
        for frame in frames
        if "user_transcription_event" in frame.body
    ]
    talk = Talk(
        replier=Scripted(script(frames)),
        transcripts=said,
        pace=SLOW if cut else BRISK,
        client_events=(*DEFAULT_EVENTS, *events),
        start=None,
    )
    seen = heard = 0
    for frame in frames:
        if frame.sender == "server":
            seen = len(order([f.body for f in frames[: frames.index(frame) + 1] if f.sender == "server"]))
            continue
        if "user_audio_chunk" not in frame.body:
            wait_for(talk, seen)
        if frame.at_ms is not None:
            talk.wait(max(0.0, frame.at_ms - talk.now))
        if "user_audio_chunk" in frame.body:
            loud = frame.body["user_audio_chunk"] != SILENCE
            talk.put({"user_audio_chunk": base64.b64encode(voice(heard) if loud else Talk.silence(CHUNK_MS)).decode()})
            heard += 1
        elif frame.body["type"] == "pong":
            while frame.body["event_id"] not in [ping["ping_event"]["event_id"] for ping in talk.of("ping")]:
                talk.wait(10)
            talk.put(frame.body)
        else:
            talk.put(frame.body)
    talk.wait(4_000)
    return talk


def voice(number: int) -> bytes:
    return speech.babble(number * CHUNK_MS, CHUNK_MS, RATE)


def wait_for(talk: Talk, count: int) -> None:
    for _ in range(1_000):
        if len(order(talk.events)) >= count:
            return
        talk.wait(10)
    raise AssertionError(f"{count} events before the next client frame, but only {talk.names()} came")


def order(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events whose order is compared: pings run by the clock; of a turn's audio its beginning."""
    kept, voiced = [], set()
    for body in events:
        if name_of(body) == "ping":
            continue
        if name_of(body) == "audio":
            number = body["audio_event"]["event_id"]
            if number in voiced:
                continue
            voiced.add(number)
        kept.append(body)
    return kept


def compare(captured: list[dict[str, Any]], ours: list[dict[str, Any]]) -> oracle.Agreement:
    """Names in order, then each event's fields and their kinds."""
    agreement = oracle.Agreement()
    agreement.each(order(captured), order(ours), name_of)
    theirs, mine = ([body for body in said if name_of(body) == "ping"] for said in (captured, ours))
    for want, have in zip(theirs, mine, strict=False):
        agreement.fields_of(want, have, "ping")
    return agreement


@keeps("el-first", "el-turn-order", "el-event-ids", "el-tools", "el-interrupted-generating", "el-interrupted-playing")
@each_capture
def test_the_agent_agrees_with_a_recorded_session(capture: Path) -> None:
    captured = [frame.body for frame in lines(capture) if frame.sender == "server"]
    talk = play(capture)
    agreement = compare(captured, talk.events)
    print(f"{capture.stem}: {agreement}")  # the report: pytest -rP shows it
    assert agreement.differences == []
    assert agreement.fields >= 10
    assert talk.hangup is None


@each_capture
def test_words_and_numbers_are_the_recorded_ones(capture: Path) -> None:
    """Numbers where the user writes: how far those of a voice are apart is unknown (elevenlabs.md#44)."""
    frames = lines(capture)
    captured = order([frame.body for frame in frames if frame.sender == "server"])
    ours = order(play(capture).events)
    by_voice = any("user_audio_chunk" in frame.body for frame in frames)
    for want, have in zip(captured, ours, strict=True):
        (theirs,) = (value for key, value in want.items() if key != "type")
        (mine,) = (value for key, value in have.items() if key != "type")
        for field in ("user_transcript", "original_agent_response", "tool_name", "parameters", "status"):
            assert theirs.get(field) == mine.get(field)
        if not by_voice:
            assert theirs.get("event_id") == mine.get("event_id")
        if not theirs.get("agent_response", "").endswith("..."):
            assert theirs.get("agent_response") == mine.get("agent_response")
        else:
            assert mine["agent_response"].endswith("...")
            assert STORY not in mine["agent_response"]


@keeps("el-ping")
@pytest.mark.parametrize(
    "capture", [path for path in CAPTURES if '"ping"' in path.read_text()], ids=lambda path: path.stem
)
def test_pings_come_when_they_were_recorded(capture: Path) -> None:
    theirs = [(frame.at_ms, frame.body["ping_event"]) for frame in lines(capture) if name_of(frame.body) == "ping"]
    ours = [(at, body["ping_event"]) for at, body in play(capture).timed if name_of(body) == "ping"]
    for (want_at, want), (have_at, have) in zip(theirs, ours, strict=False):
        assert want_at is not None
        assert abs(want_at - have_at) < 100
        assert want["event_id"] == have["event_id"]
        assert (want["ping_ms"] is None) == (have["ping_ms"] is None)
    assert len(ours) >= len(theirs)


def test_another_order_or_a_missing_field_is_seen() -> None:
    """The control."""
    audio: dict[str, Any] = {"type": "audio", "audio_event": {"event_id": 1, "is_final": False}}
    told: dict[str, Any] = {"type": "agent_response", "agent_response_event": {"agent_response": "x"}}
    assert compare([audio, told], [audio, told]).differences == []
    assert compare([audio, told], [told, audio]).differences != []
    assert compare([audio, told], [audio]).differences != []
    assert compare([audio], [{"type": "audio", "audio_event": {"event_id": 1}}]).differences != []
    assert compare([audio], [{"type": "audio", "audio_event": {"event_id": "1", "is_final": False}}]).differences != []
