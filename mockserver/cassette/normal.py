"""A connection as steps that two recordings of the same conversation have in common.

Ids become numbers in the order in which they appear (``item#1``), audio becomes its duration and a short hash, and the
pieces of one audio stream become one step: their chunking means nothing. What changes by itself from one recording to
the next (``NOISE``) is left out. So two recordings can be compared, and a change in one be read in a review.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from mockserver.cassette.audio import unbase64
from mockserver.cassette.model import Connection, Record
from mockserver.core.frames import Binary, Close, Lost, Sender, Text
from mockserver.core.timeline import seconds_of
from mockserver.core.view import Lens, View

NOISE = frozenset({"event_id", "expires_at", "expiresAt", "obfuscation", "created_at", "response_id_seed"})
"""Fields that differ in every recording and mean nothing to a reader."""

_ID_KEY = re.compile(r"(?:^|_)ids?$|I[dD]s?$")
_PREFIX = re.compile(r"([a-z]{2,12})_[A-Za-z0-9]{6,}$")
DEEPEST = 100


@dataclass(slots=True)
class Step:
    """Frames ``first`` to ``last`` of a connection. ``body`` is normalised JSON, or a text for any other frame."""

    first: int
    last: int
    sender: Sender
    name: str
    body: Any
    audio_ms: float | None = None
    sound: str = ""  # a short hash of a stream's audio, "" for none

    def line(self) -> str:
        """The step on one line; always the same for the same step."""
        arrow = "-->" if self.sender is Sender.CLIENT else "<--"
        told = self.body if isinstance(self.body, str) else dumps(self.body)
        heard = "" if self.audio_ms is None else f"{seconds_of(self.audio_ms)} of audio sha256:{self.sound} "
        return f"{arrow} {self.name}  {heard}{told}".rstrip()


@dataclass(slots=True)
class Names:
    """Ids and the numbers that stand for them, for one cassette."""

    given: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def of(self, value: str, key: str) -> str:
        """The number of an id; the same id has the same one under any key."""
        if value not in self.given:
            found = _PREFIX.match(value)
            kind = found[1] if found else re.sub(r"_?[iI]ds?$", "", key) or "id"
            self.counts[kind] = self.counts.get(kind, 0) + 1
            self.given[value] = f"{kind}#{self.counts[kind]}"
        return self.given[value]

    def normal(self, value: Any, key: str = "", depth: int = 0) -> Any:
        """A JSON value with numbers for ids, hashes for payloads, and no noise."""
        if depth > DEEPEST:
            return "..."
        if isinstance(value, dict):
            return {k: self.normal(v, k, depth + 1) for k, v in value.items() if k not in NOISE}
        if isinstance(value, list):
            return [self.normal(one, key, depth + 1) for one in value]
        if isinstance(value, str) and value:
            if value in self.given or _ID_KEY.search(key):
                return self.of(value, key)
            if len(value) >= 64 and (raw := unbase64(value)) is not None:
                return f"<{len(raw)} bytes sha256:{sha256(raw).hexdigest()[:12]}>"
        return value


def steps(connection: Connection, lens: Lens, names: Names) -> Iterator[Step]:
    """The steps of a connection, in order."""
    open_step: Step | None = None
    sound = sha256()
    for number, record in enumerate(connection.records):
        view = lens.view(record.frame, record.sender)
        raw = _audio(record, view)
        if open_step is not None and raw is not None and _continues(open_step, record, view, names):
            open_step.last = number
            open_step.audio_ms = (open_step.audio_ms or 0) + (view.audio.milliseconds() if view.audio else 0)
            sound.update(raw)
            continue
        if open_step is not None:
            open_step.sound = sound.hexdigest()[:12]
            yield open_step
            open_step = None
        if raw is None or view.audio is None:
            yield Step(number, number, record.sender, view.name, _body(record, view, names))
        else:
            sound = sha256(raw)
            body = names.normal(_without(view.body, view.audio.path))
            open_step = Step(number, number, record.sender, view.name, body, view.audio.milliseconds())
    if open_step is not None:
        open_step.sound = sound.hexdigest()[:12]
        yield open_step


def dumps(body: Any) -> str:
    """JSON on one line, keys as they came, only printable characters."""
    text = json.dumps(body, ensure_ascii=False, separators=(", ", ": "))
    return text if text.isprintable() else json.dumps(body, separators=(", ", ": ")).replace("\x7f", "\\u007f")


def _continues(step: Step, record: Record, view: View, names: Names) -> bool:
    if (step.sender, step.name) != (record.sender, view.name) or view.audio is None:
        return False
    return bool(step.body == names.normal(_without(view.body, view.audio.path)))


def _audio(record: Record, view: View) -> bytes | None:
    """What a step's hash is made of: the audio's bytes, or the digest that stands for them."""
    if view.audio is None:
        return None
    if any(record.digests):
        return "".join(record.digests).encode()
    if isinstance(record.frame, Binary):
        return record.frame.data
    here = view.body
    for step in view.audio.path:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            return None
    if not isinstance(here, str):
        return None
    raw = unbase64(here)
    return here.encode() if raw is None else raw


def _without(body: Any, path: tuple[str | int, ...]) -> Any:
    """The body without the value at a path; what is not on the path is shared, not copied."""
    if not path or not isinstance(body, dict | list):
        return body if path else None
    head, rest = path[0], path[1:]
    if isinstance(body, dict):
        return {k: (_without(v, rest) if k == head else v) for k, v in body.items() if k != head or rest}
    return [_without(v, rest) if n == head else v for n, v in enumerate(body) if n != head or rest]


def _body(record: Record, view: View, names: Names) -> Any:
    match record.frame:
        case Text(data):
            return names.normal(view.body) if view.body is not None else dumps(data)
        case Binary(data) if view.body is not None:
            return names.normal(view.body)
        case Binary(data):
            return f"{len(data)} bytes sha256:{sha256(data).hexdigest()[:12]}"
        case Close(_, reason) | Lost(reason):
            return dumps(reason) if reason else ""
