"""How long a connection and a session last, and what tells of their end (gemini.md#51, gemini.md#91)."""

from __future__ import annotations

from mockserver.core.frames import MILLISECOND, SECOND, Micros
from mockserver.engines.simulator.gemini import problems
from mockserver.engines.simulator.gemini.problems import Closing
from mockserver.engines.simulator.gemini.resumption import Handles
from mockserver.engines.simulator.gemini.setup import Setup
from mockserver.engines.simulator.gemini.wire import GeminiWire, duration


class Limits:
    """The clock of one connection. It begins with the setup."""

    def __init__(self, wire: GeminiWire, setup: Setup, handles: Handles) -> None:
        self.wire = wire
        self.setup = setup
        self.handles = handles
        self._began = wire.now
        self._told = False

    def start(self) -> None:
        """Plan the end."""
        self._plan()

    def filmed(self) -> None:
        """Video makes a session shorter."""
        if not self.handles.filmed:
            self.handles.filmed = True
            self._plan()

    def _plan(self) -> None:
        options = self.wire.options
        end = self._began + round(options.max_connection_s * SECOND)
        if self.setup.compression is None:
            most = options.max_video_session_s if self.handles.filmed else options.max_session_s
            end = min(end, self._began + round(most * SECOND) - self.handles.used_us)
        end = max(end, self.wire.now)
        self.wire.drop(self)
        if not self._told:
            self.wire.at(max(self.wire.now, end - round(options.go_away_s * SECOND)), self, lambda: self._warn(end))
        self.wire.at(end, self, self._end)

    def _warn(self, end: Micros) -> None:
        self._told = True
        self.wire.say(goAway={"timeLeft": duration((end - self.wire.now) / MILLISECOND)})
        if self.wire.options.after_go_away == "silent":
            self.wire.silenced = True
            self.wire.drop(self)

    def _end(self) -> None:
        if self.wire.vertex:
            self.wire.close(Closing(1000, problems.CANCELLED))
        else:
            self.wire.close(Closing(1011, problems.DEADLINE))
