"""The life of a reply on one provider's wire: how it begins, what it is made of, what ends it.

A *reply* is what the model says at one go: a response of the OpenAI family, a model turn elsewhere. Three things answer
for a provider, and each dialect has them (``Dialect.life``, ``Dialect.replies()``, ``Dialect.client_events`` and
``server_events``):

- ``Life``, a table: which events mark what. Faults that name no event of their own ask it for theirs.
- ``Replies``, a tracker for one connection: which replies are open, which reply a frame belongs to, and the events by
  which the provider itself ends one early. ``TableReplies`` reads all of it from the table; the OpenAI family, whose
  replies have ids and may overlap, has a tracker of its own (``dialects.openai.endings``).
- the names of events that exist, so that a misspelt one is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Literal, Protocol

from mockserver.core.frames import Frame, Sender, Text
from mockserver.core.ids import Ids
from mockserver.core.json_text import dumps
from mockserver.core.view import Lens, View

Stream = Literal["audio", "transcript", "text", "arguments"]
"""What a delta is a piece of: sound, the words of that sound, written words, the arguments of a tool call."""
Status = Literal["completed", "cancelled", "failed", "incomplete"]
Names = tuple[str, ...]
"""Event names; ``*`` as in file names."""


class Mark(StrEnum):
    """A moment in a session that every provider has, or may have, an event for. The text is how people say it."""

    OPENING = "the first event of the session"
    REQUEST = "a request for a reply"
    BEGIN = "the begin of a reply"
    PART = "the begin of what a reply says"
    DELTA = "a piece of a reply"
    END = "the end of a reply"
    FAILS = "what of a reply can fail"
    CANCEL = "a cancel of the client's"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a reply ends before its time. ``reason``: one of ``Life.reasons``; ``error``: type, code and message."""

    status: Status
    reason: str = ""
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """Which events mark what. Everything is empty where a provider has no event for it.

    ``first``: what stands at the begin of every session, of either side. ``opening``: the server's first event.
    ``begins``: events that do nothing but begin a reply. Empty where a reply begins with its first frame of ``parts``
    or ``deltas``. ``fails``: where a reply can fail, if that is not where it is heard. ``ends``: its last event.
    ``cuts``: events that say that it was cut off; with ``cut_ends`` such an event is its last. ``heard``: events of
    either side after which what the model says is a new reply, whatever became of the one before. ``trailing``:
    events without ids that follow a reply's end and belong to it. ``metadata``: the path at which a request carries
    what its reply's first event repeats. ``creates_item`` and its like: how a client changes the server's
    conversation, and what confirms that an item was cut. ``endings``: the bodies by which the server ends a reply
    early; a status that is not in it cannot be told. ``instead``: what a test is to look at where the provider has no
    events for what an assertion reads.
    """

    first: Names = ()
    opening: Names = ()
    requests: Names = ()
    begins: Names = ()
    says: Names = ()
    deltas: tuple[tuple[str, Stream], ...] = ()
    parts: Names = ()
    fails: Names = ()
    ends: Names = ()
    cuts: Names = ()
    cut_ends: bool = False
    heard: Names = ()
    trailing: Names = ()
    cancels: Names = ()
    metadata: str = ""
    creates_item: Names = ()
    deletes_item: Names = ()
    truncates_item: Names = ()
    truncated_item: Names = ()
    instead: str = ""
    reasons: Mapping[Status, Names] = field(default_factory=dict)
    endings: Mapping[Status, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)

    def names(self, mark: Mark) -> Names:
        """The events that a mark stands for; () where the provider has none."""
        match mark:
            case Mark.OPENING:
                return self.opening
            case Mark.REQUEST:
                return self.requests
            case Mark.BEGIN:
                return self.begins or self.saying
            case Mark.PART:
                return self.says or self.saying
            case Mark.DELTA:
                names = [name for name, _ in self.deltas]
                return tuple(one for one in names if not any(fnmatchcase(one, all_) for all_ in names if all_ != one))
            case Mark.FAILS:
                return self.fails or self.names(Mark.DELTA)
            case Mark.END:
                return self.ends + (self.cuts if self.cut_ends else ())
            case Mark.CANCEL:
                return self.cancels

    @property
    def saying(self) -> Names:
        """What a reply without an event for its begin may begin with."""
        return tuple(name for name, _ in self.deltas) + self.parts

    def first_only(self, mark: Mark) -> bool:
        """Whether only the first event of a reply, of those that ``names`` gives, is meant."""
        return (mark is Mark.BEGIN and not self.begins) or (mark is Mark.PART and not self.says)

    def stream(self, name: str) -> Stream | None:
        """What an event is a piece of; None where it is no delta."""
        return _stream(name, self.deltas)

    def is_delta(self, name: str) -> bool:
        """Whether an event is a piece of a stream."""
        return _stream(name, self.deltas) is not None


class Replies(Protocol):
    """The replies of one connection, fed its frames in order. Replies are told apart by id, or by a made-up one."""

    @property
    def open(self) -> Mapping[str, object]:
        """The open replies by id, oldest first."""
        ...

    def see(self, sender: Sender, what: View | Frame, *, name: str | None = None) -> None:
        """One frame of the connection. ``name``, its event's name, saves a look at it."""
        ...

    def owner(self, view: View) -> str | None:
        """The reply that a server frame belongs to, also one that is over; None for a frame of none."""
        ...

    def outcome(self, view: View) -> Status | None:
        """How a reply ended, as its last event says; None for any other event."""
        ...

    def can_end(self, status: Status) -> bool:
        """Whether the provider has a way to tell this."""
        ...

    def end(self, reply: str, outcome: Outcome, ids: Ids) -> list[Text]:
        """The frames by which the provider ends an open reply. It is over afterwards. KeyError where it is not open."""
        ...

    def late(self, view: View) -> bool:
        """Whether a server frame is still of a reply that ``end`` has ended: the client must not see it."""
        ...

    def speak(self, words: str, ids: Ids) -> tuple[str, list[Text]]:
        """A whole reply that nobody asked for, and its id; in the shape of the last one, where there was one.

        No frames where the provider's shape for it is not known.
        """
        ...

    def belated(self, reply: str, ids: Ids) -> list[Text]:
        """The begin of one more message of a reply that is over; no frames where its shape is not known."""
        ...


class TableReplies:
    """One reply at a time, told by names alone: all that a provider without ids of replies lets anyone know."""

    def __init__(self, life: Life, lens: Lens) -> None:
        self.life = life
        self._lens = lens
        self._open: dict[str, None] = {}
        self._last: str | None = None
        self._count = 0
        self._cut = False
        self._late: str | None = None

    @property
    def open(self) -> Mapping[str, object]:
        """The open reply, if there is one."""
        return self._open

    def see(self, sender: Sender, what: View | Frame, *, name: str | None = None) -> None:
        """One frame, by its name."""
        if name is None:
            name = what.name if isinstance(what, View) else self._lens.peek(what, sender)
        life = self.life
        if listed(name, life.heard):
            self._open.clear()
            self._last = self._late = None
            return
        if sender is not Sender.SERVER or not self._of_a_reply(name):
            return
        if not self._open and not self._ends(name):
            self._begin()
        self._cut = self._cut or listed(name, life.cuts)
        if self._ends(name):
            self._open.clear()

    def owner(self, view: View) -> str | None:
        """The reply that is open, or that ended last, for a frame of one."""
        if not self._of_a_reply(view.name):
            return None
        return next(iter(self._open), self._last)

    def outcome(self, view: View) -> Status | None:
        """Cancelled where an event has said that it was cut off."""
        if not self._ends(view.name):
            return None
        return "cancelled" if self._cut or listed(view.name, self.life.cuts) else "completed"

    def can_end(self, status: Status) -> bool:
        """What the table has frames for."""
        return status in self.life.endings

    def end(self, reply: str, outcome: Outcome, ids: Ids) -> list[Text]:
        """The table's frames."""
        del self._open[reply]
        self._late = reply
        return [Text(dumps(body)) for body in self.life.endings[outcome.status]]

    def late(self, view: View) -> bool:
        """Everything of the ended reply, up to its own end or until the user is heard again."""
        if self._late is None:
            return False
        if listed(view.name, self.life.heard):
            self._late = None
            return False
        if not self._of_a_reply(view.name):
            return False
        if self._ends(view.name):
            self._late = None
        return True

    def speak(self, words: str, ids: Ids) -> tuple[str, list[Text]]:
        """Not known from the table."""
        return "", []

    def belated(self, reply: str, ids: Ids) -> list[Text]:
        """Not known from the table."""
        return []

    def _begin(self) -> None:
        self._count += 1
        self._cut = False
        self._last = f"reply-{self._count}"
        self._open[self._last] = None

    def _ends(self, name: str) -> bool:
        life = self.life
        return listed(name, life.ends) or (life.cut_ends and listed(name, life.cuts))

    def _of_a_reply(self, name: str) -> bool:
        life = self.life
        return life.is_delta(name) or listed(name, life.begins + life.parts + life.cuts + life.ends)


def last_of(replies: Mapping[str, object]) -> str | None:
    """The newest of some replies, which are in the order in which they began."""
    return next(reversed(list(replies)), None)


def listed(name: str, patterns: Names) -> bool:
    """Whether a name is one of these; ``*`` as in file names."""
    return bool(patterns) and _listed(name, patterns)


# Names come from outside, so what is remembered of them is bounded.
@lru_cache(maxsize=4_096)
def _listed(name: str, patterns: Names) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


@lru_cache(maxsize=4_096)
def _stream(name: str, deltas: tuple[tuple[str, Stream], ...]) -> Stream | None:
    return next((stream for pattern, stream in deltas if fnmatchcase(name, pattern)), None)
