"""Drives one session: frames from the sockets in, effects out in order, and an alarm for what is due next.

The pump knows sockets and the clock and nothing of what a session is made of. It is not a task: readers, the alarms and
the dialler call it, it feeds the session and executes what comes back, and nothing of it waits.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future, wait
from collections import Counter
from collections.abc import Callable

from mockserver.core.burst import Burst
from mockserver.core.frames import (
    Abort,
    Accept,
    Ask,
    Close,
    Dial,
    Effect,
    Event,
    Freeze,
    Hangup,
    Lost,
    Media,
    Micros,
    Note,
    Peer,
    Received,
    Refuse,
    Send,
    Text,
)
from mockserver.core.session import Layer, Session
from mockserver.server.alarms import Alarm, Alarms
from mockserver.server.aside import Aside, Keeper, Thread
from mockserver.server.awaited import Awaited
from mockserver.server.catching_up import catch_up
from mockserver.server.lines import ClientLine, FrameWriter, MediaLine, Upstream
from mockserver.server.outlast import LIMIT_SECONDS, Outlast
from mockserver.server.session_clock import Farewell, SessionClock
from mockserver.server.websocket.outlet import Outlet

CLOSE_TIMEOUT = 5.0
"""Seconds of the loop's clock that a client gets to answer a close frame before TCP is closed anyway."""

PINGS = 64
"""Pings of one session that are noted one by one."""

Decision = Accept | Refuse | Abort


class Pump:
    """One client connection. ``decided`` is how the handshake is to be answered, once the session knows."""

    def __init__(
        self,
        session: Session,
        alarms: Alarms,
        *,
        failed: Callable[[Pump, Exception], None],
        upstream: Callable[[Pump], Upstream] | None = None,
        outlast: float = LIMIT_SECONDS,
        outlet: Callable[[Callable[[Close | Lost], None]], FrameWriter] = Outlet,
    ) -> None:
        self.session = session
        session.emit = self._execute
        self._alarms = alarms
        self._time = SessionClock(alarms.clock, session.log.began_us)
        self._farewell = Farewell(self._time)
        self.outlet = outlet(self._sent_last)
        self.idle: Callable[[], None] | None = None
        """Called where nothing is due: the client may have ended its input."""
        session.emit_burst = self.outlet.put_all
        self._keeper: Keeper | None = None
        self._aside: Aside | None = None
        self.decided: Future[Decision] = self.loop.create_future()
        self.left: Future[None] = self.loop.create_future()
        self.transport: ClientLine | None = None
        self._frozen = Freeze(pong=True, reading=True)
        self._failed = failed
        self._make_upstream = upstream
        self._outlast_limit = outlast
        self.outlast: Outlast | None = None
        self.upstream: Upstream | None = None
        self.alarm: Alarm | None = None
        self._pings: Counter[str] = Counter()
        self._asked = Awaited()

    def looked_after(self, thread: Thread, keeper: Keeper | None) -> None:
        """A thread for what takes long; a recorder, if there is one: nothing leaves before it is in its file."""
        if keeper is not None:
            self._keeper, self.outlet.before = keeper, self.kept
        if keeper is not None or self.session.ahead is not None:
            self._aside = Aside(self, thread, keeper)

    @property
    def loop(self) -> AbstractEventLoop:
        """The loop that it runs in."""
        return self._time.loop

    @property
    def ponging(self) -> bool:
        """Whether the client's pings are answered."""
        return self._frozen.pong

    @property
    def reading(self) -> bool:
        """Whether the client is read."""
        return self._frozen.reading

    @property
    def lingers(self) -> bool:
        """Whether a fault wants the connection to stay open for a while after the last frame."""
        return self._farewell.linger_us > 0

    def now(self) -> Micros:
        """Microseconds since the session began; never less than before."""
        return self._time.now()

    def at(self, seconds: float) -> Micros:
        """What that was at a moment of the loop's clock."""
        return self._time.loop_at(seconds)

    def hold(self, held: bool) -> None:
        """Wake nothing until told: the session does what was due before a frame came."""
        self._time.held = held

    def feed(self, event: Event, *, came: float | None = None) -> None:
        """Something came: now, or a moment ago by the loop's clock."""
        if self._aside is not None and self._aside.takes(event, came):
            return
        now = self._time.now() if came is None else self._time.loop_at(came)
        try:
            self.session.feed(event, now)
        except Exception as error:  # noqa: BLE001 - whatever an engine, fault or sink raises belongs to the test
            self._fail(error)
        self.settle()

    def feed_texts(self, texts: list[str]) -> None:
        """Text frames of the upstream that came together, none of them so long that a thread is to look at it."""
        if not self.busy:
            try:
                fed = self.session.feed_texts(Burst([(text, None) for text in texts]), self.now())
            except Exception as error:  # noqa: BLE001 - as in feed
                self._fail(error)
                fed = True
            if fed:
                self.settle()
                return
        for text in texts:
            self.feed(Received(Peer.UPSTREAM, Text(text)))

    @property
    def busy(self) -> bool:
        """Whether a frame is being looked at by a thread, or the session does what was due before a frame came: what
        comes meanwhile waits, and nothing is woken.
        """
        return self._time.held or (self._aside is not None and self._aside.busy)

    async def looked(self) -> None:
        """Return when nothing of this session is being looked at by a thread."""
        if self._aside is not None:
            await self._aside.over()

    def kept(self) -> bool:
        """Whether all that was recorded is in the file, and may leave."""
        if self._keeper is not None:
            try:
                self._keeper.commit()
            except Exception as error:  # noqa: BLE001 - as in feed
                self._fail(error)
                return False
        return True

    def add_layer(self, layer: Layer, *, at: int | None = None) -> None:
        """Put a fault around the running session, last by default."""
        self.session.add_layer(layer, at=at)
        self._arm()

    def remove_layer(self, layer: Layer) -> None:
        """Take a fault away; what it held back goes on."""
        if layer in self.session.layers:
            if self._aside is not None:
                self._aside.finish()
            try:
                self.session.remove_layer(layer, self.now())
            except Exception as error:  # noqa: BLE001 - as in feed
                self._fail(error)
            self.settle()

    def pinged(self, text: str) -> None:
        """A ping or a pong came. The first are noted one by one, later ones each time that their number doubles."""
        self._pings[text] += 1
        count = self._pings[text]
        if count <= PINGS:
            self.note("ping", text)
        elif count & (count - 1) == 0:
            self.note("ping", f"{text}; {count} so far")

    def note(self, kind: str, text: str) -> None:
        """Write a note into the journal."""
        try:
            self.session.note(Note(kind, text), self.now())
        except Exception as error:  # noqa: BLE001 - a sink may refuse a note too (disk full)
            self._fail(error)
            self.settle()

    def settle(self) -> None:
        """Hand over what was written and set the alarm."""
        self.outlet.flush_soon()
        if self.upstream is not None:
            self.upstream.flush_soon()
        if self.session.over:
            self._over()
        else:
            self._arm()

    def _execute(self, effect: Effect) -> None:
        """One effect, the moment the session lets it out. Nothing here may feed the session."""
        if type(effect) is Send:
            if effect.peer is Peer.CLIENT:
                self.outlet.put(effect.frame)
            elif self.upstream is not None:
                self.upstream.put(effect.frame)
        else:
            self._rare(effect)

    def end(self, *, code: int = 1001, reason: str = "mockserver is closing") -> None:
        """The server closes: end this connection now, without waiting for the client or the upstream."""
        if self._aside is not None:
            self._aside.finish()
        self._disarm()
        if self.outlast is not None:
            self.outlast.stop("the server closed while the upstream was still speaking")
        if self.upstream is not None:
            self.upstream.stop()
        if not self.decided.done():
            self.decided.set_result(Refuse(503, (), b'{"error":{"message":"mockserver is closing"}}\n'))
            return
        try:
            self.session.cut(self.now(), "still connected when the server closed")
        except Exception as error:  # noqa: BLE001 - as in feed
            self._fail(error)
        if not self.outlet.shut and not self.outlet.held:
            self.outlet.put(Close(code, reason))
        self.outlet.stop()
        self.hang_up()

    def hang_up(self) -> None:
        """Close TCP. What the transport already holds still goes out."""
        self._farewell.cancel()
        self.outlet.flush()
        if self.transport is not None:
            self.transport.close()
        if not self.left.done():
            self.left.set_result(None)

    def stop(self) -> None:
        """The connection is gone: no timer and no writer stay behind, nor anything that refers back to this."""
        self._disarm()
        self.outlet.stop()
        if self.upstream is not None:
            self.upstream.stop()
        self.upstream = self._aside = self.transport = self.idle = None
        self._farewell.cancel()

    def _over(self) -> None:
        """The client's side has ended. A fault may have done that without the engine: the upstream ends too, but a
        recording waits for what it is saying.
        """
        self._disarm()
        if self.upstream is None:
            return
        if self.outlast is None and self.session.tap is not None and not self.session.tap.over:
            self.outlast = Outlast(
                self.session.tap,
                loop=self.loop,
                now=self.now,
                limit=self._outlast_limit,
                ended=self._hang_up_upstream,
                failed=self._fail,
            )
        if self.outlast is None or self.outlast.look():
            self._hang_up_upstream()

    def _hang_up_upstream(self) -> None:
        if self.upstream is not None:
            self.upstream.put(Close(1001))
            self.upstream.flush_soon()

    async def outlasted(self) -> None:
        """Return when the upstream has said what it was saying as a fault ended the client's connection."""
        if self.outlast is not None:
            await wait([self.outlast.done])

    # --- effects that are rare ---

    def _rare(self, effect: Effect) -> None:
        match effect:
            case Accept() | Refuse():
                self._decide(effect)
            case Hangup(Peer.CLIENT, code, reason, linger_us):
                self._farewell.linger_us = linger_us
                self._decide(Accept())
                self.outlet.put(Close(code, reason))
            case Abort(Peer.CLIENT):
                self._decide(effect)
                self.outlet.put(Lost("reset by server"))
            case Dial(handshake):
                if self._make_upstream is None:
                    raise RuntimeError("an engine dialled an upstream, but this server has no dialler")
                self.upstream = self._make_upstream(self)
                self.upstream.dial(handshake)
            case Hangup(Peer.UPSTREAM, code, reason):
                if self.upstream is not None:
                    self.upstream.put(Close(code, reason))
            case Abort(Peer.UPSTREAM):
                if self.upstream is not None:
                    self.upstream.put(Lost("reset by client"))
            case Freeze():
                self._frozen = effect
                if not effect.reading and self.transport is not None:
                    self.transport.pause_reading()
            case Media(word):
                line: object = self.transport
                if isinstance(line, MediaLine):
                    line.media(word)
            case Ask(token, awaitable):
                self._asked.ask(self, token, awaitable)
            case _:
                pass  # a Note is in the journal already

    def _decide(self, decision: Decision) -> None:
        if not self.decided.done():
            self.decided.set_result(decision)

    def _sent_last(self, frame: Close | Lost) -> None:
        """The outlet has written the last frame: wait for the client's close, but not for ever."""
        if isinstance(frame, Lost):
            self.hang_up()
            return
        self._farewell.wait(CLOSE_TIMEOUT, self.hang_up)

    def _fail(self, error: Exception) -> None:
        self._failed(self, error)
        self._forget()
        self.session.fail(self.now(), answered=self.decided.done())

    def _forget(self) -> None:
        """What is in no recorder's file does not leave. What is said after that is how the session ends."""
        try:
            if self._keeper is not None:
                self._keeper.commit()
        except Exception:  # noqa: BLE001 - it has been told
            self._keeper = None
            self.outlet.drop()
            if self.upstream is not None:
                self.upstream.drop()

    # --- the alarm ---

    def _arm(self) -> None:
        due = None if self.session.over else self.session.wake_at()
        if due is not None:
            self._alarms.set(self, self._time.began_us + due)
        elif self.idle is not None:
            self.loop.call_soon(self.idle)

    def _disarm(self) -> None:
        """The session is over: nothing is due and nothing is awaited any more."""
        self._asked.cancel()
        self._alarms.drop(self)

    def woken(self, now: Micros) -> None:
        """Something is due. ``now`` is on the server's clock."""
        now = self._time.server_at(now)
        if not self.session.over and not self.busy:
            self.catch_up(now)

    def catch_up(self, until: Micros) -> None:
        """Do what is due by then, or as much of it as one turn of the loop has room for."""
        try:
            catch_up(self.session, until, self.loop.time)
        except Exception as error:  # noqa: BLE001 - as in feed
            self._fail(error)

    def written(self) -> None:
        """Nothing more is due in this turn of the loop."""
        self.outlet.flush()
        if self.upstream is not None:
            self.upstream.flush_soon()
        if self.session.over:
            self._over()
        elif self.session.due is not None and not self.busy:
            self._alarms.set(self, self._time.began_us + self.session.due)
        elif self.idle is not None:
            self.loop.call_soon(self.idle)
