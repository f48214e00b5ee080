"""Assertions on the journal that read like the contract.

    journal.sent_by_client("response.cancel", where={"response_id": orphan}).once()
    journal.sent_by_server("response.created").before(journal.sent_by_server("response.done"))
    journal.sent_by_client("response.create").within(seconds=1, of=journal.sent_by_server("session.created"))

A selection is what was found when it was made; every assertion returns the selection, so they chain. When one does not
hold, the message says what was expected, what there was, and prints the timeline with the selected frames marked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any, TypedDict, Unpack

from mockserver.core.entry import Entered, Entry
from mockserver.core.frames import Micros, Sender
from mockserver.core.paths import Where, holds, matches
from mockserver.core.timeline import entry_lines
from mockserver.core.view import View
from mockserver.errors import ExpectationFailed, UsageError

TIMELINE_LINES = 60
"""How much of the timeline a message prints: its head and tail, with what lies between counted."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The frames of a journal that answer a description, in order."""

    journal: Entered
    described: str
    entries: tuple[Entry, ...]
    gone: int = 0
    """Frames of whoever sent these that the journal does not have any more. What is said of all cannot be told then."""

    # --- what was found ---

    def __len__(self) -> int:
        self._whole()
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        self._whole()
        return iter(self.entries)

    @property
    def views(self) -> list[View]:
        """Each frame through its session's lens."""
        return [view for entry in self if (view := self.journal.view(entry)) is not None]

    @property
    def bodies(self) -> list[Any]:
        """Each frame's parsed JSON (None for a frame that holds none)."""
        return [view.body for view in self.views]

    @property
    def first(self) -> Entry:
        """The first frame; fails where there is none."""
        self._whole()
        return self.at_least(1).entries[0]

    @property
    def last(self) -> Entry:
        """The last frame; fails where there is none."""
        return self.at_least(1).entries[-1]

    @property
    def body(self) -> Any:
        """The only frame's parsed JSON; fails unless there is exactly one."""
        return self.once().bodies[0]

    # --- how many ---

    def once(self) -> Selection:
        """There is exactly one."""
        return self.exactly(1)

    def never(self) -> Selection:
        """There is none."""
        return self.exactly(0)

    def exactly(self, count: int) -> Selection:
        """There are exactly ``count``."""
        return self._check(len(self.entries) == count, f"{_times(count)}")

    def at_least(self, count: int) -> Selection:
        """There are ``count`` or more."""
        if len(self.entries) >= count:
            return self  # more of them would change nothing
        return self._check(False, f"at least {_times(count)}")

    def at_most(self, count: int) -> Selection:
        """There are ``count`` or fewer."""
        return self._check(len(self.entries) <= count, f"at most {_times(count)}")

    # --- in what order ---

    def before(self, other: Selection) -> Selection:
        """All of these come before the first of ``other``; there is at least one of each."""
        self.at_least(1)
        other.at_least(1)
        return self._check(self.entries[-1].index < other.entries[0].index, f"before {other.described}", other)

    def after(self, other: Selection) -> Selection:
        """All of these come after the last of ``other``; there is at least one of each."""
        self.at_least(1)
        other.at_least(1)
        return self._check(self.entries[0].index > other.entries[-1].index, f"after {other.described}", other)

    def within(self, *, of: Selection, seconds: float | None = None, ms: float | None = None) -> Selection:
        """The first of these comes at most this long after the first of ``of`` (and not before it)."""
        if (seconds is None) == (ms is None):
            raise UsageError("within() takes seconds= or ms=, one of the two")
        limit: Micros = round(seconds * 1_000_000) if seconds is not None else round((ms or 0) * 1_000)
        passed = self._when(self.first) - self._when(of.first)
        return self._check(
            0 <= passed <= limit, f"within {limit / 1_000:g} ms of {of.described} (it took {passed / 1_000:g} ms)", of
        )

    def _whole(self, expected: str = "") -> None:
        """ExpectationFailed where frames that may belong here are gone."""
        if self.gone:
            asked = f"expected {self.described} {expected}".rstrip()
            raise ExpectationFailed(f"{asked}, which cannot be told: {told_gone(self.gone)}")

    def _when(self, entry: Entry) -> Micros:
        return self.journal.sessions[entry.session].began_us + entry.at

    def _check(self, holds: bool, expected: str, *others: Selection) -> Selection:
        for one in (self, *others):
            one._whole(expected)
        if holds:
            return self
        marked = {entry.index for one in (self, *others) for entry in one.entries}
        raise ExpectationFailed(
            f"expected {self.described} {expected}, found {_times(len(self.entries))}\n{timeline(self.journal, marked)}"
        )


class Chosen(TypedDict, total=False):
    """What narrows a selection.

    ``where``: values at dotted paths of the body (``...`` asks only that it is there), or a function of the body. Where
    a provider takes a key in camelCase and in snake_case, a path may have either.
    """

    where: Where | None
    session: int | None
    response: str | None
    item: str | None
    metadata: Mapping[str, Any] | None


def select(journal: Entered, sender: Sender, name: str = "*", **chosen: Unpack[Chosen]) -> Selection:
    """The frames of one sender by event name (glob), and by what ``Chosen`` says."""
    for word in chosen:
        if word not in Chosen.__annotations__:
            raise UsageError(
                f"unknown argument {word!r}: expected {', '.join(Chosen.__annotations__)}; "
                f'a field of the frame goes into where={{"{word}": ...}}'
            )
    where, metadata = chosen.get("where"), chosen.get("metadata")
    if not (where is None or callable(where) or isinstance(where, Mapping)):
        raise UsageError(
            f"where={where!r}: expected paths and values such as "
            '{"session.type": "realtime"}, or a function of the body'
        )
    session, response, item = chosen.get("session"), chosen.get("response"), chosen.get("item")
    paths = {} if where is None or callable(where) else dict(where)
    wanted = paths | {f"response.metadata.{key}": value for key, value in (metadata or {}).items()}
    found = []
    gone = journal.gone(sender, session=session)
    for entry in journal.present(sender, session=session):
        view = journal.view(entry)
        if (
            view is not None
            and fnmatchcase(view.name, name)
            and response in (None, view.response_id)
            and item in (None, view.item_id)
            and matches(view.body, wanted, fold_case=journal.sessions[entry.session].lens.fold_case)
            and (not callable(where) or holds(view.body, where))
        ):
            found.append(entry)
    if not found:
        _check_name(journal, sender, name, session)
    details = [f"{path}={'...' if value is ... else repr(value)}" for path, value in wanted.items()]
    details += [f"{key} {value}" for key, value in (("response", response), ("item", item)) if value is not None]
    details += [getattr(where, "__name__", "a function")] if callable(where) else []
    details += [] if session is None else [f"session {session}"]
    described = f"{name} from the {sender}" + (f" with {', '.join(details)}" if details else "")
    return Selection(journal, described, tuple(found), max(gone, journal.gone(sender, session=session)))


def _check_name(journal: Entered, sender: Sender, name: str, session: int | None) -> None:
    """A misspelt name would never be found: UsageError where no session's provider has it and one has one like it.

    A name that is like no event of the provider's is let by: a script or a fault may have made it up.
    """
    if session is None:
        logs = journal.sessions
    else:
        logs = journal.sessions[session : session + 1] if session >= 0 else ()
    meant = [log.lens.misspelt(name, sender) for log in logs]
    if meant and all(meant):
        raise UsageError(f"the {sender.value} has no event {name!r} at this provider; did you mean {meant[0]!r}?")


def in_order(*selections: Selection) -> None:
    """The first of each selection comes in this order; between them may be anything."""
    for earlier, later in pairwise(selections):
        first, second = earlier.first, later.first
        if first.index >= second.index:
            raise ExpectationFailed(
                f"expected {earlier.described} before {later.described}, found the other order\n"
                f"{timeline(earlier.journal, {first.index, second.index})}"
            )


def timeline(journal: Entered, marked: set[int] | frozenset[int] = frozenset()) -> str:
    """The journal as lines; ``marked`` entries (by index) get a ``>``. A long one loses its middle."""
    lines = entry_lines(journal, marked=marked)
    return "\n".join(_cut(lines))


def _cut(lines: Sequence[str]) -> list[str]:
    if len(lines) <= TIMELINE_LINES:
        return list(lines)
    half = TIMELINE_LINES // 2
    keep = {
        *range(half),
        *range(len(lines) - half, len(lines)),
        *(i for i, line in enumerate(lines) if line[:1] == ">"),
    }
    out, hidden = [], 0
    for number, line in enumerate(lines):
        if number in keep:
            out += [f"  ... {hidden} lines ..."] if hidden else []
            out.append(line)
            hidden = 0
        else:
            hidden += 1
    return out


def told_gone(count: int) -> str:
    """Why frames are gone, and what to do."""
    return (
        f"{count} frames that may count are gone, the journal is bounded; give it more room (--journal-limit, "
        "journal_limit=), or ask earlier"
    )


def _times(count: int) -> str:
    return {0: "never", 1: "once"}.get(count, f"{count} times")
