"""Faults that leave parts of a response out or add what nobody asked for: no beginning, no end, another response."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Unpack

from mockserver.core.frames import Item, Micros, Note, Sender, Tell, Text, to_client
from mockserver.core.ids import Ids
from mockserver.core.typed import checked
from mockserver.dialects.base import Dialect, parse
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.life import Mark, Replies
from mockserver.errors import UsageError
from mockserver.faults.action import Action, Aims, register
from mockserver.faults.base import Fault
from mockserver.faults.body import Body, Moment, Run, Sight
from mockserver.faults.life import Living
from mockserver.faults.options import On, Options, make
from mockserver.faults.values import dump

THINKING_MS = 20  # before the first word of a response that the engine begins
KEPT = 64  # deltas that are remembered; enough to find one of a response beside others that speak at the same time


@register
@dataclass(frozen=True, slots=True)
class Headless(Action):
    """A response of which only the end is told: seen during interruptions (openai.md#116)."""

    syntax: ClassVar[str] = "done without created"
    about: ClassVar[str] = "Of a response nothing comes but its end."
    example: ClassVar[str] = "done without created on 2nd {begin}"
    group: ClassVar[str] = "response"
    on: ClassVar[tuple[str, ...]] = (Mark.BEGIN,)
    only: ClassVar[bool] = True

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Muting(run, created=False)

    def check(self, dialect: Dialect) -> None:
        """There must be an end to be told."""
        if dialect is not GENERIC and not dialect.life.names(Mark.END):
            raise UsageError(f"done without created: {dialect.title} has no event for the end of a reply")


@register
@dataclass(frozen=True, slots=True)
class Endless(Action):
    """A response of which only the beginning is told."""

    syntax: ClassVar[str] = "created without done"
    about: ClassVar[str] = "Of a response nothing comes but its begin."
    example: ClassVar[str] = "created without done on 2nd {begin}"
    group: ClassVar[str] = "response"
    on: ClassVar[tuple[str, ...]] = (Mark.BEGIN,)

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Muting(run, created=True)


class Muting(Body):
    """Swallows everything of a reply but its first or its last event."""

    screens = True

    def __init__(self, run: Run, *, created: bool) -> None:
        super().__init__(run)
        self.created = created
        self._replies: Replies = run.dialect.replies(run.lens)
        self._muted: set[str] = set()

    def screen(self, sight: Sight, now: Micros) -> Iterable[Item] | None:
        """Swallows what belongs to a muted reply."""
        delta = self.run.dialect.life.is_delta(sight.name)
        self._replies.see(sight.sender, sight.frame if delta else sight.view, name=sight.name)
        if not self._muted or sight.sender is not Sender.SERVER:
            return None
        if self._replies.owner(sight.view) not in self._muted:
            return None
        return None if not self.created and self._replies.outcome(sight.view) is not None else ()

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """The reply is muted from here on."""
        reply = self._replies.owner(sight.view)
        if reply is None or reply in self._muted:
            return (sight.item,)
        self._muted.add(reply)
        if self.created:
            return (self.run.fire("let through nothing after", sight), sight.item)
        return (self.run.fire("let through nothing but the end of", sight),)


@register
@dataclass(frozen=True, slots=True)
class Unrequested(Action):
    """``sentence`` is what it says.

    A simulated server begins it itself where none is on its way, so that what the client asks for meets an active
    response. Elsewhere it comes all at once, in the shape of the last response of the session.
    """

    syntax: ClassVar[str] = "unrequested response [saying <sentence:text>]"
    about: ClassVar[str] = "A whole response comes that nobody asked for."
    example: ClassVar[str] = "unrequested response on {end}"
    group: ClassVar[str] = "response"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = (Mark.END,)

    sentence: str = "Nobody asked for this."

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Talking(run, self.sentence, second=False)

    def check(self, dialect: Dialect) -> None:
        """The provider's words for a whole reply must be known."""
        can_speak(dialect, "unrequested response")


@register
@dataclass(frozen=True, slots=True)
class Second(Action):
    """As ``Unrequested``, but only while another response is on its way."""

    syntax: ClassVar[str] = "second response [saying <sentence:text>]"
    about: ClassVar[str] = "A whole other response comes in the middle of one that is on its way."
    example: ClassVar[str] = "second response on 1st {audio}"
    group: ClassVar[str] = "response"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = (Mark.PART,)

    sentence: str = "I speak at the same time."

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Talking(run, self.sentence, second=True)

    def check(self, dialect: Dialect) -> None:
        """The provider's words for a whole reply must be known."""
        can_speak(dialect, "second response")


class Talking(Living):
    """Lets the engine begin a reply, or makes one up in the shape of the last one."""

    def __init__(self, run: Run, words: str, *, second: bool) -> None:
        super().__init__(run)
        self.words = words
        self.second = second
        self._own: set[str] = set()  # replies that the engine began for this fault, which are no moments for it

    def other(self, item: Item, now: Micros) -> Iterable[Item]:
        """Learns which reply the engine has begun."""
        if isinstance(item, Note) and item.kind == "unasked" and "response_id" in item.data:
            self._own.add(str(item.data["response_id"]))
        return (item,)

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """The engine is told, or all of it comes at once."""
        if self.second and not self.replies.open:
            return ()
        if sight is not None and self.replies.owner(sight.view) in self._own:
            return ()
        if not self.replies.open and "respond" in self.run.log.obeys:
            told = Tell("respond", {"words": self.words, "after_ms": THINKING_MS})
            return [self.run.fire("began a response unasked at", sight), told]
        reply, frames = self.replies.speak(self.words, self.run.ids)
        if not frames:
            return ()
        return [self.run.fire("spoke unasked at", sight, response_id=reply), *map(to_client, frames)]


def can_speak(dialect: Dialect, name: str) -> None:
    """UsageError where it is not known what a whole reply of this provider looks like."""
    if dialect is not GENERIC and not dialect.replies().speak("", Ids(Random(0)))[1]:
        raise UsageError(f"{name}: how {dialect.title} words a whole reply is not known here; send one with a script")


@register
@dataclass(frozen=True, slots=True)
class DeltasAfter(Action):
    """``count``: how many."""

    syntax: ClassVar[str] = "deltas after cancel [<count:count> times]"
    about: ClassVar[str] = (
        "After a response was cancelled, its last delta keeps coming, with new event ids: three "
        "times, or as often as said."
    )
    example: ClassVar[str] = "deltas after cancel 5 times"
    group: ClassVar[str] = "response"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = (Mark.END,)

    count: int = 3

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(f"deltas after cancel: expected 1 or more, got {self.count}")

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Lingering(run, self)


class Lingering(Moment):
    """Keeps the last deltas, unread: which response they are of is asked when one was cancelled."""

    screens = True

    def __init__(self, run: Run, action: DeltasAfter) -> None:
        super().__init__(run)
        self.count = action.count
        self._last: deque[Sight] = deque(maxlen=KEPT)
        self._replies: Replies = run.dialect.replies(run.lens)

    def screen(self, sight: Sight, now: Micros) -> Iterable[Item] | None:
        """Remember the delta for later."""
        delta = self.run.dialect.life.is_delta(sight.name)
        if delta and sight.sender is Sender.SERVER:
            self._last.append(sight)
        self._replies.see(sight.sender, sight.frame if delta else sight.view, name=sight.name)
        return None

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """After the end of a cancelled reply."""
        if sight is None or self._replies.outcome(sight.view) != "cancelled":
            return ()
        reply = self._replies.owner(sight.view)
        last = next((kept for kept in reversed(self._last) if self._replies.owner(kept.view) == reply), None)
        if last is None:
            why = "of a response that was cancelled before its first delta"
            self.run.account.missed[why] += 1
            return [Note("fault", f"sent no delta after {sight.name}: {reply} had none ({self.run.account.spec})")]
        out: list[Item] = [self.run.fire("sent deltas after", sight, count=self.count)]
        for _ in range(self.count):
            body = (
                self.run.dialect.again(parse(last.frame.data), self.run.ids) if isinstance(last.frame, Text) else None
            )
            out.append(last.item if body is None else to_client(Text(dump(body))))
        return out


@register
@dataclass(frozen=True, slots=True)
class ItemsAfter(Action):
    """What had been on its way when the cancel came, told too late."""

    syntax: ClassVar[str] = "items after cancel"
    about: ClassVar[str] = (
        "After a response was cancelled, one more message of it is announced, and the first part of that: the events "
        "that begin what a response says."
    )
    example: ClassVar[str] = "items after cancel"
    group: ClassVar[str] = "response"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = (Mark.END,)

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Belated(run)

    def check(self, dialect: Dialect) -> None:
        """The provider's words for the begin of a message must be known."""
        if dialect is not GENERIC and not dialect.replies().belated("", Ids(Random(0))):
            raise UsageError(
                f"items after cancel: how {dialect.title} announces a message is not known here; send it with a script"
            )


class Belated(Living):
    """Announces a message of a reply that was cancelled."""

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """After the end of a cancelled reply."""
        self.settle()
        if sight is None or self.replies.outcome(sight.view) != "cancelled":
            return ()
        frames = self.replies.belated(self.replies.owner(sight.view) or "", self.run.ids)
        return [self.run.fire("announced a message after", sight), *map(to_client, frames)] if frames else ()


# --- constructors ---------------------------------------------------------------------------------------------------


@checked("faults.done_without_created")
def done_without_created(on: On = (), **options: Unpack[Options]) -> Fault:
    """Only the end of a response comes."""
    return make(Headless(), on, options)


@checked("faults.created_without_done")
def created_without_done(on: On = (), **options: Unpack[Options]) -> Fault:
    """Only the beginning of a response comes."""
    return make(Endless(), on, options)


@checked("faults.unrequested_response")
def unrequested_response(on: On = (), *, words: str | None = None, **options: Unpack[Options]) -> Fault:
    """A response that nobody asked for; by default after the end of each one."""
    return make(Unrequested() if words is None else Unrequested(words), on, options)


@checked("faults.second_response")
def second_response(on: On = (), *, words: str | None = None, **options: Unpack[Options]) -> Fault:
    """Another response in the middle of one."""
    return make(Second() if words is None else Second(words), on, options)


@checked("faults.deltas_after_cancel")
def deltas_after_cancel(on: On = (), *, count: int = 3, **options: Unpack[Options]) -> Fault:
    """Deltas that keep coming after a cancel."""
    return make(DeltasAfter(count), on, options)


@checked("faults.items_after_cancel")
def items_after_cancel(on: On = (), **options: Unpack[Options]) -> Fault:
    """A message that is announced after a cancel."""
    return make(ItemsAfter(), on, options)
