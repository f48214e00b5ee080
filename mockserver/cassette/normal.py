"""A connection as steps that two recordings of the same conversation have in common.

Ids become numbers in the order in which they appear (``item#1``), audio becomes its duration and a short hash, and the
pieces of one audio stream become one step: their chunking means nothing. What changes by itself from one recording to
the next (``NOISE``) is left out. So two recordings can be compared, and a change in one be read in a review.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any, NamedTuple

from mockserver.cassette.audio import unbase64
from mockserver.cassette.causal import FLOATS, arranged
from mockserver.cassette.model import Connection, Record
from mockserver.core.frames import Binary, Close, Frame, Lost, Sender, Text
from mockserver.core.timeline import seconds_of
from mockserver.core.view import View
from mockserver.dialects.base import Dialect

NOISE = frozenset({"event_id", "expires_at", "expiresAt", "obfuscation", "created_at", "response_id_seed"})
"""Fields that differ in every recording and mean nothing to a reader."""

ID_KEY = re.compile(r"(?:^|_)ids?$|I[dD]s?$")
_PREFIX = re.compile(r"([a-z]{2,12})_[A-Za-z0-9]{6,}$")
DEEPEST = 100
Key = tuple[Sender, str, int, int]
"""A step's sender and name, its number among those (from 1), its connection."""


@dataclass(slots=True)
class NormalStep:
    """Frames ``first`` to ``last`` of a connection. ``body`` is normalised JSON, or a text for any other frame."""

    first: int
    last: int
    sender: Sender
    name: str
    body: Any
    audio_ms: float | None = None
    sound: str = ""  # a short hash of a stream's audio, "" for none
    floating: bool = False  # the provider places it freely

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
            if value in self.given or ID_KEY.search(key):
                return self.of(value, key)
            if len(value) >= 64 and (raw := unbase64(value)) is not None:
                return f"<{len(raw)} bytes sha256:{sha256(raw).hexdigest()[:12]}>"
        return value


def steps(connection: Connection, dialect: Dialect, names: Names) -> Iterator[NormalStep]:
    """The steps of a connection in the order of their causes (``cassette.causal``)."""
    records = connection.records
    for group in arranged(records, dialect, _blank):
        row: list[_StreamPiece] = []
        for place in group.records:
            piece = _StreamPiece(place, records[place], dialect.view(records[place].frame, records[place].sender))
            if group.chain == "audio" or _any(piece.view.name, dialect.repeated):
                row.append(piece)
                continue
            yield from _streams(row, names)
            row.clear()
            for step in _streams([piece], names):
                step.floating = group.chain.startswith(FLOATS)
                yield step
        yield from _streams(row, names)


def client_left(connection: Connection) -> bool:
    """Whether the client ended the connection. It may have left before a floating frame came."""
    last = connection.records[-1] if connection.records else None
    return last is not None and last.sender is Sender.CLIENT and isinstance(last.frame, Close | Lost)


def numbered(made: Iterable[NormalStep], connection: int) -> Iterator[Key]:
    """A name for each step of a connection: the n-th frame of its name from its sender."""
    seen: Counter[tuple[Sender, str]] = Counter()
    for step in made:
        seen[step.sender, step.name] += 1
        yield step.sender, step.name, seen[step.sender, step.name], connection


class _StreamPiece(NamedTuple):
    place: int
    record: Record
    view: View

    def text(self) -> str | None:
        """What a piece of a text carries."""
        body = self.view.body
        carried = body.get("delta") if isinstance(body, dict) and self.view.audio is None else None
        return carried if isinstance(carried, str) else None

    def stream(self) -> str:
        """What the pieces of one stream have in common."""
        body = self.view.body
        if self.view.audio is not None:
            body = _without(body, self.view.audio.path)
        if not isinstance(body, dict):
            return self.view.name
        kept = {key: value for key, value in body.items() if key != "delta" and key not in NOISE}
        return f"{self.view.name} {json.dumps(kept, sort_keys=True)}"


def _streams(row: Sequence[_StreamPiece], names: Names) -> Iterator[NormalStep]:
    """Pieces in a row: those of one stream are one step. How streams are cut and how they cross means nothing."""
    streams: dict[str, list[_StreamPiece]] = {}
    for piece in row:
        streams.setdefault(piece.stream(), []).append(piece)
    for pieces in sorted(
        streams.values(), key=lambda one: (one[0].view.name, _blank(one[0].view, one[0].record.frame))
    ):
        if all(piece.view.audio is not None for piece in pieces):
            yield _sound(pieces, names)
        elif all(piece.text() is not None for piece in pieces):
            body = {**pieces[0].view.body, "delta": "".join(piece.text() or "" for piece in pieces)}
            yield _step(pieces, names.normal(body))
        else:
            yield from (_step([piece], _body(piece.record, piece.view, names)) for piece in pieces)


def _step(pieces: Sequence[_StreamPiece], body: Any) -> NormalStep:
    first, last = pieces[0], pieces[-1]
    return NormalStep(first.place, last.place, first.record.sender, first.view.name, body)


def _sound(pieces: Sequence[_StreamPiece], names: Names) -> NormalStep:
    step = _step(pieces, None)
    step.audio_ms, sound = 0, sha256()
    for piece in pieces:
        audio = piece.view.audio
        step.audio_ms += audio.milliseconds() if audio else 0
        sound.update(_audio(piece.record, piece.view) or b"")
    step.sound = sound.hexdigest()[:12]
    path = pieces[0].view.audio.path if pieces[0].view.audio else ()
    step.body = names.normal(_without(pieces[0].view.body, path))
    return step


def _blank(view: View, frame: Frame) -> str:
    """A text that is the same for the same frame of any recording of the conversation."""
    body = view.body if view.audio is None else _without(view.body, view.audio.path)
    if isinstance(body, dict):
        body = {key: value for key, value in body.items() if key != "delta"}
    return f"{view.name} {dumps(Names().normal(body))}"


def dumps(body: Any) -> str:
    """JSON on one line, keys as they came, only printable characters."""
    text = json.dumps(body, ensure_ascii=False, separators=(", ", ": "))
    return text if text.isprintable() else json.dumps(body, separators=(", ", ": ")).replace("\x7f", "\\u007f")


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


def _any(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
