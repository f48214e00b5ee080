"""Faults that end a response: cancelled midway, failed, incomplete.

What a fault ends, it ends as the provider would (``dialects.openai.endings``), and then tells the engine, so that an
engine with state of its own drops the response too and the next turn works.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal, Unpack

from mockserver.core.frames import Frame, Item, Lost, Micros, Sender, Tell, Text, to_client
from mockserver.core.ids import Ids
from mockserver.core.typed import Name, checked
from mockserver.core.view import View
from mockserver.dialects.openai.endings import REASONS, Turns
from mockserver.errors import UsageError
from mockserver.faults.base import Action, Aims, Body, Fault, Moment, Run, Sight, register
from mockserver.faults.options import On, Options, make

DELTAS = ("response.*.delta",)
LIMITS = "rate_limits.updated"
OUTPUT = ("response.", "conversation.item.added", "conversation.item.created", "conversation.item.done")
"""Events of an ended response. Others that name its items (truncated, deleted, retrieved) answer the client."""
Cancelled = Literal["turn_detected", "client_cancelled"]
Incomplete = Literal["max_output_tokens", "content_filter"]


class Living(Moment):
    """Knows the open responses, and keeps back what still comes of those it has ended."""

    screens = True

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.turns = Turns(run.lens)
        self._ended: set[str] = set()
        self._mute: set[str] = set()  # of those, the ones of which nothing had been output
        self._no_limits = False  # the engine has ended one of these too, and will tell what it used
        self._what: Frame | View = Lost()
        self._at_hand: Sight | None = None  # not yet known to ``turns``: it may have to happen before this frame

    def screen(self, sight: Sight, now: Micros) -> Iterable[Item] | None:
        """Watch the responses; keep back what belongs to one that was ended."""
        if sight.sender is not Sender.SERVER:
            return None
        self.settle()
        if self._ended:
            owner = self.turns.owner(sight.view)
            if owner is not None and owner in self._ended and sight.name.startswith(OUTPUT):
                if sight.name == "response.done":
                    self._no_limits = owner in self._mute
                elif sight.name == "response.output_item.added":
                    # Where the engine had said all at one instant: the conversation's events of this item follow.
                    self.turns.see(sight.sender, sight.view, name=sight.name)
                return ()
            if self._no_limits and sight.name == LIMITS:
                self._no_limits = False  # none where nothing was output (openai.md#102)
                return ()
        self._at_hand = sight
        # Read now, while the session's lens has it in mind for all who ask; deltas are not read (``Turns``).
        self._what = sight.frame if sight.name.endswith(".delta") else sight.view
        return None

    def settle(self) -> None:
        """The frame at hand has gone out."""
        if self._at_hand is not None:
            self.turns.see(self._at_hand.sender, self._what, name=self._at_hand.name)
            self._at_hand = None

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """The frame goes first, or with ``before`` second; and not at all if it belongs to what was ended by then."""
        if not self.run.armed.fault.where.before:
            self.settle()
            return [sight.item, *self.strike(sight, now)]
        struck = list(self.strike(sight, now))
        owner = self.turns.owner(sight.view)
        if owner is not None and owner in self._ended:
            self._at_hand = None
            return struck
        return [*struck, sight.item]

    def open_response(self, sight: Sight | None) -> str | None:
        """The open response that a frame belongs to, else the one that was created last."""
        owner = self.turns.owner(sight.view) if sight is not None else None
        if owner is not None:
            return owner if owner in self.turns.open else None
        return next(reversed(self.turns.open), None)

    def end(self, did: str, response_id: str, tail: Iterable[Text], reason: str, sight: Sight | None) -> Iterable[Item]:
        """A response is over: the tail to the client, a word to the engine."""
        self._ended.add(response_id)
        tail = list(tail)
        if not json.loads(tail[-1].data)["response"]["output"]:
            self._mute.add(response_id)
        note = self.run.fire(did, sight, response_id=response_id)
        return [note, *map(to_client, tail), Tell("cancel", {"response_id": response_id, "reason": reason})]


class Ending(Living):
    """Ends an open response by a tail of the provider's own."""

    def __init__(self, run: Run, did: str, reason: str, tail: Callable[[Turns, str, Ids], Iterable[Text]]) -> None:
        super().__init__(run)
        self._did, self._reason, self._tail = did, reason, tail

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """The tail, if a response is open."""
        response = self.open_response(sight)
        if response is None:
            return ()
        return self.end(self._did, response, self._tail(self.turns, response, self.run.ids), self._reason, sight)


@register
@dataclass(frozen=True, slots=True)
class CancelMidway(Action):
    """``reason``: as the provider tells it in status_details (openai.md#111)."""

    syntax: ClassVar[str] = "cancel midway [because <reason:turn_detected|client_cancelled>]"
    about: ClassVar[str] = (
        "The response is cancelled as the provider does it: what was being said is closed, "
        "response.done says cancelled, nothing more of it comes. Without 'on' or 'after': at its "
        "first delta."
    )
    example: ClassVar[str] = "cancel midway because turn_detected after 300ms of audio"
    group: ClassVar[str] = "response"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = DELTAS
    since: ClassVar[str | None] = "response.created"

    reason: Cancelled = "turn_detected"

    def __post_init__(self) -> None:
        _one_of(self.reason, REASONS["cancelled"])

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Ending(run, f"cancelled ({self.reason}) at", self.reason, self._tail)

    def _tail(self, turns: Turns, response: str, ids: Ids) -> Iterable[Text]:
        return turns.cancelled_tail(response, self.reason, ids)


@register
@dataclass(frozen=True, slots=True)
class Fail(Action):
    """``code`` and ``type`` of the error; real failures carry a message too. A server_error has no code."""

    syntax: ClassVar[str] = "fail [as <code:code>] [saying <message:text>]"
    about: ClassVar[str] = (
        "The response fails: response.done says failed, with a code. Without 'on' or 'after': at its first delta."
    )
    example: ClassVar[str] = 'fail as server_error saying "try again" on response.content_part.added'
    group: ClassVar[str] = "response"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = DELTAS
    since: ClassVar[str | None] = "response.created"

    code: str = "server_error"
    message: str = "The server had an error while processing your request."

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Ending(run, "failed at", "failed", self._tail)

    def _tail(self, turns: Turns, response: str, ids: Ids) -> Iterable[Text]:
        server = self.code == "server_error"  # seen with code null (openai-realtime-api-beta issue 116)
        error = {
            "type": "server_error" if server else "invalid_request_error",
            "code": None if server else self.code,
            "message": self.message,
        }
        return turns.failed_tail(response, error, ids)


@register
@dataclass(frozen=True, slots=True)
class StayIncomplete(Action):
    """``reason``: as the provider tells it in status_details (openai.md#111)."""

    syntax: ClassVar[str] = "incomplete [because <reason:max_output_tokens|content_filter>]"
    about: ClassVar[str] = (
        "The response breaks off: response.done says incomplete. Without 'on' or 'after': at its first delta."
    )
    example: ClassVar[str] = "incomplete because content_filter after 2 response.output_audio_transcript.delta"
    group: ClassVar[str] = "response"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = DELTAS
    since: ClassVar[str | None] = "response.created"

    reason: Incomplete = "max_output_tokens"

    def __post_init__(self) -> None:
        _one_of(self.reason, REASONS["incomplete"])

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Ending(run, f"left incomplete ({self.reason}) at", self.reason, self._tail)

    def _tail(self, turns: Turns, response: str, ids: Ids) -> Iterable[Text]:
        return turns.incomplete_tail(response, self.reason, ids)


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
