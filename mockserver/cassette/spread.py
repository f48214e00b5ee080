"""Secrets that are spread over several frames: a key that a model says in two deltas, or a client in two chunks.

A stream is what belongs together: the same field of the same kind of event of the same item; the words of one frame
with
their probabilities, too. Its text is put together as it goes by, as far back as ``KEPT``, and a secret that lies
across a
border is taken out of the frame at hand at once; the earlier frames' parts are noted, and taken out when the
recording is
finished. What may be the beginning of a secret is taken out at once as well, under a token of its own (``held``): the
next piece shows what it was, and if it was none the frame is given back. So no file ever holds a part of a secret that
says something about it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from mockserver.cassette.pairs import blank
from mockserver.cassette.patterns import TOKEN
from mockserver.cassette.quiet import LEAF, OUTLINES, noise
from mockserver.cassette.redact import Redactor
from mockserver.cassette.shapes import dotted
from mockserver.cassette.stream import KEPT, LeafPart, Place, Stream, end_of, how
from mockserver.cassette.stream import doubt as doubt_in
from mockserver.core.frames import Binary, Frame, Sender, Text
from mockserver.core.yielding import yield_to_others, yielding
from mockserver.dialects.base import parse

_MARKS = ('"delta"', '"text"', '"transcript"', '"arguments"', '"partial"', '"thinking"', '"content"', '"logprob"')
_WHICH = re.compile(
    r'"(type|role|ordinal|response_id|item_id|call_id|output_index|content_index|outputTranscription|inputTranscription|'
    r'modelTurn)"\s*:\s*("[^"\\]*"|\d+|\{)'
)
_IN_PIECES = ("delta", "partial", "token")
"""These hold a piece and never a whole text."""
_CONTAINER = re.compile(
    r'"(?:item|items|session|response|part|setup|turns|clientContent|client_content|realtimeInput|realtime_input|'
    r'toolResponse|tool_response)"\s*:\s*[\[{]'
)
"""What is inside one of these is told in full: an item, the settings, a message of the client's."""
_TYPE = re.compile(r'"type"\s*:\s*"([^"\\]*)"')
_WHOLE = re.compile(r".*\.(?:done|completed|creat(?:e|ed)|added|retrieved|updated?)")
_PIECE = re.compile(r".*(?:delta|chunk|part|append|stream)", re.IGNORECASE)
STREAMS = 512
"""So many streams are followed; the one that has been silent for longest is forgotten."""
_NEAR = 64
"""No marker is longer."""
_TOKEN_BYTES = re.compile(TOKEN.pattern.encode())


class Spread:
    """Follows the streams of one cassette. ``parts`` is what is to be taken out: spans, by frame and leaf."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._search = redactor.search
        self._streams: dict[tuple[object, ...], Stream] = {}
        # Outlines of frames that carry words, with the stream that those belong to.
        self._quiet: dict[str, tuple[object, ...]] = {}
        self.parts: dict[tuple[int, int], dict[int, tuple[str, list[tuple[int, int]]]]] = {}
        self._doubts: dict[
            tuple[int, int], dict[int, tuple[str, int]]
        ] = {}  # by frame and leaf: text, where doubt begins
        self._kept: dict[tuple[int, int], Frame] = {}  # frames in doubt, as they were
        self._given: list[tuple[int, int, Frame]] = []
        self._holds = False

    def frame(self, connection: int, number: int, sender: Sender, frame: Frame) -> tuple[Frame, str]:
        """The frame as it may be written: redacted by itself, without its part of a spread secret, and without what
        may be
        the beginning of one (``given`` gives that back).

        Beside it the kind of a secret that still stands in it, or "".
        """
        text = frame.data if isinstance(frame, Text) else ""
        if text and self._search.quiet.same(text) and not self._search.named(text):
            return frame, ""
        self._holds = True
        new, standing = self._redactor.clean(frame)
        hit = self.look(connection, number, sender, frame)
        self._holds = False
        if standing:
            self._doubts.pop((connection, number), None)  # none of it is written at all
        if (connection, number) in self._doubts:
            self._kept[connection, number] = new
            hit = True
        return (self.finished(connection, number, new) if hit else new), standing

    def in_doubt(self, connection: int, number: int) -> bool:
        """Whether something of a frame is held back that may be given back."""
        return (connection, number) in self._doubts

    def given(self) -> list[tuple[int, int, Frame]]:
        """The frames written before of which it is known now that what was held is no secret: connection, number,
        frame.
        """
        given, self._given = self._given, []
        return given

    def give_all(self) -> list[tuple[int, int, Frame]]:
        """The frames that are still in doubt: nothing follows any more."""
        for key in list(self._doubts):
            self._give(key)
        return self.given()

    def end(self, redactor: Redactor) -> None:
        """Nothing follows any more: what was found is kept, and what was only remembered is not."""
        self._redactor, self._search = redactor, redactor.search
        self._streams.clear()
        self._quiet.clear()

    def _give(self, key: tuple[int, int]) -> None:
        if self._doubts.pop(key, None) is not None:
            self._given.append((*key, self.finished(*key, self._kept.pop(key))))

    def _remember(self, sketch: str, words: str, text: str) -> None:
        """The words of the next frame with this outline need not be looked for."""
        leaves = [match[3] for match in LEAF.finditer(text) if match[3] != '""']
        if leaves != [f'"{words}"'] or next(LEAF.finditer(text))[3] != leaves[0]:
            return  # it is not the first, so its stream is told in another way
        if len(self._quiet) >= OUTLINES:
            self._quiet.clear()
        self._quiet[sketch] = tuple(_WHICH.findall(text))

    def look(self, connection: int, number: int, sender: Sender, frame: Frame) -> bool:
        """Take note of a frame as it was sent; True where a secret that began earlier goes on in it."""
        said = self._said(frame)
        if said is not None:
            return bool(said) and self._goes_on((connection, sender), (connection, number, 0), said)
        text = _text_of(frame)
        if text is None or self._search.quiet.same(text):
            return False
        sketch, words = self._search.quiet.outline(text)
        if sketch:
            if sketch not in self._quiet:
                self._remember(sketch, words, text)
            outlined = self._quiet.get(sketch)
            if outlined is not None:
                return self._goes_on((connection, sender, outlined, "delta", 0), (connection, number, 0), words)
        if not _leafy(text):
            return False
        hit, which, whole = False, None, None
        probable = '"logprob"' in text
        counts: dict[str, int] = {}
        for leaf, match in enumerate(yielding(LEAF.finditer(text))):
            name = match[1]
            if name == "token" and not probable:
                continue
            if name not in _IN_PIECES or name == "token":
                whole = _is_whole(text, sender) if whole is None else whole
                if whole and name != "token":
                    continue
            piece = match[3][1:-1]
            if "\\" in piece:
                piece = parse(match[3])
            if isinstance(piece, str) and piece:
                which = which or tuple(_WHICH.findall(text))
                count = counts[name] = counts.get(name, -1) + 1
                key = (connection, sender, which, name, count if name != "token" else number if whole else -1)
                if noise(piece) and not self._is_hot(key):
                    continue
                hit |= self._goes_on(key, (connection, number, leaf), piece)
        return hit

    def _said(self, frame: Frame) -> str | None:
        """The text that a binary frame is a piece of; None for any other frame."""
        prefix = self._redactor.text_prefix
        if not (prefix and isinstance(frame, Binary) and frame.data.startswith(prefix)):
            return None
        return frame.data[len(prefix) :].decode("utf-8", "surrogateescape")

    def _is_hot(self, key: tuple[object, ...]) -> bool:
        """Whether what was said in a stream may give away what follows: then that is no noise."""
        stream = self._streams.get(key)
        return stream is not None and (stream.hot > 0 or stream.open is not None)

    def _stream(self, key: tuple[object, ...]) -> Stream:
        stream = self._streams.pop(key, None)
        if stream is None:
            stream = Stream()
            if len(self._streams) >= STREAMS:
                self._streams.pop(next(iter(self._streams)))
        self._streams[key] = stream
        return stream

    def _goes_on(self, key: tuple[object, ...], place: Place, piece: str) -> bool:
        """One more piece of a stream; True where a secret is in it that goes on from the last or into the next."""
        stream = self._stream(key)
        hit, past = False, 0
        border = len(stream.text)
        if stream.open is not None:
            past, on = end_of(stream.open, stream.text, piece)
            if past and not blank(piece[:past]):
                hit = True
                self._part(place, piece, 0, past)
            if on:
                self._settle(stream, len(stream.text) + len(piece), stream.at + border)
                stream.add(place, piece)
                return True
            stream.open = None
        near = stream.text[-_NEAR:] + piece
        if "//" in near or self._search.marked(near) or dotted(near):
            stream.hot = KEPT
        known = self._search.known
        named = bool(known.values) and known.may_be_in(stream.text + piece)
        doubt = border + len(piece)
        if stream.hot > 0 or named or self._search.rules:
            hit |= self._joined(stream, place, piece, border, past)
            if stream.open is None:
                doubt = doubt_in(stream.text + piece, known)
            stream.hot -= len(piece)
        elif known.values:
            doubt = known.begins_at(stream.text + piece)
        if stream.held:
            self._settle(stream, doubt, stream.at + border)
        if self._holds and max(doubt, border) < border + len(piece):
            frame = place[:2]
            self._doubts.setdefault(frame, {})[place[2]] = (piece, max(doubt - border, past))
            stream.held.append((stream.at + max(doubt, border), frame))
        stream.add(place, piece)
        return hit

    def _joined(self, stream: Stream, place: Place, piece: str, border: int, past: int) -> bool:
        """Look at the pieces together; True where a part of a secret is in the newest one, or gave away an
        earlier one.
        """
        whole = stream.text + piece
        hit = False
        alone: set[tuple[int, int]] | None = None
        for cut in yielding(self._search.cuts(whole)[0]):
            begin, end = cut.begin, cut.end
            if stream.noted.get(stream.at + begin, -1) >= stream.at + end or end <= border + past:
                if end <= border + past and not self._known(stream, begin, end):
                    hit = True
                    self._note(stream, place, piece, begin, end)
                    stream.noted[stream.at + begin] = stream.at + end
                if end < len(whole):
                    continue
            if alone is None:
                alone = {(one.begin, one.end) for one in self._search.cuts(piece)[0]}
            if begin < border or (begin - border, end - border) not in alone:
                hit = True
                self._note(stream, place, piece, begin, end)
            stream.noted[stream.at + begin] = stream.at + end
            if end == len(whole):
                stream.open = how(whole, begin)
        return hit

    def _known(self, stream: Stream, begin: int, end: int) -> bool:
        """Whether a stretch of the past has been noted."""
        begin, end = begin + stream.at, end + stream.at
        return any(low <= begin and end <= high for low, high in stream.noted.items())

    def _settle(self, stream: Stream, doubt: int, now: int) -> None:
        """What was held and is a secret now stays out; what cannot be one any more is given back."""
        left: list[tuple[int, tuple[int, int]]] = []
        for begin, frame in stream.held:
            if any(low <= begin < high for low, high in stream.noted.items()) or stream.open is not None:
                if self._doubts.pop(frame, None) is not None:
                    self._kept.pop(frame, None)
            elif doubt + stream.at <= begin:
                left.append((begin, frame))
            else:
                self._give(frame)
        stream.held = left

    def _note(self, stream: Stream, place: Place, piece: str, begin: int, end: int) -> None:
        """A secret stands at these places of the stream's text; note each frame's part of it."""
        at = 0
        for one in (*stream.pieces, LeafPart(place, piece)):
            size = len(one.leaf) - one.start
            low, high = max(begin - at, 0), min(end - at, size)
            at += size
            if low < high:
                self._part(one.place, one.leaf, one.start + low, one.start + high)

    def _part(self, place: Place, leaf: str, begin: int, end: int) -> None:
        connection, number, which = place
        parts = self.parts.setdefault((connection, number), {})
        if which not in parts:
            self._redactor.counts["split"] += 1
        parts.setdefault(which, (leaf, []))[1].append((begin, end))

    def forget(self, connection: int, number: int) -> None:
        """This frame did not come after all."""
        self.parts.pop((connection, number), None)
        self._doubts.pop((connection, number), None)
        self._kept.pop((connection, number), None)

    def finished(self, connection: int, number: int, frame: Frame) -> Frame:
        """A frame (redacted by itself already) without its parts of spread secrets, and without what is in doubt."""
        parts, doubts = self.parts.get((connection, number), {}), self._doubts.get((connection, number), {})
        if not parts and not doubts:
            return frame

        def words(leaf: int) -> str | None:
            text, spans = parts.get(leaf, ("", []))
            if leaf in doubts:
                text, begin = doubts[leaf]
                return self._clean(text, spans, begin)
            return self._clean(text, spans, len(text)) if spans else None

        if self._said(frame) is not None:
            new = words(0)
            return frame if new is None else Binary(self._redactor.text_prefix + new.encode("utf-8", "surrogateescape"))
        text = _text_of(frame)
        if text is None:
            return frame
        counter = iter(range(1 << 30))

        def leaf(match: re.Match[str]) -> str:
            yield_to_others()
            new = words(next(counter))
            if new is None:
                return match[0]
            return f'"{match[1]}"{match[2]}{json.dumps(new, ensure_ascii=match[3].isascii())}'

        made = self._redactor.unsaid(LEAF.sub(leaf, text))
        return Text(made) if isinstance(frame, Text) else Binary(made.encode())

    def _clean(self, text: str, spans: Iterable[tuple[int, int]], doubt: int) -> str:
        """A leaf's text without these stretches, then redacted by itself. Equal parts get equal tokens."""
        for begin, end, kind in reversed(_merged(spans, doubt, len(text))):
            text = text[:begin] + self._redactor.token(kind, text[begin:end]) + text[end:]
        return self._redactor.text(text)


def _is_whole(text: str, sender: Sender) -> bool:
    """Whether the texts of a frame are told in full, so that the next frame's are other texts: an item, a message."""
    if _CONTAINER.search(text):
        return True
    types = _TYPE.findall(text)
    if any(map(_PIECE.fullmatch, types)):
        return False
    # What a client says without calling it a piece is a message of its own.
    return any(map(_WHOLE.fullmatch, types)) or (bool(types) and sender is Sender.CLIENT)


def _leafy(text: str) -> bool:
    for mark in _MARKS:  # noqa: SIM110 - a generator costs more than the searches, and every frame comes by
        if mark in text:
            return True
    return False


def _merged(spans: Iterable[tuple[int, int]], doubt: int, end: int) -> list[tuple[int, int, str]]:
    """Stretches that touch are one; what is in doubt is one of its own."""
    made: list[tuple[int, int, str]] = []
    for begin, past in sorted(spans):
        if made and begin <= made[-1][1]:
            made[-1] = (made[-1][0], max(past, made[-1][1]), "split")
        else:
            made.append((begin, past, "split"))
    doubt = max(doubt, made[-1][1] if made else 0)
    return [*made, (doubt, end, "held")] if doubt < end else made


def _text_of(frame: Frame) -> str | None:
    match frame:
        case Text(data):
            return data
        case Binary(raw) if raw.lstrip()[:1] == b"{":
            try:
                return raw.decode("utf-8")
            except UnicodeDecodeError:
                return None
        case _:
            return None


def still_spread(
    redactor: Redactor, frames: Iterable[tuple[int, int, Sender, Frame]]
) -> Iterator[tuple[int, int, Sender]]:
    """The frames in which a spread secret still ends, after the redaction."""
    check = Spread(redactor)
    for connection, number, sender, frame in frames:
        text = _text_of(frame)
        bare = frame
        if text is not None and "REDACTED-" in text:
            bare = Text(TOKEN.sub(lambda _: "\\u0000", text))
        elif isinstance(frame, Binary):
            bare = Binary(_TOKEN_BYTES.sub(b"\0", frame.data))
        if check.look(connection, number, sender, bare):
            yield connection, number, sender
