"""What every simulated provider's source is, and what it says of itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from mockserver.core.frames import Handshake
from mockserver.dialects.base import Dialect
from mockserver.engines.base import Context, Engine, Reply, Request
from mockserver.engines.simulator.desk import SettingsT
from mockserver.engines.simulator.options import Options
from mockserver.engines.simulator.replies.reply import Replier
from mockserver.engines.simulator.voice.listening import Ear
from mockserver.errors import ExpectationFailed


class SimulatorSource(Generic[SettingsT]):
    """Makes one engine a connection. Remembers what went wrong in repliers, for the end of the test."""

    kind = "simulator"

    def __init__(self, dialect: Dialect, options: SettingsT, replier: Replier) -> None:
        self.dialect = dialect
        self.options = options
        self.replier = replier
        self.ear = Ear(options.transcripts or getattr(replier, "transcripts", ()))
        self._failures: list[str] = []

    def __repr__(self) -> str:
        return f"simulator({self.dialect.name!r}, replier={self.replier!r})"

    @abstractmethod
    def open(self, handshake: Handshake, context: Context) -> Engine:
        """An engine for one connection."""

    def neighbour(self, request: Request, context: Context) -> Reply | None:
        """The answer to a plain HTTP request. None: this provider has no such address (404)."""
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

    def accepts(self, key: str | None) -> bool:
        """Whether this key opens a session. None: the client gave none."""
        wanted = self.options.require_key
        if isinstance(wanted, bool):
            return key is not None or not wanted
        return key in wanted

    def check(self) -> None:
        """UsageError where a session could not begin as it is set, so that it fails where it is written."""

    def failed(self, text: str) -> None:
        """A replier raised: a mistake in the test, which the client has only seen as a failed turn."""
        self._failures.append(text)

    def problems(self) -> Sequence[ExpectationFailed]:
        """What the test should fail for."""
        return [ExpectationFailed(text) for text in self._failures]


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider that can be simulated: the settings it takes, and its source."""

    name: str
    options: type[Options]
    source: Callable[[Dialect, Any, Replier], SimulatorSource[Any]]
