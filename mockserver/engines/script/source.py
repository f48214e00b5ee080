"""``script``: the server says what the test wrote, step by step.

    from mockserver import MockServer, script

    source = script(
        script.send({"type": "session.created", "session": {"id": "sess_1"}}),
        script.expect("response.create"),
        script.send(lambda asked: {"type": "response.created", "response": asked["response"]}),
        script.wait(ms=200),
        script.close(1000),
    )

or, where the course depends on what comes, a generator function that is given the connection and yields steps; what an
``expect`` matched is the value of its ``yield``:

    def talk(client):
        update = yield script.expect("session.update")
        yield script.send({"type": "session.updated", "session": update["session"]})

    source = script(talk)

A client frame that is not the one expected next ends the session and is a problem of the test; so is a script that is
not finished when the test ends. Audio and the provider's own keep-alive frames are skipped unless an expect names them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mockserver.core.frames import Handshake, Micros, Pairs
from mockserver.dialects.base import Dialect
from mockserver.dialects.registry import FAMILIAR, dialect_named
from mockserver.engines.base import Engine, HttpReply, Request, SessionContext
from mockserver.engines.script.session import Client, ScriptEngine
from mockserver.engines.script.steps import (
    AbortStep,
    AcceptStep,
    ClosedStep,
    CloseStep,
    ExpectStep,
    Payload,
    Playing,
    RefuseStep,
    RepeatStep,
    SendStep,
    Step,
    Template,
    WaitStep,
    check,
    play,
)
from mockserver.errors import ExpectationFailed, UsageError

Course = Callable[[Client], Playing]
"""A generator function that plays one connection."""

Answering = Mapping[str, HttpReply | Callable[[Request], HttpReply]]
"""Plain HTTP: "POST /v1/realtime/client_secrets" to its reply, or to a function that makes it."""


LOOK = 64
"""So many more connections, and those whose script went as it says are forgotten."""


class Script:
    """A source. Made by ``script(...)``."""

    kind = "script"
    clear_truncates = True

    def __init__(
        self, courses: Sequence[Course], dialect: Dialect, *, each: bool, strict: bool, http: Answering
    ) -> None:
        self.dialect = dialect
        self._courses = list(courses)
        self._each = each
        self._strict = strict
        self._http = http
        self._engines: list[ScriptEngine] = []  # of which there may be something to tell
        self._opened = 0
        self._look_at = LOOK
        self._extra = 0

    def open(self, handshake: Handshake, context: SessionContext) -> Engine:
        """The script of the next connection."""
        number = self._opened if self._each else 0
        if number >= len(self._courses):
            self._extra += 1
            body = b'{"error":{"message":"the script has no further connection"}}\n'
            return ScriptEngine(lambda client: play((RefuseStep(503, (), body, 0),)), context, strict=False)
        engine = ScriptEngine(
            self._courses[number], context, strict=self._strict, fold_case=self.dialect.rules.fold_case
        )
        self._opened += 1
        if len(self._engines) >= self._look_at:  # a script that is played to each client may be so for long
            self._engines = [one for one in self._engines if not one.settled]
            self._look_at = 2 * len(self._engines) + LOOK
        self._engines.append(engine)
        return engine

    def anew(self) -> Script:
        """The same script, to which nobody has come."""
        return Script(self._courses, self.dialect, each=self._each, strict=self._strict, http=self._http)

    def holds(self, handshake: Handshake) -> bool:
        """Whether a connection is scripted that nobody has made. A script of one is played to each: to one here."""
        return self._opened < len(self._courses)

    def call_refusal(self, headers: Pairs, subprotocols: tuple[str, ...] = ()) -> None:
        """Whoever asks something of a call may (``engines.base.TakingCalls``)."""

    def neighbour(self, request: Request, context: SessionContext) -> HttpReply | None:
        """A reply from ``http``, if it has one, or where the socket is, if the provider has a call that says so."""
        name = f"{request.method} {request.path}"
        answer = self._http.get(name)
        if answer is not None:
            return answer(request) if callable(answer) else answer
        if name not in self.dialect.names_socket:
            return None
        status, fields = self.dialect.names_socket[name]
        scheme, _, rest = context.base_url.partition("://")
        origin = ("wss://" if scheme == "https" else "ws://") + rest.partition("/")[0]
        told = {
            field: value and value.replace("{ws_url}", origin + self.dialect.socket_path)
            for field, value in fields.items()
        }
        return HttpReply(status, (("content-type", "application/json"),), json.dumps(told).encode())

    def problems(self) -> Sequence[ExpectationFailed]:
        """What went against the script, and what of it did not happen."""
        found = [problem for engine in self._engines for problem in engine.problems()]
        if self._each:
            missing = len(self._courses) - self._opened
            if missing > 0:
                found.append(
                    ExpectationFailed(
                        f"script: {len(self._courses)} connections are scripted, the client made {self._opened}"
                    )
                )
            if self._extra:
                found.append(
                    ExpectationFailed(
                        f"script: {len(self._courses)} connections are scripted, the client made "
                        f"{len(self._courses) + self._extra}; the further ones were refused with 503"
                    )
                )
        return found


class ScriptMaker:
    """``script(...)`` makes a source; its methods make the steps."""

    def __call__(
        self,
        *steps: Step | Course,
        dialect: str | Dialect = FAMILIAR,
        strict: bool = True,
        connections: Sequence[Sequence[Step] | Course] | None = None,
        http: Answering | None = None,
    ) -> Script:
        """A script of steps, or one generator function, played to every connection from its start.

        ``connections`` gives each connection a script of its own, in the order in which they come. ``strict`` False
        skips client frames that no expect waits for. ``http`` answers plain requests.
        """
        if steps and connections is not None:
            raise UsageError("script: give steps for every connection, or connections=[...], not both")
        courses = [course((*steps,))] if connections is None else [
            course((one,) if callable(one) else tuple(one)) for one in connections
        ]  # fmt: skip
        found = dialect_named(dialect) if isinstance(dialect, str) else dialect
        return Script(courses, found, each=connections is not None, strict=strict, http=http or {})

    def send(self, *frames: Payload | Template) -> SendStep:
        """Send events (dicts), text or bytes word for word, or what a function makes of the last matched frame."""
        if not frames:
            raise UsageError("script.send: nothing to send")
        return SendStep(frames)

    def expect(
        self,
        what: str | Callable[[Any], bool] | None = None,
        *,
        where: Mapping[str, Any] | Callable[[Any], bool] | None = None,
        within_ms: float | None = None,
        optional: bool = False,
    ) -> ExpectStep:
        """Wait for a client frame: by name (``*`` is a wildcard) or by a function of its body; None takes any.

        ``where`` maps dotted paths to values (``...`` asks only that the path is there), or is a function of the body.
        Where a provider takes a key in camelCase and in snake_case, a path may have either. The session ends when the
        frame does not come ``within_ms``. ``optional``: a client that leaves here, or never comes so far, is no
        problem.
        """
        if not (where is None or callable(where) or isinstance(where, Mapping)):
            raise UsageError(
                f"script.expect: where={where!r}: expected paths and values such as "
                '{"session.type": "realtime"}, or a function of the body'
            )
        return ExpectStep(
            what, where if callable(where) else dict(where or {}), _micros("within_ms", within_ms), optional
        )

    def closed(self, code: int | Any | None = ...) -> ClosedStep:
        """Wait until the client closes, with this code if one is given."""
        return ClosedStep(code)

    def wait(self, *, ms: float) -> WaitStep:
        """Let time pass."""
        return WaitStep(_micros("ms", ms) or 0)

    def close(self, code: int | None = 1000, reason: str = "") -> CloseStep:
        """Close the session. ``code`` None sends a close frame without a code."""
        return CloseStep(code, reason)

    def abort(self) -> AbortStep:
        """Reset the connection."""
        return AbortStep()

    def accept(self, subprotocol: str | None = None, *, headers: Pairs = (), after_ms: float = 0) -> AcceptStep:
        """Answer the handshake with 101, with this subprotocol (default: the one the provider would select)."""
        return AcceptStep(subprotocol, headers, _micros("after_ms", after_ms) or 0)

    def refuse(self, status: int, body: str | bytes = b"", *, headers: Pairs = (), after_ms: float = 0) -> RefuseStep:
        """Answer the handshake with an HTTP status."""
        if not 200 <= status <= 599:
            raise UsageError(f"script.refuse: status {status}: expected 200 to 599")
        data = body.encode() if isinstance(body, str) else body
        return RefuseStep(status, headers, data, _micros("after_ms", after_ms) or 0)

    def repeat(self, *steps: Step, times: int | None = None) -> RepeatStep:
        """Steps again and again, for ever without ``times``. Then a client may leave wherever the loop begins anew."""
        if not steps:
            raise UsageError("script.repeat: nothing to repeat")
        return RepeatStep(check(steps), times)


script = ScriptMaker()
"""Makes a source of steps, or of a generator function; its methods make the steps."""


def course(steps: tuple[Any, ...]) -> Course:
    """A generator function of what was given: itself, or one that plays the steps."""
    if len(steps) == 1 and callable(steps[0]):
        given: Course = steps[0]
        return given
    checked = check(steps)
    return lambda client: play(checked)


def _micros(name: str, milliseconds: float | None) -> Micros | None:
    if milliseconds is None:
        return None
    if milliseconds < 0:
        raise UsageError(f"script: {name}={milliseconds}: expected 0 or more")
    return round(milliseconds * 1_000)
