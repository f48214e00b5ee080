"""What the server asks of anything that answers a client.

A *source* is what a user makes and hands to the server: ``replay("x.cassette")``, ``simulator("openai")``, a
script, a relay. It lives as long as the server and may know about several connections. An *engine* is the machine
that answers one connection: it is fed events and lets out effects. An engine must answer ``Opened`` with ``Accept``
or ``Refuse``, now or later, and may end the session with ``Hangup`` or ``Abort``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable
from zlib import crc32

from mockserver.core.frames import Effect, Event, Handshake, Micros, Pairs
from mockserver.core.ids import rng
from mockserver.core.machine import Machine
from mockserver.core.session import Session
from mockserver.core.view import Lens
from mockserver.dialects.base import Dialect
from mockserver.errors import ExpectationFailed, UpstreamError

Engine = Machine[Event, Effect]


@dataclass(frozen=True, slots=True)
class ProcessPlace:
    """Which of ``count`` equal processes this is. An id says by its check sum where it is from, and keeps its shape."""

    index: int = 0
    count: int = 1

    def owner(self, ident: str) -> int:
        """The process that made an id."""
        return crc32(ident.encode(errors="replace")) % self.count

    def mint(self, make: Callable[[], str]) -> str:
        """An id that clients bring back, and that only this process will know."""
        while True:
            made = make()
            if self.count == 1 or self.owner(made) == self.index:
                return made


@dataclass(frozen=True, slots=True)
class CallTerms:
    """What a session over WebRTC is called with. ``session``: the settings in the request, JSON that nobody checked."""

    id: str
    session: Any = None


@dataclass(frozen=True, slots=True)
class SessionContext:
    """What an engine may know of where it runs. ``began_us``: session begin, in microseconds since the server began.

    ``unix_us`` is the wall-clock time of the session's begin, for fields such as ``expires_at`` (microseconds since
    1970); the shell supplies it, so that the engine stays pure.
    """

    number: int
    seed: str
    lens: Lens
    began_us: Micros = 0
    unix_us: int = 0
    base_url: str = ""
    place: ProcessPlace = ProcessPlace()
    call: CallTerms | None = None  # where the session is a call over WebRTC

    def rng(self, name: str) -> random.Random:
        """Randomness for one part of this session."""
        return rng(self.seed, name)


@dataclass(frozen=True, slots=True)
class Request:
    """A plain HTTP request to a neighbour of the socket (``POST /v1/realtime/client_secrets``)."""

    method: str
    path: str
    query: Pairs = ()
    headers: Pairs = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """The answer to a ``Request``. ``rest``: what of a long body follows ``body``, in pieces."""

    status: int
    headers: Pairs = ()
    body: bytes = b""
    rest: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a running engine shows of itself, as plain values (for ``server.sessions[i]`` and the control API)."""

    engine: str
    values: dict[str, Any] = field(default_factory=dict)


@runtime_checkable
class Relaying(Protocol):
    """An engine that passes on what an upstream says, and says nothing of its own but that it cannot."""

    relays: bool


@runtime_checkable
class Inspectable(Protocol):
    """An engine that shows what it is and what it holds."""

    def inspect(self) -> Inspection:
        """As plain values."""
        ...


@runtime_checkable
class Kinded(Protocol):
    """A source that has a name for its kind, as the control API shows it: "simulator", "replay", "script", "relay"."""

    kind: str


@runtime_checkable
class Lending(Protocol):
    """A source that may hold a key, which whoever may connect spends."""

    @property
    def lends_key(self) -> bool:
        """Whether it does hold one."""
        ...

    def names(self, handshake: Handshake) -> bool:
        """Whether this connection goes to an address that a reply has named, where the key has no part in it."""
        ...


@runtime_checkable
class Dialling(Protocol):
    """A source behind which a real service is."""

    upstream: str
    failures: list[UpstreamError]
    """What the service refused or failed to do."""


@runtime_checkable
class Recalling(Protocol):
    """A source whose replies hold ids that clients bring back, and that only the process knows which gave them."""

    def brought(self, came: Handshake | Request) -> str | None:
        """Such an id in what a client sends; None where there is none."""
        ...


@runtime_checkable
class TakingCalls(Protocol):
    """A source whose engines read ``SessionContext.call`` themselves. Any other is asked for the settings of a call in
    a frame, as the client of a websocket asks.

    ``clear_truncates``: whether the end of what is played, which the client asked for, cuts the item too.
    """

    @property
    def clear_truncates(self) -> bool: ...

    def call_refusal(self, headers: Pairs, subprotocols: tuple[str, ...] = ()) -> HttpReply | None:
        """Why who sends these headers, or offers these, may ask nothing of a call; None: they may."""
        ...


class Source(Protocol):
    """Makes an engine for each connection, and answers plain requests beside the socket."""

    dialect: Dialect

    def open(self, handshake: Handshake, context: SessionContext) -> Engine:
        """An engine for one new connection."""
        ...

    def neighbour(self, request: Request, context: SessionContext) -> HttpReply | None:
        """The answer to a plain HTTP request; None where this source knows no such neighbour (404)."""
        ...

    def problems(self) -> Sequence[ExpectationFailed]:
        """What went against the cassette or script so far, worst first. Asked at teardown."""
        ...


class Numbered(Source, Protocol):
    """A source of so many connections: it has no more when each has been made."""

    def holds(self, handshake: Handshake) -> bool:
        """Whether one that fits is left."""
        ...


@dataclass(frozen=True, slots=True)
class House:
    """A provider on a server, and the prefix before all of its paths ("" for none)."""

    dialect: Dialect
    at: str = ""


@runtime_checkable
class Housing(Protocol):
    """A source that serves at its providers' own addresses: several of them on one port, or below a prefix."""

    @property
    def houses(self) -> Sequence[House]:
        """Each provider and where it is. The first is the one that the server's base URL means."""
        ...

    def dialect_at(self, handshake: Handshake) -> Dialect:
        """What this client speaks, by where it came to."""
        ...


@runtime_checkable
class Staging(Protocol):
    """A source of several scenarios, each with faults and seeds of its own."""

    def entered(self, handshake: Handshake) -> tuple[str, str | None]:
        """The scenario of a connection that comes ("" for none), and its seed, where the scenario says one."""
        ...

    def surround(self, session: Session, dialect: Dialect) -> None:
        """Put the scenario's faults around a session that begins."""
        ...

    def ended(self, session: Session) -> None:
        """A session is over."""
        ...

    def unfired(self) -> dict[str, str | None]:
        """The faults of its scenarios by name, each with its complaint where nothing has met it in this process."""
        ...
