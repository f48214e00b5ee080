"""What an engine may be able to do beyond what every machine does. Its session asks by these protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable

from mockserver.core.burst import Burst
from mockserver.core.frames import Effect, Event, Micros


@runtime_checkable
class Bursting(Protocol):
    """An engine that can say many frames at once. ``wake`` says the same, frame by frame."""

    def wake_bursts(self, now: Micros) -> Iterable[Effect | Burst]:
        """Everything due by ``now``, with text frames to the client in bursts."""
        ...


@runtime_checkable
class Obeying(Protocol):
    """An engine that does more at a word of a fault's than to drop a response. ``obeys``: those words of ``Tell``."""

    obeys: frozenset[str]


@runtime_checkable
class Foreseeing(Protocol):
    """An engine whose work on some events takes long and can be done ahead by another thread."""

    def ahead(self, event: Event) -> Callable[[], None] | None:
        """What is to be done before the event comes; nothing comes meanwhile. A client cannot tell whether it was."""
        ...


@runtime_checkable
class Separable(Protocol):
    """An engine whose parts refer to each other, so that they would stay until a collector finds them."""

    def let_go(self) -> None:
        """Come apart: the session is over, and the server will not ask for anything of it any more."""
        ...


@runtime_checkable
class Passing(Protocol):
    """An engine through which text of an upstream goes to the client as it is, as long as ``passes``."""

    @property
    def passes(self) -> bool: ...
