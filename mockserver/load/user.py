"""A user of Locust's that plays the client's half of a cassette: ``CassetteUser``.

    from mockserver.load import CassetteUser

    class Caller(CassetteUser):
        cassette = "cassettes/weather.cassette"
        speed = 1.0

    locust -f locustfile.py --host http://gateway:4000/v1 --users 600 --spawn-rate 50

Locust runs on gevent, so the socket is websocket-client's, which waits as gevent wants it; the caller itself is the
same machine as in ``mockserver call``.
"""

from __future__ import annotations

import random
import re
import secrets
import time
import urllib.error
import urllib.request
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from mockserver.cassette.model import Cassette, Exchange
from mockserver.cassette.store import load
from mockserver.core.frames import Binary, Close, Frame, Lost, Text
from mockserver.errors import UpstreamError, UsageError
from mockserver.load.caller import Caller, CallerRole, CallOptions, Check, Out
from mockserver.load.door import CallDoor, door
from mockserver.load.outcome import CallReport

try:
    import websocket
    from locust import User, constant, task
except ImportError as error:
    raise UsageError(
        f"CassetteUser needs Locust and websocket-client ({error}): pip install 'realtime-mockserver[load]'"
    ) from None

KIND = "realtime"
"""The type under which Locust lists everything here."""


class Mismatched(Exception):
    """A call that was not as recorded; Locust counts failures by their text, so it is short."""


@lru_cache(maxsize=64)
def _loaded(path: str) -> tuple[str, Cassette, list[CallerRole]]:
    """A cassette by its name, and the client of each of its connections: read once for all users."""
    cassette = load(Path(path))
    return Path(path).stem, cassette, [CallerRole(cassette, connection) for connection in cassette.connections]


class CassetteUser(User):  # type: ignore[misc]  # without Locust, which CI does not have, its class is Any
    """One call after another. Locust's host is the base URL that clients take, or the socket's own URL.

    ``cassette``: a file, or several, of which each call takes the next. ``speed``, ``check``, ``wait_s``: as
    ``CallOptions``. ``checked``: the part of the calls that is laid beside the recording, which costs most of a call;
    the others give times and ends alone. ``key``: what the client carries; ``headers``: on top. ``connect_timeout``: in
    seconds.

    Reported to Locust, under the type "realtime" and by cassette: "connect" (the handshake), "session" (to the first
    event of the session), "first audio" and "turn" (of each reply, from what the client waits from), "late audio" (each
    gap that a listener would hear, as a failure), "call" (a failure says what differs, or how it was closed).
    """

    abstract = True
    wait_time = constant(0)
    cassette: ClassVar[str | Path | list[str | Path]] = ""
    speed: ClassVar[float] = 1.0
    check: ClassVar[Check] = "shape"
    checked: ClassVar[float] = 1.0
    wait_s: ClassVar[float] = 20.0
    key: ClassVar[str | None] = None
    headers: ClassVar[tuple[tuple[str, str], ...]] = ()
    connect_timeout: ClassVar[float] = 10.0

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        if not self.host:
            raise UsageError("CassetteUser: give the base URL of what is called: locust --host http://gateway:4000/v1")
        given = self.cassette if isinstance(self.cassette, list) else [self.cassette]
        if not all(given) or not given:
            raise UsageError(f"{type(self).__name__}: cassette is not set: expected a file, or a list of files")
        self._cassettes = [_loaded(str(one)) for one in given]
        self._options = CallOptions(self.speed, self.wait_s, self.check)
        self._times = CallOptions(self.speed, self.wait_s, "none")
        self._count = 0

    @task  # type: ignore[untyped-decorator]  # as above
    def call(self) -> None:
        """One call: every connection of a cassette, one after another."""
        name, cassette, roles = self._cassettes[self._count % len(self._cassettes)]
        self._count += 1
        for role in roles:
            options = self._options if random.random() < self.checked else self._times
            caller = Caller(role, options=options, seed=secrets.randbits(64))
            where = door(cassette, role.connection, url=self.host, key=self.key, headers=self.headers)
            self.report(name, _GeventSocket(caller, self.connect_timeout).run(where))

    def report(self, name: str, report: CallReport) -> None:
        """Tell Locust of one call."""
        if report.connected is not None:
            self._fire(f"{name}: connect", report.connected)
        if report.opening is not None:
            self._fire(f"{name}: session", report.opening)
        for reply in report.replies:
            if reply.sound is not None:
                self._fire(f"{name}: first audio", reply.sound - reply.asked)
            if reply.over is not None:
                self._fire(f"{name}: turn", reply.over - reply.asked)
            for gap in reply.gaps:
                self._fire(f"{name}: late audio", gap, Mismatched("a gap that a listener hears"))
        said = next(report.faults(), None)
        wrong = None if said is None or said.startswith("gap") else Mismatched(_kind(said))
        self._fire(f"{name}: call", report.ended, wrong, length=report.received)

    def _fire(self, name: str, micros: int, wrong: Exception | None = None, *, length: int = 0) -> None:
        self.environment.events.request.fire(
            request_type=KIND,
            name=name,
            response_time=micros / 1_000,
            response_length=length,
            exception=wrong,
            context=self.context(),
        )


def _kind(said: str) -> str:
    """What is wrong without its numbers: Locust counts equal texts."""
    return re.split(r" came |  ?[{\"']", re.sub(r" ?\[[^\]]*\]", "", said, count=1))[0][:120]


class _GeventSocket:
    """The socket of one call."""

    def __init__(self, caller: Caller, connect_timeout: float) -> None:
        self._caller = caller
        self._timeout = connect_timeout
        self._began = time.monotonic()

    def _now(self) -> int:
        return round((time.monotonic() - self._began) * 1_000_000)

    def run(self, where: CallDoor) -> CallReport:
        """One call."""
        caller = self._caller
        try:
            target = where.target if where.call is None else where.named(*self._asked(where, where.call))
        except UpstreamError as error:
            caller.unreached(str(error), self._now())
            return caller.report
        line = websocket.WebSocket(enable_multithread=False)
        try:
            line.connect(
                target,
                timeout=self._timeout,
                header=[
                    f"{name}: {value}" for name, value in where.headers if name.lower() not in ("host", "user-agent")
                ],
                subprotocols=list(where.subprotocols) or None,
                suppress_origin=True,
            )
            self._put(line, caller.opened(self._now()))
            while not caller.over:
                self._turn(line)
        except websocket.WebSocketBadStatusException as error:
            caller.refused(error.status_code, self._now())
        except (websocket.WebSocketException, OSError) as error:
            if caller.report.connected is None:
                caller.unreached(f"no connection: {type(error).__name__}", self._now())
            else:
                caller.feed(Lost(), self._now())
        finally:
            line.shutdown()
        return caller.report

    def _asked(self, where: CallDoor, call: Exchange) -> tuple[bytes, int]:
        """Make the recorded plain call, which names the socket."""
        headers = dict(where.key_headers) | ({"Content-Type": "application/json"} if call.request else {})
        asked = urllib.request.Request(where.at, call.request or None, headers, method=call.method)
        try:
            with urllib.request.urlopen(asked, timeout=self._timeout) as reply:
                return reply.read(), reply.status
        except urllib.error.HTTPError as error:
            return error.read(), error.code
        except OSError as error:
            raise UpstreamError(f"no connection: {type(error).__name__}") from None

    def _turn(self, line: Any) -> None:
        caller = self._caller
        due = caller.wake_at()
        left = None if due is None else (due - self._now()) / 1_000_000
        if left is not None and left <= 0:
            self._put(line, caller.wake(self._now()))
            return
        line.settimeout(left)
        try:
            frame = _frame(*line.recv_data(control_frame=True))
        except websocket.WebSocketTimeoutException:
            return  # due now
        if frame is not None:
            self._put(line, caller.feed(frame, self._now()))

    def _put(self, line: Any, frames: list[Out]) -> None:
        line.settimeout(self._timeout)
        for frame in frames:
            match frame:
                case Text(data):
                    line.send(data)
                case Binary(payload):
                    line.send_binary(payload)
                case Close(code, _):
                    line.send_close(code or 1000)


def _frame(opcode: int, data: bytes) -> Frame | None:
    match opcode:
        case websocket.ABNF.OPCODE_TEXT:
            return Text(data.decode(errors="replace"))
        case websocket.ABNF.OPCODE_BINARY:
            return Binary(data)
        case websocket.ABNF.OPCODE_CLOSE:
            code = int.from_bytes(data[:2], "big") if len(data) >= 2 else None
            return Close(code, data[2:].decode(errors="replace"))
        case _:
            return None
