"""Regular expressions from files: a matcher whose time grows with the text alone, whatever the expression.

Python's own matcher backtracks: ``(a+)+b`` over thirty letters takes minutes. The text here comes from outside, so this
one follows all ways at once (Thompson's construction, with the groups of the way that Python would take). Its syntax is
Python's; what needs backtracking (a group referred to, what stands ahead or behind) is refused when it is read. Letters
match whatever their case, and ``.`` matches a line's end too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from mockserver.errors import UsageError

_parser: Any = import_module("re._parser")  # the syntax is Python's own, so its parser reads it

MAX_STEPS = 2_000
"""Of one expression: what ``{1000}`` becomes is that long."""
MAX_TEXT = 10_000
"""Characters of the text that are looked at."""

_CATEGORIES: Mapping[str, Callable[[str], bool]] = {
    "DIGIT": str.isdecimal,
    "SPACE": str.isspace,
    "WORD": lambda one: one.isalnum() or one == "_",
}
_PLACES = ("AT_BEGINNING", "AT_BEGINNING_STRING", "AT_END", "AT_END_STRING", "AT_BOUNDARY", "AT_NON_BOUNDARY")
_PLAIN_FLAGS = re.UNICODE | re.IGNORECASE | re.DOTALL

Groups = tuple[int, ...]
_Test = Callable[[str], bool]
_Way = tuple[int, Groups]


@dataclass(frozen=True, slots=True)
class Match:
    """Where an expression was found. ``groups``: what each group matched, in order; "" for one that took no part."""

    groups: tuple[str, ...] = ()
    names: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Step:
    """``take``: a character that passes. ``at``: a place. ``save``: an edge of a group. ``goes``: where it goes on."""

    take: _Test | None = None
    at: str = ""
    save: int = -1
    goes: list[int] = field(default_factory=list)


class Expression:
    """A regular expression that is searched for. UsageError where it is none, or needs backtracking."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        try:
            # Compiled too, so that what Python refuses later than its parser is refused here.
            re.compile(pattern)
            tree = _parser.parse(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise UsageError(f"{pattern}: not a regular expression: {error}") from None
        if tree.state.flags & ~_PLAIN_FLAGS:
            raise UsageError(f"{pattern}: flags are not taken here: case never counts, and . matches every character")
        self.names: Mapping[str, int] = dict(tree.state.groupdict)
        self._groups = tree.state.groups - 1
        self._steps: list[_Step] = []
        self._sequence(tree)
        self._add(_Step())

    def __repr__(self) -> str:
        return f"/{self.pattern}/"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and other.pattern == self.pattern

    def __hash__(self) -> int:
        return hash(self.pattern)

    # --- building ---

    def _add(self, step: _Step) -> int:
        if len(self._steps) >= MAX_STEPS:
            raise UsageError(f"{self.pattern:.60}: too long: more than {MAX_STEPS} steps with its repeats written out")
        self._steps.append(step)
        return len(self._steps) - 1

    def _next(self, **step: Any) -> None:
        place = self._add(_Step(**step))
        self._steps[place].goes.append(place + 1)

    def _sequence(self, nodes: Any) -> None:
        for op, argument in nodes:
            self._node(str(op), argument)

    def _node(self, op: str, argument: Any) -> None:
        match op:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                self._next(take=_test(op, argument))
            case "AT" if str(argument) in _PLACES:
                self._next(at=str(argument))
            case "SUBPATTERN" if not argument[1] and not argument[2]:
                group, _, _, nodes = argument
                if group is None:
                    self._sequence(nodes)
                    return
                self._next(save=2 * (group - 1))
                self._sequence(nodes)
                self._next(save=2 * (group - 1) + 1)
            case "BRANCH":
                self._branch(argument[1])
            case "MAX_REPEAT" | "MIN_REPEAT":
                self._repeat(*argument, eager=op == "MAX_REPEAT")
            case _:
                what = op.lower().replace("_", " ")
                raise UsageError(
                    f"{self.pattern:.60}: {what} needs backtracking, which has no bound; write it without, or use a "
                    "function as the replier"
                )

    def _branch(self, branches: Any) -> None:
        ends = []
        for number, nodes in enumerate(branches, 1):
            fork = self._add(_Step())
            self._steps[fork].goes.append(fork + 1)
            self._sequence(nodes)
            ends.append(self._add(_Step()))
            if number < len(branches):
                self._steps[fork].goes.append(len(self._steps))
        for end in ends:
            self._steps[end].goes.append(len(self._steps))

    def _repeat(self, least: int, most: Any, nodes: Any, *, eager: bool) -> None:
        if least > MAX_STEPS:
            raise UsageError(f"{self.pattern:.60}: too long: a repeat of more than {MAX_STEPS}")
        for _ in range(least):
            self._sequence(nodes)
        if most is _parser.MAXREPEAT:
            fork = self._add(_Step())
            self._sequence(nodes)
            self._next()
            self._steps[-1].goes = [fork]
            self._fork(fork, eager)
            return
        forks = []
        for _ in range(min(int(most) - least, MAX_STEPS)):
            forks.append(self._add(_Step()))
            self._sequence(nodes)
        for fork in forks:
            self._fork(fork, eager)

    def _fork(self, fork: int, eager: bool) -> None:
        """From here into what is repeated, or past it: the first that is named is tried first."""
        ways = [fork + 1, len(self._steps)]
        self._steps[fork].goes = ways if eager else ways[::-1]

    # --- searching ---

    def search(self, text: str) -> Match | None:
        """The first match in the text, as Python's ``search`` finds it; None without one."""
        text = text[:MAX_TEXT]
        none: Groups = (-1,) * (2 * self._groups)
        ways: list[_Way] = []
        found: Groups | None = None
        for place in range(len(text) + 1):
            if found is None:
                ways = [*ways, (0, none)]
            elif not ways:
                break
            seen = bytearray(len(self._steps))
            live: list[_Way] = []
            for start, groups in ways:
                ended = self._follow(start, groups, place, text, seen, live)
                if ended is not None:
                    found = ended
                    break
            if place == len(text):
                break
            letter = text[place]
            ways = [(step + 1, groups) for step, groups in live if _takes(self._steps[step], letter)]
        if found is None:
            return None
        spans = zip(found[::2], found[1::2], strict=True)
        return Match(tuple(text[start:end] if -1 < start <= end else "" for start, end in spans), self.names)

    def _follow(
        self, start: int, groups: Groups, place: int, text: str, seen: bytearray, live: list[_Way]
    ) -> Groups | None:
        """Go as far as no character is needed; the groups where that is the end of the expression."""
        stack = [(start, groups)]
        while stack:
            number, groups = stack.pop()
            if seen[number]:
                continue
            seen[number] = 1
            step = self._steps[number]
            if step.take is not None:
                live.append((number, groups))
                continue
            if number == len(self._steps) - 1:
                return groups
            if step.at and not _is_at(step.at, text, place):
                continue
            if step.save >= 0:
                groups = (*groups[: step.save], place, *groups[step.save + 1 :])
            stack.extend((goes, groups) for goes in reversed(step.goes))
        return None


def _takes(step: _Step, letter: str) -> bool:
    return step.take is not None and step.take(letter)


def _test(op: str, argument: Any) -> _Test:
    """Whether a character passes, in any case that it can be written in."""
    match op:
        case "ANY":
            return lambda one: True
        case "LITERAL":
            wanted = _cases(chr(argument))
            return lambda one: not wanted.isdisjoint(_cases(one))
        case "NOT_LITERAL":
            unwanted = _cases(chr(argument))
            return lambda one: unwanted.isdisjoint(_cases(one))
    negated = str(argument[0][0]) == "NEGATE"
    tests = [_member(str(kind), value) for kind, value in argument[1 if negated else 0 :]]
    return lambda one: negated is not any(test(form) for form in _cases(one) for test in tests)


def _member(kind: str, value: Any) -> _Test:
    if kind == "LITERAL":
        return lambda one: ord(one) == value
    if kind == "RANGE":
        return lambda one: value[0] <= ord(one) <= value[1]
    name = str(value).removeprefix("CATEGORY_")
    test = _CATEGORIES[name.removeprefix("NOT_")]
    return (lambda one: not test(one)) if name.startswith("NOT_") else test


def _cases(letter: str) -> frozenset[str]:
    return frozenset(form for form in (letter, letter.lower(), letter.upper()) if len(form) == 1)


def _is_at(kind: str, text: str, place: int) -> bool:
    if kind.startswith("AT_BEGINNING"):
        return place == 0
    if kind == "AT_END_STRING":
        return place == len(text)
    if kind == "AT_END":
        return place == len(text) or (place == len(text) - 1 and text[place] == "\n")
    word = _CATEGORIES["WORD"]
    edge = (place > 0 and word(text[place - 1])) is not (place < len(text) and word(text[place]))
    return edge is (kind == "AT_BOUNDARY")
