"""One text that comes in pieces: the newest of them, what has been found in them, and how a secret goes on."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

from mockserver.cassette import near, shapes
from mockserver.cassette.known import Known
from mockserver.cassette.pairs import doubtful

_REST = {quote: re.compile(rf"[^{quote}\\\n]*(?:\\.[^{quote}\\\n]*)*", re.DOTALL) for quote in "\"'"}
_GOES_ON = re.compile(r"(?:[.:]?[\w+/~%=-]+)*", re.ASCII)
_BLOCK = re.compile(r"[A-Za-z0-9+/=\s\\:-]*", re.ASCII)
_LOGIN = re.compile(r"//[^\s\"'<>`/?#\\@]{1,256}\Z")
_SCHEME = re.compile(r"(?i:bearer)[ \t]{0,8}([A-Za-z0-9._~+/=-]{1,64})\Z")
KEPT = 2048
"""How much of a stream's past is looked at, in characters."""

TRIM = 512
"""So much more may be there before what is too old is forgotten: to do that for each piece would cost more."""

Place = tuple[int, int, int]
"""Connection, number of the frame in it, number of the leaf in that."""


@dataclass(slots=True)
class LeafPart:
    """What one leaf of one frame adds to a stream: its text from ``start`` on is still in the window."""

    place: Place
    leaf: str
    start: int = 0


@dataclass(slots=True)
class Stream:
    """The newest pieces of a stream; ``text`` is all of them joined, and begins ``at`` characters after the
    stream did.
    """

    pieces: deque[LeafPart] = field(default_factory=deque)
    text: str = ""
    at: int = 0
    hot: int = 0  # for so many characters more, something that was said may give away what follows
    open: re.Pattern[str] | None = None  # a secret has begun and not ended: how it goes on
    noted: dict[int, int] = field(
        default_factory=dict
    )  # where secrets begin and end, counted from the stream's beginning
    held: list[tuple[int, tuple[int, int]]] = field(default_factory=list)  # where doubt begins, and in which frame

    def add(self, place: Place, piece: str) -> None:
        self.pieces.append(LeafPart(place, piece))
        self.text += piece
        over = len(self.text) - KEPT
        if over > TRIM:
            self.text = self.text[over:]
            self.at += over
            while over > 0:
                first = self.pieces[0]
                size = len(first.leaf) - first.start
                if size <= over:
                    self.pieces.popleft()
                    over -= size
                else:
                    first.start += over
                    over = 0
            if len(self.noted) > 64:
                self.noted = {begin: end for begin, end in self.noted.items() if end > self.at}


def end_of(pattern: re.Pattern[str], before: str, piece: str) -> tuple[int, bool]:
    """How far a secret that has begun goes on in a piece, and whether it may go on in the next one: a string to its
    quote, or to the end of a line; a block to its last line.
    """
    begin = 0
    if pattern in _REST.values():
        begin = min((len(before) - len(before.rstrip("\\"))) % 2, len(piece))
    match = pattern.match(piece, begin)
    past = match.end() if match else 0
    if pattern is _BLOCK:
        tail = before[-80:]
        last = (tail + piece).find("-----END ")
        last = (tail + piece).find("-----", last + 9) if last >= 0 else -1
        if last >= 0:
            return min(max(last + 5 - len(tail), 0), past), False
    return past, past == len(piece)


def how(text: str, begin: int) -> re.Pattern[str]:
    """How a secret goes on that begins here and has not ended."""
    if text.startswith(("-----BEGIN", "PuTTY"), begin):
        return _BLOCK
    return _REST.get(text[begin - 1 : begin], _GOES_ON)


def doubt(text: str, known: Known) -> int:
    """Where what may be the beginning of a secret stands at the end of a text; its length where nothing does."""
    first = min(shapes.beginning(text), known.begins_at(text), doubtful(text), near.doubtful(text))
    tail = text[-320:]
    for pattern in (_LOGIN, _SCHEME):
        match = pattern.search(tail)
        if match is not None:
            first = min(first, len(text) - len(tail) + (match.start(1) if pattern.groups else match.start() + 2))
    return first
