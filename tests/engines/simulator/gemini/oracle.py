"""Captured sessions as oracle: their client frames are sent to the simulator, and what comes back is compared.

The model's words come from the capture. Where the client's audio is cut to stand-ins, nothing is there to hear: it is
replaced by a voice with silence at its end, and the words of that turn are given as ``transcripts``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mockserver import speech
from mockserver.engines.simulator import Pace, Reply, Scripted, ToolCall
from mockserver.engines.simulator.gemini.proto import camel
from tests.engines.simulator.gemini.stage import Stage, names_of

FRAME_MS = 100
STAND_IN = 64
"""Base64 of fewer characters is no audio."""
FAST = Pace(audio_speed=1_000.0)
"""All is sent at once, and ``turnComplete`` still waits for the playback."""
OUTPUT = {"modelTurn", "modelTurn+outputTranscription", "outputTranscription", "empty"}
HEARD = ("interrupted", "inputTranscription", "voiceActivity")


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
    order: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        share = 100 * (1 - len(self.differences) / max(1, self.fields))
        state = "in the captured order" if not self.order else f"{len(self.order)} out of order"
        return f"{self.events} events {state}, {self.fields} fields, {share:.1f} % agree"


def lines(path: Path) -> list[Line]:
    """A capture's frames."""
    rows = [json.loads(row) for row in path.read_text(encoding="utf-8").splitlines()]
    return [
        Line(row["from"], row["json"] if "json" in row else json.loads(row["text"])) for row in rows if "from" in row
    ]


def script(frames: Iterable[Line], blocking: bool) -> list[Reply]:
    """What the model said, answer by answer. A call that it waits for ends one."""
    replies: list[Reply] = []
    text, calls = "", []

    def flush() -> None:
        nonlocal text, calls
        if text or calls:
            replies.append(Reply(text or None, tuple(calls)))
        text, calls = "", []

    for line in frames:
        if line.sender == "client":
            continue
        content = line.body.get("serverContent", {})
        text += content.get("outputTranscription", {}).get("text", "")
        for part in content.get("modelTurn", {}).get("parts", ()):
            text += part.get("text", "") if not part.get("thought") else ""
        made = line.body.get("toolCall", {}).get("functionCalls", ())
        calls.extend(ToolCall(call["name"], call["args"], call["id"]) for call in made)
        if content.get("turnComplete") or (calls and blocking):
            flush()
    flush()
    return replies


def heard_words(frames: Iterable[Line]) -> list[str]:
    """What the service heard in each of the client's turns."""
    turns = [""]
    for line in frames:
        content = line.body.get("serverContent", {}) if line.sender == "server" else {}
        turns[-1] += content.get("inputTranscription", {}).get("text", "")
        if "turnComplete" in content and turns[-1]:
            turns.append("")
    return [turn.strip() for turn in turns if turn]


def play(path: Path, **settings: Any) -> Stage:
    """Send a capture's client frames, each after what the capture shows before it.

    Audio over the model's speech waits for all that does not react to it: a capture without times does not say when it
    came in between.
    """
    frames = lines(path)
    setup = next(iter(frames[0].body.values()))
    functions = [one for tool in setup.get("tools", ()) for one in tool["functionDeclarations"]]
    blocking = not any(one.get("behavior") == "NON_BLOCKING" for one in functions)
    stage = Stage(
        setup=False,
        replier=Scripted(script(frames, blocking), then=lambda context: None),
        transcripts=heard_words(frames) or ["something"],
        pace=FAST,
        **settings,
    )
    sounds = _sounds(frames)
    for number, line in enumerate(frames):
        if line.sender == "server":
            continue
        before = [one.body for one in frames[:number] if one.sender == "server"]
        audio = _audio(line.body)
        if audio is not None and "+".join(names_of(before[-1])) in OUTPUT:
            for one in frames[number:]:
                if one.sender == "server":
                    if any(name in HEARD for name in names_of(one.body)):
                        break
                    before.append(one.body)
        _wait_for(stage, before)
        body = line.body
        if audio is not None and len(audio["data"]) < STAND_IN:
            key = next(iter(body))
            body = {key: {"audio": {**audio, "data": base64.b64encode(sounds[number]).decode()}}}
        stage.text(json.dumps(body))
    stage.wait(20_000)
    return stage


def _audio(body: dict[str, Any]) -> dict[str, Any] | None:
    for key, inside in body.items():
        if camel(key) == "realtimeInput" and isinstance(inside.get("audio"), dict):
            found: dict[str, Any] = inside["audio"]
            return found
    return None


def _sounds(frames: list[Line]) -> dict[int, bytes]:
    """For each run of audio frames: a voice, and 700 ms of silence at its end."""
    found: dict[int, bytes] = {}
    run: list[int] = []
    for number, line in enumerate([*frames, Line("client", {"end": {}})]):
        if line.sender == "client" and _audio(line.body) is not None:
            run.append(number)
        elif run:
            for place, one in enumerate(run):
                loud = place < len(run) - 7
                found[one] = speech.babble(place * FRAME_MS, FRAME_MS, 16_000) if loud else bytes(2 * 16 * FRAME_MS)
            run = []
    return found


def _wait_for(stage: Stage, before: list[dict[str, Any]]) -> None:
    """Let time pass until as many events as these have come, repeated ones counted once."""
    wanted = len(sequence(before))
    for _ in range(6_000):
        if len(sequence(stage.messages)) >= wanted:
            return
        stage.wait(10)
    raise AssertionError(f"{wanted} events before the next client frame, but only {stage.names()} came")


# --- comparison -----------------------------------------------------------------------------------------------------


def sequence(events: list[dict[str, Any]]) -> list[tuple[str, dict[str, str]]]:
    """The events whose order is told: a run of one name once, audio with its transcript as one run; with all fields."""
    kept: list[tuple[str, dict[str, str]]] = []
    for body in events:
        name = "+".join(names_of(body))
        thought = any(part.get("thought") for part in _parts(body))
        speaks = name in OUTPUT and not thought
        if speaks and name == "empty" and not (kept and kept[-1][0] == "output"):
            name, speaks = "empty", False
        label = "output" if speaks else f"{name} (thought)" if thought else name
        if not kept or kept[-1][0] != label:
            kept.append((label, {}))
        kept[-1][1].update(paths(body))
    return kept


def _parts(body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body.get("serverContent", {}).get("modelTurn", {}).get("parts", [])
    return found


def paths(value: Any, path: str = "") -> dict[str, str]:
    """Every field of a message and the kind of its value; arguments of calls are not looked into."""
    if isinstance(value, dict) and value and not path.endswith("args"):
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


def compare(captured: list[dict[str, Any]], ours: list[dict[str, Any]], *, whole: bool = True) -> Agreement:
    """Names in order, then each event's fields. ``whole`` False: the capture stops before the session did."""
    agreement = Agreement()
    theirs, mine = sequence(captured), sequence(ours)
    if not whole:
        mine = mine[: len(theirs)]
    agreement.events = len(theirs)
    want, have = [name for name, _ in theirs], [name for name, _ in mine]
    if want != have:
        agreement.order.append(f"{want} became {have}")
        return agreement
    for (name, wanted), (_, had) in zip(theirs, mine, strict=True):
        agreement.fields += len(wanted)
        for path in sorted(set(wanted) | set(had)):
            if wanted.get(path) != had.get(path):
                told = f"{wanted.get(path, 'absent')} became {had.get(path, 'absent')}"
                agreement.differences.append(f"{name}: {path}: {told}")
    return agreement
