"""Faults of the handshake: refused, late, never answered, reset, redirected, the wrong subprotocol."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Unpack

from mockserver.core.frames import Abort, Accept, Item, Micros, Refuse, Sender
from mockserver.core.typed import Name, checked
from mockserver.errors import UsageError
from mockserver.faults.action import Action, Aims, Blame, register
from mockserver.faults.base import Fault
from mockserver.faults.body import Body, Run, Sight
from mockserver.faults.options import Options, make, micros
from mockserver.faults.timing import Queue
from mockserver.faults.values import time_text

SENTENCES = {
    400: ("invalid_request_error", "bad_request", "Bad request."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: ("invalid_request_error", "forbidden", "You are not allowed to use this resource."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached. Please try again later."),
    500: ("server_error", "server_error", "The server had an error while processing your request."),
    503: ("server_error", "overloaded", "The engine is currently overloaded, please try again later."),
}
"""Bodies in the error shape of OpenAI's HTTP API. OpenAI checks keys and models after the upgrade (openai.md#4), so
what its own handshake is refused with is unknown (openai.md#185) and the sentence can be set. A gateway may refuse
earlier."""


class Knock(Action):
    """A fault of the handshake."""

    __slots__ = ()
    group: ClassVar[str] = "handshake"
    aims: ClassVar[Aims] = "handshake"
    on: ClassVar[tuple[str, ...]] = ()
    sender: ClassVar[Sender] = Sender.CLIENT
    blame: ClassVar[Blame] = "network"


@register
@dataclass(frozen=True, slots=True)
class RefuseWith(Knock):
    """``retry_after`` 0 sends no such header; it is rounded up to whole seconds (RFC 9110 section 10.2.3)."""

    syntax: ClassVar[str] = "refuse <status:count> [retry-after <retry_after:time>] [<message:text>]"
    about: ClassVar[str] = "The handshake is refused with this HTTP status."
    example: ClassVar[str] = "refuse 429 retry-after 2s for first 2 attempts"
    tries: ClassVar[tuple[str, ...] | None] = ("refuse 401", "refuse 403", "refuse 404", "refuse 429", "refuse 503")

    status: int
    retry_after: Micros = 0
    message: str = ""

    def __post_init__(self) -> None:
        if not 400 <= self.status <= 599:
            raise UsageError(f"refuse: expected a status from 400 to 599, got {self.status}")

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Answering(run, self.answer, f"refused ({self.status}) the")

    def answer(self) -> Refuse:
        """The answer instead of 101."""
        kind, code, sentence = SENTENCES.get(
            self.status,
            ("server_error" if self.status >= 500 else "invalid_request_error", None, "The request was refused."),
        )
        error = {"message": self.message or sentence, "type": kind, "param": None, "code": code}
        headers = [("content-type", "application/json")]
        if self.retry_after:
            headers.append(("retry-after", str(-(-self.retry_after // 1_000_000))))
        return Refuse(self.status, tuple(headers), json.dumps({"error": error}).encode())


@register
@dataclass(frozen=True, slots=True)
class Redirect(Knock):
    """The client is sent to another address."""

    syntax: ClassVar[str] = "redirect to <url:url> [as <status:count>]"
    about: ClassVar[str] = "The handshake is answered with a redirect (307 unless told otherwise)."
    example: ClassVar[str] = 'redirect to "https://example.invalid/v1/realtime"'
    tries: ClassVar[tuple[str, ...] | None] = ()

    url: str
    status: int = 307

    def __post_init__(self) -> None:
        if self.status not in (301, 302, 303, 307, 308) or not self.url:
            raise UsageError(f"redirect: expected an address and 301, 302, 303, 307 or 308, got {self.status}")

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Answering(run, lambda: Refuse(self.status, (("location", self.url),)), "redirected the")


@register
@dataclass(frozen=True, slots=True)
class HandshakeReset(Knock):
    """The connection is reset before any answer to the handshake."""

    syntax: ClassVar[str] = "handshake reset"
    about: ClassVar[str] = "The TCP connection is reset before the handshake is answered."
    example: ClassVar[str] = "handshake reset for first 1 attempts"

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Answering(run, Abort, "reset instead of answering the")


class Answering(Body):
    """Answers in the engine's place; the engine never hears of the client."""

    def __init__(self, run: Run, answer: Callable[[], Refuse | Abort], did: str) -> None:
        super().__init__(run)
        self.answer = answer
        self.did = did

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """The answer to the handshake, and a note in the journal."""
        return (self.run.fire(self.did, sight), self.answer())


@register
@dataclass(frozen=True, slots=True)
class HandshakeHang(Knock):
    """The handshake is never answered."""

    syntax: ClassVar[str] = "handshake hang"
    about: ClassVar[str] = "The handshake is never answered; the connection stays."
    example: ClassVar[str] = "handshake hang for first 1 attempts"

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Hanging(run)


class Hanging(Body):
    """Keeps the handshake from the engine, so that nobody answers it."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._kept: Item | None = None

    def held(self) -> Sequence[tuple[Item, Micros | None]]:
        """The handshake, for ever."""
        return [] if self._kept is None else [(self._kept, None)]

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """The handshake does not go on."""
        self._kept = sight.item
        return (self.run.fire("never answered the", sight),)


@register
@dataclass(frozen=True, slots=True)
class HandshakeDelay(Knock):
    """The handshake is answered ``amount`` later, which is above 0."""

    syntax: ClassVar[str] = "handshake delay <amount:time>"
    about: ClassVar[str] = "The handshake is answered later."
    example: ClassVar[str] = "handshake delay 3s"
    tries: ClassVar[tuple[str, ...] | None] = ("handshake delay 20s",)

    amount: Micros

    def __post_init__(self) -> None:
        if self.amount < 1:
            raise UsageError("handshake delay: expected a time above 0")

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Dawdling(run, self)


class Dawdling(Queue):
    """Lets the engine know of the client later."""

    def __init__(self, run: Run, action: HandshakeDelay) -> None:
        super().__init__(run)
        self.amount = action.amount

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """Hold the handshake."""
        self.plan.add(now + self.amount, sight.item)
        return (self.run.fire(f"delayed by {time_text(self.amount)} the", sight),)


@register
@dataclass(frozen=True, slots=True)
class WrongSubprotocol(Knock):
    """``name`` is what the server selects; a client that did not offer it must fail (RFC 6455 section 4.1)."""

    syntax: ClassVar[str] = "wrong subprotocol [<name:code>]"
    about: ClassVar[str] = "The handshake's answer selects a subprotocol that the client did not offer."
    example: ClassVar[str] = "wrong subprotocol graphql-ws"

    name: str = "unexpected"

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Selecting(run, self)


class Selecting(Body):
    """Changes the engine's answer."""

    def __init__(self, run: Run, action: WrongSubprotocol) -> None:
        super().__init__(run)
        self.name = action.name
        self._armed: Sight | None = None

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """This handshake is meant."""
        self._armed = sight
        return (sight.item,)

    def other(self, item: Item, now: Micros) -> Iterable[Item]:
        """The answer, changed."""
        if not isinstance(item, Accept) or self._armed is None:
            return (item,)
        sight, self._armed = self._armed, None
        note = self.run.fire(f"selected {self.name} in the answer to the", sight)
        return (note, replace(item, subprotocol=self.name))


# --- constructors ---------------------------------------------------------------------------------------------------


@checked("faults.refuse")
def refuse(status: int, *, retry_after: float = 0, message: str = "", **options: Unpack[Options]) -> Fault:
    """The handshake is refused with an HTTP status. ``attempts=n`` refuses the first n connections only."""
    return make(RefuseWith(status, micros(retry_after, "retry_after"), message), (), options)


@checked("faults.redirect")
def redirect(url: Name, *, status: int = 307, **options: Unpack[Options]) -> Fault:
    """The handshake is redirected."""
    return make(Redirect(url, status), (), options)


@checked("faults.handshake_reset")
def handshake_reset(**options: Unpack[Options]) -> Fault:
    """The connection is reset before an answer."""
    return make(HandshakeReset(), (), options)


@checked("faults.handshake_hang")
def handshake_hang(**options: Unpack[Options]) -> Fault:
    """The handshake is never answered."""
    return make(HandshakeHang(), (), options)


@checked("faults.handshake_delay")
def handshake_delay(*, seconds: float, **options: Unpack[Options]) -> Fault:
    """The handshake is answered ``seconds`` later."""
    return make(HandshakeDelay(micros(seconds)), (), options)


@checked("faults.wrong_subprotocol")
def wrong_subprotocol(name: Name = "unexpected", **options: Unpack[Options]) -> Fault:
    """The answer selects ``name``."""
    return make(WrongSubprotocol(name), (), options)
