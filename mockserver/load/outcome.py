"""What a call has found: times, gaps that a listener would have heard, and what differs from the recording."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mockserver.core.frames import MILLISECOND, Frame, Micros, Sender
from mockserver.core.view import Kind, View
from mockserver.dialects.base import Dialect
from mockserver.dialects.life import Mark, listed

BUFFER_US: Micros = 100 * MILLISECOND
"""What a player keeps back before it begins to play, so that pieces need not come to the millisecond."""
GAP_US: Micros = 20 * MILLISECOND
"""A silence inside a reply that is shorter is not heard as one."""
PLAYED = {"pcm", "ulaw", "alaw"}
"""Encodings whose bytes say how long they last."""


@dataclass(slots=True)
class HeardReply:
    """One reply as its client got it, in microseconds since the connection was asked for.

    ``asked``: what the client waits from: the last thing that it said or sent, or the service's word that it has heard.
    ``begun``: the reply's first event; ``sound``: its first audio; ``over``: its end. None: it has not come.
    ``gaps``: silences in the middle of its audio, as one hears them whose player keeps 100 ms back.
    """

    asked: Micros
    begun: Micros
    sound: Micros | None = None
    over: Micros | None = None
    gaps: list[Micros] = field(default_factory=list)
    _until: Micros = 0

    def plays(self, at: Micros, lasts: Micros) -> None:
        """A piece of audio came."""
        if self.sound is None:
            self.sound, self._until = at, at + BUFFER_US
        elif at - self._until >= GAP_US:
            self.gaps.append(at - self._until)
        self._until = max(self._until, at) + lasts

    def as_json(self) -> dict[str, Any]:
        """As plain values, in milliseconds."""

        def since(moment: Micros | None) -> float | None:
            return None if moment is None else (moment - self.asked) / 1_000

        return {
            "asked_ms": self.asked / 1_000,
            "begun_ms": since(self.begun),
            "first_audio_ms": since(self.sound),
            "turn_ms": since(self.over),
            "gaps_ms": [gap / 1_000 for gap in self.gaps],
        }


@dataclass(slots=True)
class CallReport:
    """All of one call. Times in microseconds since the connection was asked for; None: it has not come to that.

    ``mismatches``: what differs from the recording. ``late``: what came much later behind its cause than recorded.
    ``close``: how the connection ended, in words; ``refused``: the HTTP status that was given instead of one.
    """

    connected: Micros | None = None
    opening: Micros | None = None
    replies: list[HeardReply] = field(default_factory=list)
    mismatches: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    close: str = ""
    unexpected_close: bool = False
    refused: int | None = None
    sent: int = 0
    received: int = 0
    ended: Micros = 0

    @property
    def good(self) -> bool:
        """Whether nothing is to be said against it."""
        return not (self.mismatches or self.late or self.gaps or self.unexpected_close or self.refused)

    @property
    def gaps(self) -> list[Micros]:
        """All gaps that a listener would have heard."""
        return [gap for reply in self.replies for gap in reply.gaps]

    def faults(self) -> Iterator[str]:
        """What is to be said against it, a line each."""
        if self.refused is not None:
            yield f"refused: the handshake was answered with HTTP {self.refused}"
        if self.unexpected_close:
            yield f"closed: {self.close}"
        yield from (f"mismatch: {one}" for one in self.mismatches)
        yield from (f"late: {one}" for one in self.late)
        for number, reply in enumerate(self.replies, 1):
            for gap in reply.gaps:
                yield f"gap: {gap / 1_000:.0f} ms of silence in the middle of reply {number}"

    def as_json(self) -> dict[str, Any]:
        """As plain values, in milliseconds."""

        def ms(moment: Micros | None) -> float | None:
            return None if moment is None else moment / 1_000

        return {
            "good": self.good,
            "connected_ms": ms(self.connected),
            "opening_ms": ms(self.opening),
            "replies": [reply.as_json() for reply in self.replies],
            "mismatches": self.mismatches,
            "late": self.late,
            "close": self.close,
            "refused": self.refused,
            "sent": self.sent,
            "received": self.received,
            "ended_ms": ms(self.ended),
        }


class Timekeeper:
    """Follows a live session and keeps the times of its replies."""

    def __init__(self, dialect: Dialect, report: CallReport) -> None:
        self._dialect = dialect
        self._life = dialect.life
        self._replies = dialect.replies()
        self._report = report
        self._of: dict[str, HeardReply] = {}
        self._asked: Micros = 0
        self._format: tuple[int, str] = (24_000, "pcm")

    def sent(self, frame: Frame, at: Micros) -> None:
        """The client sent this."""
        view = self._dialect.view(frame, Sender.CLIENT)
        self._replies.see(Sender.CLIENT, view)
        if view.kind is not Kind.AUDIO:
            self._asked = at

    def received(self, frame: Frame, at: Micros) -> View:
        """The service sent this."""
        view = self._dialect.view(frame, Sender.SERVER)
        if self._report.opening is None and listed(view.name, self._life.names(Mark.OPENING)):
            self._report.opening = at
        self._format = self._dialect.output_format(view) or self._format
        before = set(self._replies.open)
        self._replies.see(Sender.SERVER, view)
        owner = self._replies.owner(view)
        if owner is None:
            if listed(view.name, self._life.heard):
                self._asked = at
            return view
        heard = self._of.get(owner)
        if heard is None:
            heard = self._of[owner] = HeardReply(min(self._asked, at), at)
            self._report.replies.append(heard)
        if view.audio is not None:
            rate, encoding = self._format
            if (view.audio.encoding or encoding) in PLAYED:
                heard.plays(at, round(view.audio.milliseconds(rate, encoding) * MILLISECOND))
            elif heard.sound is None:
                heard.sound = at
        if owner in before and owner not in self._replies.open:
            heard.over = at
        return view
