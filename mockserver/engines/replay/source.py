"""Answering clients from a recording: the source. Which recorded connection a live one gets, and
what went wrong at the end.

A live connection takes the first recorded one with its path and query that nobody has taken yet; a client that
reconnects takes the next. Keys are no part of the query. An imported capture has no handshake, so any client fits.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple

from mockserver.cassette.given_up import given_up
from mockserver.cassette.model import Cassette, Connection
from mockserver.cassette.patterns import stands_for
from mockserver.cassette.secret_names import hides
from mockserver.core.frames import Frame, Handshake, Micros, Text
from mockserver.core.typed import Name, NotNegative, checked
from mockserver.dialects.addresses import led, moved
from mockserver.dialects.base import Dialect, MatchRules
from mockserver.dialects.registry import dialect_named
from mockserver.engines.answered import Answered
from mockserver.engines.base import Engine, HttpReply, Request, SessionContext
from mockserver.engines.replay import reports
from mockserver.engines.replay.handshake import no_connection
from mockserver.engines.replay.matching import merge_rules
from mockserver.engines.replay.pacing import Pacing
from mockserver.engines.replay.pacing import pacing as parse_pacing
from mockserver.engines.replay.session import Replaying
from mockserver.engines.replay.settings import ReplaySettings
from mockserver.engines.replay.steps import Step
from mockserver.errors import ExpectationFailed, ReplayMismatch, ReplayStalled, ReplayUnfinished, UsageError

_HIDDEN = "REDACTED"
GIVEN_UP = 16
"""So many recorded connections in a row are looked at for one that a live one may be."""


class Door(NamedTuple):
    """What decides which recorded connection a live one gets. ``any``: an imported one, which had no handshake."""

    any: bool
    path: str  # as sent
    place: str  # without what stands before the provider's own part of it
    query: dict[str, list[str]]  # without keys


class Slot(NamedTuple):
    """One recorded connection and where it belongs."""

    cassette: Cassette
    connection: Connection
    door: Door


class Replay:
    """A source that answers from one cassette, or from several of one provider as if they were one.

    pacing          "recorded", "instant", a speed factor (2 is twice as fast), or "<=250ms": no
    wait is longer
    rules           match rules on top of the provider's and the cassette's (``engines.replay.matching.merge_rules``)
    redact          the redaction that the cassette was made with, so that both sides are
    compared redacted
    stall_after     seconds of silence after which a note says what is waited for; 0 is never
    on_stall        "note": the session stays; "close": the client is told and the connection closed
    patience        seconds that an optional frame may come late before what it would have ended
    ends without it
    allow_unplayed  True, or a name or several (``*`` as in file names) of client frames that need not come;
    "close" is the client's
                    close, "connection" a whole recorded connection
    rerecord        the command that reports name
    """

    kind = "replay"

    @checked("replay")
    def __init__(
        self,
        cassette: Cassette | Sequence[Cassette],
        *,
        pacing: str | float | Pacing = "recorded",
        rules: MatchRules | Mapping[str, Any] | None = None,
        redact: Callable[[Frame], Frame] | None = None,
        stall_after: NotNegative = 5.0,
        on_stall: Literal["note", "close"] = "note",
        patience: NotNegative = 5.0,
        allow_unplayed: bool | Name | Sequence[Name] = False,
        rerecord: Name | None = None,
    ) -> None:
        self.cassettes = (cassette,) if isinstance(cassette, Cassette) else tuple(cassette)
        if not self.cassettes:
            raise UsageError("replay: no cassette given")
        for one in self.cassettes:
            if one.header.unsafe:
                name = _name(one)
                raise UsageError(
                    f"{name}: it holds a secret that could not be taken out, so nothing replays it; make a cassette "
                    f"of it: mockserver scrub --rule REGEX {name} --to {name.removesuffix('.unsafe')}"
                )
        names = sorted({one.header.dialect for one in self.cassettes})
        if len(names) > 1:
            raise UsageError(f"replay: one server speaks for one provider, the cassettes are of {', '.join(names)}")
        self.dialect: Dialect = dialect_named(names[0])
        if isinstance(rules, MatchRules):
            self.rules = rules
        else:
            self.rules = merge_rules(self.dialect.rules, *(one.header.rules for one in self.cassettes), rules)
        self._settings = ReplaySettings(parse_pacing(pacing), _micros(stall_after), on_stall, _micros(patience), redact)
        self._allowed = ("*",) if allow_unplayed is True else _names(allow_unplayed or ())
        self._rerecord = rerecord
        self._all: list[Slot] = [
            Slot(one, line, self._door(line.handshake)) for one in self.cassettes for line in one.connections
        ]
        self._free = list(self._all)
        self._given_up = {id(line) for one in self.cassettes for line in given_up(one.connections, self.dialect)}
        self._absent: set[int] = set()
        self.running: list[tuple[reports.ReportedPlace, Replaying]] = []
        self._surplus: list[str] = []
        self._exchanges = [exchange for one in self.cassettes for exchange in one.exchanges]
        self._told: dict[tuple[str, str], int] = {}

    # --- the source ---

    def open(self, handshake: Handshake, context: SessionContext) -> Engine:
        """An engine for one more connection: it plays the next recorded one that fits, or says why there is none."""
        self._give_back()
        chosen = self._choose(handshake)
        if isinstance(chosen, str):
            return Answered(*no_connection(chosen))
        booking = _Booking(self, handshake)
        engine = Replaying(
            chosen.connection,
            self.dialect,
            self.rules,
            self._settings,
            context,
            booking=booking,
        )
        booking.engine = engine
        self._runs(engine, chosen.cassette)
        return engine

    def _choose(self, handshake: Handshake) -> Slot | str:
        """The next recorded connection that fits, which is taken then; or why there is none."""
        live = self._door(handshake)
        chosen: Slot | None = None
        for slot in self._free:
            if not _unlike(slot.door, live):
                # The very path goes before one that only ends alike: several cassettes may share a server.
                if slot.door.path == live.path:
                    chosen = slot
                    break
                chosen = chosen or slot
        if chosen is not None:
            self._free = [slot for slot in self._free if slot is not chosen]
            return chosen
        why = self._why_none(handshake)
        shown = self._shown(handshake)
        asked = shown.path + (f"?{_query_text(shown.query)}" if handshake.query else "")
        first = self.cassettes[0]
        self._surplus.append(reports.surplus(_name(first), asked, why, self.command(first)))
        return f"replay: no recorded connection for {asked}: {why}"

    def _runs(self, engine: Replaying, cassette: Cassette) -> None:
        where = reports.ReportedPlace(engine.context.number, _name(cassette), self.command(cassette), self.dialect)
        self.running.append((where, engine))

    def _give_back(self) -> None:
        """A handshake that a fault refused, or holds, has used up no recorded connection."""
        kept = [one for one in self.running if one[1].reached]
        if len(kept) < len(self.running):
            taken = {id(engine.connection) for _, engine in kept} | self._absent
            self._free = [slot for slot in self._all if id(slot.connection) not in taken]
            self.running = kept

    def claimed(self, engine: Replaying, handshake: Handshake) -> Connection | str:
        """What an engine plays that a handshake has reached: its own, or another if that was given back meanwhile."""
        if any(one is engine for _, one in self.running):
            return engine.connection
        chosen = self._choose(handshake)
        if isinstance(chosen, str):
            return chosen
        self._runs(engine, chosen.cassette)
        return chosen.connection

    def others(self, connection: Connection, handshake: Handshake) -> list[Connection] | None:
        """What a live connection may be that is not the given-up one that it was given (``settings.Booking``)."""
        if id(connection) not in self._given_up:
            return None
        live, found = self._door(handshake), list[Connection]()
        for slot in self._free:
            if len(found) < GIVEN_UP and not _unlike(slot.door, live):
                found.append(slot.connection)
                if id(slot.connection) not in self._given_up:
                    break
        return found

    def moves(self, absent: Connection, connection: Connection) -> None:
        """A live connection plays this one; the given-up one that it had did not come, and comes no more."""
        self._absent.add(id(absent))
        self._free = [slot for slot in self._free if slot.connection is not connection]

    def goes_back(self, engine: Replaying, absent: Connection) -> None:
        """A live connection was the given-up one after all: what it played is free again."""
        self._absent.discard(id(absent))
        taken = {id(one.connection) for _, one in self.running if one is not engine} | self._absent | {id(absent)}
        self._free = [slot for slot in self._all if id(slot.connection) not in taken]

    def holds(self, handshake: Handshake) -> bool:
        """Whether a recorded connection that fits is left."""
        live = self._door(handshake)
        return any(not _unlike(slot.door, live) for slot in self._free)

    def neighbour(self, request: Request, context: SessionContext) -> HttpReply | None:
        """The recorded reply to a plain HTTP request, by method and path, in order; the last one again and again.

        The query does not count: what stands there (an agent's id, a key) is often another one in a test.
        """
        key = (request.method.upper(), request.path)
        fitting = [
            one
            for one in self._exchanges
            if one.method.upper() == key[0] and stands_for(one.path.partition("?")[0], key[1])
        ]
        if not fitting:
            return None
        turn = self._told.get(key, 0)
        self._told[key] = turn + 1
        exchange = fitting[min(turn, len(fitting) - 1)]
        http = context.base_url.removesuffix(self.dialect.base_path)
        # The recorded addresses of sockets lead to the real service: they are led here.
        here = "ws" + http.removeprefix("http")
        body = led(exchange.body, self.dialect.socket_fields, lambda url: moved(url, here))
        return HttpReply(exchange.status, exchange.headers, body)

    def problems(self) -> list[ExpectationFailed]:
        """What went against the cassette so far, worst first."""
        # A client that departed may try again: the departure is the cause.
        found: list[ExpectationFailed] = [
            ReplayMismatch(reports.departed(where, engine.departure))
            for where, engine in self.running
            if engine.departure is not None
        ]
        # A client that tries again and again is told of once.
        found += [ReplayMismatch(text) for text in dict.fromkeys(self._surplus)]
        for where, engine in self.running:
            problem = self._left_open(where, engine) if engine.departure is None else None
            if problem is not None:
                found.append(problem)
        if self._free and not (self.running or self._surplus or self._told):
            # A client that talks to the real service, or to nobody, must not look like one that was tested.
            if not self._may_miss("connection"):
                found.append(ReplayUnfinished(reports.unused(_name(self._free[0].cassette))))
            return found
        for cassette, connection, _ in self._free:
            if id(connection) not in self._given_up and not self._may_miss("connection") and not self._surplus:
                told = f"{_name(cassette)}: recorded connection {connection.number} was never opened"
                found.append(ReplayUnfinished(told + reports.again(self.command(cassette))))
        return sorted(found, key=lambda one: (ReplayMismatch, ReplayStalled, ReplayUnfinished).index(type(one)))

    def _left_open(self, where: reports.ReportedPlace, engine: Replaying) -> ExpectationFailed | None:
        if engine.left and id(engine.connection) in self._given_up:
            return None  # how far it came was chance
        missing = [step for step in engine.unplayed() if not self._may_miss(_called(step))]
        silence = engine.stall.lasted
        if silence is not None and (missing or not self._allowed) and (waits := engine.waits_for()):
            return ReplayStalled(reports.stalled(where, waits, silence, engine.lines.told()))
        return ReplayUnfinished(reports.unfinished(where, missing, engine.lines.told())) if missing else None

    def _may_miss(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self._allowed)

    # --- which connection ---

    def _door(self, handshake: Handshake) -> Door:
        # A real handshake has headers.
        imported = not handshake.headers and not handshake.query
        return Door(imported, handshake.path, self._place(handshake.path), self._query(handshake))

    def _place(self, path: str) -> str:
        """The path without what stands before the provider's own part of it: clients differ in their base URL."""
        fitting = [ending for ending in self.dialect.paths if path.rstrip("/").endswith(ending)]
        return max(fitting, key=len) if fitting else path.rstrip("/")

    def _query(self, handshake: Handshake) -> dict[str, list[str]]:
        hidden = {pattern[1:].lower() for pattern in self.rules.volatile if pattern.startswith("?")}
        kept: dict[str, list[str]] = {}
        for name, value in handshake.query:
            if name.lower() not in hidden and not self.dialect.keys.secret_param(name):
                kept.setdefault(name, []).append(value)
        return kept

    def _why_none(self, handshake: Handshake) -> str:
        if not self._free:
            count = len(self.running)
            return f"the cassette holds {count} connection{'s' if count != 1 else ''}, all in use or played"
        live, shown = self._door(handshake), self._shown(handshake)
        return "; ".join(dict.fromkeys(_unlike(slot.door, live, shown) for slot in self._free))

    def _shown(self, handshake: Handshake) -> Door:
        """What a report may say of a live handshake: as a recorder would have written it."""
        door = self._door(handshake)
        query = {
            name: [_HIDDEN if hides(name) else self._hidden(value) for value in values]
            for name, values in door.query.items()
        }
        return door._replace(path=self._hidden(door.path), query=query)

    def _hidden(self, text: str) -> str:
        hide = self._settings.redact
        seen = Text(text) if hide is None else hide(Text(text))
        return seen.data if isinstance(seen, Text) else _HIDDEN

    def command(self, cassette: Cassette) -> str:
        """The command that records a cassette again, over the file that is there; "" where nothing records it."""
        if self._rerecord is not None:
            return self._rerecord
        if self.dialect.transport != "websocket":
            return ""
        where, home = cassette.header.upstream, self.dialect.upstream
        upstream: tuple[str, ...] = ("--upstream", self.dialect.name)
        if where and where != home:
            # A URL of someone's own rarely says what is spoken there.
            upstream = ("--upstream", where, "--dialect", self.dialect.name)
        elif home is None:
            upstream = ("--upstream", "URL", "--dialect", self.dialect.name)
        words = ("mockserver", "record", "--force", *upstream, "--to", cassette.path or "FILE")
        return f"{shlex.join(words)} -- YOUR CLIENT"


class _Booking:
    """Of one live connection, whose engine is told once there is one."""

    engine: Replaying

    def __init__(self, source: Replay, handshake: Handshake) -> None:
        self._source, self._handshake = source, handshake

    def claim(self) -> Connection | str:
        return self._source.claimed(self.engine, self._handshake)

    def others(self) -> Sequence[Connection] | None:
        return self._source.others(self.engine.connection, self._handshake)

    def move(self, connection: Connection) -> None:
        self._source.moves(self.engine.connection, connection)

    def back(self, absent: Connection) -> None:
        self._source.goes_back(self.engine, absent)


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    """One name, or several: a text is one, and not its letters."""
    return (given,) if isinstance(given, str) else tuple(given)


def _unlike(recorded: Door, live: Door, shown: Door | None = None) -> str:
    """How a live handshake differs from a recorded one, "" where it fits. ``shown``: what may be said of it.

    What was taken out of the recorded one stands for any text.
    """
    if recorded.any:
        return ""
    told = shown or live
    if recorded.place != live.place and not stands_for(recorded.place, live.place):
        return f"recorded path {recorded.path}, live {told.path}"
    before, after = recorded.query, live.query
    for name in sorted({*before, *after}) if before != after else ():
        if not _alike(before.get(name, []), after.get(name, [])):
            return f"query {name}: recorded {before.get(name)}, live {told.query.get(name)}"
    return ""


def _alike(recorded: list[str], live: list[str]) -> bool:
    return len(recorded) == len(live) and all(map(stands_for, recorded, live))


def _called(step: Step) -> str:
    return "close" if step.view.kind in ("close", "lost") else step.view.name


def _name(cassette: Cassette) -> str:
    return cassette.path or f"a recording of {cassette.header.dialect}"


def _query_text(query: Mapping[str, list[str]]) -> str:
    return "&".join(f"{name}={value}" for name, values in query.items() for value in values)


def _micros(seconds: float) -> Micros:
    return round(seconds * 1_000_000)
