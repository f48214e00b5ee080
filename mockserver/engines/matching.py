"""Comparing a live client frame with a recorded one. A match is an empty list of differences.

Both bodies are walked together. What the rules call volatile is skipped, ids go through the table
of aliases, everything
else must be equal, types included. Nothing is learned here: what would be learned comes back beside
the differences, so
that a frame that does not match teaches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, get_args

from mockserver.cassette.redact import canonical
from mockserver.dialects.base import AudioMode, MatchRules, shorten
from mockserver.engines.aliases import Aliases, looks_minted
from mockserver.errors import UsageError

Path = tuple[str, ...]


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()


@dataclass(frozen=True, slots=True)
class Difference:
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

    differences: list[Difference] = field(default_factory=list)
    bindings: list[tuple[str, str | None]] = field(default_factory=list)

    def weight(self) -> int:
        """How far apart the frames are, for ranking: another kind of event counts more than
        any field.
        """
        return sum(1_000 if one.path in ("", "type") else 1 for one in self.differences)


class Matcher:
    """Compares bodies under one set of rules. ``server_minted`` tells whether an id was made by
    the recorded server.
    """

    def __init__(
        self, rules: MatchRules, aliases: Aliases, server_minted: Callable[[str], bool]
    ) -> None:
        self.rules = rules
        self._aliases = aliases
        self._server_minted = server_minted

    def compare(self, name: str, recorded: Any, live: Any) -> Comparison:
        """All differences between two bodies of events called ``name``."""
        found = Comparison()
        self._walk(name, (), recorded, live, found)
        return found

    def ids(self, name: str, body: Any) -> list[str]:
        """The strings at the places of ids in a body."""
        out: list[str] = []
        self._collect(name, (), body, out)
        return out

    def _collect(self, name: str, path: Path, value: Any, out: list[str]) -> None:
        if isinstance(value, dict):
            for key, one in value.items():
                self._collect(name, (*path, self._fold(key)), one, out)
        elif isinstance(value, list):
            for place, one in enumerate(value):
                self._collect(name, (*path, str(place)), one, out)
        elif isinstance(value, str):
            _, exact, maybe = _kind(self.rules, name, path)
            if exact or (maybe and looks_minted(value)):
                out.append(value)

    def _walk(self, name: str, path: Path, recorded: Any, live: Any, found: Comparison) -> None:
        volatile, exact, maybe = _kind(self.rules, name, path)
        if volatile and not exact:
            return
        if exact or (maybe and looks_minted(recorded) and looks_minted(live)):
            if self._identify(path, recorded, live, found, volatile=volatile):
                return
        elif isinstance(recorded, dict) and isinstance(live, dict):
            before, after = self._folded(recorded), self._folded(live)
            for key in [*before, *(key for key in after if key not in before)]:
                self._walk(
                    name, (*path, key), before.get(key, MISSING), after.get(key, MISSING), found
                )
            return
        elif isinstance(recorded, list) and isinstance(live, list):
            for place in range(max(len(recorded), len(live))):
                self._walk(name, (*path, str(place)), _at(recorded, place), _at(live, place), found)
            return
        if not _equal(recorded, live):
            found.differences.append(Difference(".".join(path), recorded, live))

    def _identify(
        self, path: Path, recorded: Any, live: Any, found: Comparison, *, volatile: bool
    ) -> bool:
        """Compare a pair of ids. False where they are no strings and must be compared like
        anything else.
        """
        if isinstance(recorded, str) and (
            isinstance(live, str) or (volatile and live in (None, MISSING))
        ):
            told = live if isinstance(live, str) else None
            if (recorded, told) in found.bindings:
                return True
            why = None if volatile else self._conflict(recorded, live, found)
            if why:
                found.differences.append(
                    Difference(".".join(path), self._aliases.live(recorded), live, why)
                )
            else:
                found.bindings.append((recorded, told))
            return True
        # A null id and no id at all say the same.
        return volatile or (recorded in (None, MISSING) and live in (None, MISSING))

    def _conflict(self, recorded: str, live: Any, found: Comparison) -> str:
        """Why ``live`` cannot stand for ``recorded``, or ""."""
        if self._aliases.knows(recorded):
            return (
                ""
                if self._aliases.live(recorded) == live
                else "the recorded id already has another live one"
            )
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


def _equal(one: Any, two: Any) -> bool:
    if isinstance(one, str) and isinstance(two, str) and one != two:
        # Two runs may number or name the same secret differently (another key, another environment).
        return "REDACTED-" in one and canonical(one) == canonical(two)
    return bool(one == two) and isinstance(one, bool) == isinstance(two, bool)


@lru_cache(maxsize=4096)
def _camel(key: str) -> str:
    head, *rest = key.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest) if head else key


@lru_cache(maxsize=8192)
def _kind(rules: MatchRules, name: str, path: Path) -> tuple[bool, bool, bool]:
    """Whether a path is volatile, holds an id, may hold an id."""
    if not path:
        return False, False, False
    return (
        _any(rules.volatile, name, path),
        _any(rules.ids, name, path),
        _any(rules.maybe_ids, name, path),
    )


def _any(patterns: tuple[str, ...], name: str, path: Path) -> bool:
    for pattern in patterns:
        event, colon, rest = pattern.rpartition(":")
        if colon and not fnmatchcase(name, event):
            continue
        if _fits(tuple(rest.split(".")), path):
            return True
    return False


def _fits(pattern: Path, path: Path) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(_fits(pattern[1:], path[skip:]) for skip in range(len(path) + 1))
    return bool(path) and fnmatchcase(path[0], pattern[0]) and _fits(pattern[1:], path[1:])


def merge_rules(base: MatchRules, *overrides: Mapping[str, Any] | None) -> MatchRules:
    """Rules with overrides on top: the cassette's, then the user's. Lists are added to;
    ``{"set": [...]}`` replaces one.

    UsageError names the key that is wrong and those that there are.
    """
    known = {one.name for one in fields(MatchRules)}
    rules = base
    for override in overrides:
        for key, value in (override or {}).items():
            if key not in known:
                raise UsageError(
                    f"match rules: unknown key {key!r}, expected one of {', '.join(sorted(known))}"
                )
            rules = replace(rules, **{key: _rule(key, value, getattr(rules, key))})
    if rules.version > MatchRules().version:
        raise UsageError(
            f"match rules: version {rules.version} is newer than this package knows ({MatchRules().version})"
        )
    return rules


def _rule(key: str, value: Any, current: Any) -> Any:
    if isinstance(current, tuple):
        replaced = isinstance(value, Mapping)
        if replaced:
            value = value.get("set")
        if isinstance(value, str):
            value = [value]
        if not isinstance(value, list | tuple) or not all(
            isinstance(one, str) and one for one in value
        ):
            raise UsageError(f"match rules: {key} = {value!r}: expected a list of strings")
        return tuple(value) if replaced else tuple(dict.fromkeys((*current, *value)))
    wanted = bool if isinstance(current, bool) else type(current)
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise UsageError(f"match rules: {key} = {value!r}: expected {wanted.__name__}")
    if key == "audio" and value not in get_args(AudioMode):
        raise UsageError(
            f"match rules: audio = {value!r}: expected one of {', '.join(get_args(AudioMode))}"
        )
    if key == "audio_slack_ms" and value < 0:
        raise UsageError(f"match rules: audio_slack_ms = {value!r}: expected 0 or more")
    return value
