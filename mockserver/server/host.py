"""``MockServer``: one port, one source, one journal.

    async with MockServer(source) as server:          in the test's own loop, on that loop's clock
    with MockServer(source).in_thread() as server:    with a loop of its own, for synchronous clients and processes

Leaving the context without an exception calls ``verify()``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, MutableSequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from aiohttp import web

from mockserver.cassette.model import Exchange
from mockserver.core.debts import Debt
from mockserver.core.entry import Entry
from mockserver.core.frames import Handshake, Micros
from mockserver.engines.base import HttpReply, Lending, ProcessPlace, Request, Source, Staging
from mockserver.errors import ExpectationFailed, ServerError, UsageError
from mockserver.server.admission import Admission, Asked, checked_origins
from mockserver.server.alarms import Alarms
from mockserver.server.aside import Keeper
from mockserver.server.beginning import Beginning
from mockserver.server.calling import LOOPBACK, checked_addresses
from mockserver.server.clock import Clock
from mockserver.server.entrance import Entrance, SharedPort, elsewhere
from mockserver.server.failures import failure, raise_all
from mockserver.server.faulted import Faulted
from mockserver.server.hiding import hider
from mockserver.server.journal_file import journal_of
from mockserver.server.lines import Upstream
from mockserver.server.local import settled, stop_listening
from mockserver.server.meters import Meters
from mockserver.server.neighbours import spends_nothing
from mockserver.server.outlast import LIMIT_SECONDS
from mockserver.server.plain import PlainRequests
from mockserver.server.pump import Pump
from mockserver.server.rim import Controlling
from mockserver.server.sessions import AnyFault, FaultSet, Past, SessionHandle, account
from mockserver.server.tokens import checked_token
from mockserver.server.virtual import add_account
from mockserver.server.webrtc.placing import Placed
from mockserver.server.websocket.app import told
from mockserver.server.websocket.outlet import Outlet
from mockserver.server.whereabouts import Located, houses_of, spoken_at
from mockserver.server.workers.routing import leading

if TYPE_CHECKING:
    from mockserver.server.thread import InThread
    from mockserver.server.tls import Certificate
    from mockserver.server.websocket.upstream import Dialler
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
        if not 0 <= port <= 65_535:
            raise UsageError(f"port {port}: expected 0 (any free port) to 65535")
        super().__init__(source, host, tls=tls)
        self.dialect = source.dialect
        dialects = [house.dialect for house in houses_of(source)]
        self.seed = seed
        self.token = checked_token(token)
        self.admission = Admission(
            source.dialect,
            host=host,
            token=self.token,
            origins=checked_origins(allow_origins),
            lends_key=isinstance(source, Lending) and source.lends_key,
            secure=tls,
        )
        self.compress, self.ice = compress, checked_addresses(ice)
        self.journal = journal_of(journal_limit, seed=seed, hide=hider(*dialects))
        self.meters = Meters(self.journal) if metrics else None
        self.probed, self.draining = probes, False
        self.crew, self._listening = crew, listening
        self.place = place or (ProcessPlace() if crew is None else ProcessPlace(crew.index, crew.count))
        self._lost: dict[str, None] = {}
        self._past = Past(journal_limit is not None)
        self.sessions: list[SessionHandle] = []
        self._faults = FaultSet(faults, seed, dialects)
        self._wanted_port = port
        self._failures: list[ExpectationFailed] = []
        self._running: dict[Pump, SessionHandle] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._alarms: Alarms | None = None
        self._entrance: Entrance | None = None
        self._plain: PlainRequests | None = None
        self._listener: asyncio.Server | None = None
        self._gone: asyncio.Event | None = None
        self._dialler: Dialler | None = None
        self._dial_timeout, self._outlast = dial_timeout, outlast
        self.taps: list[Callable[[Entry], None]] = []
        """Recorders: told of what passes between the engines and the faults, before it goes on."""
        self.exchanges: MutableSequence[Exchange] = deque(maxlen=journal_limit)
        self.on_exchange: list[Callable[[Exchange], Awaitable[None] | None]] = []
        self.keeper: Keeper | None = None

    @property
    def elapsed_us(self) -> Micros:
        """Microseconds since the server started, on its loop's clock."""
        return 0 if self._alarms is None else self._alarms.clock.micros()

    @property
    def plain_calls(self) -> int:
        """How many plain requests were answered."""
        return 0 if self._plain is None else self._plain.answered

    # --- what went wrong ---

    def problems(self) -> list[ExpectationFailed]:
        """What a test should fail for: what raised, what went against the source, faults that never fired."""
        try:
            theirs = self.source.problems()
        except Exception as error:  # noqa: BLE001 - a cassette that turned out to be damaged, for example
            theirs = (failure("what went against the source cannot be told", error),)
        lost = map(ExpectationFailed, self._lost)
        return [*self._failures, *lost, *theirs, *(self._faults.unfired() if self.crew is None else ())]

    def unfired(self) -> dict[str, str | None]:
        """Each fault by name, and its complaint where nothing has met it in this process."""
        theirs = self.source.unfired() if isinstance(self.source, Staging) else {}
        return {**self._faults.table(), **theirs}

    def verify(self) -> None:
        """Raise the first problem; its message holds all of them."""
        raise_all(self.problems())

    def owes(self) -> list[Debt]:
        """What connected clients are owed (``core.debts``). Who waits while nothing is owed waits for nothing."""
        return self.call(lambda: [debt for handle in self._running.values() for debt in handle.owes()])

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
        if self._loop is not None:
            raise ServerError("this server is already running; make another MockServer for a second one")
        self.admission.check()
        loop = asyncio.get_running_loop()
        dialects = [house.dialect for house in houses_of(self.source)]
        streams = next((one for one in dialects if one.transport != "websocket"), None)
        entrance = Entrance(self, self._host, tls=self._tls, streams=streams, complain=self.complain)
        self._listener = await entrance.listen(self._wanted_port, self._listening)
        self.certificate = entrance.certificate
        self._loop, self._entrance, self._alarms = loop, entrance, Alarms(Clock(loop))
        if self.meters is not None:
            self._alarms.late = self.meters.late
        add_account(loop, lambda: account(self.sessions))
        self._plain = PlainRequests(self, clock=self._alarms.clock, dialler=self._dial, failed=self._failed_at)
        self._port = self._listener.sockets[0].getsockname()[1]
        if self.crew is not None:
            await self._plain.join()
        self.admission.warn_if_open()

    async def close(self, *, outlast: bool = True) -> None:
        """End running sessions at once and stop listening. Nothing is left behind.

        Upstreams that a recorder still listens to may end what they are saying (``outlast`` False: they may not).
        """
        if self._listener is None or self._entrance is None:
            return
        await settled(self.journal)
        listener, self._listener = self._listener, None
        await stop_listening(listener)
        speaking = [pump.outlast.done for pump in self._running if pump.outlast is not None]
        if speaking and outlast:
            await asyncio.wait(speaking)
        self._gone = asyncio.Event()
        for pump in list(self._running):
            pump.note("server", "the server closes; this session was still running")
            pump.end()
        # Who does not read by then does not get what the socket still holds for it.
        late = asyncio.get_running_loop().call_later(CLOSE_GRACE, self._abort_all)
        while self._running:
            self._gone.clear()
            await self._gone.wait()
        late.cancel()
        if self._plain is not None:
            await self._plain.calling.close()
        await self._entrance.close()
        if self._dialler is not None:
            await self._dialler.close()
        self._loop = None

    @property
    def running(self) -> int:
        """How many sessions run."""
        return len(self._running)

    async def drain(self, seconds: float) -> None:
        """Take no new sessions, and wait so long for those that run to end."""
        self.draining = True
        self._gone = asyncio.Event()
        try:
            async with asyncio.timeout(seconds):
                while self._running:
                    self._gone.clear()
                    await self._gone.wait()
        except TimeoutError:
            pass

    def call(self, action: Callable[[], T]) -> T:
        """Run something in the server's loop and return its result, from whichever thread this is called."""
        loop = self._loop
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
        return leading(self, came, self._lost)

    def open(
        self,
        handshake: Handshake,
        *,
        outlet: Callable[..., Any] = Outlet,
        transport: str = "websocket",
        call: Placed | None = None,
    ) -> Pump | HttpReply:
        """A session for one more connection. ``outlet``: makes the one writer to its client."""
        assert self._alarms is not None
        if self._listener is None or self.draining:
            return told(503, "mockserver is closing" if self._listener is None else "mockserver is draining")
        asked = Asked(handshake.headers, handshake.query, handshake.subprotocols)
        refusal = self.admission.to_upstream(asked, spends=not spends_nothing(self.source, handshake))
        if refusal is not None:
            return told(*refusal)
        dialect = spoken_at(self.source, handshake)
        if dialect.transport != transport and call is None:
            self._failures.append(ExpectationFailed(elsewhere(dialect.title, dialect.transport, transport)))
            return told(404, str(self._failures[-1]))
        assert self._plain is not None
        calling = self._plain.calling
        begins = Beginning(self.source, handshake, dialect, self.journal, self._alarms.clock, call, calling.beside)
        try:
            session = begins.session(base_url=self.base_url, faults=self._faults, taps=self.taps, place=self.place)
        except Exception as error:  # noqa: BLE001 - whatever a source raises belongs to the test, not to the client
            begins.log.ended = True
            self._failures.append(failure(f"session {begins.log.number} could not begin", error))
            return told(500, "internal error of the mock server; its problems() say what happened")
        pump = Pump(
            session,
            self._alarms,
            failed=self._failed,
            upstream=self._upstream,
            outlast=self._outlast,
            outlet=outlet,
        )
        pump.recorded_by(self.keeper)
        calling.opened(pump)
        self._running[pump] = handle = SessionHandle(session, pump, self.call, dialect)
        self.sessions.append(handle)
        if self.meters is not None:
            self.meters.began(session.log)
        return pump

    def closed(self, pump: Pump) -> None:
        """A connection has ended."""
        handle = self._running.pop(pump, None)
        if handle is not None:
            self._past.ended(handle)
        self._faults.forget(pump.session)
        if isinstance(self.source, Staging):
            self.source.ended(pump.session)
        if self.meters is not None:
            self.meters.closed(pump.session.log)
        if self._gone is not None:
            self._gone.set()

    def complain(self, problem: ExpectationFailed) -> None:
        """Something that a test should fail for."""
        self._failures.append(problem)

    async def plain(self, request: Request, raw: web.BaseRequest) -> HttpReply:
        """The answer to a plain HTTP request."""
        assert self._plain is not None
        return await self._plain.answer(request, raw)

    def _abort_all(self) -> None:
        for pump in self._running:
            if pump.transport is not None:
                pump.transport.abort()

    def _upstream(self, pump: Pump) -> Upstream:
        from mockserver.server.websocket.upstream import AiohttpUpstream

        return AiohttpUpstream(pump, self._dial())

    def _dial(self) -> Dialler:
        if self._dialler is None:
            from mockserver.server.websocket.upstream import Dialler

            self._dialler = Dialler(timeout=self._dial_timeout)
        return self._dialler

    def _failed(self, pump: Pump, error: Exception) -> None:
        self._failed_at(f"session {pump.session.log.number}", error)

    def _failed_at(self, where: str, error: BaseException) -> None:
        self._failures.append(failure(where, error))
