"""Frames that are like the one before them: most of a recording, so they are told by comparing and not by reading.

The deltas of a response differ in their event id and in what they carry. Where one was read in full, the next is of the
same **shape** if everything before its delta is the same text but for the event id, and if nothing after that is one of
the client's ids. Then it has the same name, the same cause, and its ids at the same places.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mockserver.core.burst import Burst, Fill
from mockserver.core.frames import Micros
from mockserver.engines.replay.aliases import Aliases, Parts, cut

_EVENT_ID = re.compile(r'"event_id"\s*:\s*"([^"\\]+)"')
_CARRIES = re.compile(r'"delta"\s*:\s*"')
KEPT = 4
"""So many shapes are tried: audio and its transcript come in turns."""

LONGEST = 1024
"""Frames of one cue: it keeps them until the last has been played."""


class DeltaShape:
    """What the frames of a run have in common. ``fits`` says whether a frame is one of them."""

    __slots__ = (
        "_fill", "_head", "_ids", "_longest", "_mid", "_mid_at", "_parts", "_rest", "_same_size",
        "_tail", "_version", "_where",
    )  # fmt: skip

    def __init__(self, text: str, tail: int, ids: frozenset[str], parts: Parts | None) -> None:
        found = _EVENT_ID.search(text, 0, tail)
        begin, end = found.span(1) if found else (tail, tail)
        self._head, self._where = text[:begin], begin
        self._mid, self._mid_at, self._tail = text[end:tail], end, tail
        self._ids = ids
        self._longest = max(map(len, ids), default=0)
        self._same_size = any(len(one) == end - begin for one in ids)
        closing = text.find('"', tail)
        rest = text[closing:] if closing >= 0 else ""
        self._rest = rest if ids.isdisjoint(rest.split('"')) else ""
        self._parts = parts
        self._version, self._fill = -1, (0, 0, "")

    def fits(self, text: str) -> bool:
        """Whether a text is one more frame of this run: the same but for its event id and its delta."""
        if not text.startswith(self._head):
            return False
        begin, mid, tail = self._where, self._mid_at, self._tail
        if begin < mid and (text.find('"', begin, mid + 1) != mid or not text.startswith(self._mid, mid)):
            return False
        ids = self._ids
        if not ids:
            return True
        if self._same_size and text[begin:mid] in ids:
            return False
        end = text.find('"', tail)
        if end - tail > self._longest and self._rest and text[end:] == self._rest:
            return True  # what it carries is longer than any id
        return ids.isdisjoint(text[tail:].split('"'))

    def fill(self, aliases: Aliases) -> Fill | None:
        """What is put into each of these frames as the table of ids stands; None where nothing is."""
        if self._parts is None or not aliases.version:
            return None
        if self._version != aliases.version:
            parts = self._parts
            begin = len(parts[0])
            end = begin + len('"'.join(("", *parts[1:-1], "")))
            self._fill = begin, end, aliases.fill(("", *parts[1:-1], ""))
            self._version = aliases.version
        return self._fill


def shape_of(text: str, ids: frozenset[str], known: list[DeltaShape], told_by: tuple[str, ...]) -> None:
    """Put the shape of a delta that was read in full before those known, where it can be told from what it carries.

    ``told_by``: the values that say what it is and belongs to. They must stand before what it carries.
    """
    found = _CARRIES.search(text)
    if found is None:
        return
    tail = found.end()
    if any(text.find(f'"{value}"', 0, tail) < 0 for value in told_by):
        return
    parts = cut(text, ids) if ids else None
    if parts is not None:
        named = _EVENT_ID.search(text, 0, tail)
        begin = named.start(1) if named else tail
        place = len(parts[0])
        for recorded, after in zip(parts[1::2], parts[2::2], strict=True):
            past = place + len(recorded) + 2
            # An id in the delta or in place of the event id is this frame's own affair.
            if past >= tail or place + 1 == begin:
                return
            place = past + len(after)
    known.insert(0, DeltaShape(text, tail, ids, parts))
    del known[KEPT:]


def shape_like(known: list[DeltaShape], text: str) -> DeltaShape | None:
    """The shape that a text has, of those known."""
    for shape in known:
        if shape.fits(text):
            return shape
    return None


@dataclass(eq=False, slots=True)
class DeltaRun:
    """The frames of one cue that are played one after another. ``at`` is the next one."""

    texts: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    delays: list[Micros] = field(default_factory=list)
    shapes: list[DeltaShape] = field(default_factory=list)
    at: int = 0

    def left(self) -> int:
        """How many have not been played."""
        return len(self.texts) - self.at

    def add(self, text: str, place: int, delay: Micros, shape: DeltaShape) -> None:
        """One more, from this place of the recording."""
        self.texts.append(text)
        self.places.append(place)
        self.delays.append(delay)
        self.shapes.append(shape)

    def burst(self, begin: int, end: int, aliases: Aliases) -> Burst:
        """Some of these frames as they go out, with the live ids in them."""
        texts = self.texts
        if end == begin + 1:
            return Burst(((texts[begin], self.shapes[begin].fill(aliases)),))
        if not aliases.version:
            return Burst([(text, None) for text in texts[begin:end]])
        shapes = self.shapes[begin:end]
        fills = {shape: shape.fill(aliases) for shape in set(shapes)}
        return Burst([(text, fills[shape]) for text, shape in zip(texts[begin:end], shapes, strict=True)])
