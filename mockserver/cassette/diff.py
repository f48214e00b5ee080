"""What differs between two cassettes: steps only one has, fields that changed. Ids, times and chunks do not count.

Nor does what the match rules of either let differ: what was learned to vary is no difference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from mockserver.cassette.given_up import rows, set_up
from mockserver.cassette.model import Cassette, Connection
from mockserver.cassette.normal import Names, NormalStep, client_left, dumps, moved, numbered, steps, unlike
from mockserver.cassette.patterns import stands_for
from mockserver.cassette.render import lens_of
from mockserver.cassette.rules import HeaderRules
from mockserver.cassette.varies import MISSING, SOUND
from mockserver.core.frames import Sender
from mockserver.core.timeline import safe, seconds_of


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. ``frames``: the frame's number in the first and in the second cassette (None: not there)."""

    where: str
    frames: tuple[int | None, int | None]
    what: str
    before: str | None = None
    after: str | None = None
    """Where a value changed, or stands on one side only: the value of each side as JSON in full, else None."""
    path: str = ""

    def __str__(self) -> str:
        left, right = ("-" if number is None else str(number) for number in self.frames)
        return safe(f"{self.where} [{left} | {right}] {self.what}", 600)


TOLD_OF_HEADERS = ("dialect", "upstream", "audio", "ended", "rules", "unsafe")
"""What decides whether a recording can be trusted: whose words it holds, and how leniently it is replayed."""


def headers(first: Cassette, second: Cassette) -> list[Difference]:
    """What the headers say otherwise. It is no part of a conversation, so ``diff`` does not count it."""
    found: list[Difference] = []
    for name in TOLD_OF_HEADERS:
        before, after = (
            json.dumps(getattr(one.header, name), ensure_ascii=False, sort_keys=True, default=dict)
            for one in (first, second)
        )
        if before != after:
            found.append(Difference("header", (None, None), f"{name}: {before}, now {after}", before, after, name))
    return found


LONG_WAIT_US = 500_000
"""A wait that is shorter in both recordings is not told of."""


def waits(first: Cassette, second: Cassette) -> list[Difference]:
    """Frames that both have and that came after another time: twice or half as long behind the frame before them.

    Half a second in one of the two is the least. Times are no part of a conversation, so ``diff`` does not count them.
    """
    found: list[Difference] = []
    names = (Names(), Names())
    for left, right in zip(first.connections, second.connections, strict=False):
        if left.timed and right.timed:
            a, b = list(steps(left, lens_of(first), names[0])), list(steps(right, lens_of(second), names[1]))
            found += [one for one, _ in _waits((left, a), (right, b))]
    return found


def _waits(
    first: tuple[Connection, Sequence[NormalStep]], second: tuple[Connection, Sequence[NormalStep]]
) -> Iterator[tuple[Difference, bool]]:
    """Each with whether it is the service that took longer; how long a client takes is its own affair."""
    (left, a), (right, b) = first, second
    mine_named, theirs_named = ([(one.sender, one.name) for one in side] for side in (a, b))
    matcher = SequenceMatcher(None, mine_named, theirs_named, len(a) + len(b) > 4_000)
    for place, other, size in matcher.get_matching_blocks():
        for mine, theirs in zip(a[place : place + size], b[other : other + size], strict=True):
            before, after = _waited(left, mine.first), _waited(right, theirs.first)
            least, most = sorted((before, after))
            if most >= LONG_WAIT_US and most >= 2 * least and not mine.floating:
                was, now = seconds_of(before / 1_000), seconds_of(after / 1_000)
                what = f"came {was} -> {now} after the frame before it"
                where = f"connection {left.number} {mine.name}"
                told = Difference(where, (mine.first, theirs.first), what, was, now, "wait")
                yield told, mine.sender is Sender.SERVER and after > before


def _waited(connection: Connection, place: int) -> int:
    at = connection.records[place].at
    return at - (connection.records[place - 1].at if place else 0)


def diff(first: Cassette, second: Cassette) -> list[Difference]:
    """The differences between two cassettes; an empty list where they hold the same conversation."""
    return list(_all(first, second))


def _all(first: Cassette, second: Cassette) -> Iterator[Difference]:
    rules = (HeaderRules(first.header.rules), HeaderRules(second.header.rules))
    for field in ("dialect", "ended", "audio"):
        yield from _changed(
            "header", (None, None), (field,), getattr(first.header, field), getattr(second.header, field)
        )
    names = (Names(), Names())
    for left, right in _pairs(first, second):
        if left is None or right is None:
            one = right if left is None else left
            assert one is not None
            side = "only in the first" if right is None else "only in the second"
            yield Difference(f"connection {one.number}", (None, None), f"{side} ({len(one.records)} frames)")
            continue
        where = f"connection {left.number}"
        none = (None, None)
        yield from _changed(where, none, ("path",), left.handshake.path, right.handshake.path)
        queries = [
            {name: value for name, value in one.handshake.query if not any(each.hides(name) for each in rules)}
            for one in (left, right)
        ]
        yield from _changed(where, none, ("query",), queries[0], queries[1])
        offered = [[*one.handshake.subprotocols] for one in (left, right)]
        yield from _changed(where, none, ("subprotocols",), offered[0], offered[1])
        yield from _changed(where, none, ("answer",), left.answer.status, right.answer.status)
        a = list(steps(left, lens_of(first), names[0]))
        b = list(steps(right, lens_of(second), names[1]))
        sides = SideOfDiff(a, left, rules[0]), SideOfDiff(b, right, rules[1])
        yield from _Aligned(where, *sides).differences()
    for number, (mine_, theirs_) in enumerate(zip_longest(first.exchanges, second.exchanges)):
        said = [None if one is None else f"{one.method} {one.path} -> {one.status}" for one in (mine_, theirs_)]
        yield from _changed(f"http {number}", (None, None), ("exchange",), said[0], said[1])


def _pairs(first: Cassette, second: Cassette) -> Iterator[tuple[Connection | None, Connection | None]]:
    """The same connections of both. How far one came that its client gave up is chance, and no difference."""
    found = rows((first.connections, second.connections), lens_of(first))
    if found is None or first.header.dialect != second.header.dialect:
        yield from zip_longest(first.connections, second.connections)
        return
    for row in found:
        left, right = row.lines
        if not row.given_up:
            yield left, right
        elif left is not None and right is not None:
            both = set_up(left), set_up(right)
            if all(one.records for one in both):
                yield both


class SideOfDiff:
    """The steps of one of the two connections, with the rules of its cassette."""

    def __init__(self, made: Sequence[NormalStep], connection: Connection, rules: HeaderRules) -> None:
        self.steps, self.rules = made, rules
        self.left = client_left(connection)
        self.keys = list(numbered(made, connection.number))
        self.names = [(step.sender, step.name) for step in made]


class Yardstick:
    """One recorded connection, read once, beside which any number of live ones are laid."""

    def __init__(self, cassette: Cassette, connection: Connection) -> None:
        self._lens = lens_of(cassette)
        self._recorded = connection
        self._rules = HeaderRules(cassette.header.rules)
        self._side = SideOfDiff(list(steps(connection, self._lens, Names())), connection, self._rules)

    def laid(self, live: Connection, *, content: bool) -> tuple[list[Difference], list[Difference]]:
        """How the live one differs (with ``content``), and where the service took longer, as ``waits`` tells it."""
        side = SideOfDiff(list(steps(live, self._lens, Names())), live, self._rules)
        where = f"connection {live.number}"
        found = list(_Aligned(where, self._side, side).differences()) if content else []
        waited = _waits((self._recorded, self._side.steps), (live, side.steps)) if self._recorded.timed else ()
        return found, [one for one, longer in waited if longer]


class _Aligned:
    """Steps laid side by side by sender and name, so that one more or less does not shift all the rest."""

    def __init__(self, where: str, mine: SideOfDiff, theirs: SideOfDiff) -> None:
        self._where, self._mine, self._theirs = where, mine, theirs

    def differences(self) -> Iterator[Difference]:
        """What differs."""
        mine, theirs = self._mine, self._theirs
        large = len(mine.steps) + len(theirs.steps) > 4_000
        here: list[int] = []
        there: list[int] = []
        found: list[Difference] = []
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, mine.names, theirs.names, large).get_opcodes():
            if tag == "equal":
                for left, right in zip(range(i1, i2), range(j1, j2), strict=True):
                    found += self._step(left, right)
            else:
                here += range(i1, i2)
                there += range(j1, j2)
        for left in list(here):
            # Two that may come in either order stand at two places, and are compared all the same.
            if mine.rules.moves(mine.keys[left]) or theirs.rules.moves(mine.keys[left]):
                twin = next((right for right in there if theirs.names[right] == mine.names[left]), None)
                if twin is not None:
                    here.remove(left)
                    there.remove(twin)
                    found += self._step(left, twin)
        for side, other, places, words in ((mine, theirs, here, "first"), (theirs, mine, there, "second")):
            for place in places:
                if side.steps[place].floating and other.left:
                    continue  # the other client, who left by itself, may have left before it came
                if not side.rules.may_miss(side.keys[place]) and not other.rules.may_come(side.keys[place]):
                    at = (side.steps[place].first, None)[:: 1 if side is mine else -1]
                    line = side.steps[place].line()
                    sides = (line, None) if side is mine else (None, line)
                    found.append(Difference(self._where, (at[0], at[1]), f"only in the {words}: {line}", *sides))
        yield from sorted(found, key=lambda one: max(-1 if at is None else at for at in one.frames))

    def _step(self, one: int, other: int) -> Iterator[Difference]:
        left, right = self._mine.steps[one], self._theirs.steps[other]

        def may(path: tuple[str, ...], before: Any, after: Any) -> bool:
            mine, theirs = self._mine, self._theirs
            return mine.rules.permits(mine.keys[one], path, after) or theirs.rules.permits(
                theirs.keys[other], path, before
            )

        frames = (left.first, right.first)
        yield from _changed(f"{self._where} {left.name}", frames, (), left.body, right.body, may)
        for key, what in moved(left, right):
            if not may(tuple(key.split(".")), 0, 0):
                yield Difference(f"{self._where} {left.name}", frames, f"{key}: {what}", path=key)
        if (left.sound or right.sound) and may((SOUND,), SOUND, SOUND):
            return
        if what := unlike(left, right):
            yield Difference(f"{self._where} {left.name}", frames, what)


May = Callable[[tuple[str, ...], Any, Any], bool]


def _never(path: tuple[str, ...], left: Any, right: Any) -> bool:
    return False


def _changed(
    where: str,
    frames: tuple[int | None, int | None],
    path: tuple[str, ...],
    left: Any,
    right: Any,
    may: May = _never,
) -> Iterator[Difference]:
    told = ".".join(path)
    if path and may(path, left, right):
        return
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys((*left, *right)):
            yield from _changed(where, frames, (*path, key), left.get(key, MISSING), right.get(key, MISSING), may)
    elif left is MISSING or right is MISSING:
        side, value = ("second", right) if left is MISSING else ("first", left)
        what = f"{told}: only in the {side} ({_short(value)})"
        before, after = (None if one is MISSING else dumps(one) for one in (left, right))
        yield Difference(where, frames, what, before, after, told)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for number, (mine, theirs) in enumerate(zip(left, right, strict=True)):
            yield from _changed(where, frames, (*path, str(number)), mine, theirs, may)
    elif isinstance(left, str) and isinstance(right, str) and (stands_for(left, right) or stands_for(right, left)):
        return  # equal but for secrets, which have other names in another recording
    elif type(left) is not type(right) or left != right:
        what = f"{told}{': ' if path else ''}{_short(left)} -> {_short(right)}"
        yield Difference(where, frames, what, dumps(left), dumps(right), told)


def _short(value: Any) -> str:
    text = dumps(value)
    return text if len(text) <= 200 else text[:199] + "…"
