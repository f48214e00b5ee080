"""Faults that end a response: cancelled midway, failed, incomplete.

What a fault ends, it ends as the provider would (``dialects.life``), and then tells the engine, so that an engine with
state of its own drops the response too and the next turn works.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal, Unpack, get_args

from mockserver.core.frames import Frame, Item, Lost, Micros, Sender, Tell, to_client
from mockserver.core.typed import Name, checked
from mockserver.core.view import View
from mockserver.dialects.base import Dialect
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.life import Mark, Outcome, Replies, Status, last_of
from mockserver.dialects.problems import Problem
from mockserver.errors import UsageError
from mockserver.faults.action import Action, Aims, register
from mockserver.faults.base import Fault
from mockserver.faults.body import Body, Moment, Run, Sight
from mockserver.faults.options import On, Options, make

Cancelled = Literal["turn_detected", "client_cancelled"]
Incomplete = Literal["max_output_tokens", "content_filter"]


class Living(Moment):
    """Knows the open replies, and swallows what still comes of those it has ended."""

    screens = True

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.replies: Replies = run.dialect.replies(run.lens)
        self._what: Frame | View = Lost()
        self._at_hand: Sight | None = None  # not yet known to ``replies``: it may have to happen before this frame

    def screen(self, sight: Sight, now: Micros) -> Iterable[Item] | None:
        """Watches; swallows what belongs to an ended reply."""
        self.settle()
        if sight.sender is Sender.SERVER and self.replies.late(sight.view):
            return ()
        self._at_hand = sight
        # Read now, while the session's lens has it in mind for all who ask; deltas are not read (``Replies``).
        self._what = sight.frame if self.run.dialect.life.is_delta(sight.name) else sight.view
        return None

    def settle(self) -> None:
        """The frame at hand has gone out."""
        if self._at_hand is not None:
            self.replies.see(self._at_hand.sender, self._what, name=self._at_hand.name)
            self._at_hand = None

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """The frame goes first, or with ``before`` second; and not at all if it belongs to what was ended by then."""
        if not self.run.account.where.before:
            self.settle()
            return [sight.item, *self.strike(sight, now)]
        struck = list(self.strike(sight, now))
        if sight.sender is Sender.SERVER and self.replies.late(sight.view):
            self._at_hand = None
            return struck
        return [*struck, sight.item]

    def open_reply(self, sight: Sight | None) -> str | None:
        """The open reply that a frame belongs to, else the one that began last."""
        owner = self.replies.owner(sight.view) if sight is not None else None
        if owner is not None:
            return owner if owner in self.replies.open else None
        return last_of(self.replies.open)

    def end(self, did: str, reply: str, outcome: Outcome, sight: Sight | None) -> Iterable[Item]:
        """A reply is over: its end to the client, a word to the engine."""
        tail = self.replies.end(reply, outcome, self.run.ids)
        note = self.run.fire(did, sight, response_id=reply)
        reason = outcome.reason or outcome.status
        return [note, *map(to_client, tail), Tell("cancel", {"response_id": reply, "reason": reason})]


class EndingReply(Living):
    """Ends an open reply as the provider would."""

    def __init__(self, run: Run, did: str, outcome: Outcome) -> None:
        super().__init__(run)
        if outcome.status != "cancelled":
            self.replies = run.dialect.endable(run.lens)
        self._did, self._outcome = did, outcome

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """The end, if a reply is open."""
        reply = self.open_reply(sight)
        return () if reply is None else self.end(self._did, reply, self._outcome, sight)


def can_end(dialect: Dialect, status: Status, name: str) -> None:
    """UsageError where this provider's server has no way to say that a reply ended so."""
    if dialect is not GENERIC and not dialect.endable().can_end(status):
        raise UsageError(
            f"{name}: {dialect.title} has no events that are known to end a reply as {status}; "
            "close the connection instead, or send what you expect with a script"
        )


@register
@dataclass(frozen=True, slots=True)
class CancelMidway(Action):
    """``reason``: as the provider tells it in status_details (openai.md#111)."""

    syntax: ClassVar[str] = "cancel midway [because <reason:turn_detected|client_cancelled>]"
    about: ClassVar[str] = (
        "The response is cancelled as the provider does it: what was being said is closed, its end says cancelled, "
        "nothing more of it comes. Without 'on' or 'after': at its first delta."
    )
    example: ClassVar[str] = "cancel midway because turn_detected after 300ms of audio"
    tries: ClassVar[tuple[str, ...] | None] = ("cancel midway", "cancel midway because client_cancelled")
    group: ClassVar[str] = "response"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = (Mark.DELTA,)
    since: ClassVar[str | None] = Mark.BEGIN

    reason: Cancelled = "turn_detected"

    def __post_init__(self) -> None:
        _one_of(self.reason, get_args(Cancelled))

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return EndingReply(run, f"cancelled ({self.reason}) at", Outcome("cancelled", self.reason))

    def check(self, dialect: Dialect) -> None:
        """The provider must have a way to say it."""
        can_end(dialect, "cancelled", "cancel midway")


@register
@dataclass(frozen=True, slots=True)
class Fail(Action):
    """``code`` and ``type`` of the error; real failures carry a message too. A server_error has no code."""

    syntax: ClassVar[str] = "fail [as <code:code>] [saying <message:text>]"
    about: ClassVar[str] = (
        "The response fails: its end says failed, with a code. Without 'on' or 'after': at its first delta; of work "
        "that was delegated, at its first event."
    )
    example: ClassVar[str] = 'fail as server_error saying "try again" on {fails}'
    group: ClassVar[str] = "response"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = (Mark.FAILS,)
    since: ClassVar[str | None] = Mark.BEGIN

    code: str = "server_error"
    message: str | None = None  # None: the provider's own for that code

    def start(self, run: Run) -> Body:
        """A body for one session."""
        server = self.code == "server_error"  # seen with code null (openai-realtime-api-beta issue 116)
        told = [problem for problem in run.dialect.problems.values() if "{" not in problem.message]
        known = {problem.kind: problem for problem in reversed(told)}  # of two with one code the first is meant
        if server:
            natural = Problem(self.code, "The server had an error while processing your request.", type=self.code)
        else:
            natural = known.get(self.code, Problem(self.code, f"The response failed: {self.code}."))
        error = {
            "type": natural.type,
            "code": None if server else self.code,
            "message": natural.message if self.message is None else self.message,
        }
        return EndingReply(run, "failed at", Outcome("failed", error=error))

    def check(self, dialect: Dialect) -> None:
        """The provider must have a way to say it."""
        can_end(dialect, "failed", "fail")


@register
@dataclass(frozen=True, slots=True)
class StayIncomplete(Action):
    """``reason``: as the provider tells it in status_details (openai.md#111)."""

    syntax: ClassVar[str] = "incomplete [because <reason:max_output_tokens|content_filter>]"
    about: ClassVar[str] = (
        "The response breaks off: its end says incomplete. Without 'on' or 'after': at its first delta; of work that "
        "was delegated, at its first event."
    )
    example: ClassVar[str] = "incomplete because content_filter on {fails}"
    tries: ClassVar[tuple[str, ...] | None] = ("incomplete", "incomplete because content_filter")
    group: ClassVar[str] = "response"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = (Mark.FAILS,)
    since: ClassVar[str | None] = Mark.BEGIN

    reason: Incomplete = "max_output_tokens"

    def __post_init__(self) -> None:
        _one_of(self.reason, get_args(Incomplete))

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return EndingReply(run, f"left incomplete ({self.reason}) at", Outcome("incomplete", self.reason))

    def check(self, dialect: Dialect) -> None:
        """The provider must have a way to say it."""
        can_end(dialect, "incomplete", "incomplete")


def _one_of(value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UsageError(f"reason: expected one of {', '.join(allowed)}, got {value!r}")


# --- constructors ---------------------------------------------------------------------------------------------------


@checked("faults.cancel_midway")
def cancel_midway(on: On = (), *, reason: Cancelled = "turn_detected", **options: Unpack[Options]) -> Fault:
    """Responses are cancelled midway, as by the provider."""
    return make(CancelMidway(reason), on, options)


@checked("faults.fail")
def fail(on: On = (), *, code: Name = "server_error", message: str | None = None, **options: Unpack[Options]) -> Fault:
    """Responses fail with ``code``."""
    return make(Fail(code) if message is None else Fail(code, message), on, options)


@checked("faults.incomplete")
def incomplete(on: On = (), *, reason: Incomplete = "max_output_tokens", **options: Unpack[Options]) -> Fault:
    """Responses break off."""
    return make(StayIncomplete(reason), on, options)
