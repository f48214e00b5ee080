"""What a lens shows of a frame. A view never changes the frame; the frame stays verbatim beside it.

The lens itself is the dialect's. The core only knows this shape, so that the journal can name what it holds and print a
timeline without knowing any provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from mockserver.core.frames import Binary, Close, Frame, Lost, Sender, Text


class Kind(StrEnum):
    """What a frame is for, as far as matching and rendering care."""

    EVENT = "event"  # a message with a meaning of its own
    AUDIO = "audio"  # a piece of an audio stream; its chunking means nothing
    KEEPALIVE = "keepalive"  # a ping or pong in the provider's own messages
    OPAQUE = "opaque"  # text or bytes that the dialect cannot read
    CLOSE = "close"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Audio:
    """The audio inside one frame.

    ``size`` is in bytes of decoded audio. ``rate`` (Hz) and ``encoding`` ("pcm", "ulaw", "alaw", "opus") are None
    where only the session's settings say it. ``path`` is where the base64 stands in the body, () for a binary frame.
    """

    size: int
    rate: int | None = None
    encoding: str | None = None
    path: tuple[str | int, ...] = ()

    def milliseconds(self, rate: int = 24_000, encoding: str = "pcm") -> float:
        """Duration; the arguments fill in what the frame itself does not say."""
        width = 2 if (self.encoding or encoding) == "pcm" else 1
        return self.size * 1_000 / ((self.rate or rate) * width)


@dataclass(frozen=True, slots=True)
class Spoken:
    """The words that one frame is sent for: a piece of a text, or with ``whole`` all of it.

    ``path`` is where they stand in the body. ``speaker`` is "user" or "model", "" where only the session says it.
    ``stream`` tells the texts of one name apart where the item's id does not. ``own``: the fields beside the words that
    are this piece's alone, such as when it was said.
    """

    text: str
    path: tuple[str | int, ...]
    speaker: str = ""
    stream: str = ""
    whole: bool = False
    own: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """One frame through a lens. ``name`` is what a person calls it: an event type, "audio", "close 1000"."""

    kind: Kind
    name: str
    body: Any = None
    audio: Audio | None = None
    response_id: str | None = None
    item_id: str | None = None
    event_id: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class Lens(Protocol):
    """What the core needs of a dialect. ``fold_case``: camelCase and snake_case name the same key of a body.

    ``peeks``: whether it finds a name without the whole view.
    """

    name: str
    peeks: bool

    @property
    def fold_case(self) -> bool: ...

    def peek(self, frame: Frame, sender: Sender) -> str:
        """The view's name, as cheaply as possible."""
        ...

    def view(self, frame: Frame, sender: Sender) -> View:
        """The whole view."""
        ...

    def summary(self, view: View) -> str:
        """The few fields that matter, in one short line."""
        ...

    def spoken(self, view: View) -> Spoken | None:
        """The words that a frame is sent for, beside its audio or alone; None where it has another purpose."""
        ...

    def misspelt(self, name: str, sender: Sender | None = None) -> str | None:
        """The event that is probably meant; None where there is such an event, or none that is near."""
        ...


class PlainLens:
    """A lens for any websocket: text and bytes, no meaning."""

    name = "plain"
    peeks = False
    fold_case = False

    def peek(self, frame: Frame, sender: Sender) -> str:
        """The kind of frame, which is all there is to know."""
        return plain_view(frame).name

    def view(self, frame: Frame, sender: Sender) -> View:
        """The frame's kind and size."""
        return plain_view(frame)

    def summary(self, view: View) -> str:
        """The size, or the close reason."""
        return str(view.extra.get("summary", ""))

    def spoken(self, view: View) -> Spoken | None:
        """Nothing is known of any text."""
        return None

    def misspelt(self, name: str, sender: Sender | None = None) -> str | None:
        """Nothing is known of any name."""
        return None


def plain_view(frame: Frame) -> View:
    """The view of a frame that no dialect can read more of."""
    match frame:
        case Text(data):
            return View(Kind.OPAQUE, "text", extra={"summary": f"{len(data)} chars"})
        case Binary(payload):
            return View(Kind.OPAQUE, "binary", extra={"summary": f"{len(payload)} bytes"})
        case Close(code, reason):
            return View(Kind.CLOSE, f"close {'' if code is None else code}".rstrip(), extra={"summary": reason})
        case Lost(reason):
            return View(Kind.LOST, "lost", extra={"summary": reason})


class Memo:
    """A lens that remembers the last frame it looked at: faults, journal and engine all ask about the same one."""

    def __init__(self, lens: Lens) -> None:
        self.lens = lens
        self.name = lens.name
        self.peeks = lens.peeks
        self.fold_case = lens.fold_case
        self._frame: Frame | None = None
        self._view: View | None = None
        self._peeked: Frame | None = None
        self._name = ""

    def peek(self, frame: Frame, sender: Sender) -> str:
        """The view's name."""
        if not self.peeks:
            return self.view(frame, sender).name
        if frame is not self._peeked:
            self._name = self.lens.peek(frame, sender)
            self._peeked = frame
        return self._name

    def view(self, frame: Frame, sender: Sender) -> View:
        """The view; parsed once per frame."""
        if frame is not self._frame or self._view is None:
            self._view = self.lens.view(frame, sender)
            self._frame = frame
        return self._view

    def summary(self, view: View) -> str:
        """The few fields that matter."""
        return self.lens.summary(view)

    def spoken(self, view: View) -> Spoken | None:
        """The words that a frame is sent for."""
        return self.lens.spoken(view)

    def misspelt(self, name: str, sender: Sender | None = None) -> str | None:
        """The event that is probably meant."""
        return self.lens.misspelt(name, sender)
