"""Faults of what a call over WebRTC has beside its events: the audio that is played, and the data channel itself.

A gap, and audio that comes late, are faults of the frames with the audio (``drop``, ``delay``). Nothing here strikes a
session over a websocket: there it says that it never fired.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Unpack

from mockserver.core.frames import Item, Media, Micros
from mockserver.core.typed import checked
from mockserver.faults.action import Blame, register
from mockserver.faults.base import Fault
from mockserver.faults.body import Body, Run, Sight
from mockserver.faults.closing import Ending, Ends
from mockserver.faults.handshake import Knock
from mockserver.faults.options import On, Options, make

MEDIA = "media"
"""Among the words that a session obeys (``SessionLog.obeys``): it has audio beside its frames."""


@register
@dataclass(frozen=True, slots=True)
class SilentAudio(Ending):
    """All events go on, and the audio that they speak of is silence."""

    syntax: ClassVar[str] = "silent audio"
    about: ClassVar[str] = (
        "Over WebRTC: from here on silence is played, and every event says that it were the model's voice."
    )
    example: ClassVar[str] = "silent audio on {begin}"
    blame: ClassVar[Blame] = "network"
    tries: ClassVar[tuple[str, ...] | None] = ()

    def effect(self) -> Media:
        """What the shell is asked to do."""
        return Media("silence")

    @property
    def did(self) -> str:
        """What the journal says that it did."""
        return "played silence from"

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return OnCalls(run, self)


class OnCalls(Ends):
    """Strikes calls alone."""

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """The moment has come."""
        return super().strike(sight, now) if MEDIA in self.run.log.obeys else ()


@register
@dataclass(frozen=True, slots=True)
class NoDataChannel(Knock):
    """The offer is answered, and its data channel never opens."""

    syntax: ClassVar[str] = "no data channel"
    about: ClassVar[str] = "Over WebRTC: the offer is answered and audio flows, and the data channel never opens."
    example: ClassVar[str] = "no data channel for first 1 attempts"
    tries: ClassVar[tuple[str, ...] | None] = ()

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Shutting(run)


class Shutting(Body):
    """Tells the shell as the offer comes."""

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """The offer goes on."""
        if MEDIA not in self.run.log.obeys:
            return (sight.item,)
        return (self.run.fire("opened no data channel after the", sight), Media("no channel"), sight.item)


@checked("faults.silent_audio")
def silent_audio(on: On = (), **options: Unpack[Options]) -> Fault:
    """Silence is played over WebRTC."""
    return make(SilentAudio(), on, options)


@checked("faults.no_data_channel")
def no_data_channel(**options: Unpack[Options]) -> Fault:
    """The data channel of a call never opens."""
    return make(NoDataChannel(), (), options)
