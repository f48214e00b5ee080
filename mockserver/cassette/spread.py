"""Secrets that are spread over several frames: a key that a model says in two deltas, or a client in two chunks.

A stream is what belongs together: the same field of the same kind of event of the same item. Its text is put together
as it goes by, and a secret that lies across a border is taken out of the frame at hand at once, so that no file ever
holds all of it; the earlier frames' parts are noted, and taken out when the recording is finished.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mockserver.cassette import fields
from mockserver.cassette.audio import unbase64
from mockserver.cassette.patterns import TOKEN, marked
from mockserver.cassette.redact import Redactor
from mockserver.core.frames import Binary, Frame, Sender, Text
from mockserver.dialects.base import parse

LEAF = re.compile(
    r'"(delta|text|transcript|arguments|partial|thinking|content)"(\s*:\s*)("[^"\\]*(?:\\.[^"\\]*)*")', re.DOTALL
)
"""Fields in which providers send text piece by piece (OpenAI deltas, Gemini text parts and transcriptions)."""
_MARKS = ('"delta"', '"text"', '"transcript"', '"arguments"', '"partial"', '"thinking"', '"content"')
_WHICH = re.compile(
    r'"(type|role|ordinal|response_id|item_id|call_id|output_index|content_index|outputTranscription|inputTranscription|'
    r'modelTurn)"\s*:\s*("[^"\\]*"|\d+|\{)'
)
_IN_PIECES = ("delta", "partial")
"""These hold a piece and never a whole text."""
_CONTAINER = re.compile(
    r'"(?:item|items|session|response|part|setup|turns|clientContent|client_content|realtimeInput|realtime_input|'
    r'toolResponse|tool_response)"\s*:\s*[\[{]'
)
"""What is inside one of these is told in full: an item, the settings, a message of the client's."""
_TYPE = re.compile(r'"type"\s*:\s*"([^"\\]*)"')
_WHOLE = re.compile(r".*\.(?:done|completed|creat(?:e|ed)|added|retrieved|updated?)")
_PIECE = re.compile(r".*(?:delta|chunk|part|append|stream)", re.IGNORECASE)
_REST = re.compile(r'[^"\\\n]*(?:\\.[^"\\\n]*)*', re.DOTALL)
_EVENT_ID = '"event_id":"'
_DELTA = '"delta":"'
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
OUTLINES = 64
"""So many outlines of quiet frames are remembered."""
_TOKEN_BYTES = re.compile(TOKEN.pattern.encode())
KEPT = 2048
"""How much of a stream's past is looked at, in characters; no token is that long."""

Place = tuple[int, int, int]
"""Connection, number of the frame in it, number of the leaf in that."""


@dataclass(slots=True)
class _Stream:
    """The newest pieces of a stream; ``text`` is all of them joined."""

    pieces: deque[tuple[Place, str]] = field(default_factory=deque)
    text: str = ""
    open: bool = False  # the value of a secret field has begun and not ended

    def add(self, place: Place, piece: str) -> None:
        self.pieces.append((place, piece))
        self.text += piece
        while len(self.pieces) > 1 and len(self.text) - len(self.pieces[0][1]) > KEPT:
            self.text = self.text[len(self.pieces.popleft()[1]) :]


class Spread:
    """Follows the streams of one cassette. ``parts`` is what is to be taken out: spans, by frame and leaf."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._streams: dict[tuple[object, ...], _Stream] = {}
        # Outlines of frames in which there was nothing to find, with the stream that the words belong to.
        self._quiet: dict[str, tuple[object, ...]] = {}
        self.parts: dict[tuple[int, int], dict[int, tuple[str, list[tuple[int, int]]]]] = {}

    def frame(self, connection: int, number: int, sender: Sender, frame: Frame) -> tuple[Frame, str]:
        """The frame as it may be written: redacted by itself, and without its part of a spread secret.

        Beside it the kind of a secret that still stands in it, or "".
        """
        text = frame.data if isinstance(frame, Text) else ""
        outline, words = _outline(text)
        if outline:
            which = self._quiet.get(outline)
            if which is not None and not self._redactor.named(text):
                if words and self._goes_on((connection, sender, which, "delta", 0), (connection, number, 0), words):
                    return self.finished(connection, number, frame), ""
                return frame, ""
        new, standing = self._redactor.clean(frame)
        if outline:
            self._remember(outline, words, text)
        if self.look(connection, number, sender, frame):
            return self.finished(connection, number, new), standing
        return new, standing

    def _remember(self, outline: str, words: str, text: str) -> None:
        """The next frame with this outline need not be read, if there is no trace of a secret in it."""
        if self._redactor.suspicious(text):
            return
        bare = self._redactor.bare(text)
        leaves = [match[3] for match in LEAF.finditer(bare) if match[3] != '""']
        if leaves != ([f'"{words}"'] if words else []) or (words and bare != text):
            return
        if words and next(LEAF.finditer(text))[3] != leaves[0]:
            return  # it is not the first, so its stream is told in another way
        if len(self._quiet) >= OUTLINES:
            self._quiet.clear()
        self._quiet[outline] = tuple(_WHICH.findall(text))

    def look(self, connection: int, number: int, sender: Sender, frame: Frame) -> bool:
        """Take note of a frame as it was sent; True where a secret that began earlier goes on in it."""
        said = self._said(frame)
        if said is not None:
            return bool(said) and self._goes_on((connection, sender), (connection, number, 0), said)
        text = _text_of(frame)
        if text is None or not _leafy(text):
            return False
        text = self._redactor.bare(text)
        hit, which, whole = False, None, None
        for leaf, match in enumerate(LEAF.finditer(text)):
            if match[1] not in _IN_PIECES:
                whole = _is_whole(text, sender) if whole is None else whole
                if whole:
                    continue
            piece = match[3][1:-1]
            if "\\" in piece:
                piece = parse(match[3])
            if isinstance(piece, str) and piece:
                which = which or tuple(_WHICH.findall(text))
                hit |= self._goes_on((connection, sender, which, match[1], leaf), (connection, number, leaf), piece)
        return hit

    def _said(self, frame: Frame) -> str | None:
        """The text that a binary frame is a piece of; None for any other frame."""
        prefix = self._redactor.text_prefix
        if not (prefix and isinstance(frame, Binary) and frame.data.startswith(prefix)):
            return None
        return frame.data[len(prefix) :].decode("utf-8", "surrogateescape")

    def _goes_on(self, key: tuple[object, ...], place: Place, piece: str) -> bool:
        """One more piece of a stream; True where a secret is in it that goes on from the last or into the next."""
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = _Stream()
        border = len(stream.text)
        hit = (stream.open or '"' in piece) and self._field(stream, place, piece)
        if border and self._redactor.may_join(stream.text, piece):
            whole = stream.text + piece
            alone = self._redactor.spans(piece)
            stream.pieces.append((place, piece))
            for begin, end, _ in self._redactor.spans(whole):
                # What only the text before it gives away ("Bearer ", then the token) begins behind the border.
                seen = any(b <= begin - border and end - border <= e for b, e, _ in alone)
                if border < end and not seen:
                    hit = True
                    self._note(stream, begin, end)
            stream.pieces.pop()
        stream.add(place, piece)
        return hit

    def _field(self, stream: _Stream, place: Place, piece: str) -> bool:
        """The piece's part of a secret field's value that is cut here, or told by the pieces before; True for any."""
        spans, past = [], 0
        if stream.open:
            past = _closing(stream.text, piece)
            stream.open = past < 0
            spans.append((0, past if past >= 0 else len(piece)))
        if '"' in piece and not stream.open:
            whole, border = stream.text + piece, len(stream.text)
            for one in fields.found(whole) if fields.marked(whole) else ():
                if one.begin - border > past or (one.begin == border and not spans):
                    stream.open |= one.open
                    if one.open or one.start < border:  # else it stands in this piece alone, and was found there
                        spans.append((one.begin - border, one.end - border))
        spans = [(begin, end) for begin, end in spans if not fields.blank(piece[begin:end])]
        if spans:
            connection, number, leaf = place
            self.parts.setdefault((connection, number), {}).setdefault(leaf, (piece, []))[1].extend(spans)
        return bool(spans)

    def _note(self, stream: _Stream, begin: int, end: int) -> None:
        """A secret stands at these places of the stream's text; note each frame's part of it."""
        at = 0
        for (connection, number, leaf), text in stream.pieces:
            low, high = max(begin - at, 0), min(end - at, len(text))
            at += len(text)
            if low < high:
                _, spans = self.parts.setdefault((connection, number), {}).setdefault(leaf, (text, []))
                spans.append((low, high))

    def finished(self, connection: int, number: int, frame: Frame) -> Frame:
        """A frame (redacted by itself already) without its parts of spread secrets."""
        leaves = self.parts.get((connection, number))
        if leaves and self._said(frame) is not None:
            return Binary(self._redactor.text_prefix + self._clean(*leaves[0]).encode("utf-8", "surrogateescape"))
        text = _text_of(frame)
        if not leaves or text is None:
            return frame
        counter = iter(range(1 << 30))

        def leaf(match: re.Match[str]) -> str:
            found = leaves.get(next(counter))
            if found is None:
                return match[0]
            return f'"{match[1]}"{match[2]}{json.dumps(self._clean(*found), ensure_ascii=match[3].isascii())}'

        made = LEAF.sub(leaf, text)
        return Text(made) if isinstance(frame, Text) else Binary(made.encode())

    def _clean(self, text: str, spans: Iterable[tuple[int, int]]) -> str:
        """A leaf's text without these stretches, then redacted by itself. Equal parts get equal tokens."""
        self._redactor.counts["split"] = sum(map(len, self.parts.values()))
        for begin, end in reversed(_merged(spans)):
            text = text[:begin] + self._redactor.token("split", text[begin:end]) + text[end:]
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


def _closing(before: str, piece: str) -> int:
    """Where a JSON string that began earlier ends in a piece: at its quote, or where a line ends (in none it does)."""
    escaped = (len(before) - len(before.rstrip("\\"))) % 2
    found = _REST.match(piece, min(escaped, len(piece)))
    at = found.end() if found else 0
    return at if at < len(piece) and piece[at] != "\\" else -1


def _leafy(text: str) -> bool:
    for mark in _MARKS:  # noqa: SIM110 - a generator costs more than the searches, and every frame comes by
        if mark in text:
            return True
    return False


def _outline(text: str) -> tuple[str, str]:
    """A frame without its event id and without what it carries, which alone differ from one to the next; and the words
    that it carries, "" where that is base64. (A NUL stands for words: JSON has none, so the two are told apart.)

    The outline is "" for any other frame, and where the event id or the words may hold a secret by themselves. What is
    found in a text (``patterns``) is found inside a string or across several, never across an end of just one of these.
    """
    words = ""
    middle = len(text) // 2
    begin, end = text.rfind('"', 0, middle) + 1, text.find('"', middle)
    if not _is_base64(text[begin:end]):
        begin = text.rfind(_DELTA) + len(_DELTA)
        if begin < len(_DELTA):
            return "", ""
        end = text.find('"', begin)
        words = text[begin:end]
        if not words or "\\" in words or "%" in words or "://" in words:
            return "", ""
    gap = "\0" if words else ""
    found = text.find(_EVENT_ID, 0, begin)
    if found < 0:
        return ("", "") if words and marked(words) else (text[:begin] + gap + text[end:], words)
    found += len(_EVENT_ID)
    past = text.find('"', found, begin)
    event_id = text[found:past]
    if not event_id.replace("_", "").isalnum() or marked(f'{event_id}"{words}'):
        return "", ""
    return text[:found] + text[past:begin] + gap + text[end:], words


def _is_base64(payload: str) -> bool:
    if len(payload) < 64 or len(payload) % 4 or not payload.isascii():
        return False
    if payload[-1] == "=":
        if unbase64(payload[-4:]) is None:
            return False
        payload = payload.rstrip("=")
    return not payload.encode().translate(None, _BASE64)


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    made: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if made and begin <= made[-1][1]:
            made[-1] = (made[-1][0], max(end, made[-1][1]))
        else:
            made.append((begin, end))
    return made


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
