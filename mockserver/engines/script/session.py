"""Runs one connection of a script: a timed machine around a generator of steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from mockserver.core.debts import Debt
from mockserver.core.frames import (
    Abort,
    Accept,
    Binary,
    Close,
    Effect,
    Event,
    Frame,
    Handshake,
    Hangup,
    Lost,
    Micros,
    Opened,
    Peer,
    Received,
    Refuse,
    Sender,
    Text,
    to_client,
)
from mockserver.core.json_text import dumps
from mockserver.core.paths import holds, matches
from mockserver.core.view import Kind, View
from mockserver.dialects.base import close_reason, shorten
from mockserver.engines.base import Inspection, SessionContext
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
    WaitStep,
)
from mockserver.errors import ExpectationFailed, UsageError

REMEMBERED = 40
"""Frames that a report's timeline shows."""
MOST_STEPS = 100_000
"""So many without a wait or an expect are a loop without end."""


@dataclass(slots=True)
class Client:
    """The connection as a generator function sees it. ``last`` is what the last expect matched."""

    handshake: Handshake
    context: SessionContext
    last: Any = None


class ScriptEngine:
    """The machine. Client frames wait in line until an expect takes them."""

    def __init__(
        self, course: Callable[[Client], Playing], context: SessionContext, *, strict: bool, fold_case: bool = False
    ) -> None:
        self._course = course
        self._context = context
        self._strict = strict
        self._fold_case = fold_case
        self._client: Client | None = None
        self._steps: Playing | None = None
        self._step: Step | None = None
        self._number = 0
        self._due: Micros | None = None
        self._line: deque[Frame] = deque()
        self._gone: Close | Lost | None = None
        self._accepted = self._over = self._done = False
        self._problem: ExpectationFailed | None = None
        self._seen: deque[tuple[Micros, Sender, Frame]] = deque(maxlen=REMEMBERED)
        self._out: list[Effect] = []
        self._now: Micros = 0

    # --- the machine ---

    def feed(self, item: Event, now: Micros) -> list[Effect]:
        """A handshake or a client frame."""
        self._now = now
        if self._client is None and not isinstance(item, Opened):
            return []  # a fault holds the handshake, or the client gave it up: for the script nobody has come yet
        match item:
            case Opened(handshake):
                self._client = Client(handshake, self._context)
                self._steps = self._course(self._client)
                self._next(None)
            case Received(Peer.CLIENT, frame):
                self._seen.append((now, Sender.CLIENT, frame))
                if isinstance(frame, Close | Lost):
                    self._gone = frame
                elif not self._over:
                    self._line.append(frame)
            case _:
                pass
        self._go()
        return self._taken()

    def wake_at(self) -> Micros | None:
        """When a wait ends or an expect runs out of time."""
        return self._due

    def wake(self, now: Micros) -> list[Effect]:
        """It is time."""
        if self._due is None or now < self._due:
            return []
        self._now, self._due = now, None
        match self._step:
            case WaitStep():
                self._next(None)
            case ExpectStep() as step:
                self._fail(f"expected {step.wanted}, but it did not come")
            case AcceptStep() | RefuseStep():
                self._answer(self._step)
            case _:
                pass
        self._go()
        return self._taken()

    def inspect(self) -> Inspection:
        """Where the script stands."""
        step = "finished" if self._done else str(self._step)
        return Inspection("script", {"step": self._number, "at": step, "waiting_frames": len(self._line)})

    def owes(self) -> list[Debt]:
        """What comes after a wait of the script's."""
        waits = self._due is not None and not isinstance(self._step, ExpectStep)
        return [Debt("step", "what the script says after its wait", self._now, self._due)] if waits else []

    @property
    def settled(self) -> bool:
        """Whether its client has gone and nothing went wrong: there will never be anything to tell."""
        return self._gone is not None and not self.problems()

    def problems(self) -> list[ExpectationFailed]:
        """What went wrong, or what has not happened yet."""
        if self._problem is not None:
            return [self._problem]
        if self._client is None:
            return []
        if not self._over and not self._done and not (isinstance(self._step, ExpectStep) and self._step.optional):
            return [self._report(f"the script is not finished: it still waits at {self._step}")]
        return []

    # --- steps ---

    def _next(self, value: Any) -> None:
        assert self._steps is not None
        self._number += 1
        try:
            self._step = self._steps.send(value)
        except StopIteration:
            self._step, self._done = None, True
            self._accept()

    def _go(self) -> None:
        """Take steps until one has to wait."""
        count = 0
        while not self._over:
            count += 1
            if count > MOST_STEPS:
                raise UsageError(f"script: {MOST_STEPS} steps without a wait or an expect, the last {self._step}")
            if self._done:
                self._after()
                return None
            if self._due is not None and not isinstance(self._step, ExpectStep):
                return self._left_early()
            if not self._take(self._step):
                return self._left_early()
        return None

    def _take(self, step: Step | None) -> bool:
        """Do one step; False when it has to wait."""
        match step:
            case AcceptStep() | RefuseStep():
                if step.after_us and self._due is None:
                    self._due = self._now + step.after_us
                    return False
                self._answer(step)
                return True
            case AbortStep() if not self._accepted:
                self._over = True
                self._out.append(Abort())
                return True
            case _:
                self._accept()
        match step:
            case SendStep(frames):
                for given in frames:
                    self._send(given)
                self._next(None)
            case WaitStep(us):
                self._due = self._now + us
                return False
            case ExpectStep():
                return self._expect(step)
            case ClosedStep(code):
                return self._closed(code)
            case CloseStep(code, reason):
                self._over = True
                self._out.append(Hangup(code=code, reason=reason))
            case AbortStep():
                self._over = True
                self._out.append(Abort())
            case RepeatStep():
                raise UsageError(f"script: a generator function writes a loop of its own instead of yielding {step}")
            case _:
                raise UsageError(f"script: the generator yielded {step!r}; expected script.send(...) or another step")
        return True

    def _accept(self) -> None:
        if not self._accepted:
            self._answer(AcceptStep(None, (), 0), advance=False)

    def _answer(self, step: AcceptStep | RefuseStep, *, advance: bool = True) -> None:
        assert self._client is not None
        if self._accepted:
            raise UsageError(f"script: {step} comes too late, the handshake has been answered already")
        if isinstance(step, RefuseStep):
            self._over = True
            self._out.append(Refuse(step.status, step.headers, step.body))
            return
        self._accepted = True
        offered = self._client.handshake.subprotocols
        chosen = step.subprotocol
        if chosen is None:
            select = getattr(self._context.lens, "lens", self._context.lens)
            chosen = select.subprotocol(offered) if hasattr(select, "subprotocol") else None
        self._out.append(Accept(chosen, step.headers))
        if advance:
            self._next(None)

    def _send(self, given: Any) -> None:
        assert self._client is not None
        payload = given(self._client.last) if callable(given) else given
        frame = as_frame(payload)
        self._seen.append((self._now, Sender.SERVER, frame))
        self._out.append(to_client(frame))

    def _expect(self, step: ExpectStep) -> bool:
        assert self._client is not None
        while self._line:
            frame = self._line.popleft()
            view = self._context.lens.view(frame, Sender.CLIENT)
            if self._matches(step, view, frame):
                self._due = None
                self._client.last = deepcopy(_body(view, frame))  # the script may make its answer of it
                self._next(self._client.last)
                return True
            if self._strict and view.kind not in (Kind.AUDIO, Kind.KEEPALIVE):
                self._fail(
                    f"expected {step.wanted}, got {self._named(frame, Sender.CLIENT)}{self._differences(step, view)}"
                )
                return False
        if step.within_us is not None and self._due is None:
            self._due = self._now + step.within_us
        return False

    def _closed(self, code: Any) -> bool:
        if self._strict and self._line and not self._skip_idle():
            self._fail(f"expected that the client closes, got {self._named(self._line[0], Sender.CLIENT)}")
            return False
        if self._gone is None:
            return False
        if code is not ... and (not isinstance(self._gone, Close) or self._gone.code != code):
            self._fail(f"expected that the client closes with {code}, got {self._named(self._gone, Sender.CLIENT)}")
            return False
        self._over = True
        return False

    def _skip_idle(self) -> bool:
        """Drop audio and keep-alives at the head of the line; True when nothing else is there."""
        while self._line:
            if self._context.lens.view(self._line[0], Sender.CLIENT).kind not in (Kind.AUDIO, Kind.KEEPALIVE):
                return False
            self._line.popleft()
        return True

    def _after(self) -> None:
        """The script has ended; the connection stays open until the client leaves."""
        if self._strict and not self._skip_idle():
            self._fail(f"the script has ended, but the client sent {self._named(self._line[0], Sender.CLIENT)}")
        self._line.clear()
        if self._gone is not None:
            self._over = True

    def _left_early(self) -> None:
        """The client has gone while the script waits."""
        if self._gone is None or self._over or isinstance(self._step, ClosedStep):
            return
        if not (isinstance(self._step, ExpectStep) and self._step.optional):
            gone = self._named(self._gone, Sender.CLIENT)
            self._fail(f"the client left ({gone}) while the script was at {self._step}")
        self._over, self._due = True, None

    # --- reports ---

    def _matches(self, step: ExpectStep, view: View, frame: Frame) -> bool:
        body = _body(view, frame)
        match step.what:
            case None:
                named = view.kind not in (Kind.AUDIO, Kind.KEEPALIVE)
            case str():
                named = fnmatchcase(view.name, step.what)
            case function:
                named = bool(function(body))
        return named and holds(body, step.where, fold_case=self._fold_case)

    def _differences(self, step: ExpectStep, view: View) -> str:
        """Which of the wanted values are not there."""
        if callable(step.where) or step.what != view.name:
            return ""
        missed = [
            path
            for path, value in step.where.items()
            if not matches(view.body, {path: value}, fold_case=self._fold_case)
        ]
        return f"; differs at {', '.join(missed)}" if missed else ""

    def _named(self, frame: Frame, sender: Sender) -> str:
        lens = self._context.lens
        view = lens.view(frame, sender)
        return f"{view.name} {shorten(lens.summary(view), 100)}".rstrip()

    def _report(self, text: str) -> ExpectationFailed:
        where = f"script, session {self._context.number}, step {self._number}"
        lines = [f"{where}: {text}", "timeline (seconds, sender, frame):"]
        for at, sender, frame in self._seen:
            lines.append(f"  {at / 1_000_000:9.3f} {sender:<6} {self._named(frame, sender)}")
        return ExpectationFailed("\n".join(lines if len(lines) > 2 else [*lines[:1], "  nothing crossed the wire"]))

    def _fail(self, text: str) -> None:
        self._problem = self._problem or self._report(text)
        self._over, self._due = True, None
        if self._gone is None:
            self._out.append(Hangup(code=1011, reason=close_reason(f"script: {text}")))

    def _taken(self) -> list[Effect]:
        out, self._out = self._out, []
        return out


def as_frame(payload: Payload) -> Text | Binary:
    """A payload as a frame. Dicts become compact JSON, as OpenAI writes it."""
    match payload:
        case Text() | Binary():
            return payload
        case str():
            return Text(payload)
        case bytes():
            return Binary(payload)
        case Mapping():
            return Text(dumps(payload))
        case _:
            raise UsageError(f"script.send: {payload!r} is neither an event (dict) nor text nor bytes")


def _body(view: View, frame: Frame) -> Any:
    if view.body is not None:
        return view.body
    return frame.data if isinstance(frame, Text | Binary) else None
