"""Debug logs that hold frames: of the websockets package, and LiveKit's on a terminal.

    DEBUG:websockets.client:> GET /v1/realtime?model=gpt-realtime HTTP/1.1
    2026-01-02 10:00:00,123 websockets.client < TEXT '{"type":"session.created"}' [26 bytes]
    10:00:00 DEBUG livekit.plugins.openai <<< {"lk.pii.event": {"type": "session.created"}}

Whatever stands before the arrow is the user's format; a time is looked for in it. The websockets package is what
pipecat, openai, google-genai, openai-agents and pydantic-ai speak with. It cuts what it logs to 75 characters, unless
the variable WEBSOCKETS_MAX_LOG_SIZE says otherwise; a frame that was cut is an error that says so. Frames of
connections that ran at the same time cannot be told apart, since the lines do not name one.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mockserver.cassette.importers import addresses
from mockserver.cassette.importers.build import Builder, Tell, bad, untold
from mockserver.cassette.importers.event_log import WAYS, LoggedEvent, moment, put_together
from mockserver.cassette.model import Cassette
from mockserver.core.frames import Answer, Binary, Close, Frame, Micros, Sender, Text

_FRAME = re.compile(r"([<>]) (TEXT|BINARY|CLOSE|CONT|PING|PONG) ")
_SIZE = re.compile(r" \[((?:[a-z]+, )?(\d{1,10}) bytes?(, continued)?)\]")
_REQUEST = re.compile(r"> GET (\S+) HTTP/1\.1$")
_STATUS = re.compile(r"< HTTP/1\.1 (\d{3})\b[^\"]{0,200}$")
_HEADER = re.compile(r"(?:^|[\s:])([<>]) ([A-Za-z0-9-]{1,100}): (.*)$")
_EVENT = re.compile(r"(>>>|<<<|gpt-live (?:client|server) event) (\{.*\})$")
_DATE = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?")
_CLOCK = re.compile(r"(?<![\d:])(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,6}))?")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))")
_SHORT = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"'}
_CLOSED = re.compile(r"(\d{4}) \((?:[^()]|\([^()]*\))*\) ?(.*)", re.DOTALL)
LOOKED_AT = 256
"""So much of a line is before its message: there its time is looked for."""
SENDERS = {">": Sender.CLIENT, "<": Sender.SERVER}


def holds_frames(text: str) -> str:
    """Which log this is, "websockets" or "livekit"; empty where no line of it holds a frame."""
    for line in _lines(text):
        if _shown(line) is not None:
            return "websockets"
        if line.endswith("}") and _EVENT.search(line):
            return "livekit"
    return ""


def import_livekit_log(text: str, name: str, *, provider: str | None = None, tell: Tell = untold) -> Cassette:
    """The cassette of what LiveKit prints with LK_OPENAI_DEBUG=1 or LK_ULTRAVOX_DEBUG=true."""
    entries = []
    for number, line in enumerate(_lines(text), 1):
        found = _EVENT.search(line) if line.endswith("}") else None
        if found is None:
            continue
        try:
            extra = json.loads(found[2])
        except (ValueError, RecursionError) as error:
            raise bad(name, number, f"the event is not JSON ({error})") from None
        body = extra.get("lk.pii.event", extra.get("event"))
        if not isinstance(body, dict):
            raise bad(name, number, 'the line holds no "lk.pii.event"')
        entries.append(LoggedEvent(number, WAYS[found[1]], _when(line, number, name), body))
    return put_together(entries, name, provider=provider, tell=tell)


def import_websockets_log(text: str, name: str, *, provider: str | None = None, tell: Tell = untold) -> Cassette:
    """The cassette of a debug log of the websockets package."""
    log = _Log(name, provider, tell)
    for number, line in enumerate(_lines(text), 1):
        log.line(line, number)
    return log.builder.cassette()


@dataclass(frozen=True, slots=True)
class _Shown:
    """A frame as a line shows it."""

    sender: Sender
    kind: str
    data: str
    coding: str
    size: int
    continued: bool


def _shown(line: str) -> _Shown | None:
    """The frame that a line shows, or None. The first arrow is the frame's, the last bracket its size."""
    if not line.endswith("]"):
        return None
    head, begin = _FRAME.search(line), line.rfind(" [")
    size = _SIZE.fullmatch(line, begin) if begin >= 0 else None
    if head is None or size is None:
        return None
    data = line[head.end() : begin] if begin >= head.end() else ""
    return _Shown(SENDERS[head[1]], head[2], data, size[1], int(size[2]), size[3] is not None)


class _Log:
    def __init__(self, name: str, provider: str | None, tell: Tell) -> None:
        origin = f"imported from {name.rsplit('/', 1)[-1]} (websockets debug log)"
        self.builder = Builder(provider, name=name, origin=origin, tell=tell)
        self._name = name
        self._target = ""
        self._asked: list[tuple[str, str]] = []
        self._status = 101
        self._answered: list[tuple[str, str]] = []
        self._opened: Micros | None = None  # when this connection's handshake came
        self._first: Micros | None = None  # when the first one's did
        self._shaking = False
        self._pieces: dict[Sender, tuple[str, list[bytes]]] = {}

    def line(self, line: str, number: int) -> None:
        """One line, of whatever logger."""
        shown = _shown(line)
        if shown is not None:
            self._open()
            self._frame(shown, line, number)
        elif asked := _REQUEST.search(line):
            self._open()
            self._target, self._asked, self._answered, self._status = asked[1], [], [], 101
            self._opened, self._shaking = _when(line, number, self._name), True
        elif status := _STATUS.search(line):
            self._status = int(status[1])
        elif self._shaking and (header := _HEADER.search(line)):
            (self._asked if header[1] == ">" else self._answered).append((header[2], header[3]))

    def _open(self) -> None:
        """The handshake before the first frame is over."""
        if not self._shaking:
            return
        self._shaking = False
        chosen = next((value for key, value in self._answered if key.lower() == "sec-websocket-protocol"), None)
        answer = Answer(self._status, tuple(self._answered), chosen)
        since = self._since(self._opened)
        self.builder.connect(addresses.handshake(self._target, tuple(self._asked)), answer=answer, opened_us=since)

    def _since(self, at: Micros | None) -> Micros:
        if self._first is None:
            self._first = at
        return 0 if at is None or self._first is None else max(at - self._first, 0)

    def _frame(self, one: _Shown, line: str, number: int) -> None:
        sender, kind, shown = one.sender, one.kind, one.data
        at = _when(line, number, self._name)
        if self._opened is None:
            self._opened = at
        at_us = None if at is None or self._opened is None else at - self._opened
        if kind in ("PING", "PONG"):
            return
        if kind == "CLOSE":
            self.builder.frame(sender, self._close(shown, number), at_us=at_us)
            return
        begun, parts = self._pieces.pop(sender, (kind, []))
        is_text = kind == "TEXT" or (kind == "CONT" and not one.coding.startswith("binary"))
        raw = self._text(shown, number) if is_text else self._binary(shown, number)
        if len(raw) != one.size:
            raise bad(
                self._name,
                number,
                f"the log shows {len(raw)} of the frame's {one.size} bytes; "
                "log again with WEBSOCKETS_MAX_LOG_SIZE=100000000",
            )
        parts.append(raw)
        if one.continued:
            self._pieces[sender] = (begun, parts)
            return
        whole = b"".join(parts)
        frame: Frame = Text(whole.decode(errors="replace")) if begun == "TEXT" else Binary(whole)
        self.builder.frame(sender, frame, at_us=at_us)

    def _text(self, shown: str, number: int) -> bytes:
        if not _QUOTED.fullmatch(shown):
            if "..." in shown:
                return b""  # cut: the size says so
            raise bad(self._name, number, "expected a text in quotes")
        try:
            return _ESCAPE.sub(_unescaped, shown[1:-1]).encode("utf-8", "surrogateescape")
        except ValueError:
            raise bad(self._name, number, "an escape that is no character") from None

    def _binary(self, shown: str, number: int) -> bytes:
        if shown in ("''", ""):
            return b""
        try:
            return binascii.unhexlify(shown.replace(" ", "").replace("...", ""))
        except (binascii.Error, ValueError):
            raise bad(self._name, number, "expected bytes as hexadecimal numbers") from None

    def _close(self, shown: str, number: int) -> Close:
        found = _CLOSED.fullmatch(shown)
        if found is None:
            raise bad(self._name, number, "expected a close with its code")
        code = int(found[1])
        return Close(None if code == 1005 or not 1000 <= code <= 4999 else code, found[2])


def _unescaped(found: re.Match[str]) -> str:
    code = found[1] or found[2] or found[3]
    if code:
        return chr(int(code, 16))
    return _SHORT.get(found[4], f"\\{found[4]}")


def _lines(text: str) -> Iterator[str]:
    """The lines, without colours and what ends them."""
    for line in text.split("\n"):
        yield _COLOUR.sub("", line).rstrip() if "\x1b" in line else line.rstrip()


def _when(line: str, number: int, name: str) -> Micros | None:
    head = line[:LOOKED_AT]
    if date := _DATE.search(head):
        return moment(date[0], number, name)
    if clock := _CLOCK.search(head):
        hours, minutes, seconds, fraction = clock.groups()
        whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
        return whole * 1_000_000 + int((fraction or "0").ljust(6, "0"))
    return None
