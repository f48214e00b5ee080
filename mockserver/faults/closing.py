"""Faults of the connection: close, reset, half-open silence, no pong, slow close."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Unpack

from mockserver.core.frames import Abort, Freeze, Hangup, Item, Media, Micros, Peer, Received, Tell
from mockserver.core.typed import checked
from mockserver.errors import UsageError
from mockserver.faults.action import Action, Aims, Blame, register
from mockserver.faults.base import Fault
from mockserver.faults.body import Body, Moment, Run, Sight
from mockserver.faults.options import On, Options, make, micros


class Ending(Action):
    """A fault that ends or freezes the connection. It needs a moment: ``on``, ``before`` or ``after``."""

    __slots__ = ()
    group: ClassVar[str] = "connection"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = ()

    def effect(self) -> Hangup | Abort | Freeze | Media:
        """What the shell is asked to do."""
        raise NotImplementedError

    @property
    def did(self) -> str:
        """What the journal says that it did."""
        raise NotImplementedError

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Ends(run, self)


class Ends(Moment):
    """Asks the shell for the action's effect, once."""

    def __init__(self, run: Run, action: Ending) -> None:
        super().__init__(run)
        self.action = action
        self._done = False

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """The moment has come: the effect, and a note in the journal."""
        if self._done:
            return ()
        self._done = True
        return (self.run.fire(self.action.did, sight), self.action.effect())


def _check(code: int, reason: str) -> None:
    # RFC 6455 section 7.4: 1005, 1006 and 1015 are never on the wire, below 1000 and above 4999 nothing is.
    if not 1000 <= code <= 4999 or code in (1004, 1005, 1006, 1015):
        raise UsageError(
            f"close: {code} cannot stand in a close frame; expected 1000 to 4999, but not 1004, 1005, "
            f"1006 or 1015 (no close frame at all: reset)"
        )
    if len(reason.encode()) > 123:
        raise UsageError(f"close: a reason has at most 123 bytes of UTF-8, this one has {len(reason.encode())}")


@register
@dataclass(frozen=True, slots=True)
class CloseWith(Ending):
    """A close frame with ``code`` and ``reason``."""

    syntax: ClassVar[str] = "close <code:count> [<reason:text>]"
    about: ClassVar[str] = "The server closes with this code and reason."
    example: ClassVar[str] = 'close 1011 "gone" after 3 {audio}'
    tries: ClassVar[tuple[str, ...] | None] = ("close 1000", "close 1001", "close 1011")
    blame: ClassVar[Blame] = "network"

    code: int
    reason: str = ""

    def __post_init__(self) -> None:
        _check(self.code, self.reason)

    def effect(self) -> Hangup:
        """What the shell is asked to do."""
        return Hangup(code=self.code, reason=self.reason)

    @property
    def did(self) -> str:
        """What the journal says that it did."""
        return f"closed with {self.code} at"


@register
@dataclass(frozen=True, slots=True)
class SlowClose(Ending):
    """The TCP connection stays open for ``linger`` after the close frame."""

    syntax: ClassVar[str] = "slow close <linger:time> [code <code:count>] [<reason:text>]"
    about: ClassVar[str] = "The server sends its close frame, and keeps the TCP connection open for so long afterwards."
    example: ClassVar[str] = "slow close 5s on {end}"
    tries: ClassVar[tuple[str, ...] | None] = ("slow close 5s",)
    blame: ClassVar[Blame] = "network"

    linger: Micros
    code: int = 1000
    reason: str = ""

    def __post_init__(self) -> None:
        _check(self.code, self.reason)
        if self.linger < 1:
            raise UsageError("slow close: expected a time above 0")

    def effect(self) -> Hangup:
        """What the shell is asked to do."""
        return Hangup(code=self.code, reason=self.reason, linger_us=self.linger)

    @property
    def did(self) -> str:
        """What the journal says that it did."""
        return f"closed slowly with {self.code} at"


@register
@dataclass(frozen=True, slots=True)
class Reset(Ending):
    """The connection ends without a close frame."""

    syntax: ClassVar[str] = "reset"
    about: ClassVar[str] = "The TCP connection is reset, without a close frame."
    example: ClassVar[str] = "reset on 2nd {audio}"
    blame: ClassVar[Blame] = "network"

    def effect(self) -> Abort:
        """What the shell is asked to do."""
        return Abort()

    @property
    def did(self) -> str:
        """What the journal says that it did."""
        return "reset the connection at"


@register
@dataclass(frozen=True, slots=True)
class NoPong(Ending):
    """Pings are not answered any more; everything else goes on."""

    syntax: ClassVar[str] = "no pong"
    about: ClassVar[str] = "From here on the server answers no ping; everything else goes on."
    example: ClassVar[str] = "no pong on {opening}"
    blame: ClassVar[Blame] = "network"

    def effect(self) -> Freeze:
        """What the shell is asked to do."""
        return Freeze(pong=False, reading=True)

    @property
    def did(self) -> str:
        """What the journal says that it did."""
        return "answered no ping after"


@register
@dataclass(frozen=True, slots=True)
class HalfOpen(Ending):
    """The connection stands, and nobody is there."""

    syntax: ClassVar[str] = "half open"
    about: ClassVar[str] = (
        "The connection stays, but nothing is read, nothing is sent and no ping is answered any more."
    )
    example: ClassVar[str] = "half open on {begin}"
    blame: ClassVar[Blame] = "network"

    def effect(self) -> Freeze:
        """What the shell is asked to do."""
        return Freeze(pong=False, reading=False)

    @property
    def did(self) -> str:
        """What the journal says that it did."""
        return "went silent at"

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Silent(run, self)


class Silent(Ends):
    """Lets nothing through any more, but the client's own end."""

    screens = True

    def screen(self, sight: Sight, now: Micros) -> Iterable[Item] | None:
        """Keep the frames of both sides from going on. That the client has gone must still reach the engine."""
        if not self._done or (isinstance(sight.item, Received) and sight.name.startswith(("close", "lost"))):
            return None
        return ()

    def other(self, item: Item, now: Micros) -> Iterable[Item]:
        """What the parts tell each other goes on, frames do not."""
        ended = self._done and isinstance(item, Hangup | Abort) and item.peer is Peer.CLIENT
        return () if ended and not isinstance(item, Tell) else (item,)


# --- constructors ---------------------------------------------------------------------------------------------------


@checked("faults.close")
def close(on: On = (), *, code: int = 1011, reason: str = "", **options: Unpack[Options]) -> Fault:
    """The server closes. Give an event, or ``after_...``."""
    return make(CloseWith(code, reason), on, options)


@checked("faults.slow_close")
def slow_close(on: On = (), *, seconds: float, code: int = 1000, reason: str = "", **options: Unpack[Options]) -> Fault:
    """The server closes and keeps the TCP connection open for ``seconds``."""
    return make(SlowClose(micros(seconds), code, reason), on, options)


@checked("faults.reset")
def reset(on: On = (), **options: Unpack[Options]) -> Fault:
    """A TCP reset."""
    return make(Reset(), on, options)


@checked("faults.half_open")
def half_open(on: On = (), **options: Unpack[Options]) -> Fault:
    """Silence on a standing connection."""
    return make(HalfOpen(), on, options)


@checked("faults.no_pong")
def no_pong(on: On = (), **options: Unpack[Options]) -> Fault:
    """Pings are not answered."""
    return make(NoPong(), on, options)
