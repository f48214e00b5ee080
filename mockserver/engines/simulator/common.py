"""What every simulated provider's source is, and what it says of itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from mockserver.core.frames import Handshake, Note, Pairs, Refuse
from mockserver.dialects.base import Dialect
from mockserver.engines.answered import Answered
from mockserver.engines.base import Engine, House, HttpReply, Request, SessionContext
from mockserver.engines.simulator.addresses import Astray, inside, moved, wrong_place
from mockserver.engines.simulator.desk import SettingsT
from mockserver.engines.simulator.options import SimulatorOptions
from mockserver.engines.simulator.replies.reply import KnowsSounds, Replier
from mockserver.engines.simulator.voice.listening import Ear
from mockserver.errors import ExpectationFailed

if TYPE_CHECKING:
    from mockserver.cassette.model import Connection
    from mockserver.engines.simulator.likeness import Likeness


class SimulatorSource(Generic[SettingsT]):
    """Makes one engine a connection. Remembers what went wrong in repliers, for the end of the test."""

    kind = "simulator"

    def __init__(self, dialect: Dialect, options: SettingsT, replier: Replier) -> None:
        self.dialect = dialect
        self.options = options
        self.replier = replier
        self._failures: list[str] = []

    def __repr__(self) -> str:
        return f"simulator({self.dialect.name!r}, replier={self.replier!r})"

    @property
    def clear_truncates(self) -> bool:
        """Of calls over WebRTC (``engines.base.TakingCalls``)."""
        return True

    def call_refusal(self, headers: Pairs, subprotocols: tuple[str, ...] = ()) -> HttpReply | None:
        """Why who sends these headers may ask nothing of a call; None: they may."""
        return None

    # --- what a provider says of itself ---

    @abstractmethod
    def begin(self, handshake: Handshake, context: SessionContext) -> Engine:
        """An engine for one connection, which came to a right place. A prefix ``at`` is off its path already."""

    def answer(self, request: Request, context: SessionContext) -> HttpReply | None:
        """The answer to a plain HTTP request. None: this provider has no such address (404). A prefix is off."""
        return None

    @property
    def sockets(self) -> tuple[str, ...]:
        """The paths at which the service has a websocket that is simulated here."""
        return (self.dialect.socket_path,)

    def astray(self, handshake: Handshake) -> Astray | None:
        """How the service turns away a client for its address; None lets it in.

        A provider overrides this where the answer is known (unknown is HTTP 404, without a body), or where more than
        the path counts.
        """
        return None if handshake.path in self.sockets else Astray(Refuse(404))

    def new_ear(self) -> Ear:
        """The ear of a session that begins: what the test says is heard begins with its first transcript."""
        replier: object = self.replier
        known = replier.transcripts if isinstance(replier, KnowsSounds) else ()
        return Ear(self.options.transcripts or known, known)

    # --- where it is ---

    @property
    def at(self) -> str:
        """The prefix before all of the provider's paths."""
        return self.options.at

    @property
    def houses(self) -> Sequence[House]:
        """This provider, and where it is."""
        return (House(self.dialect, self.at),)

    def dialect_at(self, handshake: Handshake) -> Dialect:
        """The provider's own, wherever a client came to."""
        return self.dialect

    def open(self, handshake: Handshake, context: SessionContext) -> Engine:
        """An engine for one connection. One that came to a wrong place is turned away, and the test is told."""
        here = moved(handshake, self.at)
        astray = Astray(Refuse(404)) if here is None else self.astray(here)
        if here is not None and astray is None:
            return self.begin(here, context)
        assert astray is not None
        doors = [(self.houses[0], self.sockets)]
        problem = wrong_place(handshake.path, astray.why, astray.answer.status, doors, context.base_url)
        self.failed(problem)
        return Answered(Note("simulator", problem), astray.answer)

    def neighbour(self, request: Request, context: SessionContext) -> HttpReply | None:
        """The answer to a plain HTTP request, or None (404)."""
        here = inside(request, self.at)
        return None if here is None else self.answer(here, context)

    def brought(self, came: Handshake | Request) -> str | None:
        """An id of an earlier reply that a client brings back, which only the process knows that gave it."""
        here = inside(came, self.at) if isinstance(came, Request) else moved(came, self.at)
        return None if here is None else self.recalled(here)

    def recalled(self, came: Handshake | Request) -> str | None:
        """The same without the prefix. A provider that gives out such ids overrides this."""
        return None

    @property
    @abstractmethod
    def default_model(self) -> str:
        """The model where neither the client nor the test names one."""

    @property
    def model(self) -> str:
        """The model where a client names none."""
        return self.options.model or self.default_model

    def knows(self, model: str) -> bool:
        """Whether a model of this name exists here. A provider overrides this where it knows what names look like."""
        return self.options.models is None or model in self.options.models

    def key_of(self, handshake: Handshake) -> str | None:
        """The key that a client brings to the socket; None where there is none."""
        return self.dialect.keys.key(handshake.headers, handshake.query, handshake.subprotocols)

    def accepts(self, key: str | None) -> bool:
        """Whether this key opens a session. None: the client gave none."""
        wanted = self.options.require_key
        if isinstance(wanted, bool):
            return key is not None or not wanted
        return key in wanted

    def check(self) -> None:
        """UsageError where a session could not begin as it is set, so that it fails where it is written."""

    def failed(self, text: str) -> None:
        """Something that the client alone would not tell the test: a replier raised, a client went to a wrong place.

        Once is enough: a client that tries again says the same again.
        """
        if text not in self._failures:
            self._failures.append(text)

    def problems(self) -> Sequence[ExpectationFailed]:
        """What the test should fail for."""
        return [ExpectationFailed(text) for text in self._failures]


def little_told(dialect: Dialect, connection: Connection) -> Likeness:
    """What any provider's recordings tell. Loaded when a recording is compared: no server needs it."""
    from mockserver.engines.simulator.likeness import Likeness

    return Likeness(dialect, connection)


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider that can be simulated: the settings it takes, its source, and what its recordings tell."""

    name: str
    options: type[SimulatorOptions]
    source: Callable[[Dialect, Any, Replier], SimulatorSource[Any]]
    likeness: Callable[[Dialect, Connection], Likeness] = little_told
