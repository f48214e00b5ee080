"""``MockServer``: one port, one source, one journal.

    async with MockServer(source) as server:          in the test's own loop, on that loop's clock
    with MockServer(source).in_thread() as server:    with a loop of its own, for synchronous clients and processes

Leaving the context without an exception calls ``verify()``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, MutableSequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from aiohttp import web

from mockserver.core.debts import Debt
from mockserver.core.frames import Handshake, Micros
from mockserver.engines.base import HttpReply, Lending, ProcessPlace, Request, Source, Staging
from mockserver.errors import ExpectationFailed, ServerError, UsageError
from mockserver.server.admission import Admission, Asked, checked_origins
from mockserver.server.alarms import Alarms
from mockserver.server.beginning import Beginning
from mockserver.server.calling import LOOPBACK, checked_addresses
from mockserver.server.clock import Clock
from mockserver.server.entrance import Entrance, SharedPort, elsewhere
from mockserver.server.failures import Failures, failure, raise_all
from mockserver.server.faulted import Faulted
from mockserver.server.hiding import hider
from mockserver.server.journal_file import journal_of
from mockserver.server.local import settled, stop_listening
from mockserver.server.meters import Meters
from mockserver.server.neighbours import spends_nothing
from mockserver.server.outlast import LIMIT_SECONDS
from mockserver.server.parts import ServerParts, ServerTerms
from mockserver.server.plain import PlainRequests
from mockserver.server.pump import Pump
from mockserver.server.recorders import Recorders
from mockserver.server.rim import Controlling
from mockserver.server.session_book import SessionBook
from mockserver.server.sessions import AnyFault, FaultSet, SessionHandle, account
from mockserver.server.tokens import checked_token
from mockserver.server.virtual import add_account
from mockserver.server.way_out import WayOut
from mockserver.server.webrtc.placing import Placed
from mockserver.server.websocket.answers import told
from mockserver.server.websocket.outlet import Outlet
from mockserver.server.whereabouts import Located, houses_of, spoken_at
from mockserver.server.workers.routing import leading

if TYPE_CHECKING:
    from mockserver.cassette.model import Exchange
    from mockserver.server.thread import InThread
    from mockserver.server.tls import Certificate
    from mockserver.server.workers.crew import Crew

T = TypeVar("T")
CLOSE_GRACE = 0.2
"""Seconds that clients get to read the last of what was sent to them when the server closes."""


class MockServer(Located, Faulted):
    """A server that answers realtime clients from ``source``. Nothing listens before the context is entered.

    ``faults`` are fault objects or specs ("delay 11s on response.created"). ``port`` 0 takes any free port. With
    ``tls`` a certificate is made on the spot. ``token`` is asked for by the control API; without one that API
    answers on loopback only. ``allow_origins``: pages that may use a relay that adds a key, named exactly
    (``http://localhost:3000``); by default none may. ``compress`` False offers no permessage-deflate.
    ``dial_timeout``: seconds that the upstream of a relay gets to answer. ``outlast``: seconds that it gets, while a
    recorder listens, to end its open response after a fault has ended the client's connection. Raises ServerError when
    the port is taken. ``journal_limit``: entries that the journal keeps in memory, for a server that runs long; older
    ones go to a temporary file of 512 MiB at most, and a check that needs one that is gone fails and says so.
    ``metrics``: count for ``/__mockserver__/metrics``. ``probes``: answer at ``/healthz`` and ``/readyz``. ``crew`` and
    ``listening``: the other processes of this port, and how it is shared with them; ``place``: which of all equal ones.
    ``ice``: addresses on which calls over WebRTC are answered, "*" for all of this machine's; loopback by default.
    """

    certificate: Certificate | None

    def __init__(
        self,
        source: Source,
        *,
        faults: AnyFault | str | Iterable[AnyFault | str] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        tls: bool = False,
        seed: int | str = 0,
        token: str | None = None,
        allow_origins: Iterable[str] = (),
        compress: bool = True,
        dial_timeout: float = 30.0,
        journal_limit: int | None = None,
        outlast: float = LIMIT_SECONDS,
        metrics: bool = False,
        probes: bool = False,
        crew: Crew | None = None,
        listening: SharedPort | None = None,
        place: ProcessPlace | None = None,
        ice: str | Iterable[str] = LOOPBACK,
    ) -> None:
        if not hasattr(source, "open") or not hasattr(source, "dialect"):
            raise UsageError(
                f"MockServer needs something that answers (script, replay, simulator, relay), "
                f"not {type(source).__name__}"
            )
        if not host.strip():
            # The system takes no address for all addresses: an unset variable would open the server to the network.
            raise UsageError("the host is empty (an unset variable?): expected an address such as 127.0.0.1")
        if not 0 <= port <= 65_535:
            raise UsageError(f"port {port}: expected 0 (any free port) to 65535")
        super().__init__(source, host, tls=tls)
        self.dialect = source.dialect
        dialects = [house.dialect for house in houses_of(source)]
        token = checked_token(token)
        self.admission = Admission(
            source.dialect,
            host=host,
            token=token,
            origins=checked_origins(allow_origins),
            lends_key=isinstance(source, Lending) and source.lends_key,
            secure=tls,
        )
        self._terms = ServerTerms(seed, port, listening, compress, checked_addresses(ice), probes, outlast)
        self.journal = journal_of(journal_limit, seed=seed, hide=hider(*dialects))
        self.meters = Meters(self.journal) if metrics else None
        self.draining = False
        self.crew = crew
        self.place = place or (ProcessPlace() if crew is None else ProcessPlace(crew.index, crew.count))
        self._book = SessionBook(bounded=journal_limit is not None)
        self._faults = FaultSet(faults, seed, dialects)
        self._failures = Failures()
        self._up: ServerParts | None = None
        self._way_out = WayOut(dial_timeout)
        self.recorders = Recorders()
        self.exchanges: MutableSequence[Exchange] = deque(maxlen=journal_limit)

    @property
    def seed(self) -> int | str:
        """What all chance in it comes from."""
        return self._terms.seed

    @property
    def compress(self) -> bool:
        """Whether permessage-deflate is offered."""
        return self._terms.compress

    @property
    def ice(self) -> tuple[str, ...]:
        """The addresses on which calls are answered."""
        return self._terms.ice

    @property
    def probed(self) -> bool:
        """Whether it answers probes."""
        return self._terms.probes

    @property
    def sessions(self) -> list[SessionHandle]:
        """Every session so far."""
        return self._book.all

    @property
    def elapsed_us(self) -> Micros:
        """Microseconds since the server started, on its loop's clock."""
        return 0 if self._up is None else self._up.alarms.clock.micros()

    @property
    def plain_calls(self) -> int:
        """How many plain requests were answered."""
        return 0 if self._up is None else self._up.plain.answered

    # --- what went wrong ---

    def problems(self) -> list[ExpectationFailed]:
        """What a test should fail for: what raised, what went against the source, faults that never fired."""
        try:
            theirs = self.source.problems()
        except Exception as error:  # noqa: BLE001 - a cassette that turned out to be damaged, for example
            theirs = (failure("what went against the source cannot be told", error),)
        return [*self._failures, *theirs, *(self._faults.unfired() if self.crew is None else ())]

    def unfired(self) -> dict[str, str | None]:
        """Each fault by name, and its complaint where nothing has met it in this process."""
        theirs = self.source.unfired() if isinstance(self.source, Staging) else {}
        return {**self._faults.table(), **theirs}

    def verify(self) -> None:
        """Raise the first problem; its message holds all of them."""
        raise_all(self.problems())

    def owes(self) -> list[Debt]:
        """What connected clients are owed (``core.debts``). Who waits while nothing is owed waits for nothing."""
        return self.call(self._book.owed)

    # --- contexts ---

    def in_thread(self) -> InThread[Self]:
        """A context manager that runs this server in a thread with a loop of its own."""
        from mockserver.server.thread import InThread

        return InThread(self)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
        if kind is None:
            self.verify()

    async def start(self) -> None:
        """Listen. ServerError where that is not possible."""
        if self._up is not None and self._up.loop is not None:
            raise ServerError("this server is already running; make another MockServer for a second one")
        self.admission.check()
        loop = asyncio.get_running_loop()
        dialects = [house.dialect for house in houses_of(self.source)]
        streams = next((one for one in dialects if one.transport != "websocket"), None)
        entrance = Entrance(self, self._host, tls=self._tls, streams=streams, complain=self.complain)
        listener = await entrance.listen(self._terms.port, self._terms.listening)
        self.certificate = entrance.certificate
        alarms = Alarms(Clock(loop))
        if self.meters is not None:
            alarms.late = self.meters.late
        add_account(loop, lambda: account(self.sessions))
        plain = PlainRequests(self, clock=alarms.clock, dialler=self._way_out.dialler, failed=self._failures.raised)
        self._up = ServerParts(loop, listener, entrance, alarms, plain)
        self._port = listener.sockets[0].getsockname()[1]
        if self.crew is not None:
            await plain.join()
        self.admission.warn_if_open()

    async def close(self, *, outlast: bool = True) -> None:
        """End running sessions at once and stop listening. Nothing is left behind.

        Upstreams that a recorder still listens to may end what they are saying (``outlast`` False: they may not).
        """
        up = self._up
        if up is None or up.listener is None:
            return
        await settled(self.journal)
        listener, up.listener = up.listener, None
        await stop_listening(listener)
        speaking = [pump.outlast.done for pump in self._book.running if pump.outlast is not None]
        if speaking and outlast:
            await asyncio.wait(speaking)
        self._book.end_all("the server closes; this session was still running")
        # Who does not read by then does not get what the socket still holds for it.
        late = asyncio.get_running_loop().call_later(CLOSE_GRACE, self._book.abort_all)
        await self._book.none_left()
        late.cancel()
        await up.plain.calling.close()
        await up.entrance.close()
        await self._way_out.close()
        self.recorders.thread.close()
        up.loop = None

    @property
    def running(self) -> int:
        """How many sessions run."""
        return len(self._book.running)

    async def drain(self, seconds: float) -> None:
        """Take no new sessions, and wait so long for those that run to end."""
        self.draining = True
        try:
            async with asyncio.timeout(seconds):
                await self._book.none_left()
        except TimeoutError:
            pass

    def call(self, action: Callable[[], T]) -> T:
        """Run something in the server's loop and return its result, from whichever thread this is called."""
        loop = None if self._up is None else self._up.loop
        if loop is None:
            return action()
        try:
            if asyncio.get_running_loop() is loop:
                return action()
        except RuntimeError:
            pass  # no loop in this thread: the server runs in another

        async def act() -> T:
            return action()

        return asyncio.run_coroutine_threadsafe(act(), loop).result()

    def new_control(self) -> Controlling:
        """What answers under ``/__mockserver__/``."""
        if self.crew is not None:
            from mockserver.server.workers.control import CrewControl

            return CrewControl(self, self.crew)
        from mockserver.server.control import Control

        return Control(self)

    # --- for the HTTP side ---

    def led_to(self, came: Handshake | Request) -> int | None:
        """The process of this port that gave an id which a client brings back; None where that is this one."""
        return leading(self, came, self._failures.lost)

    def open(
        self,
        handshake: Handshake,
        *,
        outlet: Callable[..., Any] = Outlet,
        transport: str = "websocket",
        call: Placed | None = None,
    ) -> Pump | HttpReply:
        """A session for one more connection. ``outlet``: makes the one writer to its client."""
        up = self._up
        assert up is not None
        if up.listener is None or self.draining:
            return told(503, "mockserver is closing" if up.listener is None else "mockserver is draining")
        asked = Asked(handshake.headers, handshake.query, handshake.subprotocols)
        refusal = self.admission.to_upstream(asked, spends=not spends_nothing(self.source, handshake))
        if refusal is not None:
            return told(*refusal)
        dialect = spoken_at(self.source, handshake)
        if dialect.transport != transport and call is None:
            problem = ExpectationFailed(elsewhere(dialect.title, dialect.transport, transport))
            self._failures.add(problem)
            return told(404, str(problem))
        calling = up.plain.calling
        begins = Beginning(self.source, handshake, dialect, self.journal, up.alarms.clock, call, calling.beside)
        try:
            session = begins.session(
                base_url=self.base_url, faults=self._faults, taps=self.recorders.taps, place=self.place
            )
        except Exception as error:  # noqa: BLE001 - whatever a source raises belongs to the test, not to the client
            begins.log.ended = True
            self._failures.raised(f"session {begins.log.number} could not begin", error)
            return told(500, "internal error of the mock server; its problems() say what happened")
        pump = Pump(
            session,
            up.alarms,
            failed=self._failed,
            upstream=self._way_out.upstream,
            outlast=self._terms.outlast,
            outlet=outlet,
        )
        pump.looked_after(self.recorders.thread, self.recorders.keeper)
        calling.opened(pump)
        self._book.began(pump, SessionHandle(session, pump, self.call, dialect))
        if self.meters is not None:
            self.meters.began(session.log)
        return pump

    def closed(self, pump: Pump) -> None:
        """A connection has ended."""
        self._faults.forget(pump.session)
        if isinstance(self.source, Staging):
            self.source.ended(pump.session)
        if self.meters is not None:
            self.meters.closed(pump.session.log)
        self._book.ended(pump)

    def complain(self, problem: ExpectationFailed) -> None:
        """Something that a test should fail for."""
        self._failures.add(problem)

    async def plain(self, request: Request, raw: web.BaseRequest) -> HttpReply:
        """The answer to a plain HTTP request."""
        assert self._up is not None
        return await self._up.plain.answer(request, raw)

    def _failed(self, pump: Pump, error: Exception) -> None:
        self._failures.raised(f"session {pump.session.log.number}", error)
