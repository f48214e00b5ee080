"""One session, frame by frame, as what is drawn: rows of the list, bars of replies, audio, words.

``Scene`` is fed as the session goes on, so that a running server can be watched with it, and is the same for a
cassette. Nothing here is escaped: the page puts every text into the document as text.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from mockserver.cassette.model import Cassette
from mockserver.cassette.render import lens_of
from mockserver.core.entry import SessionLog
from mockserver.core.frames import Answer, Binary, Close, Frame, Handshake, Lost, Micros, Note, Sender, Text
from mockserver.core.journal import Journal
from mockserver.core.timeline import safe
from mockserver.core.view import Kind, Memo, View
from mockserver.dialects.base import Dialect, SampleFormat
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.life import Replies
from mockserver.view.sound import Track

What = Handshake | Answer | Frame | Note
LONGEST_BODY = 200_000
"""Characters of one frame's JSON that the page shows; the rest is counted."""
LONGEST_SAID = 2_000
ORDER_STEP = 50_000
"""Microseconds between the frames of a recording that kept only their order."""
SAID = ("delta", "transcript", "text", "user_transcript", "agent_response")
"""Fields in which words are sent, whole or in pieces."""


class Lane(IntEnum):
    """Who a row is from."""

    CLIENT = 0
    SERVER = 1
    NOTE = 2


class Line(NamedTuple):
    """One row of the list. ``text``: what the frame holds, its audio left out."""

    at: Micros
    lane: Lane
    kind: str
    name: str
    summary: str
    text: str


@dataclass(slots=True)
class Bar:
    """A reply of the model's, from its first frame to its end."""

    id: str
    begin: Micros
    end: Micros | None = None
    status: str = "in progress"
    said: str = ""


@dataclass(slots=True)
class Scene:
    """One session. ``timed`` False: the times are made up, only the order is known."""

    number: int
    dialect: Dialect
    began_us: Micros = 0
    timed: bool = True
    lines: list[Line] = field(default_factory=list)
    bars: dict[str, Bar] = field(default_factory=dict)
    heard: list[tuple[Micros, str]] = field(default_factory=list)  # transcripts of the user's audio, as they came
    client: Track = field(default_factory=Track)
    server: Track = field(default_factory=Track)
    title: str = ""
    _replies: Replies | None = None
    _in: SampleFormat = field(default_factory=SampleFormat)
    _out: tuple[int, str] = (24_000, "pcm")

    def feed(self, at: Micros | None, sender: Sender | None, what: What) -> Line:
        """The next thing that happened."""
        now = len(self.lines) * ORDER_STEP if at is None else at
        match what:
            case Note(kind, text, data):
                line = Line(now, Lane.NOTE, "note", safe(kind, 120), safe(text, 300), _pretty(data))
            case Handshake(path):
                self.title = safe(path, 200)
                line = Line(now, Lane.CLIENT, "http", "handshake", safe(path, 300), _pretty(_shake(what)))
            case Answer(status):
                line = Line(now, Lane.SERVER, "http", f"answer {status}", "", _pretty({"headers": list(what.headers)}))
            case _:
                assert sender is not None
                line = self._frame(now, sender, what)
        self.lines.append(line)
        return line

    def _frame(self, now: Micros, sender: Sender, frame: Frame) -> Line:
        view = self.dialect.view(frame, sender)
        lane = Lane.CLIENT if sender is Sender.CLIENT else Lane.SERVER
        reply = self._reply(now, sender, frame, view)
        if sender is Sender.CLIENT:
            self._in = self.dialect.audio_format(view, self._in)
        else:
            self._out = self.dialect.output_format(view) or self._out
        if view.audio is not None:
            self._sound(now, lane, frame, view, reply)
        told = self.dialect.summary(view)
        if self.dialect.life.stream(view.name) in ("transcript", "text") and (words := said_in(view.body)):
            # The ids stand behind what a reader looks for.
            told = f"{words!r} {told.removesuffix(repr(words)).rstrip()}"
        return Line(now, lane, str(view.kind), safe(view.name, 120), safe(told, 300), _shown(frame, view))

    def _reply(self, now: Micros, sender: Sender, frame: Frame, view: View) -> str | None:
        """The reply that a frame belongs to; bars and words are kept on the way."""
        if self._replies is None:
            self._replies = self.dialect.replies()
        status = self._replies.outcome(view) if sender is Sender.SERVER else None
        self._replies.see(sender, view)
        owner = self._replies.owner(view) if sender is Sender.SERVER else None
        for name in self._replies.open:
            self.bars.setdefault(name, Bar(name, now))
        if owner is not None and owner in self.bars:
            bar = self.bars[owner]
            stream = self.dialect.life.stream(view.name)
            if stream in ("transcript", "text") and len(bar.said) < LONGEST_SAID:
                bar.said += said_in(view.body)
            if status is not None and bar.end is None:
                bar.end, bar.status = now, status
                if status == "cancelled":
                    self.server.cut(now, owner)
        elif sender is Sender.SERVER and view.kind is Kind.EVENT and owner is None:
            words = _heard(view.body)
            if words:
                self.heard.append((now, words))
        return owner

    def _sound(self, now: Micros, lane: Lane, frame: Frame, view: View, reply: str | None) -> None:
        assert view.audio is not None
        data = _payload(frame, view)
        if lane is Lane.CLIENT:
            rate, encoding = self._in.rate, "pcm" if self._in.width == 2 else "ulaw"
            self.client.add(now, data, view.audio.rate or rate, view.audio.encoding or encoding, None)
        else:
            rate, encoding = self._out
            self.server.add(now, data, view.audio.rate or rate, view.audio.encoding or encoding, reply)


def of_cassette(cassette: Cassette) -> Iterator[Scene]:
    """A scene for each connection."""
    for one in cassette.connections:
        scene = Scene(one.number, lens_of(cassette), one.opened_us, one.timed)
        scene.feed(0, Sender.CLIENT, one.handshake)
        scene.feed(0 if one.timed else None, Sender.SERVER, one.answer)
        for record in one.records:
            scene.feed(record.at if one.timed else None, record.sender, record.frame)
        yield scene


def of_journal(journal: Journal) -> Iterator[Scene]:
    """A scene for each session of a server. Keys of a handshake are hidden, as in every view of a journal."""
    scenes = {log.number: scene_of(log) for log in journal.sessions}
    for entry in journal:
        what = entry.what
        shown = journal.shown(what) if isinstance(what, Handshake | Answer) else what
        scenes[entry.session].feed(entry.at, entry.sender, shown)
    yield from scenes.values()


def scene_of(log: SessionLog) -> Scene:
    """An empty scene for a session of a journal."""
    lens = log.lens.lens if isinstance(log.lens, Memo) else log.lens
    return Scene(log.number, lens if isinstance(lens, Dialect) else GENERIC, log.began_us)


def _payload(frame: Frame, view: View) -> bytes:
    assert view.audio is not None
    if isinstance(frame, Binary):
        return frame.data
    value = view.body
    try:
        for step in view.audio.path:
            value = value[step]
        return b64decode(value, validate=True)
    except (LookupError, TypeError, ValueError):  # damaged by a fault: it cannot be heard
        return b""


def _shown(frame: Frame, view: View) -> str:
    """What a frame holds, for the page: JSON laid out, its audio told by its length."""
    match frame:
        case Text(data) if view.body is None:
            return _limited(data)
        case Text(data):
            body = view.body
            if view.audio is not None and view.audio.path:
                body = _without(body, view.audio.path, f"({view.audio.size} bytes of audio)")
            return _pretty(body)
        case Binary(data):
            head = " ".join(f"{byte:02x}" for byte in data[:64])
            return f"{len(data)} bytes\n{head}{' ...' if len(data) > 64 else ''}"
        case Close(code, reason):
            return _pretty({"code": code, "reason": reason})
        case Lost(reason):
            return reason


def _without(body: Any, path: tuple[str | int, ...], told: str) -> Any:
    """A copy of ``body`` with something else at ``path``; only what lies on the way is copied."""
    if not path:
        return told
    try:
        inner = _without(body[path[0]], path[1:], told)
    except (LookupError, TypeError):
        return body
    copied = body.copy()
    copied[path[0]] = inner
    return copied


def _pretty(value: Any) -> str:
    return _limited(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def _limited(text: str) -> str:
    """A text as the page may show it: not endless, and without characters that turn other text around."""
    more = len(text) - LONGEST_BODY
    lines = (text if more <= 0 else f"{text[:LONGEST_BODY]}\n... {more} more characters").split("\n")
    return "\n".join(line if line.isprintable() else safe(line, len(line)) for line in lines)


def _shake(shake: Handshake) -> dict[str, Any]:
    return {
        "path": shake.path,
        "query": list(shake.query),
        "headers": list(shake.headers),
        "subprotocols": list(shake.subprotocols),
    }


def said_in(value: Any) -> str:
    """The words in a piece of a reply."""
    if isinstance(value, dict):
        own = next((value[key] for key in SAID if isinstance(value.get(key), str)), None)
        return own if own is not None else "".join(map(said_in, value.values()))
    return "".join(map(said_in, value)) if isinstance(value, list) else ""


def _heard(body: Any) -> str:
    """A transcript of the user's in a server event that belongs to no reply."""
    if not isinstance(body, dict):
        return ""
    for key in ("transcript", "user_transcript"):
        if isinstance(body.get(key), str):
            return str(body[key])[:LONGEST_SAID]
    return next((words for inner in body.values() if (words := _heard(inner))), "") if len(body) < 20 else ""
