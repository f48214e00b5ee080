"""What the parts of the server ask of the server itself: the control API, the neighbours, the thread."""

from __future__ import annotations

from collections.abc import Mapping, MutableSequence, Sequence
from typing import TYPE_CHECKING, Protocol

from mockserver.core.frames import Handshake, Micros
from mockserver.core.journal import Journal
from mockserver.dialects.base import Dialect
from mockserver.engines.base import HttpReply, ProcessPlace, Request
from mockserver.errors import ExpectationFailed
from mockserver.server.admission import Admission
from mockserver.server.meters import Meters
from mockserver.server.recorders import Recorders
from mockserver.server.sessions import AnyFault, ArmedFault, SessionHandle
from mockserver.server.webrtc.placing import CallHost
from mockserver.server.whereabouts import Whereabouts

if TYPE_CHECKING:
    from mockserver.cassette.model import Exchange
    from mockserver.server.workers.crew import Crew


class Startable(Protocol):
    """A server that can be started, ended and judged."""

    async def start(self) -> None:
        """Listen."""
        ...

    async def close(self) -> None:
        """End the sessions and stop listening."""
        ...

    def verify(self) -> None:
        """Raise what went wrong."""
        ...


class Controlling(Protocol):
    """What answers under ``/__mockserver__/``."""

    async def answer(self, request: Request, *, peer: str | None, inside: bool = False) -> HttpReply:
        """The answer to one request. ``peer``: the client's address. ``inside``: one of its other processes."""
        ...

    async def catch_up(self) -> None:
        """Take over what other processes have been told."""
        ...


class Serving(CallHost, Protocol):
    """A server with its source, journal, sessions and faults."""

    admission: Admission
    journal: Journal
    exchanges: MutableSequence[Exchange]
    meters: Meters | None
    draining: bool
    place: ProcessPlace
    crew: Crew | None
    recorders: Recorders

    @property
    def dialect(self) -> Dialect:
        """The provider that it is."""
        ...

    @property
    def sessions(self) -> Sequence[SessionHandle]:
        """Every session so far."""
        ...

    @property
    def probed(self) -> bool:
        """Whether it answers probes."""
        ...

    @property
    def url(self) -> str:
        """The origin."""
        ...

    @property
    def base_url(self) -> str:
        """What clients take as a base URL."""
        ...

    @property
    def ws_url(self) -> str:
        """The websocket itself."""
        ...

    @property
    def whereabouts(self) -> Whereabouts:
        """Every address of it."""
        ...

    @property
    def elapsed_us(self) -> Micros:
        """Microseconds since the server started."""
        ...

    @property
    def faults(self) -> Mapping[int, ArmedFault]:
        """The faults that are set, by id."""
        ...

    def problems(self) -> Sequence[ExpectationFailed]:
        """What a test should fail for."""
        ...

    def led_to(self, came: Handshake | Request) -> int | None:
        """The other process that gave an id which a client brings back."""
        ...

    def new_control(self) -> Controlling:
        """What is to answer for it."""
        ...

    def unfired(self) -> dict[str, str | None]:
        """Each fault by name, and its complaint where nothing has met it."""
        ...

    def add_fault(self, fault: AnyFault | str, *, number: int | None = None) -> int:
        """Set a fault; returns its id, which is ``number`` where that is given."""
        ...

    def change_fault(self, number: int, fault: AnyFault | str) -> None:
        """Another fault in the place of this one."""
        ...

    def remove_fault(self, number: int) -> None:
        """Take a fault away."""
        ...
