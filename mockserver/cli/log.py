"""What a serving command says on stderr: a line a connection, turn, tool call, error, fault and end.

The lines are written by a thread of their own: a program that started the command and never reads its stderr must not
make the server wait. What it does not take is counted and told.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from mockserver.core.entry import Entry, SessionLog
from mockserver.core.frames import Answer, Binary, Close, Handshake, Lost, Note, Sender, Text
from mockserver.core.timeline import Row, lines, safe
from mockserver.core.view import Memo, View
from mockserver.dialects.base import Dialect
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.life import Replies

if TYPE_CHECKING:
    from mockserver.cassette.redact import Redactor
    from mockserver.core.journal import Journal

WAITING = 1_000
"""Lines that may wait for whoever reads stderr."""
LAST_SECONDS = 0.5
"""What the last lines may take when the command ends."""
MOST_SAID = 200
LOUD = frozenset({"fault", "misbehaviour", "server"})
"""Notes that are told; the others are told with ``-v``."""
RED, DIM, PLAIN = "\x1b[31m", "\x1b[2m", "\x1b[0m"


@dataclass(slots=True)
class SessionTold:
    """What is remembered of one session between its lines."""

    dialect: Dialect
    replies: Replies
    sound: frozenset[str]
    """Events that carry sound alone, of providers that send the words apart: nothing is told of them."""
    said: dict[str, str] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)


class ServerLog:
    """Reads a journal's entries as they come. ``level`` 1 tells what matters, 2 each frame."""

    def __init__(self, journal: Journal, *, level: int = 1, write: Callable[[str], None]) -> None:
        self._journal = journal
        self._level = level
        self._write = write
        self._redactor: Redactor | None = None
        self._sessions: dict[int, SessionTold] = {}

    def __call__(self, entry: Entry) -> None:
        """One more entry."""
        what = entry.what
        if isinstance(what, Handshake):
            self._clean("")
            assert self._redactor is not None
            self._redactor.see(what)  # an error that quotes the client's key is told without it
        if self._level > 1 and not isinstance(what, Note):
            shown = self._journal.shown(what) if isinstance(what, Handshake | Answer) else what
            lens = self._journal.sessions[entry.session].lens
            for line in lines([Row(entry.session, entry.at, entry.sender, shown)], lambda _: lens):
                self._write(self._clean(line))
            return
        text, loud = self._line(entry)
        if text:
            self._tell(entry, text, loud=loud)

    def _tell(self, entry: Entry, text: str, *, loud: bool = False) -> None:
        seconds = (self._journal.sessions[entry.session].began_us + entry.at) / 1e6
        head = f"{seconds:8.3f}  session {entry.session}"
        self._write(f"{DIM}{head}{PLAIN}  {RED if loud else ''}{safe(self._clean(text), 400)}{PLAIN if loud else ''}")

    def _clean(self, text: str) -> str:
        """A line without secrets: what is logged is kept, and read by others."""
        if self._redactor is None:
            from mockserver.cassette.store import redactor_for

            self._redactor = redactor_for()
        return self._redactor.text(text)

    def _line(self, entry: Entry) -> tuple[str, bool]:
        """What there is to say of an entry ("": nothing), and whether it is something that goes wrong."""
        match entry.what:
            case Note(kind, text):
                return (f"{kind}: {text}", kind != "server") if kind in LOUD or self._level > 1 else ("", False)
            case Handshake(path):
                return f"{path} asked for", False
            case Answer(status):
                return ("connected", False) if status == 101 else (f"refused with HTTP {status}", True)
            case Close(code, reason):
                self._sessions.pop(entry.session, None)
                told = "" if code is None else f" {code}"
                return f"ended by the {entry.sender}{told}{f' {reason}' if reason else ''}", code not in (None, 1000)
            case Lost(reason):
                self._sessions.pop(entry.session, None)
                return f"the {entry.sender} is gone: {reason}", True
            case _:
                return self._frame(entry)

    def _frame(self, entry: Entry) -> tuple[str, bool]:
        what = entry.what
        if entry.sender is None or not isinstance(what, Text | Binary):
            return "", False
        told = self._sessions.get(entry.session)
        log = self._journal.sessions[entry.session]
        if told is None:
            told = self._sessions[entry.session] = _told(log)
        if entry.sender is Sender.CLIENT:  # nothing is told of it, so it need not be read
            told.replies.see(Sender.CLIENT, what, name=log.lens.peek(what, Sender.CLIENT))
            return "", False
        name = log.lens.peek(what, Sender.SERVER)
        if name in told.sound:
            told.replies.see(Sender.SERVER, what, name=name)
            return "", False
        view = log.lens.view(what, Sender.SERVER)
        outcome = told.replies.outcome(view)
        told.replies.see(Sender.SERVER, view)
        error = view.body.get("error") if isinstance(view.body, dict) else None
        if isinstance(error, dict):
            return f"error: {error.get('message') or error.get('code')}", True
        return _reply(told, view, outcome), outcome == "failed"


def _told(log: SessionLog) -> SessionTold:
    lens = log.lens.lens if isinstance(log.lens, Memo) else log.lens
    dialect = lens if isinstance(lens, Dialect) else GENERIC
    life = dialect.life
    apart = life.begins and any(stream in ("transcript", "text") for _, stream in life.deltas)
    sound = frozenset(name for name, stream in life.deltas if stream == "audio" and apart)
    return SessionTold(dialect, dialect.replies(), sound)


def _reply(told: SessionTold, view: View, outcome: str | None) -> str:
    """A reply's end with its words, or the first sign of a tool call in it."""
    owner = told.replies.owner(view)
    if owner is None:
        return ""
    stream = told.dialect.life.stream(view.name)
    said = told.dialect.spoken(view) if stream != "arguments" else None
    if said is not None and len(told.said.get(owner, "")) < MOST_SAID:
        told.said[owner] = told.said.get(owner, "") + said.text
    if stream == "arguments" and owner not in told.called:
        told.called.add(owner)
        return "the model calls a tool"
    if outcome is None:
        return ""
    told.called.discard(owner)
    words = told.said.pop(owner, "").strip()
    return f"reply {outcome}{f': {words}' if words else ''}"


class Stderr:
    """Writes lines to a stream from a thread. Colour only on a terminal, and never with ``NO_COLOR`` (no-color.org)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._colour = self._stream.isatty() and not os.environ.get("NO_COLOR")
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING)
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="mockserver-log", daemon=True)
        self._thread.start()

    def __call__(self, line: str) -> None:
        """One line, if there is room."""
        if not self._colour:
            line = line.replace(RED, "").replace(DIM, "").replace(PLAIN, "")
        try:
            if self._dropped:
                self._lines.put_nowait(f"... {self._dropped} lines were left out: nobody read them in time")
                self._dropped = 0
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write what waits, as far as somebody reads it."""
        try:
            self._lines.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(LAST_SECONDS)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._stream.write(f"{line}\n")
                self._stream.flush()
            except (OSError, ValueError):
                return  # whoever read it is gone
