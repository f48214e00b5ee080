"""A connection as steps that two recordings of the same conversation have in common.

Ids become numbers in the order in which they appear (``item#1``), audio becomes its duration and a short hash, and the
pieces of one audio stream become one step: their chunking means nothing. What changes by itself from one recording to
the next (``NOISE``) is left out. So two recordings can be compared, and a change in one be read in a review.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, NamedTuple

from mockserver.cassette.audio import audio_of, unbase64
from mockserver.cassette.causal import FLOATS, CausalGroup, arranged
from mockserver.cassette.microphone import PLACE_SLACK_MS, OpenMicrophone, SoundMap, placed, stretch
from mockserver.cassette.model import Connection, Record
from mockserver.cassette.texts import piece_of, worded
from mockserver.core.frames import Binary, Close, Frame, Lost, Sender, Text
from mockserver.core.timeline import seconds_of
from mockserver.core.view import Spoken, View
from mockserver.dialects.base import Dialect
from mockserver.dialects.life import listed

NOISE = frozenset(
    {"event_id", "expires_at", "expiresAt", "obfuscation", "created_at", "response_id_seed", "sequence_number"}
)
"""Fields that differ in every recording and mean nothing to a reader."""

ID_KEY = re.compile(r"(?:^|_)ids?$|I[dD]s?$")
_PREFIX = re.compile(r"([a-z]{2,12})_[A-Za-z0-9]{6,}$")
DEEPEST = 100
SLACK_MS = 50
"""How much the audio of two streams may differ in length before it counts as a difference of its own."""
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
    microphone: OpenMicrophone | None = None  # audio that the client did not end: ``audio_ms`` is its sound's
    places: Mapping[str, float] = field(default_factory=dict)  # fields that name a moment -> ms of sound before it
    pieces: tuple[_StreamPiece, ...] = field(default=(), repr=False)  # of a text

    def line(self) -> str:
        """The step on one line; always the same for the same step."""
        arrow = "-->" if self.sender is Sender.CLIENT else "<--"
        told = self.body if isinstance(self.body, str) else dumps(self.body)
        what = "audio" if self.microphone is None else "sound in a stream without end"
        heard = "" if self.audio_ms is None else f"{seconds_of(self.audio_ms)} of {what} sha256:{self.sound} "
        return f"{arrow} {self.name}  {heard}{told}".rstrip()


def is_id(key: str, minted: Collection[str]) -> bool:
    """Whether a key holds ids, new ones in each recording."""
    return key in minted or ID_KEY.search(key) is not None


@dataclass(slots=True)
class Names:
    """Ids and the numbers that stand for them, for one cassette."""

    given: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    minted: Collection[str] = ()  # keys that hold ids by another name (``Dialect.minted``)

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
            if value in self.given or is_id(key, self.minted):
                return self.of(value, key)
            if len(value) >= 64 and (raw := unbase64(value)) is not None:
                return f"<{len(raw)} bytes sha256:{sha256(raw).hexdigest()[:12]}>"
        return value


def steps(connection: Connection, dialect: Dialect, names: Names) -> Iterator[NormalStep]:
    """The steps of a connection in the order of their causes (``cassette.causal``)."""
    yield from _Steps(connection.records, dialect, names).all()


def unlike(left: NormalStep, right: NormalStep) -> str:
    """What differs in the audio of two steps; "" for nothing."""
    before, after = left.audio_ms or 0, right.audio_ms or 0
    if left.microphone is not None and right.microphone is not None:
        if left.microphone.covers(right.microphone):
            return ""
        if before == after == 0:
            return "audio: one has less than the service took its turn from"
    if abs(before - after) > SLACK_MS:
        return f"audio: {seconds_of(before)} -> {seconds_of(after)}"
    if left.sound != right.sound:
        return f"audio: {seconds_of(before)}, with another content"
    return ""


def moved(left: NormalStep, right: NormalStep) -> Iterator[tuple[str, str]]:
    """The fields that name another moment of the client's audio, and what each of the two says."""
    for key in dict.fromkeys((*left.places, *right.places)):
        a, b = left.places.get(key), right.places.get(key)
        if a is None or b is None or abs(a - b) > PLACE_SLACK_MS:
            yield key, " -> ".join("nothing" if one is None else f"behind {seconds_of(one)} of sound" for one in (a, b))


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
    said: Spoken | None  # what a piece of a text carries

    def without(self, fields: Sequence[str]) -> _StreamPiece:
        """Without what is told of this piece alone."""
        body = self.view.body
        if not isinstance(body, dict) or body.keys().isdisjoint(fields):
            return self
        return self._replace(view=replace(self.view, body={key: body[key] for key in body if key not in fields}))

    def stream(self) -> str:
        """What the pieces of one stream have in common."""
        body = _bare(self.view, self.said)
        if not isinstance(body, dict):
            return self.view.name
        return f"{self.view.name} {json.dumps(_quiet(body), sort_keys=True)}"


class _Steps:
    def __init__(self, records: Sequence[Record], dialect: Dialect, names: Names) -> None:
        self._records, self._dialect, self._names = records, dialect, names
        names.minted = dialect.minted
        self._places: SoundMap | None = None

    def all(self) -> Iterator[NormalStep]:
        """In order. A text that goes on after more of the client's audio, and after nothing else, is one step."""
        run: list[NormalStep] = []
        for step in self._apart():
            if run and not _same_text(run[0], step):
                yield self._one(run)
                run.clear()
            run.append(step)
        if run:
            yield self._one(run)

    def _one(self, run: Sequence[NormalStep]) -> NormalStep:
        if len(run) == 1:
            return run[0]
        return self._text([piece for step in run for piece in step.pieces], floating=run[0].floating)

    def _apart(self) -> Iterator[NormalStep]:
        for group in arranged(self._records, self._dialect, self._blank):
            row: list[_StreamPiece] = []
            for place in group.records:
                record = self._records[place]
                view = self._dialect.view(record.frame, record.sender)
                piece = _StreamPiece(place, record, view, piece_of(self._dialect, view))
                if group.chain == "audio" or piece.said is not None or listed(view.name, self._dialect.repeated):
                    row.append(piece.without(self._dialect.of_pieces))
                    continue
                yield from self._streams(row, group)
                row.clear()
                for step in self._streams([piece], group):
                    step.floating = group.chain.startswith(FLOATS)
                    yield step
            yield from self._streams(row, group)

    def _streams(self, row: Sequence[_StreamPiece], group: CausalGroup) -> Iterator[NormalStep]:
        """Pieces in a row: those of one stream are one step. How streams are cut and how they cross means nothing."""
        streams: dict[str, list[_StreamPiece]] = {}
        for piece in row:
            streams.setdefault(piece.stream(), []).append(piece)
        for pieces in sorted(
            streams.values(), key=lambda one: (one[0].view.name, self._bare(one[0].view, one[0].said))
        ):
            if all(piece.view.audio is not None for piece in pieces):
                if group.opened and (spoken := self._microphone(pieces, group)):
                    yield spoken
                elif not group.opened:
                    yield _sound(pieces, self._names)
            elif all(piece.said is not None for piece in pieces):
                yield self._text(pieces)
            else:
                yield from map(self._plain, pieces)

    def _text(self, pieces: Sequence[_StreamPiece], *, floating: bool = False) -> NormalStep:
        step = _step(pieces, self._names.normal(_joined(pieces).body))
        step.pieces, step.floating = tuple(pieces), floating
        return step

    def _blank(self, view: View, frame: Frame) -> str:
        return self._bare(view, piece_of(self._dialect, view))

    def _bare(self, view: View, said: Spoken | None) -> str:
        """A text that is the same for the same frame of any recording of the conversation."""
        return f"{view.name} {dumps(Names(minted=self._dialect.minted).normal(_bare(view, said)))}"

    def _plain(self, piece: _StreamPiece) -> NormalStep:
        moments = placed(piece.view.name, piece.view.body, self._dialect)
        if not moments or piece.record.sender is Sender.CLIENT:
            return _step([piece], _body(piece.record, piece.view, self._names))
        if self._places is None:
            self._places = SoundMap(self._records, self._dialect)
        body = piece.view.body
        for path in moments:
            body = _without(body, tuple(path.split(".")))
        step = _step([piece], self._names.normal(body))
        step.places = {key: self._places.sound_before(at) for key, at in moments.items()}
        return step

    def _microphone(self, pieces: Sequence[_StreamPiece], group: CausalGroup) -> NormalStep | None:
        """A stretch without an end of the client's. None where there was nothing to hear and nothing came of it."""
        before = sum(piece.place < group.answered for piece in pieces)
        heard, ms = stretch([(piece.record, piece.view) for piece in pieces], group.form, before)
        if not ms and not before:
            return None
        path = pieces[0].view.audio.path if pieces[0].view.audio else ()
        step = _step(pieces, self._names.normal(_without(pieces[0].view.body, path)))
        sound = heard.sound if ms else b""
        step.audio_ms, step.sound, step.microphone = ms, sha256(sound).hexdigest()[:12], heard
        return step


def _same_text(one: NormalStep, other: NormalStep) -> bool:
    if not (one.pieces and other.pieces) or one.floating != other.floating:
        return False
    return one.pieces[0].stream() == other.pieces[0].stream()


def _step(pieces: Sequence[_StreamPiece], body: Any) -> NormalStep:
    first, last = pieces[0], pieces[-1]
    return NormalStep(first.place, last.place, first.record.sender, first.view.name, body)


def _sound(pieces: Sequence[_StreamPiece], names: Names) -> NormalStep:
    step = _step(pieces, None)
    step.audio_ms, sound = 0, sha256()
    for piece in pieces:
        audio = piece.view.audio
        step.audio_ms += audio.milliseconds() if audio else 0
        sound.update(_audio(piece.record, piece.view))
    step.sound = sound.hexdigest()[:12]
    view = _joined(pieces)
    step.body = names.normal(_without(view.body, view.audio.path if view.audio else ()))
    return step


def _joined(pieces: Sequence[_StreamPiece]) -> View:
    """The first piece that has words, with the words of all in their place; without any, the first piece."""
    one = next((piece for piece in pieces if piece.said is not None), pieces[0])
    if one.said is None:
        return one.view
    words = "".join(piece.said.text for piece in pieces if piece.said is not None)
    return replace(one.view, body=worded(one.view.body, one.said, words))


def _bare(view: View, said: Spoken | None) -> Any:
    """A body without its audio and its words, and without what held nothing but words."""
    body = view.body if said is None else worded(view.body, said, None)
    return body if view.audio is None else _without(body, view.audio.path)


def _quiet(value: Any, depth: int = 0) -> Any:
    """A JSON value without what means nothing (``NOISE``)."""
    if depth > DEEPEST:
        return "..."
    if isinstance(value, dict):
        return {key: _quiet(one, depth + 1) for key, one in value.items() if key not in NOISE}
    return [_quiet(one, depth + 1) for one in value] if isinstance(value, list) else value


def dumps(body: Any) -> str:
    """JSON on one line, keys as they came, only printable characters."""
    text = json.dumps(body, ensure_ascii=False, separators=(", ", ": "))
    return text if text.isprintable() else json.dumps(body, separators=(", ", ": ")).replace("\x7f", "\\u007f")


def _audio(record: Record, view: View) -> bytes:
    """What a step's hash is made of: the audio's bytes, or the digest that stands for them."""
    return "".join(record.digests).encode() if any(record.digests) else audio_of(record, view)


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
