"""Which faults to try: every fault at every event of an ordinary run; those that cannot fire there are left out.

Pure: what comes out depends on the run's journal, the dialect and the seed alone.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from zlib import crc32

from mockserver.core.entry import Entered
from mockserver.core.frames import Sender
from mockserver.dialects.base import Dialect
from mockserver.errors import MockServerError
from mockserver.faults.foresight import foresee, foretell
from mockserver.faults.grammar import parse
from mockserver.faults.listing import FaultEntry, catalogue
from mockserver.faults.values import ordinal_text, word_text
from mockserver.faults.where import event_text
from mockserver.sweeping.digest import foretold_digest, words_of

QUICK = 200
"""Runs of the level ``quick``."""
LATER = 5
MOST_FIELDS = 6
"""Fields of an event that faults of one field try."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One run to make. ``short``: the fault without ordinals, as a test writes it; ``event`` "" for a handshake.

    ``first``: the fault that goes before it and makes the client connect anew, or "". ``later``: whether it strikes in
    a connection after the first. ``alike``: others that do the same on the wire, and are told with it. ``place``: which
    of those that were chosen.
    """

    spec: str
    short: str
    fault: str
    event: str
    blame: str
    fact: str
    first: str = ""
    later: bool = False
    alike: tuple[Candidate, ...] = ()
    place: int = 0

    @property
    def faults(self) -> tuple[str, ...]:
        """All faults of the run."""
        return (self.first, self.spec) if self.first else (self.spec,)

    @property
    def number(self) -> int:
        """For shards: the same in every process and version."""
        return crc32("\n".join(self.faults).encode())


def candidates(
    journal: Entered, dialect: Dialect, *, every: bool = False, connection: int = 1, first: str = ""
) -> list[Candidate]:
    """All there are for one of the connections (from 1), in the order of the list of faults.

    ``every``: also at the second and the last of an event. ``first``: the fault that made the client connect anew.
    """
    events = _events(journal, connection - 1)
    found: dict[str, Candidate] = {}
    for entry in catalogue(dialect):
        if not entry.missing:
            for one in _of_fault(entry, events, every, connection):
                found.setdefault(one.spec, replace(one, first=first, later=connection > 1))
    return list(found.values())


Look = Callable[[Candidate], str | None]
"""``Foresight.look``, for candidates of several sessions."""


def chosen(all_: Iterable[Candidate], look: Look, *, most: int | None, seed: int = 0) -> list[Candidate]:
    """At most so many of those that fire: one in ``LATER`` of them in a later connection, where there is one.

    Of those that do the same on the wire one is taken, which has the others with it (``alike``).
    """
    taken = _Taken(look)
    if most is None:
        for one in all_:
            taken.take(one)
        return _numbered(taken.all)
    # What a client that connects anew has to bear first is the handshake.
    later = sorted((one for one in all_ if one.later), key=lambda one: bool(one.event))
    after = _Taken(look)
    _round_robin(later, after, most // LATER, seed)
    _round_robin([one for one in all_ if not one.later], taken, most - len(after.all), seed)
    return _numbered(taken.all + after.all)


def _numbered(all_: Iterable[Candidate]) -> list[Candidate]:
    return [replace(one, place=place) for place, one in enumerate(all_)]


class _Taken:
    """What was taken so far, each wire once."""

    def __init__(self, look: Look) -> None:
        self.all: list[Candidate] = []
        self._look = look
        self._places: dict[str, int] = {}

    def take(self, one: Candidate) -> bool:
        """Whether it is a run more."""
        wire = self._look(one)
        if wire is None:
            return False
        place = self._places.get(wire)
        if place is not None:
            self.all[place] = replace(self.all[place], alike=(*self.all[place].alike, one))
            return False
        if wire:
            self._places[wire] = len(self.all)
        self.all.append(one)
        return True


def _round_robin(all_: Iterable[Candidate], taken: _Taken, most: int, seed: int) -> None:
    """Round-robin by fault, shuffled within a fault by the seed."""
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for one in all_:
        groups[one.fault].append(one)
    for name, group in groups.items():
        random.Random(f"{seed}/{name}").shuffle(group)
        # The last is taken first: a service that refuses every attempt asks most of a client.
        group.sort(key=lambda one: not one.event and one.spec == one.short and not one.spec.endswith(" connection"))
    lines = [line for line in groups.values() if line]
    while lines and len(taken.all) < most:
        for line in lines:
            while line and len(taken.all) < most:
                if taken.take(line.pop()):
                    break
        lines = [line for line in lines if line]


@dataclass(slots=True)
class _Event:
    sender: str
    count: int
    fields: tuple[str, ...]


def _events(journal: Entered, session: int) -> Mapping[str, _Event]:
    """The events of one session by name, in their order."""
    found: dict[str, _Event] = {}
    for entry in journal.frames():
        if entry.session != session:
            continue
        view = journal.view(entry)
        if view is None or entry.sender is None or view.name.startswith(("close", "lost")):
            continue
        key = f"{entry.sender.value} {view.name}"
        if key in found:
            found[key].count += 1
        else:
            fields = tuple(view.body)[:MOST_FIELDS] if isinstance(view.body, dict) else ()
            found[key] = _Event(entry.sender.value, 1, fields)
    return found


def _of_fault(entry: FaultEntry, events: Mapping[str, _Event], every: bool, connection: int) -> Iterator[Candidate]:
    there = f" in {ordinal_text(connection)} connection"
    anew = " after reconnect" if connection > 1 else ""

    def made(spec: str, short: str, event: str) -> Candidate:
        return Candidate(spec, short, entry.name, event, entry.blame, entry.fact)

    if entry.aims == "handshake":
        for words in entry.tries:
            yield made(f"{words}{anew}", f"{words}{anew}", "")
            yield made(f"{words}{there}", f"{words}{there}", "")
        return
    for words in entry.tries:
        for key, event in events.items():
            name = key.partition(" ")[2]
            if event.sender not in entry.senders:
                continue
            aside = f" from {event.sender}" if event.sender == Sender.CLIENT.value else ""
            if entry.only and not any(fnmatchcase(name, one) for one in entry.events):
                continue
            for said in _filled(words, event):
                short = f"{said} on {event_text(name)}{aside}{anew}"
                for nth in _ordinals(event, every):
                    yield made(f"{said} on {nth} {event_text(name)}{aside}{there}", short, name)


def _filled(words: str, event: _Event) -> Iterator[str]:
    if "{field}" not in words:
        yield words
        return
    for field in event.fields:
        yield words.replace("{field}", word_text(field))


def _ordinals(event: _Event, every: bool) -> Iterator[str]:
    yield "1st"
    if every and event.count > 1:
        yield "2nd"
        if event.count > 2:
            yield f"#{event.count}"


class Foresight:
    """What each candidate would do in a session like this one."""

    def __init__(self, journal: Entered, dialect: Dialect) -> None:
        self._journal, self._dialect = journal, dialect
        self._known = words_of(journal)

    def look(self, one: Candidate) -> str | None:
        """None where it would not fire. Else what tells it from others: equal for two that do the same on the wire,
        and "" where the session does not say that.

        A fault that goes on after its strike is equal only to one of the same words: it may yet act on frames that
        this session does not have.
        """
        try:
            fault = parse(one.spec)
            if not one.event:
                return "" if foresee(fault, self._journal, self._dialect).fires else None
            told = foretell(fault, self._journal, self._dialect)
        except MockServerError:
            return None  # a name or field that no fault can be about
        if not told.fires:
            return None
        words = "" if told.passes else fault.action.words
        return f"{foretold_digest(told, self._known)} {words} {one.first}"
