"""Client audio that the source of an import has cut: the server speaks of more than there is.

Replay counts a client's audio in milliseconds, so pieces of a millisecond would let everything happen at once. Such
pieces are given the length that the server's own words tell, or one that the user knows, as silence.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mockserver.cassette.audio import base64
from mockserver.cassette.importers.build import Tell
from mockserver.cassette.model import Cassette, Connection, Record
from mockserver.core.frames import MILLISECOND, Binary, Micros, Sender, Text
from mockserver.core.json_text import dumps
from mockserver.core.view import Audio
from mockserver.dialects.base import Dialect, SampleFormat
from mockserver.dialects.registry import dialect_named

SLACK: Micros = 100 * MILLISECOND
"""A server may speak of so much more than was sent before it: it rounds, and adds its padding."""


def with_lengths(cassette: Cassette, tell: Tell, *, piece_ms: float | None = None) -> Cassette:
    """The cassette with pieces of audio as long as they were. ``piece_ms``: how long each is, where the user knows."""
    dialect = dialect_named(cassette.header.dialect)
    lines = tuple(_Line(one, dialect).mended(tell, piece_ms) for one in cassette.connections)
    return replace(cassette, connections=lines)


class _Line:
    """One connection's client audio, piece by piece, beside what the server says of it."""

    def __init__(self, line: Connection, dialect: Dialect) -> None:
        self._line = line
        self._pieces: list[tuple[int, Audio, SampleFormat]] = []
        self._marks: dict[int, Micros] = {}  # after so many pieces the server speaks of so much
        self._sent: Micros = 0
        self._cut = False
        form = SampleFormat()
        for place, record in enumerate(line.records):
            view = dialect.view(record.frame, record.sender)
            if record.sender is Sender.SERVER:
                told = dialect.heard_at(view)
                if told is not None and self._pieces:
                    self._marks[len(self._pieces)] = max(told, self._marks.get(len(self._pieces), 0))
                    self._cut = self._cut or told > self._sent + SLACK
                continue
            form = dialect.audio_format(view, form)
            if view.audio is not None:
                width = 1 if view.audio.encoding in ("ulaw", "alaw") else 2
                mine = SampleFormat(view.audio.rate, width) if view.audio.rate else form
                self._pieces.append((place, view.audio, mine))
                self._sent += mine.micros(view.audio.size)

    def mended(self, tell: Tell, piece_ms: float | None) -> Connection:
        """The connection, with other audio where it was cut."""
        if not self._pieces or (piece_ms is None and not self._cut):
            return self._line
        lengths = self._lengths() if piece_ms is None else [round(piece_ms * MILLISECOND)] * len(self._pieces)
        if piece_ms is None:
            most = max(self._marks.values())
            tell(
                f"connection {self._line.number}: the source has cut the client's audio: {len(self._pieces)} pieces "
                f"hold {self._sent / 1000:.0f} ms, and the server speaks of {most / 1000:.0f} ms; they are imported as "
                f"{sum(lengths) / 1000:.0f} ms of silence (--audio-piece-ms says otherwise)"
            )
        records = list(self._line.records)
        for (place, audio, form), length in zip(self._pieces, lengths, strict=True):
            size = length * form.rate // 1_000_000 * form.width
            records[place] = _silent(records[place], audio.path, size)
        return replace(self._line, records=tuple(records))

    def _lengths(self) -> list[Micros]:
        """What each piece must last for the server's words to be true: even between two of them, as before behind."""
        lengths: list[Micros] = []
        known: Micros = 0
        for count, told in self._marks.items():
            new = count - len(lengths)
            if new > 0 and told > known:
                lengths += [(told - known) // new] * new
                known = told
        rest = len(self._pieces) - len(lengths)
        return lengths + [known // len(lengths) if lengths else 0] * rest


def _silent(record: Record, path: Sequence[str | int], size: int) -> Record:
    if isinstance(record.frame, Binary) and not path:
        return replace(record, frame=Binary(bytes(size)))
    body: Any = json.loads(record.frame.data)  # type: ignore[union-attr]  # it was read as JSON a moment ago
    here = body
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = base64(bytes(size))
    return replace(record, frame=Text(dumps(body)))
