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
from mockserver.core.view import Memo, Spoken, View
from mockserver.dialects.base import Dialect, SampleFormat, clipped
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.life import Replies, last_of
from mockserver.view.sound import Track

What = Handshake | Answer | Frame | Note
LONGEST_BODY = 200_000
"""Characters of one frame's JSON that the page shows; the rest is counted."""
LONGEST_SAID = 2_000
ORDER_STEP = 50_000
"""Microseconds between the frames of a recording that kept only their order."""


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
    _open: set[str] = field(default_factory=set)
    _hearing: tuple[str, str] | None = None  # the text of the user's that may go on: its item, its stream
    _in: SampleFormat = field(default_factory=SampleFormat)
    _out: tuple[int, str] = (24_000, "pcm")

    def feed(self, at: Micros | None, sender: Sender | None, what: What) -> Line:
        """The next thing that happened."""
        now = len(self.lines) * ORDER_STEP if at is None else at
        match what:
            case Note(kind, text, data):
                more = f"\n{_pretty(data)}" if data else ""
                line = Line(now, Lane.NOTE, "note", safe(kind, 120), safe(text, 300), lined(text) + more)
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
        said = self.dialect.spoken(view)
        reply = self._reply(now, sender, view, said)
        if sender is Sender.CLIENT:
            self._in = self.dialect.audio_format(view, self._in)
        else:
            self._out = self.dialect.output_format(view) or self._out
        if view.audio is not None:
            self._sound(now, lane, frame, view, reply)
        told = self.dialect.summary(view)
        if said is not None and said.text:
            # The ids stand behind what a reader looks for.
            words = repr(clipped(said.text, 160))
            told = f"{words} {told.removesuffix(words).rstrip()}"
        return Line(now, lane, str(view.kind), safe(view.name, 120), safe(told, 300), _shown(frame, view))

    def _reply(self, now: Micros, sender: Sender, view: View, said: Spoken | None) -> str | None:
        """The reply that a frame belongs to; bars and words are kept on the way."""
        if self._replies is None:
            self._replies = self.dialect.replies()
        status = self._replies.outcome(view) if sender is Sender.SERVER else None
        self._replies.see(sender, view)
        owner = self._replies.owner(view) if sender is Sender.SERVER else None
        open_now = self._replies.open
        for name in open_now:
            if name not in self.bars:
                self.bars[name] = Bar(name, now)
        if sender is Sender.SERVER and said is not None and said.text:
            self._words(now, owner, view, said)
        if owner is not None and owner in self.bars:
            bar = self.bars[owner]
            if status is not None and bar.end is None:
                bar.end, bar.status = now, status
                if status == "cancelled":
                    self.server.cut(now, owner)
        if self._open != open_now.keys():
            for name in self._open - open_now.keys():
                # Some services never say that a reply is over: it is when the next one may begin.
                if (gone := self.bars.get(name)) is not None and gone.end is None:
                    gone.end, gone.status = now, "over"
            self._open = set(open_now)
        return owner

    def _words(self, now: Micros, owner: str | None, view: View, said: Spoken) -> None:
        """What was said: by the user in a lane, by the model on the bar of its reply."""
        if self.dialect.life.stream(view.name) == "arguments":
            return
        if said.speaker == "user":
            self._heard(now, (view.item_id or "", said.stream), said)
            return
        if self._hearing == ("", ""):
            self._hearing = None  # without ids, what the model says is the end of what the user said
        if said.speaker != "model":
            return  # of a reply inside another, or nobody knows whose
        last = owner or last_of(self.bars)
        bar = self.bars.get(last) if last is not None else None
        if bar is None or (owner is None and bar.end is not None) or (said.whole and bar.said):
            return
        if len(bar.said) < LONGEST_SAID:
            bar.said += said.text

    def _heard(self, now: Micros, key: tuple[str, str], said: Spoken) -> None:
        """Pieces of one text are one; the whole of it, which may follow, stands in their place."""
        began, words = self.heard.pop() if self.heard and key == self._hearing else (now, "")
        self.heard.append((began, (said.text if said.whole else words + said.text)[:LONGEST_SAID]))
        self._hearing = None if said.whole else key

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
            return lined(data)
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
            return lined(reason)


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


_FLAT = json.JSONEncoder(ensure_ascii=False, separators=(",\n ", ": "))
_SIMPLE = {str, int, float, bool, type(None)}


def _pretty(value: Any) -> str:
    if type(value) is dict and value and _SIMPLE.issuperset(map(type, value.values())):
        # The same for an object that holds no other. The encoder that knows of indents is not written in C.
        return lined(f"{{\n {_FLAT.encode(value)[1:-1]}\n}}")
    return lined(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def lined(text: str) -> str:
    """A text as the page may show it: not endless, and without characters that turn other text around."""
    more = len(text) - LONGEST_BODY
    if more <= 0 and text.replace("\n", "").isprintable():
        return text
    lines = (text if more <= 0 else f"{text[:LONGEST_BODY]}\n... {more} more characters").split("\n")
    return "\n".join(line if line.isprintable() else safe(line, len(line)) for line in lines)


def _shake(shake: Handshake) -> dict[str, Any]:
    return {
        "path": shake.path,
        "query": list(shake.query),
        "headers": list(shake.headers),
        "subprotocols": list(shake.subprotocols),
    }
