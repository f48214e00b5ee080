"""The steps a script is made of, as values. ``engines.script`` runs them."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.core.frames import Binary, Micros, Pairs, Text
from mockserver.errors import UsageError

Payload = Mapping[str, Any] | str | bytes | Text | Binary
"""What can be sent: an event as a dict (written as compact JSON), or a frame word for word."""

Template = Callable[[Any], Payload]
"""Makes the payload from the client frame that was matched last (its body, or the text or bytes as they are)."""


@dataclass(frozen=True, slots=True)
class SendStep:
    """Frames to the client, one after another, at once."""

    frames: tuple[Payload | Template, ...]

    def __str__(self) -> str:
        return f"send({', '.join(_short(frame) for frame in self.frames)})"


@dataclass(frozen=True, slots=True)
class ExpectStep:
    """Wait for a client frame."""

    what: str | Callable[[Any], bool] | None
    where: Mapping[str, Any] | Callable[[Any], bool] = field(default_factory=dict)
    within_us: Micros | None = None
    optional: bool = False

    @property
    def wanted(self) -> str:
        """What is waited for, in words."""
        what = "any frame" if self.what is None else _short(self.what)
        given = _short(self.where) if callable(self.where) else dict(self.where)
        where = f" where {given}" if given else ""
        within = "" if self.within_us is None else f" within {self.within_us // 1000} ms"
        return f"{what}{where}{within}"

    def __str__(self) -> str:
        return f"expect({self.wanted})"


@dataclass(frozen=True, slots=True)
class ClosedStep:
    """Wait until the client closes. ``code`` ... takes any; None is a close frame without a code."""

    code: int | Any | None = ...

    def __str__(self) -> str:
        return "closed()" if self.code is ... else f"closed({self.code})"


@dataclass(frozen=True, slots=True)
class WaitStep:
    """Let time pass. Client frames that come meanwhile wait for the next expect."""

    us: Micros

    def __str__(self) -> str:
        return f"wait(ms={self.us / 1000:g})"


@dataclass(frozen=True, slots=True)
class CloseStep:
    """End the session with a close frame."""

    code: int | None
    reason: str

    def __str__(self) -> str:
        return f"close({self.code})"


@dataclass(frozen=True, slots=True)
class AbortStep:
    """End the session with a TCP reset."""

    def __str__(self) -> str:
        return "abort()"


@dataclass(frozen=True, slots=True)
class AcceptStep:
    """Answer the handshake. A script that does not say so accepts at its first other step."""

    subprotocol: str | None
    headers: Pairs
    after_us: Micros

    def __str__(self) -> str:
        return "accept()"


@dataclass(frozen=True, slots=True)
class RefuseStep:
    """Refuse the handshake."""

    status: int
    headers: Pairs
    body: bytes
    after_us: Micros

    def __str__(self) -> str:
        return f"refuse({self.status})"


@dataclass(frozen=True, slots=True)
class RepeatStep:
    """Steps again and again; ``times`` None for ever."""

    steps: tuple[Any, ...]
    times: int | None

    def __str__(self) -> str:
        return f"repeat({'for ever' if self.times is None else self.times})"


Step = SendStep | ExpectStep | ClosedStep | WaitStep | CloseStep | AbortStep | AcceptStep | RefuseStep | RepeatStep
STEPS = (SendStep, ExpectStep, ClosedStep, WaitStep, CloseStep, AbortStep, AcceptStep, RefuseStep, RepeatStep)

Playing = Generator[Step, Any, None]
"""A running script: yields steps, is sent what an expect matched."""


def play(steps: tuple[Step, ...]) -> Playing:
    """A list of steps as a running script."""
    for step in steps:
        if not isinstance(step, RepeatStep):
            yield step
            continue
        count = 0
        while step.times is None or count < step.times:
            yield from play(_tolerant(step.steps) if step.times is None else step.steps)
            count += 1


def _tolerant(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """A loop without end may stop where it begins: the client owes it no further round."""
    match steps:
        case (ExpectStep(what, where, within_us), *rest):
            return (ExpectStep(what, where, within_us, optional=True), *rest)
        case _:
            return steps


def check(steps: tuple[Any, ...]) -> tuple[Step, ...]:
    """The steps, or UsageError for the first that is none."""
    for number, step in enumerate(steps, 1):
        if not isinstance(step, STEPS):
            raise UsageError(
                f"script: step {number} is {_short(step)}; expected script.send(...), script.expect(...), "
                "script.wait(...), script.close(...) or another step"
            )
        if isinstance(step, RepeatStep):
            check(step.steps)
    return steps


def _short(value: Any) -> str:
    if callable(value):
        return getattr(value, "__name__", "a function")
    if isinstance(value, Mapping):
        return str(value.get("type") or json.dumps(dict(value), default=str)[:60])
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
