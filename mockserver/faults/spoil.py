"""Faults of content, frame by frame: JSON or audio that is none, the wrong opcode, size, an unknown event."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Unpack

from mockserver.core.frames import Binary, Item, Micros, Text, to_client
from mockserver.core.typed import Name, NotNegativeInt, PositiveInt, checked
from mockserver.dialects.life import Mark
from mockserver.faults.action import Action, Aims, register
from mockserver.faults.base import Fault
from mockserver.faults.body import Body, Moment, Run, Sight
from mockserver.faults.damage import Damage, body_of
from mockserver.faults.options import On, Options, make
from mockserver.faults.values import dump

PROXY_SAYS = "upstream connect error or disconnect/reset before headers"
LARGE = 16_000_000
UNKNOWN = "response.output_hologram.delta"


@register
@dataclass(frozen=True, slots=True)
class TruncateJson(Damage):
    """``size`` in characters; 0 is half of the frame."""

    syntax: ClassVar[str] = "truncate json [to <size:size>]"
    about: ClassVar[str] = "The text frame breaks off in the middle, or after so many characters."
    example: ClassVar[str] = "truncate json on {end}"

    size: int = 0

    def damage(self, sight: Sight, run: Run) -> tuple[Text | Binary, str] | None:
        """The frame as it goes on, and what was done to it; None where there is nothing to change."""
        if not isinstance(sight.frame, Text) or len(sight.frame.data) <= max(self.size, 1):
            return None
        data = sight.frame.data
        kept = self.size or len(data) // 2
        return Text(data[:kept]), f"cut after {kept} of {len(data)} characters"


@register
@dataclass(frozen=True, slots=True)
class NotJson(Damage):
    """The default is what a proxy in front of a dead upstream says."""

    syntax: ClassVar[str] = "not json [<text:text>]"
    about: ClassVar[str] = "The text frame holds no JSON but a proxy's sentence, or the text given."
    example: ClassVar[str] = "not json on {begin}"

    text: str = PROXY_SAYS

    def damage(self, sight: Sight, run: Run) -> tuple[Text | Binary, str] | None:
        """The frame as it goes on, and what was done to it; None where there is nothing to change."""
        return Text(self.text), "replaced by what is not JSON:"


@register
@dataclass(frozen=True, slots=True)
class BadBase64(Damage):
    """Frames without audio in JSON pass."""

    syntax: ClassVar[str] = "bad base64"
    about: ClassVar[str] = "The audio in the JSON is no valid base64."
    example: ClassVar[str] = "bad base64 on 1st {audio}"

    def damage(self, sight: Sight, run: Run) -> tuple[Text | Binary, str] | None:
        """The frame as it goes on, and what was done to it; None where there is nothing to change."""
        return _audio(sight, _spoil, "spoiled the base64 of")


@register
@dataclass(frozen=True, slots=True)
class OddAudio(Damage):
    """Half a 16 bit sample is missing. Binary audio frames are cut too."""

    syntax: ClassVar[str] = "odd audio"
    about: ClassVar[str] = "The audio is one byte short: its length is odd where samples are 16 bit."
    example: ClassVar[str] = "odd audio on 1st {audio}"

    def damage(self, sight: Sight, run: Run) -> tuple[Text | Binary, str] | None:
        """The frame as it goes on, and what was done to it; None where there is nothing to change."""
        if isinstance(sight.frame, Binary):
            data = sight.frame.data
            return (Binary(_odd(data)), "cut a byte of the audio of") if data else None
        return _audio(sight, _odd_base64, "cut a byte of the audio of")


def _spoil(text: str) -> str:
    middle = len(text) // 2
    return f"{text[:middle]}!{text[middle:]}"


def _odd(data: bytes) -> bytes:
    return data[:-1] if len(data) % 2 == 0 else data


def _odd_base64(text: str) -> str | None:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return base64.b64encode(_odd(data)).decode() if data else None


def _audio(sight: Sight, change: Callable[[str], str | None], did: str) -> tuple[Text, str] | None:
    audio = sight.view.audio
    body = body_of(sight)
    if audio is None or not audio.path or body is None:
        return None
    here = body
    for part in audio.path[:-1]:
        here = here[part]
    changed = change(here[audio.path[-1]])
    if changed is None:
        return None
    here[audio.path[-1]] = changed
    return Text(dump(body)), did


@register
@dataclass(frozen=True, slots=True)
class AsBinary(Damage):
    """The same bytes, another opcode."""

    syntax: ClassVar[str] = "binary"
    about: ClassVar[str] = "The text frame comes as a binary frame."
    example: ClassVar[str] = "binary on {begin}"

    def damage(self, sight: Sight, run: Run) -> tuple[Text | Binary, str] | None:
        """The frame as it goes on, and what was done to it; None where there is nothing to change."""
        return (Binary(sight.frame.data.encode()), "made binary") if isinstance(sight.frame, Text) else None


@register
@dataclass(frozen=True, slots=True)
class Oversize(Damage):
    """``size`` in bytes. Usual limits of clients: 1 MiB (websockets), 4 MiB (aiohttp), 100 MiB (ws)."""

    syntax: ClassVar[str] = "oversize [to <size:size>]"
    about: ClassVar[str] = "The event grows by a field 'padding' to 16 MB, or to the size given."
    example: ClassVar[str] = "oversize to 2MB on {end}"
    tries: ClassVar[tuple[str, ...] | None] = ("oversize to 2MB",)

    size: int = LARGE

    def damage(self, sight: Sight, run: Run) -> tuple[Text | Binary, str] | None:
        """The frame as it goes on, and what was done to it; None where there is nothing to change."""
        body = body_of(sight)
        if not isinstance(body, dict):
            return None
        body["padding"] = ""
        body["padding"] = "x" * max(self.size - len(dump(body).encode()), 0)
        return Text(dump(body)), f"grown to {self.size} bytes:"


@register
@dataclass(frozen=True, slots=True)
class UnknownEvent(Action):
    """``name`` is the type of the event."""

    syntax: ClassVar[str] = "unknown event [called <name:event>]"
    about: ClassVar[str] = "An event that no client knows is sent, well-formed in everything but its name."
    example: ClassVar[str] = "unknown event on {begin}"
    group: ClassVar[str] = "content"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = (Mark.OPENING,)

    name: str = UNKNOWN

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Inventing(run, self)


class Inventing(Moment):
    """Says something new."""

    def __init__(self, run: Run, action: UnknownEvent) -> None:
        super().__init__(run)
        self.name = action.name

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """The unknown event, and a note in the journal."""
        text = dump(self.run.dialect.stranger(self.name, self.run.ids.mint("event_")))
        # Where JSON comes in binary frames, so does this.
        binary = sight is not None and isinstance(sight.frame, Binary) and sight.as_text() is not None
        send = to_client(Binary(text.encode()) if binary else Text(text))
        return (self.run.fire(f"sent the unknown {self.name} at", sight), send)


# --- constructors ---------------------------------------------------------------------------------------------------


@checked("faults.truncate_json")
def truncate_json(on: On = (), *, size: NotNegativeInt = 0, **options: Unpack[Options]) -> Fault:
    """Text frames break off after ``size`` characters, or in the middle."""
    return make(TruncateJson(size), on, options)


@checked("faults.not_json")
def not_json(on: On = (), *, text: str = PROXY_SAYS, **options: Unpack[Options]) -> Fault:
    """Text frames hold ``text`` instead."""
    return make(NotJson(text), on, options)


@checked("faults.bad_base64")
def bad_base64(on: On = (), **options: Unpack[Options]) -> Fault:
    """Audio that is no base64."""
    return make(BadBase64(), on, options)


@checked("faults.odd_audio")
def odd_audio(on: On = (), **options: Unpack[Options]) -> Fault:
    """Audio of an odd number of bytes."""
    return make(OddAudio(), on, options)


@checked("faults.binary")
def binary(on: On = (), **options: Unpack[Options]) -> Fault:
    """Text frames come as binary ones."""
    return make(AsBinary(), on, options)


@checked("faults.oversize")
def oversize(on: On = (), *, size: PositiveInt = LARGE, **options: Unpack[Options]) -> Fault:
    """Events of ``size`` bytes."""
    return make(Oversize(size), on, options)


@checked("faults.unknown_event")
def unknown_event(on: On = (), *, name: Name = UNKNOWN, **options: Unpack[Options]) -> Fault:
    """An event that nobody knows. Default: right after the first event of the session."""
    return make(UnknownEvent(name), on, options)
