"""Captured sessions as oracle: their client frames are sent to the simulator, and what comes back is compared.

``mockserver agree`` plays them, with what a recording tells of the model and of the audio (``Likeness``); here each
event is compared by itself, with the kinds of all its fields.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mockserver import speech
from mockserver.cassette.files.foreign import detect_and_import
from mockserver.core.frames import Text
from mockserver.dialects.registry import dialect_named
from mockserver.engines.simulator import Reply, Scripted, ToolCall, simulator
from mockserver.engines.simulator.agree import played
from mockserver.engines.simulator.providers import provider_named
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

    def each(self, theirs: list[dict[str, Any]], mine: list[dict[str, Any]], named: Callable[[Any], str]) -> None:
        """Names in order, then the fields of each event and their kinds."""
        self.events += len(theirs)
        if [named(body) for body in theirs] != [named(body) for body in mine]:
            self.differences.append(f"types: {[named(b) for b in theirs]} became {[named(b) for b in mine]}")
            return
        for want, have in zip(theirs, mine, strict=True):
            self.fields_of(want, have, named(want))

    def fields_of(self, want: dict[str, Any], have: dict[str, Any], name: str) -> None:
        """The fields of one event, and their kinds."""
        wanted, had = paths(want), paths(have)
        self.fields += len(wanted)
        self.differences += [
            f"{name}: {path}: {wanted.get(path, 'absent')} became {had.get(path, 'absent')}"
            for path in sorted(set(wanted) | set(had))
            if wanted.get(path) != had.get(path)
        ]


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


def play(path: Path, provider: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the server said in a capture, and what the simulator says to its client side, as ``mockserver agree`` plays
    it. The provider's own types are checked."""
    dialect = dialect_named(provider)
    (connection,) = detect_and_import(path).connections
    heard = played(dialect, connection, provider_named(provider).likeness(dialect, connection))
    assert not isinstance(heard, int), f"refused with {heard}"
    recorded, live = (
        [json.loads(frame.data) for frame in frames if isinstance(frame, Text)] for frames in heard.compared()
    )
    known = strict.knows(provider)
    for body in live if known else ():
        assert strict.faults(body, known) == [], body
    return recorded, live


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
        agreement.each(theirs, mine, label)
    return agreement


def streams(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Audio, transcript and transcription events: the first delta of each, and how transcription ends."""
    found: dict[str, dict[str, Any]] = {}
    for body in events:
        if body["type"] in OUTPUT_DELTAS or body["type"].startswith(TRANSCRIPTION):
            found.setdefault(body["type"], body)
    return [found[name] for name in sorted(found)]
