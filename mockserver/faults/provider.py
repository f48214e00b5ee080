"""The provider's own errors, in its own words.

Three ways in which a provider says no: a response that is created and then fails (quota, rate limits), an error event
in a session that goes on (active response), an error event and a close (key, expiry, a retired shape). The dialect has
the words (``Dialect.problems``) and the shape; a provider that cannot say that a reply failed ends the session.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Unpack, get_args

from mockserver.core.frames import Item, Micros, Sender, Tell
from mockserver.core.typed import checked
from mockserver.dialects.base import Dialect
from mockserver.dialects.life import Mark, Outcome, last_of
from mockserver.dialects.problems import Problem, Trouble
from mockserver.errors import UsageError
from mockserver.faults.action import Action, Aims, register
from mockserver.faults.base import Fault
from mockserver.faults.body import Body, Run, Sight
from mockserver.faults.life import Living
from mockserver.faults.options import On, Options, make

Limited = Literal["tokens", "requests"]
BUSY_MS = 500
"""How long a response that overtakes a request thinks at least: it is active when the request comes."""


class TroubleBody(Living):
    """A fault that knows the session's id, and how the dialect says no."""

    def __init__(self, run: Run, trouble: Trouble) -> None:
        super().__init__(run)
        self.problem = run.dialect.problems[trouble]
        self.session = "sess_unknown"
        self.snapshot: dict[str, Any] = {}

    def screen(self, sight: Sight, now: Micros) -> Iterable[Item] | None:
        """Learns the session's id."""
        if sight.sender is Sender.SERVER and not self.run.dialect.life.is_delta(sight.name):
            self.session = self.run.dialect.session_id(sight.view) or self.session
            self.snapshot.update(self.run.dialect.snapshot(sight.view))
        return super().screen(sight, now)

    def worded(self, **fields: str) -> Problem:
        """The problem with its gaps filled and an event id of its own."""
        problem = self.problem
        message = problem.message.format(session=self.session, response=fields.get("response", ""))
        extra = {**problem.extra, **self.snapshot, "event_id": self.run.ids.mint("event_")}
        event_id = fields.get("event_id")
        return Problem(problem.kind, message, problem.param, event_id, problem.type, extra)


class FailedBy(TroubleBody):
    """Ends the open response as failed; where none is open it complains, or refuses where complaints are unknown."""

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """The events that tell the client of the failure."""
        problem = self.worded()
        reply = self.open_reply(sight)
        if reply is not None and self.replies.can_end("failed"):
            code = None if problem.kind == "server_error" else problem.kind
            error: dict[str, Any] = {"type": problem.type, "code": code, "message": problem.message}
            return self.end(f"failed with {problem.kind} at", reply, Outcome("failed", error=error), sight)
        said = self.run.dialect.complaint(problem) or self.run.dialect.refusal(problem)
        return [self.run.fire(f"said {problem.kind} at", sight), *said]


class Refusing(TroubleBody):
    """Ends the session; the frame that marks the moment does not go out."""

    instead = True

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """Instead of the frame."""
        return self.strike(sight, now)

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """An error event and a close, as the dialect words them."""
        problem = self.worded()
        return [self.run.fire(f"ended the session with {problem.kind} at", sight), *self.run.dialect.refusal(problem)]


class Busy(TroubleBody):
    """Answers a request itself; the engine never hears of it."""

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """The error instead of a response."""
        self.settle()
        return self.strike(sight, now)

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """The error names the open response, and the request if it has an id (openai.md#107)."""
        response = last_of(self.replies.open) or self.run.ids.mint("resp_")
        asked = sight.view.event_id if sight is not None and sight.sender is Sender.CLIENT else None
        problem = self.worded(response=response) if asked is None else self.worded(response=response, event_id=asked)
        said = self.run.dialect.complaint(problem) or self.run.dialect.refusal(problem)
        return [self.run.fire(f"said {problem.kind} instead of", sight), *said]


class Overtaken(Busy):
    """A response of the engine's own comes before the request, which then gets the engine's own answer.

    An engine that cannot begin one by itself never hears of the request.
    """

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """The frame goes on, behind the response."""
        self.settle()
        struck = list(self.strike(sight, now))
        return [*struck, sight.item] if "respond" in self.run.log.obeys else struck

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """The engine begins a response, unless one is on its way."""
        if "respond" not in self.run.log.obeys:
            return super().strike(sight, now)
        fired = self.run.fire("had a response on its way before", sight)
        if self.replies.open:
            return [fired]
        return [fired, Tell("respond", {"words": "I am still speaking.", "after_ms": BUSY_MS})]


class ProviderError(Action):
    """What the provider says no with."""

    __slots__ = ()
    group: ClassVar[str] = "provider"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = (Mark.BEGIN,)
    trouble: ClassVar[Trouble]
    body: ClassVar[type[TroubleBody]] = FailedBy

    @property
    def said(self) -> Trouble:
        """Which of the dialect's problems it is."""
        return self.trouble

    def check(self, dialect: Dialect) -> None:
        """UsageError where the provider never says such a thing."""
        if self.said not in dialect.problems:
            raise UsageError(f"{self.words}: {dialect.title} has no such error")

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return self.body(run, self.said)


@register
@dataclass(frozen=True, slots=True)
class RateLimit(ProviderError):
    """In the words of the dialect's "rate_limit", or of its "request_limit"."""

    syntax: ClassVar[str] = "rate limit [of <what:tokens|requests>]"
    about: ClassVar[str] = (
        "The response fails: too many tokens a minute, or too many requests a day. Without 'on' or 'after': right "
        "after the response's begin."
    )
    example: ClassVar[str] = "rate limit on 2nd {begin}"
    tries: ClassVar[tuple[str, ...] | None] = ("rate limit",)
    trouble: ClassVar[Trouble] = "rate_limit"

    what: Limited = "tokens"

    def __post_init__(self) -> None:
        if self.what not in get_args(Limited):
            raise UsageError(f"rate limit: expected one of {', '.join(get_args(Limited))}, got {self.what!r}")

    @property
    def said(self) -> Trouble:
        """What the dialect calls it."""
        return "rate_limit" if self.what == "tokens" else "request_limit"


@register
@dataclass(frozen=True, slots=True)
class InsufficientQuota(ProviderError):
    """In the words of the dialect's "insufficient_quota"."""

    syntax: ClassVar[str] = "insufficient quota"
    about: ClassVar[str] = (
        "The response fails: the account has no money left. Without 'on' or 'after': right after the response's begin."
    )
    example: ClassVar[str] = "insufficient quota on {begin}"
    trouble: ClassVar[Trouble] = "insufficient_quota"


@register
@dataclass(frozen=True, slots=True)
class ServerErrorFault(ProviderError):
    """In the words of the dialect's "server_error"."""

    syntax: ClassVar[str] = "server error"
    about: ClassVar[str] = "The response fails in the provider's own fault; between responses an error event says so."
    example: ClassVar[str] = "server error on {part}"
    trouble: ClassVar[Trouble] = "server_error"


@register
@dataclass(frozen=True, slots=True)
class InvalidKey(ProviderError):
    """In the words of the dialect's "invalid_key"."""

    syntax: ClassVar[str] = "invalid key"
    about: ClassVar[str] = "The handshake succeeds, then an error event and a close take the place of the first event."
    example: ClassVar[str] = "invalid key for first 1 attempts"
    on: ClassVar[tuple[str, ...]] = (Mark.OPENING,)
    only: ClassVar[bool] = True
    trouble: ClassVar[Trouble] = "invalid_key"
    body: ClassVar[type[TroubleBody]] = Refusing


@register
@dataclass(frozen=True, slots=True)
class BetaRetired(ProviderError):
    """In the words of the dialect's "shape_retired"."""

    syntax: ClassVar[str] = "beta retired"
    about: ClassVar[str] = (
        "Instead of the session's first event the provider says that the beta shape is switched off, and closes."
    )
    example: ClassVar[str] = "beta retired"
    on: ClassVar[tuple[str, ...]] = (Mark.OPENING,)
    only: ClassVar[bool] = True
    trouble: ClassVar[Trouble] = "shape_retired"
    body: ClassVar[type[TroubleBody]] = Refusing


@register
@dataclass(frozen=True, slots=True)
class SessionExpired(ProviderError):
    """In the words of the dialect's "session_expired". It has no moment of its own: say after how long."""

    syntax: ClassVar[str] = "session expired"
    about: ClassVar[str] = "The session's time is up: an error event and close 1001, without warning."
    example: ClassVar[str] = "session expired after 60min"
    on: ClassVar[tuple[str, ...]] = ()
    trouble: ClassVar[Trouble] = "session_expired"
    body: ClassVar[type[TroubleBody]] = Refusing


@register
@dataclass(frozen=True, slots=True)
class ActiveResponse(ProviderError):
    """A simulated server has begun a response by itself, and answers the request as it does.

    Elsewhere the request is answered in the words of the dialect's "reply_active".
    """

    syntax: ClassVar[str] = "active response"
    about: ClassVar[str] = (
        "A request for a response is answered by the error that a response is already on its way; nothing is created "
        "for it."
    )
    example: ClassVar[str] = "active response on 1st {request}"
    on: ClassVar[tuple[str, ...]] = (Mark.REQUEST,)
    only: ClassVar[bool] = True
    sender: ClassVar[Sender] = Sender.CLIENT
    trouble: ClassVar[Trouble] = "reply_active"
    body: ClassVar[type[TroubleBody]] = Overtaken


@register
@dataclass(frozen=True, slots=True)
class CancelNotActive(ProviderError):
    """In the words of the dialect's "nothing_to_cancel"."""

    syntax: ClassVar[str] = "cancel not active"
    about: ClassVar[str] = "A cancel is answered by the error that there is nothing to cancel; the response goes on."
    example: ClassVar[str] = "cancel not active on 1st {cancel}"
    on: ClassVar[tuple[str, ...]] = (Mark.CANCEL,)
    only: ClassVar[bool] = True
    sender: ClassVar[Sender] = Sender.CLIENT
    trouble: ClassVar[Trouble] = "nothing_to_cancel"
    body: ClassVar[type[TroubleBody]] = Busy


# --- constructors ---------------------------------------------------------------------------------------------------


@checked("faults.rate_limit")
def rate_limit(on: On = (), *, what: Limited = "tokens", **options: Unpack[Options]) -> Fault:
    """Too many tokens a minute, or too many requests a day."""
    return make(RateLimit(what), on, options)


@checked("faults.insufficient_quota")
def insufficient_quota(on: On = (), **options: Unpack[Options]) -> Fault:
    """No money left."""
    return make(InsufficientQuota(), on, options)


@checked("faults.server_error")
def server_error(on: On = (), **options: Unpack[Options]) -> Fault:
    """The provider's own fault."""
    return make(ServerErrorFault(), on, options)


@checked("faults.invalid_key")
def invalid_key(on: On = (), **options: Unpack[Options]) -> Fault:
    """A wrong key: told after the handshake."""
    return make(InvalidKey(), on, options)


@checked("faults.beta_retired")
def beta_retired(on: On = (), **options: Unpack[Options]) -> Fault:
    """The beta shape is switched off."""
    return make(BetaRetired(), on, options)


@checked("faults.session_expired")
def session_expired(on: On = (), **options: Unpack[Options]) -> Fault:
    """The session's time is up: give ``after_ms`` or an event."""
    return make(SessionExpired(), on, options)


@checked("faults.active_response")
def active_response(on: On = (), **options: Unpack[Options]) -> Fault:
    """A response is already on its way."""
    return make(ActiveResponse(), on, options)


@checked("faults.cancel_not_active")
def cancel_not_active(on: On = (), **options: Unpack[Options]) -> Fault:
    """There is nothing to cancel."""
    return make(CancelNotActive(), on, options)
