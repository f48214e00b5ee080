"""The recording modes: none, once, new, all, verify."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from mockserver.cassette.model import Cassette, Connection
from mockserver.cassette.redact import Redactor
from mockserver.cassette.store import Recorder, load, redactor_for, save
from mockserver.core.entry import Entry
from mockserver.core.frames import Handshake
from mockserver.dialects.registry import FAMILIAR
from mockserver.engines.base import Engine, HttpReply, Request, SessionContext
from mockserver.engines.relay.source import Forward, Relay
from mockserver.engines.replay.source import Replay
from mockserver.errors import ExpectationFailed, MockServerError, UsageError
from mockserver.pytest_plugin.options import ini_or_option
from mockserver.pytest_plugin.plans import ServedFor, SourcePlan, missing, record_command
from mockserver.pytest_plugin.settings import MarkerSettings
from mockserver.server.config import combined, find
from mockserver.server.host import MockServer
from mockserver.server.sources import relay, replay, spoken_at

VERIFIED = pytest.StashKey[dict[Path, str]]()
"""What verifying found, by cassette: a cassette of several tests is sent to the real service once."""


class ReplayPlan(SourcePlan):
    """The cassette answers."""

    def __init__(self, item: ServedFor, settings: MarkerSettings, path: Path) -> None:
        if not path.is_file():
            raise missing(item, path)
        super().__init__(_replay(item, settings, path))


class RecordPlan(SourcePlan):
    """The real service answers, and a cassette is made; it is put in place if the test passes."""

    def __init__(self, item: ServedFor, settings: MarkerSettings, path: Path) -> None:
        upstream, key_env = _upstream(item, settings)
        named = ini_or_option(item.config, "realtime_mock_dialect") or settings.dialect
        dialect = spoken_at(upstream, named, option="--realtime-mock-dialect")
        self._real = relay(upstream, dialect=dialect, key_env=key_env)
        super().__init__(self._real)
        self._path = path
        self._recorder: Recorder | None = None
        self._key_env = key_env
        self._redact = find(item.config.rootpath).redact
        self._origin = f"pytest --realtime-mock-record, {item.nodeid or 'realtime_mock_factory'}"

    def begin(self, server: MockServer) -> None:
        """Write every frame from the first."""
        self._record(server, self._path)

    def _record(self, server: MockServer, path: Path) -> None:
        self._recorder = Recorder(
            path,
            dialect=server.dialect,
            upstream=self._real.upstream,
            origin=self._origin,
            overwrite=True,
            redactor=self._redactor(server),
            journal=server.journal,
            faults=server.fault_specs(),
        )
        server.recorders.taps.append(self._heard)
        server.recorders.on_exchange.append(self._recorder.exchange)

    def _redactor(self, server: MockServer) -> Redactor:
        # The upstream's key never crosses the client's wire, unless the upstream says it back.
        values = [os.environ[self._key_env]] if self._key_env else []
        return redactor_for(server.dialect, rules=self._redact, values=values)

    def _heard(self, entry: Entry) -> None:
        assert self._recorder is not None
        self._recorder.sink(entry)

    def end(self, server: MockServer, *, kept: bool) -> str:
        """Put the recording in place, or throw it away with the failed test."""
        assert self._recorder is not None
        if not kept:
            self._recorder.discard()
            return ""
        if self._recorder.close(faults=server.fault_specs(fired=True)) is None:
            return f"nothing was recorded: no client connected to {server.dialect.socket_path}"
        return ""

    def drop(self) -> None:
        """No frame came."""
        if self._recorder is not None:
            self._recorder.discard()


class New(RecordPlan):
    """The cassette answers the connections that it holds; the real service the others, which are added to it."""

    def __init__(self, item: ServedFor, settings: MarkerSettings, path: Path) -> None:
        super().__init__(item, settings, path)
        self._known = load(path)
        self._mixed = Extending(_replay(item, settings, path), self._real)
        self.source = self._mixed
        self._addition = path.with_name(f".{path.name}.{os.getpid()}.new")

    def begin(self, server: MockServer) -> None:
        """Write the frames of new connections beside the cassette."""
        self._record(server, self._addition)

    def _heard(self, entry: Entry) -> None:
        if entry.session in self._mixed.relayed:
            super()._heard(entry)

    def end(self, server: MockServer, *, kept: bool) -> str:
        """Add what was new."""
        assert self._recorder is not None
        if not kept:
            self._recorder.discard()
        elif self._recorder.close(faults=server.fault_specs(fired=True)) is not None:
            try:
                redactor = self._redactor(server)
                whole = joined(self._known, load(self._addition))
                save(whole, self._path, overwrite=True, redactor=redactor)
            finally:
                self._addition.unlink(missing_ok=True)
        return ""


class Extending:
    """A source that replays the connections of a cassette and relays every one that it does not hold."""

    def __init__(self, known: Replay, real: Relay) -> None:
        self.dialect = known.dialect
        self.relayed: set[int] = set()
        self.failures = real.failures
        self._known = known
        self._real = real

    def open(self, handshake: Handshake, context: SessionContext) -> Engine:
        """Replay while the cassette holds such a connection."""
        if self._known.holds(handshake):
            return self._known.open(handshake, context)
        self.relayed.add(context.number)
        return self._real.open(handshake, context)

    def neighbour(self, request: Request, context: SessionContext) -> HttpReply | None:
        """The recorded answer, or the real one."""
        reply: HttpReply | None = self._known.neighbour(request, context)
        return reply if reply is not None else self._real.neighbour(request, context)

    def forward(self, request: Request, target: str) -> Forward:
        """What the cassette does not hold is asked of the real service."""
        return self._real.forward(request, target)

    def forwarded(self, reply: HttpReply, context: SessionContext) -> HttpReply:
        """The real service's reply as the client gets it."""
        return self._real.forwarded(reply, context)

    def problems(self) -> Sequence[ExpectationFailed]:
        """The problems of the cassette and of the real service."""
        return [*self._known.problems(), *self._real.problems()]


def joined(old: Cassette, new: Cassette) -> Cassette:
    """The old cassette with the connections of the new one behind its own."""
    first = max((one.number for one in old.connections), default=-1) + 1
    ended = max((_end_us(one) for one in old.connections), default=0)
    moved = tuple(
        replace(one, number=first + place, opened_us=one.opened_us + ended) for place, one in enumerate(new.connections)
    )
    faults = tuple(dict.fromkeys((*old.header.faults, *new.header.faults)))
    header = replace(old.header, ended=new.header.ended, recorded_on=new.header.recorded_on, faults=faults)
    return replace(
        old, header=header, connections=(*old.connections, *moved), exchanges=(*old.exchanges, *new.exchanges)
    )


def _end_us(one: Connection) -> int:
    return one.opened_us + max((record.at for record in one.records), default=0)


class Verifying(ReplayPlan):
    """The cassette answers; then its client side goes to the real service, and drift fails the test."""

    def __init__(self, item: ServedFor, settings: MarkerSettings, path: Path) -> None:
        super().__init__(item, settings, path)
        self._item, self._path = item, path
        self._upstream, self._key_env = _upstream(item, settings)

    def end(self, server: MockServer, *, kept: bool) -> str:
        """Verify; a cassette that several tests take is sent once."""
        if not kept:
            return ""
        found = self._item.config.stash.setdefault(VERIFIED, {})
        if self._path not in found:
            found[self._path] = self._verified()
        return found[self._path]

    def _verified(self) -> str:
        from mockserver.server.verify import failure, verify

        cassette = load(self._path)
        try:
            # A thread of its own: the teardown of an async test may have a running loop.
            with ThreadPoolExecutor(1) as pool:
                work = verify(cassette, upstream=self._upstream, key_env=self._key_env)
                reports = pool.submit(asyncio.run, work).result()
        except MockServerError as error:
            return f"{self._path}: could not be verified: {error}"
        drifted = failure(cassette, reports)
        return "" if drifted is None else str(drifted)


def _replay(item: ServedFor, settings: MarkerSettings, path: Path) -> Replay:
    config = find(item.config.rootpath)
    return replay(
        path,
        pacing=settings.pacing,
        rules=combined(config.rules, settings.rules),
        allow_unplayed=settings.allow_unplayed,
        rerecord=record_command(item, "all"),
        redact=config.redact,
    )


def _upstream(item: ServedFor, settings: MarkerSettings) -> tuple[str, str | None]:
    """The real service and the variable with its key."""
    from mockserver.server.verify import key_variable

    upstream = ini_or_option(item.config, "realtime_mock_upstream") or settings.upstream
    if not upstream:
        raise UsageError(
            f"recording needs the real service: give --realtime-mock-upstream {FAMILIAR.name} (or another provider, or "
            "a URL), set realtime_mock_upstream in the ini file, or upstream= in the marker"
        )
    named = ini_or_option(item.config, "realtime_mock_key_env")
    return upstream, named or key_variable(upstream)


def _once(item: ServedFor, settings: MarkerSettings, path: Path) -> SourcePlan:
    return (ReplayPlan if path.is_file() else RecordPlan)(item, settings, path)


def _new(item: ServedFor, settings: MarkerSettings, path: Path) -> SourcePlan:
    return (New if path.is_file() else RecordPlan)(item, settings, path)


PLANS: dict[str, Callable[[ServedFor, MarkerSettings, Path], SourcePlan]] = {
    "none": ReplayPlan,
    "once": _once,
    "new": _new,
    "all": RecordPlan,
    "verify": Verifying,
}
