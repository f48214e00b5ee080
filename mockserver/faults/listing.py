"""The list of all faults: what ``mockserver faults`` prints and docs/faults.md holds."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from mockserver.core.frames import Sender
from mockserver.core.typed import checked
from mockserver.dialects.base import Dialect
from mockserver.dialects.life import Mark
from mockserver.dialects.registry import FAMILIAR
from mockserver.errors import UsageError
from mockserver.faults import closing, damage, ghosts, handshake, life, loss, media, provider, spoil, timing
from mockserver.faults.action import ACTIONS, Action, Aims, Blame
from mockserver.faults.base import Fault
from mockserver.faults.grammar import parse
from mockserver.faults.spec import PatternSlot
from mockserver.faults.tokens import nearest
from mockserver.faults.where import Aim

MODULES = (timing, loss, damage, spoil, life, ghosts, provider, closing, handshake, media)
GROUPS = ("time", "loss and order", "content", "response", "provider", "connection", "handshake")

_CLAUSES = (
    ("on {begin}", "events of this name. Globs: {delta}. Several: a or b"),
    ("on 2nd {end}", "only that one; on every 3rd {end}: only each third one"),
    ("before {end}", "for faults that happen at a moment: before the frame, not after it"),
    ("from client", "who sends it, or from server. Without it: requests are the client's, all else the server's"),
    ("in 2nd response", "frames of that response; by id: in response resp_abc; also: in 1st item"),
    ("after 300ms", "once this time has passed, since the session began"),
    ("after 300ms of audio", "once this much audio has gone by"),
    ("after 3 frames", "once so many have gone by; of one event: after 2 {end}, after {end}"),
    ("after 30s since {begin}", "what any 'after' counts from; it starts anew each time"),
    ("with probability 10%", "by chance, repeatable from the session's seed"),
    ("with seed 7", "with dice of its own, whatever the session's seed is"),
    ("at most 3 times", "in each session; once is the same as at most 1 times"),
    ("for first 2 attempts", "only for the first connections to the server"),
    ("in 2nd connection", "only for that one of the connections to the server"),
    ("after reconnect", "for every connection to the server but the first"),
    ("optional", "the fault may stay unused; without it, one that never fired fails the test"),
)


def clauses(dialect: Dialect = FAMILIAR) -> list[tuple[str, str]]:
    """The clauses that say where, as examples with events of this provider, and what they mean."""
    events = dialect.example_events()
    return [(said.format_map(events), means.format_map(events)) for said, means in _CLAUSES]


@dataclass(frozen=True, slots=True)
class FaultValue:
    """A value of a fault: its name, what is expected, the words it may be if only some will do, whether it must be."""

    name: str
    expected: str
    choices: tuple[str, ...]
    required: bool


@dataclass(frozen=True, slots=True)
class FaultEntry:
    """One fault: its words, what it does, an example, and its constructors as a Python user types them.

    ``senders``: whose frames it is about; ``events``: this provider's events at which it can happen (names or globs),
    () where any may be named, or where it has no event (a handshake); ``only``: at others it would be another fault;
    ``values``: what may be filled in;
    ``tries``: the fault in words, with values worth trying (``{field}``: a field of the event). ``blame``: "provider"
    where this provider does it itself, and then ``fact`` is the numbered fact that says so (``openai.md#107``);
    "network"; "broken" where only a broken server could. ``missing``: why this provider cannot do it at all, or "".
    """

    name: str
    group: str
    syntax: str
    about: str
    example: str
    constructors: tuple[str, ...]
    aims: Aims
    senders: tuple[str, ...]
    events: tuple[str, ...]
    only: bool
    values: tuple[FaultValue, ...]
    tries: tuple[str, ...]
    blame: Blame
    fact: str
    missing: str


def catalogue(dialect: Dialect = FAMILIAR) -> list[FaultEntry]:
    """Every known fault, also those registered from elsewhere, by group. Examples have this provider's events."""
    entries = [_entry(kind, dialect) for kind in ACTIONS.values()]
    order = {group: place for place, group in enumerate(GROUPS)}
    return sorted(entries, key=lambda entry: order.get(entry.group, len(order)))


def strangers(dialect: Dialect) -> dict[str, str]:
    """The faults that this provider's server cannot be made to show, by name, and why."""
    found = {}
    for entry in catalogue():
        try:
            parse(entry.example).arm().check(dialect)
        except UsageError as error:
            found[entry.name] = str(error)
    return found


@checked("faults.describe")
def describe(name: str, dialect: Dialect = FAMILIAR) -> str:
    """One fault explained, for the command line. UsageError where there is none of this name."""
    for entry in catalogue(dialect):
        if entry.name == name or any(text.startswith(f"{name}(") for text in entry.constructors):
            lines = [entry.syntax, f"    {entry.about}", f"    example: {entry.example}"]
            return "\n".join([*lines, *(f"    in Python: faults.{text}" for text in entry.constructors)])
    known = [entry.name for entry in catalogue()]
    raise UsageError(f"no fault is called {name!r}{nearest(name, known)}")


def _entry(kind: type[Action], dialect: Dialect) -> FaultEntry:
    name = " ".join(kind.pattern.first_words)
    aimed = any(isinstance(one, Mark) for one in kind.on)
    events = Aim(kind.on, dialect.life).names if aimed else ()
    fact = dialect.does.get(name, "")
    return FaultEntry(
        name,
        kind.group,
        kind.pattern.shown,
        kind.about,
        kind.shown_example(dialect),
        _made_by(kind.__name__),
        kind.aims,
        tuple(sender.value for sender in ((Sender.SERVER, Sender.CLIENT) if kind.either else (kind.sender,))),
        events,
        kind.only,
        tuple(_values(kind)),
        _tries(kind, name, dialect),
        "provider" if fact else kind.blame,
        fact,
        f"{dialect.title} has no event for {' or '.join(kind.on)}" if aimed and not events else "",
    )


def _values(kind: type[Action]) -> Iterator[FaultValue]:
    pattern = kind.pattern
    for parts, required in ((pattern.head, True), *((group.parts, False) for group in pattern.groups)):
        for part in parts:
            if isinstance(part, PatternSlot):
                yield FaultValue(part.field, part.expected, part.choices, required)


def _tries(kind: type[Action], name: str, dialect: Dialect) -> tuple[str, ...]:
    if kind.tries is not None:
        events = {**dialect.example_events(), "field": "{field}"}
        return tuple(text.format_map(events) for text in kind.tries)
    return () if any(isinstance(part, PatternSlot) for part in kind.pattern.head) else (name,)


@cache
def _made_by(kind: str) -> tuple[str, ...]:
    """The constructors of a fault, as they are called, by the name of its class."""
    found = []
    for module in MODULES:
        for name, value in vars(module).items():
            if inspect.isfunction(value) and value.__module__ == module.__name__ and kind in _names(value):
                found.append(f"{name}{_signature(value)}")
    return tuple(found)


@cache
def _names(function: Callable[..., Any]) -> tuple[str, ...]:
    """The classes that a constructor calls by name."""
    if inspect.signature(function).return_annotation not in (Fault, "Fault"):
        return ()
    made: tuple[str, ...] = inspect.unwrap(function).__code__.co_names
    return made


@cache
def _signature(function: Callable[..., Any]) -> str:
    parts = []
    keyword = False
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            parts.append("**where")
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword:
            keyword = True
            parts.append("*")
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        parts.append("on" if name == "on" else f"{name}{default}")
    if parts[:2] == ["*", "**where"]:
        parts = parts[1:]
    return f"({', '.join(parts)})"
