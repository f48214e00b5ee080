"""Many scenarios as one source. A client says by its address which it wants: ``/s/NAME/`` and the provider's own path.

http://127.0.0.1:4000/s/late-reply/v1     the base URL of the scenario "late-reply"
http://127.0.0.1:4000/v1                  that of the default
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from mockserver.core.frames import Handshake, Note, Refuse
from mockserver.core.session import Session
from mockserver.dialects.base import Dialect
from mockserver.dialects.registry import meant
from mockserver.engines.answered import Answered
from mockserver.engines.base import Engine, House, HttpReply, Request, SessionContext
from mockserver.errors import ExpectationFailed
from mockserver.server.scenarios.scenario import Scenario

PREFIX = "/s/"
SHOWN = 20
"""Names that a refusal lists."""
MOST_LOST = 100
"""Different wrong addresses that are remembered as problems."""


@dataclass(frozen=True, slots=True)
class Programme:
    """The scenarios of one reading of the file, by name."""

    scenarios: Mapping[str, Scenario]
    default: str | None


class Scenarios:
    """A source of several scenarios. ``reread`` gives another programme; sessions that run end in the one they began
    in.
    """

    kind = "scenarios"

    def __init__(self, programme: Programme, *, reread: Callable[[], Programme] | None = None) -> None:
        self._programme = programme
        self._reread = reread
        self.dialect: Dialect = self._first.dialect
        self._of: dict[int, Scenario] = {}  # session number -> its scenario
        self._lost: dict[str, None] = {}
        self._past: list[Scenario] = []  # of earlier programmes: with sessions that still run
        self._told: list[ExpectationFailed] = []
        self.alone = True
        """Whether this process alone serves them; of several, one need not meet every fault."""

    @property
    def scenarios(self) -> Mapping[str, Scenario]:
        """Those that a client can come to, by name."""
        return self._programme.scenarios

    @property
    def default(self) -> Scenario | None:
        """The one at the providers' own paths."""
        name = self._programme.default
        return None if name is None else self.scenarios[name]

    @property
    def _first(self) -> Scenario:
        return self.default or next(iter(self.scenarios.values()))

    @property
    def houses(self) -> Sequence[House]:
        """The default at no prefix, or the first scenario at its own; then one of each other provider."""
        first = self._first
        found = {first.dialect.name: House(first.dialect, "" if self.default else first.prefix)}
        for one in self.scenarios.values():
            found.setdefault(one.dialect.name, House(one.dialect, one.prefix))
        return tuple(found.values())

    def reload(self) -> int:
        """Read the file again, for sessions that come; returns how many scenarios there are now.

        MockServerError where the file is wrong: nothing has changed then.
        """
        if self._reread is not None:
            fresh = self._reread()
            running = {id(one) for one in self._of.values()}
            before = self._programme.scenarios.values()
            self._past += [one for one in before if id(one) in running]
            for one in before:
                if id(one) not in running:
                    self._told += one.problems(alone=self.alone)
            self._programme = fresh
            self.dialect = self._first.dialect
        return len(self.scenarios)

    # --- the source ---

    def entered(self, handshake: Handshake) -> tuple[str, str | None]:
        """The scenario that an address names, and the seed of one more session of it."""
        found = self._at(handshake.path)
        return ("", None) if isinstance(found, str) else (found[0].name, found[0].next_seed())

    def dialect_at(self, handshake: Handshake) -> Dialect:
        """What is spoken at this address."""
        found = self._at(handshake.path)
        return self.dialect if isinstance(found, str) else found[0].dialect

    def open(self, handshake: Handshake, context: SessionContext) -> Engine:
        """An engine of the scenario whose address this is."""
        found = self._at(handshake.path)
        if isinstance(found, str):
            if len(self._lost) < MOST_LOST:
                self._lost[found] = None
            return Answered(Note("scenarios", found), Refuse(404, _JSON, _body(found)))
        scenario, path = found
        self._of[context.number] = scenario
        here = handshake if path == handshake.path else replace(handshake, path=path)
        return scenario.cast.open(here, _inside(scenario, context))

    def neighbour(self, request: Request, context: SessionContext) -> HttpReply | None:
        """The answer to a plain HTTP request."""
        found = self._at(request.path)
        if isinstance(found, str):
            return HttpReply(404, _JSON, _body(found))
        scenario, path = found
        return scenario.cast.neighbour(replace(request, path=path), _inside(scenario, context))

    def brought(self, came: Handshake | Request) -> str | None:
        """An id that a client brings back to a scenario."""
        found = self._at(came.path)
        return None if isinstance(found, str) else found[0].cast.brought(replace(came, path=found[1]))

    def surround(self, session: Session, dialect: Dialect) -> None:
        """Put the scenario's faults around a session that begins."""
        scenario = self._of.get(session.log.number)
        if scenario is not None:
            scenario.faults.surround(session, dialect)

    def ended(self, session: Session) -> None:
        """A session is over."""
        scenario = self._of.pop(session.log.number, None)
        if scenario is not None:
            scenario.ended(session)
            if scenario in self._past and scenario not in self._of.values():
                self._past.remove(scenario)
                self._told += scenario.problems(alone=self.alone)

    def problems(self) -> Sequence[ExpectationFailed]:
        """What a test should fail for, in any scenario."""
        now = [problem for one in (*self._past, *self.scenarios.values()) for problem in one.problems(alone=self.alone)]
        return [*(ExpectationFailed(text) for text in self._lost), *self._told, *now]

    def unfired(self) -> dict[str, str | None]:
        """The faults of the scenarios to which clients have come here."""
        found: dict[str, str | None] = {}
        for one in self.scenarios.values():
            if one.entered:
                found |= one.faults.table(f"{one.name}/")
        return found

    # --- inside ---

    def _at(self, path: str) -> tuple[Scenario, str] | str:
        """The scenario that a path names, and the path that its source is asked with; or why there is none."""
        if path.startswith(PREFIX):
            name, slash, rest = path[len(PREFIX) :].partition("/")
            scenario = self.scenarios.get(name)
            if scenario is None:
                return f"there is no scenario {name!r:.80}{meant(name, self.scenarios) or self._names()}"
            return scenario, slash + rest if scenario.strip else path
        if self.default is None:
            return f"{path:.200} names no scenario and there is no default: put /s/NAME before it{self._names()}"
        return self.default, path if self.default.strip else self.default.prefix + path

    def _names(self) -> str:
        names = list(self.scenarios)
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return f"; there are {', '.join(names[:SHOWN])}{more}"


def _inside(scenario: Scenario, context: SessionContext) -> SessionContext:
    """The context as the scenario sees it: its base URL is below its prefix, with its provider's base path."""
    parts = urlsplit(context.base_url)
    origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
    return replace(context, base_url=f"{origin}{scenario.prefix}{scenario.dialect.base_path}")


_JSON = (("Content-Type", "application/json"),)


def _body(message: str) -> bytes:
    return (json.dumps({"error": {"message": message}}, ensure_ascii=False) + "\n").encode(errors="replace")
