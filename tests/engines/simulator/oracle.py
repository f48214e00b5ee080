"""Captured sessions as oracle: their client frames are sent to the simulator, and what comes back is compared.

The model's words come from the capture (``Scripted``). Payloads of captured audio are cut to 33 bytes, so turn
detection would have nothing to hear: appended audio is replaced by a voice where the capture's own speech_started and
speech_stopped say that somebody spoke, and by silence elsewhere. The words of that turn are given as ``transcripts``.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mockserver import speech
from mockserver.engines.simulator import Reply, Scripted, ToolCall, simulator
from mockserver.engines.simulator.voice.activity import FRAME_MS
from tests.engines.simulator import strict
from tests.engines.simulator.stage import Stage, handshake

APPEND_MS = 100
TRANSCRIPTION = "conversation.item.input_audio_transcription."
OUTPUT_DELTAS = (
    *("response.output_audio.delta", "response.output_audio_transcript.delta"),
    *("response.audio.delta", "response.audio_transcript.delta"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One frame of a capture."""

    sender: str
    body: dict[str, Any]


@dataclass(slots=True)
class Agreement:
    """What was compared, and what differs."""

    events: int = 0
    fields: int = 0
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.events} events, {self.fields} fields, {len(self.differences)} differences"


def lines(path: Path) -> list[Line]:
    """A capture's frames."""
    rows = [json.loads(row) for row in path.read_text(encoding="utf-8").splitlines()]
    return [Line(row["from"], row["json"]) for row in rows if "json" in row]


def script(frames: list[Line]) -> list[Reply]:
    """What the model said in each response of a capture."""
    replies = []
    for frame in frames:
        if frame.sender == "server" and frame.body["type"] == "response.done":
            text, calls = None, []
            for item in frame.body["response"]["output"]:
                if item["type"] == "function_call":
                    calls.append(ToolCall(item["name"], item["arguments"], item["call_id"]))
                for part in item.get("content", ()):
                    text = part.get("text") or part.get("transcript")
            replies.append(Reply(text, tuple(calls)))
    return replies


def play(path: Path, provider: str, **settings: Any) -> Stage:
    """Send a capture's client frames, each after what the capture shows before it."""
    frames = lines(path)
    said = [one.body["transcript"] for one in frames if one.body["type"] == TRANSCRIPTION + "completed"]
    stage = Stage(
        simulator(provider, replier=Scripted(script(frames)), transcripts=said, **settings),
        hands=handshake(frames[0].body["session"]["model"]),
        check=strict.knows(provider),
    )
    voice = spoken_at(frames)
    seen, appended = 0, 0
    for frame in frames:
        if frame.sender == "server":
            seen += not frame.body["type"].endswith(".delta") and not frame.body["type"].startswith(TRANSCRIPTION)
            continue
        wait_for(stage, seen)
        if frame.body["type"] == "input_audio_buffer.append":
            stage.wait(APPEND_MS)
            audio = base64.b64encode(sound(appended, voice)).decode()
            stage.send("input_audio_buffer.append", audio=audio)
            appended += 1
        else:
            body = dict(frame.body)
            stage.send(body.pop("type"), **body)
    stage.wait(30_000)
    return stage


def act(path: Path, provider: str, **settings: Any) -> Stage:
    """A capture of the server's side alone: somebody asks once, and then speaks as often as the capture has it.

    Who speaks before anything is said in answer to the turn before interrupts it.
    """
    frames = lines(path)
    session = frames[0].body["session"]
    stage = Stage(
        simulator(provider, replier=Scripted(script(frames)), **settings),
        hands=handshake(None, deployment=session["model"]),
        check=strict.knows(provider),
    )
    stage.send("session.update", session={"voice": session["voice"]})
    stage.send("response.create")
    stage.until("response.done")
    stage.wait(2_000)
    names = [frame.body["type"] for frame in frames]
    started = [n for n, name in enumerate(names) if name == "input_audio_buffer.speech_started"]
    for begin, end in zip(started, [*started[1:], len(names)], strict=True):
        stage.hear(sound(0, (0, 400)) * 4 + bytes(48 * 300))
        if "response.output_item.added" in names[begin:end]:
            stage.until("response.done")
            stage.wait(2_000)
    return stage


def wait_for(stage: Stage, count: int) -> None:
    """Let time pass until so many events other than deltas have come."""
    for _ in range(3_000):
        came = [e for e in stage.events if not e["type"].endswith(".delta") and not e["type"].startswith(TRANSCRIPTION)]
        if len(came) >= count:
            return
        stage.wait(10)
    raise AssertionError(f"{count} events before the next client frame, but only {stage.names()} came")


def spoken_at(frames: list[Line]) -> tuple[int, int]:
    """From where to where somebody speaks, in ms: the prefix padding and the closing silence taken off.

    The detector looks at whole frames, so the closing silence is a whole number of them.
    """
    bodies = {frame.body["type"]: frame.body for frame in frames if frame.sender == "server"}
    if "input_audio_buffer.speech_started" not in bodies:
        return (0, 0)
    detection = bodies["session.updated"]["session"]["audio"]["input"]["turn_detection"]
    start = bodies["input_audio_buffer.speech_started"]["audio_start_ms"] + detection["prefix_padding_ms"]
    stop = bodies["input_audio_buffer.speech_stopped"]["audio_end_ms"]
    stop -= -(-detection["silence_duration_ms"] // FRAME_MS) * FRAME_MS
    return (start, stop)


def sound(number: int, voice: tuple[int, int]) -> bytes:
    """The ``number``-th append: a voice from ``voice[0]`` to ``voice[1]``, silence elsewhere."""
    start = number * APPEND_MS
    low, high = (2 * 24 * min(max(edge - start, 0), APPEND_MS) for edge in voice)
    wave = speech.babble(start, APPEND_MS)
    return bytes(low) + wave[low:high] + bytes(len(wave) - max(low, high))


# --- comparison -----------------------------------------------------------------------------------------------------


def sequence(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events whose order is promised: runs of deltas count once, audio and its transcript as one run."""
    kept: list[dict[str, Any]] = []
    last = ""
    for body in events:
        name = body["type"]
        if name.startswith(TRANSCRIPTION):
            continue
        group = "output deltas" if name in OUTPUT_DELTAS else name
        if group != last or not name.endswith(".delta"):
            kept.append(body)
        last = group
    return kept


def paths(value: Any, path: str = "") -> dict[str, str]:
    """Every field of an event and the kind of its value.

    Contents of tools and free-form objects are not looked into.
    """
    if isinstance(value, dict) and not path.endswith(("parameters", "metadata")):
        found = {}
        for key, inner in value.items():
            found |= paths(inner, f"{path}.{key}" if path else key)
        return found
    if isinstance(value, list) and value:
        found = {}
        for inner in value:
            found |= paths(inner, f"{path}[]")
        return found
    kind = "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    return {path: kind}


def without_nulls(value: Any, listed: list[str], path: str = "") -> Any:
    """``value`` without the fields at these paths, where they are null."""
    if isinstance(value, list):
        return [without_nulls(inner, listed, f"{path}[]") for inner in value]
    if not isinstance(value, dict):
        return value
    dot = f"{path}." if path else ""
    return {
        key: without_nulls(inner, listed, dot + key)
        for key, inner in value.items()
        if not (inner is None and dot + key in listed)
    }


def label(body: dict[str, Any]) -> str:
    """An event's type, with its item's where it has one."""
    item = body.get("item") or {}
    return " ".join(part for part in (body["type"], item.get("type"), item.get("role")) if part)


def compare(captured: list[dict[str, Any]], ours: list[dict[str, Any]]) -> Agreement:
    """Types in order, then each event's fields; then the transcription events, whose place is not promised."""
    agreement = Agreement()
    for theirs, mine in (
        (sequence(captured), sequence(ours)),
        (streams(captured), streams(ours)),
    ):
        agreement.events += len(theirs)
        if [label(body) for body in theirs] != [label(body) for body in mine]:
            agreement.differences.append(f"types: {[label(b) for b in theirs]} became {[label(b) for b in mine]}")
            continue
        for want, have in zip(theirs, mine, strict=True):
            wanted, had = paths(want), paths(have)
            agreement.fields += len(wanted)
            for path in sorted(set(wanted) | set(had)):
                if wanted.get(path) != had.get(path):
                    agreement.differences.append(
                        f"{label(want)}: {path}: {wanted.get(path, 'absent')} became {had.get(path, 'absent')}"
                    )
    return agreement


def streams(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Audio, transcript and transcription events: the first delta of each, and how transcription ends."""
    found: dict[str, dict[str, Any]] = {}
    for body in events:
        if body["type"] in OUTPUT_DELTAS or body["type"].startswith(TRANSCRIPTION):
            found.setdefault(body["type"], body)
    return [found[name] for name in sorted(found)]
