"""The provider's own errors, in its own words.

Three ways in which a provider says no: a response that is created and then fails (quota, rate limits), an error event
in a session that goes on (active response), an error event and a close (key, expiry, the retired shape). The wording is
the OpenAI family's, from the sources beside each entry; another provider's dialect puts it into its own shape.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Unpack

from mockserver.core.frames import Item, Micros, Sender
from mockserver.core.typed import checked
from mockserver.dialects.base import Problem
from mockserver.faults.base import Action, Aims, Body, Fault, Run, Sight, register
from mockserver.faults.life import Living
from mockserver.faults.options import On, Options, make

CREATED = ("response.created",)
OPENING = ("session.created",)

# As in failed response.done events: type "tokens", code "rate_limit_exceeded" (openai.md#118). Organisation and
# numbers are made up.
RATE_LIMIT = Problem(
    "rate_limit_exceeded",
    "Rate limit reached for gpt-realtime in organization org-mockserver on tokens per min (TPM): Limit 40000, "
    "Used 40000, Requested 3188. Please try again in 4.782s. Visit https://platform.openai.com/account/rate-limits to "
    "learn more.",
    type="tokens",
)
# The sentence and type of every OpenAI API (openai.md#152); clients treat this code as final (openai.md#151).
QUOTA = Problem(
    "insufficient_quota",
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
    "read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
    type="insufficient_quota",
)
# The real one has the code null (openai.md#119).
SERVER_ERROR = Problem(
    "server_error",
    "The server had an error while processing your request. Sorry about that! Please contact us through our help "
    "center at help.openai.com if the error persists. (include session ID in your message: {session}). We recommend "
    "you retry your request.",
    type="server_error",
)
# After the upgrade: an error event, then close 3000 (openai.md#6).
INVALID_KEY = Problem(
    "invalid_api_key",
    "Incorrect API key provided: mock. You can find your API key at https://platform.openai.com/account/api-keys.",
)
# After 60 minutes, without a warning (openai.md#25).
EXPIRED = Problem("session_expired", "Your session hit the maximum duration of 60 minutes.")
# To a client that asks for the beta (openai.md#12).
RETIRED = Problem(
    "beta_api_shape_disabled", "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API."
)
# openai.md#107: while another response of the conversation is on its way.
ACTIVE = Problem(
    "conversation_already_has_active_response",
    "Conversation already has an active response in progress: {response}. Wait until the response is finished before "
    "creating a new one.",
)
# openai.md#108: a cancel while no response is on its way.
NOT_ACTIVE = Problem("response_cancel_not_active", "Cancellation failed: no active response found")


class Trouble(Living):
    """A fault that knows the session's id, and how the dialect says no."""

    def __init__(self, run: Run, problem: Problem) -> None:
        super().__init__(run)
        self.problem = problem
        self.session = "sess_unknown"

    def screen(self, sight: Sight, now: Micros) -> Iterable[Item] | None:
        """Learns the session's id."""
        if sight.name == "session.created" and sight.sender is Sender.SERVER and isinstance(sight.view.body, dict):
            session = sight.view.body.get("session")
            if isinstance(session, dict) and isinstance(session.get("id"), str):
                self.session = session["id"]
        return super().screen(sight, now)

    def worded(self, **fields: str) -> Problem:
        """The problem with its gaps filled and an event id of its own."""
        problem = self.problem
        message = problem.message.format(session=self.session, response=fields.get("response", ""))
        extra = {**problem.extra, "event_id": self.run.ids.mint("event_")}
        event_id = fields.get("event_id")
        return Problem(problem.kind, message, problem.param, event_id, problem.type, extra)


class FailedBy(Trouble):
    """Ends the open response as failed; where none is open it complains, or refuses where complaints are unknown."""

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """The events that tell the client of the failure."""
        problem = self.worded()
        response = self.open_response(sight)
        if response is not None:
            code = None if problem.kind == "server_error" else problem.kind
            error: dict[str, Any] = {"type": problem.type, "code": code, "message": problem.message}
            tail = self.turns.failed_tail(response, error, self.run.ids)
            return self.end(f"failed with {problem.kind} at", response, tail, "failed", sight)
        said = self.run.dialect.complaint(problem) or self.run.dialect.refusal(problem)
        return [self.run.fire(f"said {problem.kind} at", sight), *said]


class Refusing(Trouble):
    """Ends the session; the frame that marks the moment does not go out."""

    instead = True

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """Instead of the frame."""
        return self.strike(sight, now)

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """An error event and a close, as the dialect words them."""
        problem = self.worded()
        return [self.run.fire(f"ended the session with {problem.kind} at", sight), *self.run.dialect.refusal(problem)]


class Busy(Trouble):
    """Answers a request itself; the engine never hears of it."""

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """The error instead of a response."""
        self.settle()
        return self.strike(sight, now)

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """The error names the open response, and the request if it has an id (openai.md#107)."""
        response = next(reversed(self.turns.open), None) or self.run.ids.mint("resp_")
        asked = sight.view.event_id if sight is not None and sight.sender is Sender.CLIENT else None
        problem = self.worded(response=response) if asked is None else self.worded(response=response, event_id=asked)
        said = self.run.dialect.complaint(problem) or self.run.dialect.refusal(problem)
        return [self.run.fire(f"said {problem.kind} instead of", sight), *said]


class ProviderError(Action):
    """What the provider says no with."""

    __slots__ = ()
    group: ClassVar[str] = "provider"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = CREATED
    problem: ClassVar[Problem]
    body: ClassVar[type[Trouble]] = FailedBy

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return self.body(run, self.problem)


@register
@dataclass(frozen=True, slots=True)
class RateLimit(ProviderError):
    """A response fails because too many tokens were used in a minute."""

    syntax: ClassVar[str] = "rate limit"
    about: ClassVar[str] = (
        "The response fails: too many tokens a minute. Without 'on' or 'after': right after response.created."
    )
    example: ClassVar[str] = "rate limit on 2nd response.created"
    problem: ClassVar[Problem] = RATE_LIMIT


@register
@dataclass(frozen=True, slots=True)
class InsufficientQuota(ProviderError):
    """A response fails because there is no money left."""

    syntax: ClassVar[str] = "insufficient quota"
    about: ClassVar[str] = (
        "The response fails: the account has no money left. Without 'on' or 'after': right after response.created."
    )
    example: ClassVar[str] = "insufficient quota on response.created"
    problem: ClassVar[Problem] = QUOTA


@register
@dataclass(frozen=True, slots=True)
class ServerError(ProviderError):
    """A response fails through an error of the provider's own."""

    syntax: ClassVar[str] = "server error"
    about: ClassVar[str] = "The response fails in the provider's own fault; between responses an error event says so."
    example: ClassVar[str] = "server error on response.content_part.added"
    problem: ClassVar[Problem] = SERVER_ERROR


@register
@dataclass(frozen=True, slots=True)
class InvalidKey(ProviderError):
    """The key is wrong, which the client is told after the handshake."""

    syntax: ClassVar[str] = "invalid key"
    about: ClassVar[str] = "The handshake succeeds, then an error event and a close instead of session.created."
    example: ClassVar[str] = "invalid key for first 1 attempts"
    on: ClassVar[tuple[str, ...]] = OPENING
    problem: ClassVar[Problem] = INVALID_KEY
    body: ClassVar[type[Trouble]] = Refusing


@register
@dataclass(frozen=True, slots=True)
class BetaRetired(ProviderError):
    """The provider refuses a client that asks for the beta shape."""

    syntax: ClassVar[str] = "beta retired"
    about: ClassVar[str] = (
        "Instead of session.created the provider says that the beta shape is switched off, and closes."
    )
    example: ClassVar[str] = "beta retired"
    on: ClassVar[tuple[str, ...]] = OPENING
    problem: ClassVar[Problem] = RETIRED
    body: ClassVar[type[Trouble]] = Refusing


@register
@dataclass(frozen=True, slots=True)
class SessionExpired(ProviderError):
    """The session's time is up. It has no moment of its own: say after how long."""

    syntax: ClassVar[str] = "session expired"
    about: ClassVar[str] = "The session's time is up: an error event and close 1001, without warning."
    example: ClassVar[str] = "session expired after 60min"
    on: ClassVar[tuple[str, ...]] = ()
    problem: ClassVar[Problem] = EXPIRED
    body: ClassVar[type[Trouble]] = Refusing


@register
@dataclass(frozen=True, slots=True)
class ActiveResponse(ProviderError):
    """A request for a response is refused because another one is on its way."""

    syntax: ClassVar[str] = "active response"
    about: ClassVar[str] = (
        "response.create is answered by the error that a response is already on its way; nothing is created."
    )
    example: ClassVar[str] = "active response on 1st response.create"
    on: ClassVar[tuple[str, ...]] = ("response.create",)
    problem: ClassVar[Problem] = ACTIVE
    body: ClassVar[type[Trouble]] = Busy


@register
@dataclass(frozen=True, slots=True)
class CancelNotActive(ProviderError):
    """A cancel is refused because no response is on its way."""

    syntax: ClassVar[str] = "cancel not active"
    about: ClassVar[str] = (
        "response.cancel is answered by the error that there is nothing to cancel; the response goes on."
    )
    example: ClassVar[str] = "cancel not active on 1st response.cancel"
    on: ClassVar[tuple[str, ...]] = ("response.cancel",)
    problem: ClassVar[Problem] = NOT_ACTIVE
    body: ClassVar[type[Trouble]] = Busy


# --- constructors ---------------------------------------------------------------------------------------------------


@checked("faults.rate_limit")
def rate_limit(on: On = (), **options: Unpack[Options]) -> Fault:
    """Too many tokens a minute."""
    return make(RateLimit(), on, options)


@checked("faults.insufficient_quota")
def insufficient_quota(on: On = (), **options: Unpack[Options]) -> Fault:
    """No money left."""
    return make(InsufficientQuota(), on, options)


@checked("faults.server_error")
def server_error(on: On = (), **options: Unpack[Options]) -> Fault:
    """The provider's own fault."""
    return make(ServerError(), on, options)


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
