"""What crosses the wire, and what the pure core says to the shell about it.

A *frame* is kept exactly as it crossed the wire. An *event* is what the shell tells a session. An *effect* is what a
session asks the shell to do; effects come in order and the shell never asks which part of the session made them.
Nothing here parses a frame: that is the dialect's lens (``core.view``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

Micros = int
"""Integer microseconds since the session began."""

MILLISECOND: Micros = 1_000
SECOND: Micros = 1_000_000
LONG = 8 * 1024
"""Characters or bytes from which on a frame may take so long to be looked at that others should not wait for it."""


class Peer(StrEnum):
    """The two ends a session can talk to."""

    CLIENT = "client"
    UPSTREAM = "upstream"


class Sender(StrEnum):
    """Who made a frame, as the client sees it. ``SERVER`` is the mock, whatever engine answers."""

    CLIENT = "client"
    SERVER = "server"


# --- frames ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """A websocket text message, verbatim."""

    data: str


@dataclass(frozen=True, slots=True)
class Binary:
    """A websocket binary message, verbatim."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """A close frame. ``code`` None is a close frame without a code (1005 to an application, RFC 6455 section 7.1.5)."""

    code: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """Not a frame but its absence: the connection ended without a close frame (1006 to an application)."""

    reason: str = ""


Frame = Text | Binary | Close | Lost


# --- handshakes -----------------------------------------------------------------------------------------------------

Pairs = tuple[tuple[str, str], ...]
"""Names and values in wire order; a name may repeat."""


def first(pairs: Pairs, name: str) -> str | None:
    """The first value under ``name`` (any case), or None."""
    wanted = name.lower()
    return next((value for key, value in pairs if key.lower() == wanted), None)


@dataclass(frozen=True, slots=True)
class Handshake:
    """A client's HTTP upgrade request. ``path`` has no query and no doubled slashes; ``target`` is as sent."""

    path: str = "/"
    query: Pairs = ()
    headers: Pairs = ()
    subprotocols: tuple[str, ...] = ()
    target: str = ""

    def param(self, name: str) -> str | None:
        """A query parameter's first value, or None."""
        return first(self.query, name)

    def header(self, name: str) -> str | None:
        """A header's first value, or None."""
        return first(self.headers, name)


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer to a handshake: 101 with a subprotocol, or a refusal with a body."""

    status: int = 101
    headers: Pairs = ()
    subprotocol: str | None = None
    body: bytes = b""


# --- events: the shell tells the session ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Opened:
    """A client asks to connect. Nothing has been answered yet."""

    handshake: Handshake


@dataclass(frozen=True, slots=True)
class Received:
    """A frame came. Close and Lost are frames too: each peer ends with exactly one of them."""

    peer: Peer
    frame: Frame


@dataclass(frozen=True, slots=True)
class Dialled:
    """The upstream answered a ``Dial``: 101, or a refusal. ``failure`` is set when it did not answer at all."""

    answer: Answer
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Tell:
    """A word from a fault or the control API to the engine, about something that no frame can say.

    ``cancel``: response ``data["response_id"]`` was ended on the wire (``data["reason"]``); an engine with state of its
    own drops it too. ``respond``: a response is to begin that the client did not ask for, which says
    ``data["words"]`` after ``data["after_ms"]``; the engine notes it (``Note.kind`` "unasked", with its
    ``response_id``). An engine that does not know the word ignores it; ``SessionLog.obeys`` says which it knows.
    """

    word: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """The awaitable of an ``Ask`` has come to an end: with a value, or with what it raised."""

    token: int
    value: Any = None
    failure: BaseException | None = None


Event = Opened | Received | Dialled | Tell | Told


# --- effects: the session asks the shell ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accept:
    """Answer the client's handshake with 101."""

    subprotocol: str | None = None
    headers: Pairs = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer the client's handshake with an HTTP status. The session is over."""

    status: int
    headers: Pairs = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a Text or Binary frame."""

    peer: Peer
    frame: Text | Binary


@dataclass(frozen=True, slots=True)
class Hangup:
    """Send a close frame and end the connection in order. ``code`` None sends a close frame without a code.

    ``linger_us``: how long the TCP connection stays open after the close frame went out.
    """

    peer: Peer = Peer.CLIENT
    code: int | None = 1000
    reason: str = ""
    linger_us: Micros = 0


@dataclass(frozen=True, slots=True)
class Abort:
    """End the connection without a close frame: a TCP reset."""

    peer: Peer = Peer.CLIENT


@dataclass(frozen=True, slots=True)
class Dial:
    """Connect to the upstream with this handshake; the shell answers with ``Dialled``."""

    handshake: Handshake


@dataclass(frozen=True, slots=True)
class Freeze:
    """Keep the client's connection but stop: ``pong`` False answers no ping, ``reading`` False reads no more."""

    pong: bool = False
    reading: bool = False


@dataclass(frozen=True, slots=True)
class Media:
    """What becomes of a call's audio and of its data channel (WebRTC only; nothing on a websocket).

    ``clear`` drops the audio that is not played yet. ``silence`` plays nothing but silence from now on, ``sound`` ends
    that. ``no channel``: the data channel never opens.
    """

    word: Literal["clear", "silence", "sound", "no channel"]


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the journal. ``kind`` groups notes ("fault", "replay", "simulator"), ``data`` explains."""

    kind: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """Await something for the engine (a replier of the user's that is async); the shell answers with ``Told``.

    The session goes on meanwhile. What is still running when the session ends is cancelled.
    """

    token: int
    awaitable: Awaitable[Any]


Effect = Accept | Refuse | Send | Hangup | Abort | Dial | Freeze | Media | Note | Ask
Item = Event | Effect


def to_client(frame: Text | Binary) -> Send:
    """Send a frame to the client."""
    return Send(Peer.CLIENT, frame)


def from_client(item: Item) -> Frame | None:
    """The frame that an event brings from the client, or None."""
    return item.frame if isinstance(item, Received) and item.peer is Peer.CLIENT else None


def frame_to_client(item: Item) -> Frame | None:
    """The frame that an effect takes to the client, closes included, or None."""
    match item:
        case Send(Peer.CLIENT, frame):
            return frame
        case Hangup(Peer.CLIENT, code, reason):
            return Close(code, reason)
        case Abort(Peer.CLIENT):
            return Lost("reset by server")
        case _:
            return None
