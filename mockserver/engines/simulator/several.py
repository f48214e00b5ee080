"""Several simulated providers on one port, each at its own paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mockserver.core.frames import Handshake, Note, Pairs, Refuse
from mockserver.dialects.base import Dialect
from mockserver.engines.answered import Answered
from mockserver.engines.base import Engine, House, HttpReply, Request, SessionContext
from mockserver.engines.simulator.addresses import Astray, moved, wrong_place
from mockserver.engines.simulator.common import SimulatorSource
from mockserver.errors import ExpectationFailed, UsageError


class Several:
    """A source made of several. UsageError where two of them would answer at one path."""

    def __init__(self, *sources: SimulatorSource[Any]) -> None:
        if not sources or not all(isinstance(one, SimulatorSource) for one in sources):
            raise UsageError("together: expected simulated providers, such as together(simulator(...), simulator(...))")
        taken: dict[str, str] = {}
        for source in sources:
            for path in source.sockets:
                whole, name = source.at + path, source.dialect.name
                if whole in taken:
                    raise UsageError(
                        f"{taken[whole]} and {name} both answer at {whole}: put one of them below a prefix, "
                        f'simulator({name!r}, at="/{name}") or --at {name}=/{name}'
                    )
                taken[whole] = name
        self.sources = sources
        self.dialect = sources[0].dialect
        self._failures: list[str] = []

    def __repr__(self) -> str:
        return f"together({', '.join(map(repr, self.sources))})"

    @property
    def houses(self) -> Sequence[House]:
        """Each provider and where it is."""
        return [house for source in self.sources for house in source.houses]

    def dialect_at(self, handshake: Handshake) -> Dialect:
        """What is spoken at this address; at a wrong one, what the nearest provider speaks."""
        return self._nearest(handshake).dialect

    def open(self, handshake: Handshake, context: SessionContext) -> Engine:
        """An engine of the provider whose address this is."""
        source = self._nearest(handshake)
        here = moved(handshake, source.at)
        astray = Astray(Refuse(404)) if here is None else source.astray(here)
        if astray is None:
            return source.open(handshake, context)
        doors = [(house, one.sockets) for one in self.sources for house in one.houses]
        problem = wrong_place(handshake.path, astray.why, astray.answer.status, doors, context.base_url)
        if problem not in self._failures:
            self._failures.append(problem)
        return Answered(Note("simulator", problem), astray.answer)

    def neighbour(self, request: Request, context: SessionContext) -> HttpReply | None:
        """The answer of the first provider that has one."""
        answers = (source.neighbour(request, context) for source in self.sources)
        return next((reply for reply in answers if reply is not None), None)

    @property
    def clear_truncates(self) -> bool:
        """Of calls over WebRTC (``engines.base.TakingCalls``)."""
        return all(source.clear_truncates for source in self.sources)

    def call_refusal(self, headers: Pairs, subprotocols: tuple[str, ...] = ()) -> HttpReply | None:
        """Why none of the providers lets who sends these headers ask something of a call; None: one does."""
        refusals = [
            source.call_refusal(headers, subprotocols) for source in self.sources if source.dialect.calls is not None
        ]
        return None if None in refusals else refusals[0] if refusals else None

    def problems(self) -> Sequence[ExpectationFailed]:
        """What the test should fail for."""
        own = [ExpectationFailed(text) for text in self._failures]
        return [*own, *(problem for source in self.sources for problem in source.problems())]

    def _nearest(self, handshake: Handshake) -> SimulatorSource[Any]:
        """The provider that lets this client in; else the one whose path it is, or that stands below its prefix."""

        def near(source: SimulatorSource[Any]) -> tuple[bool, bool, int]:
            here = moved(handshake, source.at)
            if here is None:
                return (False, False, -1)
            return (source.astray(here) is None, here.path in source.sockets, len(source.at))

        return max(self.sources, key=near)


def together(*sources: SimulatorSource[Any]) -> Several:
    """Several simulated providers on one server: ``MockServer(together(simulator("openai"), simulator("gemini")))``.

    UsageError where two answer at one path (openai and xai do): then one of them needs ``at="/prefix"``.
    """
    return Several(*sources)
