"""Comparing a live client frame with a recorded one. A match is an empty list of differences.

Both bodies are walked together. What the rules call volatile is skipped, ids go through the table of aliases,
everything else must be equal, types included. Nothing is learned here: what would be learned comes back beside the
differences, so that a frame that does not match teaches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, get_args

from mockserver.cassette.patterns import stands_for
from mockserver.cassette.varies import MISSING, Vary, about, added, fits, parsed, which
from mockserver.core.frames import Frame, Text
from mockserver.core.paths import dig
from mockserver.dialects.base import AudioMode, MatchRules, shorten
from mockserver.engines.replay.aliases import Aliases, looks_minted
from mockserver.errors import UsageError

Path = tuple[str, ...]
AUDIO_BEFORE = "the audio before it"
"""The place of a mismatch in what the client had said before it ended an utterance."""
LEAVES = frozenset((str, int, float, bool, type(None)))
KNOWN = 512
"""Of so many events the places are remembered."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One place where a live frame is not the recorded one. ``path`` is dotted; "" is the whole
    frame.
    """

    path: str
    recorded: Any
    live: Any
    why: str = ""

    def __str__(self) -> str:
        where = self.path or "the frame"
        told = f"{where}: recorded {_shown(self.recorded)}, live {_shown(self.live)}"
        return f"{told} ({self.why})" if self.why else told


def _shown(value: Any) -> str:
    return shorten(repr(value), 100)


@dataclass(slots=True)
class Comparison:
    """Differences, and what would be learned if there are none."""

    differences: list[Mismatch] = field(default_factory=list)
    bindings: list[tuple[str, str | None]] = field(default_factory=list)

    def weight(self) -> int:
        """How far apart the frames are, for ranking: another kind of event counts more than any field."""
        return sum(1_000 if one.path in ("", "type") else 1 for one in self.differences)


@lru_cache(maxsize=1024)
def listed(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether an event is one of those that a rule names."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


class Place:
    """One place in the bodies of one event: what the rules say of it, found out once and not for every frame."""

    __slots__ = ("_all", "_below", "an_id", "exact", "maybe", "path", "varies", "volatile")

    def __init__(self, all_: Places, path: Path) -> None:
        self._all = all_
        self._below: dict[str, Place] = {}
        self.path = path
        self.volatile = bool(path) and all_.fits(all_.rules.volatile, path)
        self.exact = bool(path) and all_.fits(all_.rules.ids, path)  # holds an id
        self.maybe = bool(path) and all_.fits(all_.rules.maybe_ids, path)  # may hold one
        self.an_id = self.exact or self.maybe
        self.varies = all_.varying(path)

    def below(self, key: str) -> Place:
        """The place of a member of this one."""
        found = self._below.get(key)
        if found is None:
            found = Place(self._all, (*self.path, key))
            if self._all.room > 0:  # a client makes up names as it likes
                self._all.room -= 1
                self._below[key] = found
        return found


class Places:
    """The places of one event's bodies under one set of rules."""

    def __init__(self, rules: MatchRules, name: str, number: int = 0, connection: int = 0) -> None:
        self.rules, self.name = rules, name
        self._varies = [one for one in map(parsed, rules.varies) if one.which.fits(name, number, connection)]
        self.room = 4_096
        self.top = Place(self, ())

    def fits(self, patterns: tuple[str, ...], path: Path) -> bool:
        """Whether one of the patterns is about a path."""
        return about(patterns, self.name, path)

    def varying(self, path: Path) -> tuple[Vary, ...]:
        """What else may stand at a path."""
        return tuple(one for one in self._varies if fits(one.path, path))


class Matcher:
    """Compares bodies under one set of rules. ``server_minted`` tells whether an id was made by the recorded server."""

    __slots__ = ("_aliases", "_connection", "_places", "_server_minted", "rules")

    def __init__(
        self, rules: MatchRules, aliases: Aliases, server_minted: Callable[[str], bool], connection: int = 0
    ) -> None:
        self.rules = rules
        self._connection = connection
        self._aliases = aliases
        self._server_minted = server_minted
        self._places = _places_under(rules)

    def compare(self, name: str, recorded: Any, live: Any, clear: Any = None, number: int = 0) -> Comparison:
        """All differences between two bodies of events called ``name``; it is the ``number``-th recorded one.

        ``clear`` is the live one before its secrets were taken out: what is one now may not have been one to the
        recorder, which knew another environment.
        """
        found = Comparison()
        self._walk(self._top(name, number), recorded, live, found)
        if clear is not None and found.differences:
            found.differences = [one for one in found.differences if not self._kept(one, clear)]
        return found

    def _kept(self, one: Mismatch, clear: Any) -> bool:
        """Whether a difference is only what the recorder left in and is taken out of the live frame."""
        if not (isinstance(one.recorded, str) and isinstance(one.live, str)):
            return False
        for step in one.path.split("."):
            if isinstance(clear, dict):
                clear = self._folded(clear).get(step)
            else:
                clear = dig(clear, step)[0]
        more = one.live.count("REDACTED-") > one.recorded.count("REDACTED-")
        return more and isinstance(clear, str) and stands_for(one.recorded, clear)

    def ids(self, name: str, body: Any, number: int = 0) -> list[tuple[str, str]]:
        """The strings at places of ids, each behind the name of its member. ``number`` as in ``compare``."""
        out: list[tuple[str, str]] = []
        self._collect(self._top(name, number), "", body, out)
        return out

    def _top(self, name: str, number: int = 0) -> Place:
        if not any(one.which.fits(name, number, self._connection) for one in map(parsed, self.rules.varies)):
            number = 0
        key = name, number, self._connection if number else 0
        known = self._places.get(key)
        if known is None:
            known = Places(self.rules, *key)
            if len(self._places) < KNOWN:
                self._places[key] = known
        return known.top

    def _collect(self, place: Place, member: str, value: Any, out: list[tuple[str, str]]) -> None:
        if isinstance(value, dict):
            for key, one in value.items():
                self._collect(place.below(self._fold(key)), key, one, out)
        elif isinstance(value, list):
            for number, one in enumerate(value):
                self._collect(place.below(str(number)), member, one, out)
        elif isinstance(value, str) and (place.exact or (place.maybe and (place.varies or looks_minted(value)))):
            out.append((member, value))

    def _walk(self, place: Place, recorded: Any, live: Any, found: Comparison) -> None:
        if not place.varies:
            self._walk_on(place, recorded, live, found)
            return
        mine = Comparison()
        self._walk_on(place, recorded, live, mine)
        if mine.differences and any(one.permits(live) for one in place.varies):
            if place.maybe and isinstance(recorded, str) and isinstance(live, str):
                found.bindings.append((recorded, live))  # what the service echoes is what this client has said
            return
        found.differences += mine.differences
        found.bindings += mine.bindings

    def _walk_on(self, place: Place, recorded: Any, live: Any, found: Comparison) -> None:
        exact = place.exact
        if place.volatile and not exact:
            return
        if exact or (place.maybe and looks_minted(recorded) and looks_minted(live)):
            if self._identify(place.path, recorded, live, found, volatile=place.volatile):
                return
        elif isinstance(recorded, dict) and isinstance(live, dict):
            before, after = self._folded(recorded), self._folded(live)
            if before.keys() != after.keys():
                after = _renamed(before, after)
            for key, one in before.items():
                below, other = place.below(key), after.get(key, MISSING)
                if type(one) in LEAVES and one == other and type(one) is type(other) and not below.an_id:
                    continue  # nearly all, so they are spared a walk of their own
                self._walk(below, one, other, found)
            for key, one in after.items():
                if key not in before:
                    self._walk(place.below(key), MISSING, one, found)
            return
        elif isinstance(recorded, list) and isinstance(live, list):
            for number in range(max(len(recorded), len(live))):
                self._walk(place.below(str(number)), _at(recorded, number), _at(live, number), found)
            return
        if not _equal(recorded, live):
            found.differences.append(Mismatch(".".join(place.path), recorded, live))

    def _identify(self, path: Path, recorded: Any, live: Any, found: Comparison, *, volatile: bool) -> bool:
        """Compare a pair of ids. False where they are no strings and must be compared like anything else."""
        if isinstance(recorded, str) and (isinstance(live, str) or (volatile and live in (None, MISSING))):
            told = live if isinstance(live, str) else None
            if (recorded, told) in found.bindings:
                return True
            why = None if volatile else self._conflict(recorded, live, found)
            if why:
                found.differences.append(Mismatch(".".join(path), self._aliases.live(recorded), live, why))
            else:
                found.bindings.append((recorded, told))
            return True
        # A null id and no id at all say the same.
        return volatile or (recorded in (None, MISSING) and live in (None, MISSING))

    def _conflict(self, recorded: str, live: Any, found: Comparison) -> str:
        """Why ``live`` cannot stand for ``recorded``, or ""."""
        if self._aliases.knows(recorded):
            return "" if self._aliases.live(recorded) == live else "the recorded id already has another live one"
        if recorded == live:
            return ""
        earlier = next((one for known, one in found.bindings if known == recorded), None)
        if earlier is not None and earlier != live:
            return "one recorded id, two live ones"
        if self._server_minted(recorded):
            return "the server made this id, so the client must send it back as it is"
        taken = self._aliases.taken(live)
        return "" if taken in (None, recorded) else f"this id already stands for {taken}"

    def _fold(self, key: str) -> str:
        return _camel(key) if self.rules.fold_case else key

    def _folded(self, body: dict[str, Any]) -> dict[str, Any]:
        return {_camel(key): value for key, value in body.items()} if self.rules.fold_case else body


def _at(values: list[Any], place: int) -> Any:
    return values[place] if place < len(values) else MISSING


def same_frame(recorded: Frame, live: Frame) -> bool:
    """Whether two frames that are no events are the same, but for what was taken out of the recorded one."""
    if isinstance(recorded, Text) and isinstance(live, Text):
        return stands_for(recorded.data, live.data)
    return recorded == live


def _renamed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The live members, those under the recorded names that a secret was taken out of."""
    cut = [key for key in before if "REDACTED-" in key and key not in after]
    if not cut:
        return after
    names: dict[str, str] = {}
    for key in cut:
        free = (one for one in after if one not in before and one not in names)
        fits = next((one for one in free if stands_for(key, one)), None)
        if fits is not None:
            names[fits] = key
    return {names.get(key, key): value for key, value in after.items()}


def _equal(one: Any, two: Any) -> bool:
    if one is two:
        return True
    if isinstance(one, str) and isinstance(two, str):
        return stands_for(one, two)
    return bool(one == two) and isinstance(one, bool) == isinstance(two, bool)


@lru_cache(maxsize=4096)
def _camel(key: str) -> str:
    head, *rest = key.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest) if head else key


@lru_cache(maxsize=64)
def _places_under(rules: MatchRules) -> dict[tuple[str, int, int], Places]:
    """The places of all events under one set of rules, for every session that goes by them."""
    return {}


def merge_rules(base: MatchRules, *overrides: Mapping[str, Any] | None) -> MatchRules:
    """Rules with overrides on top: the cassette's, then the user's. Lists are added to; ``{"set": [...]}`` replaces
    one.

    UsageError names the key that is wrong and those that there are.
    """
    known = {one.name for one in fields(MatchRules)}
    rules = base
    for override in overrides:
        for key, value in (override or {}).items():
            if key not in known:
                raise UsageError(f"match rules: unknown key {key!r}, expected one of {', '.join(sorted(known))}")
            rules = replace(rules, **{key: _rule(key, value, getattr(rules, key))})
    if rules.version > MatchRules().version:
        raise UsageError(
            f"match rules: version {rules.version} is newer than this package knows ({MatchRules().version})"
        )
    return rules


def _pair(line: str) -> None:
    for word in line.split():
        which(word)
    if len(line.split()) != 2:
        raise UsageError(f"match rules: unordered = {line!r:.100}: expected two events, such as 'a#1 b#2'")


LINES: Mapping[str, Callable[[str], object]] = {"varies": parsed, "optional": which, "unordered": _pair, "added": added}
"""Rules whose lines have a form, and what reads them."""


def _rule(key: str, value: Any, current: Any) -> Any:
    if isinstance(current, tuple):
        replaced = isinstance(value, Mapping)
        if replaced:
            value = value.get("set")
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) and one for one in value):
            raise UsageError(f"match rules: {key} = {value!r}: expected a list of strings")
        for one in value if key in LINES else ():
            LINES[key](one)
        return tuple(value) if replaced else tuple(dict.fromkeys((*current, *value)))
    wanted = bool if isinstance(current, bool) else type(current)
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise UsageError(f"match rules: {key} = {value!r}: expected {wanted.__name__}")
    if key == "audio" and value not in get_args(AudioMode):
        raise UsageError(f"match rules: audio = {value!r}: expected one of {', '.join(get_args(AudioMode))}")
    if key == "audio_slack_ms" and value < 0:
        raise UsageError(f"match rules: audio_slack_ms = {value!r}: expected 0 or more")
    return value
