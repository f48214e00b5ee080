"""One field of one frame that may differ from the recorded one, as a line that a person can read and paste.

    session.update#1:session.tools missing                     the first session.update may be without it
    session.update#1:session.tools = [{"type":"function"}]     or may hold this, where the recorded one holds another
    conversation.item.create#2:item.output any string          any text, but one must be there

Before the colon: an event, ``*`` as in file names; ``#2`` is the second of that name in its connection, ``#1.2`` the
second in connection 1. The path is dotted. In the place of a character that would mean something here stands ``?``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from mockserver.cassette.patterns import stands_for
from mockserver.errors import UsageError

Path = tuple[str, ...]
_LINE = re.compile(
    r"(?P<event>[^#:\s]+)(?:#(?:(?P<connection>\d{1,9})\.)?(?P<number>\d{1,9}))?:(?P<path>\S*) "
    r"(?:(?P<missing>missing)|any (?P<any>string|number|boolean|null|list|object|sound)|= (?P<value>.+))"
)
_WORD = re.compile(r"(?P<event>[^#:\s]+)(?:#(?:(?P<connection>\d{1,9})\.)?(?P<number>\d{1,9}))?")
_SPECIAL = re.compile(r"[\s#:.*?\[\]]")
SOUND = "(audio)"
"""The path of a stream's audio as a whole."""


class _Missing:
    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()
"""What stands where a field is not there."""


@dataclass(frozen=True, slots=True)
class Which:
    """Which frames are meant: an event's name (a glob), and its number among those of its name, from 1."""

    event: str
    number: int | None = None
    connection: int | None = None

    def fits(self, name: str, number: int, connection: int) -> bool:
        """Whether a frame is meant."""
        numbers = self.number in (None, number) and self.connection in (None, connection)
        return numbers and fnmatchcase(name, self.event)

    def __str__(self) -> str:
        if self.number is None:
            return self.event
        return f"{self.event}#{'' if self.connection is None else f'{self.connection}.'}{self.number}"


@dataclass(frozen=True, slots=True)
class Vary:
    """One line. ``what``: "missing", the name of a JSON type, or "=" with ``value``."""

    which: Which
    path: Path
    what: str
    value: Any = None

    def permits(self, live: Any) -> bool:
        """Whether a live value may stand there; ``MISSING`` where there is none."""
        if self.what == "=":
            return same(self.value, live)
        return kind_of(live) == self.what

    def __str__(self) -> str:
        end = self.what if self.what == "missing" else f"any {self.what}"
        if self.what == "=":
            end = f"= {json.dumps(self.value, ensure_ascii=False, separators=(',', ':'))}"
        return f"{self.which}:{'.'.join(self.path)} {end}"


@lru_cache(maxsize=4096)
def parsed(line: str) -> Vary:
    """A line as it is written. UsageError says what is wrong with it."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise UsageError(
            f"match rules: varies = {line!r:.200}: expected EVENT#NUMBER:PATH and then 'missing', 'any string' "
            "or '= JSON'"
        )
    path = tuple(found["path"].split(".")) if found["path"] else ()
    if found["value"] is None:
        return Vary(_which(found), path, found["missing"] or found["any"])
    try:
        return Vary(_which(found), path, "=", json.loads(found["value"]))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"match rules: varies = {line!r:.200}: what stands behind '=' is not JSON ({error})") from None


@lru_cache(maxsize=4096)
def which(word: str) -> Which:
    """``event#number`` as it stands in ``optional`` and ``unordered``."""
    found = _WORD.fullmatch(word)
    if found is None:
        raise UsageError(f"match rules: {word!r:.100}: expected an event's name, or EVENT#NUMBER for one of them")
    return _which(found)


def added(line: str) -> tuple[Which, object]:
    """``event.name = {json}``. The body is None for a frame of the service, which is no client's to send."""
    name, mark, body = line.partition(" = ")
    if not mark:
        return which(name), None
    try:
        return which(name), json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"match rules: added = {line!r:.200}: expected EVENT = JSON ({error})") from None


def _which(found: re.Match[str]) -> Which:
    number, connection = found["number"], found["connection"]
    return Which(found["event"], number and int(number), connection and int(connection))  # type: ignore[arg-type]


def plain(name: str) -> str:
    """A name or a step of a path as it may stand in a line."""
    return _SPECIAL.sub("?", name) or "?"


def event_word(name: str) -> str:
    """An event's name as it may stand in a line."""
    return re.sub(r"[\s#:*?\[\]]", "?", name) or "?"


def fits(pattern: Sequence[str], path: Path) -> bool:
    """Whether a path is the one of a pattern: ``*`` in a step as in file names, ``**`` any number of steps."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(fits(pattern[1:], path[skip:]) for skip in range(len(path) + 1))
    return bool(path) and fnmatchcase(path[0], pattern[0]) and fits(pattern[1:], path[1:])


def about(patterns: Iterable[str], name: str, path: Path) -> bool:
    """Whether one of the patterns ``path`` or ``event:path`` is about a place in an event."""
    for pattern in patterns:
        event, colon, rest = pattern.rpartition(":")
        if (not colon or fnmatchcase(name, event)) and fits(rest.split("."), path):
            return True
    return False


def kind_of(value: Any) -> str:
    """The name of a JSON type, or "missing"."""
    match value:
        case _Missing():
            return "missing"
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "list"
        case _:
            return "object"


def same(recorded: Any, live: Any) -> bool:
    """Whether two JSON values are equal, but for what was taken out of the recorded one."""
    if isinstance(recorded, dict) and isinstance(live, dict):
        return recorded.keys() == live.keys() and all(same(one, live[key]) for key, one in recorded.items())
    if isinstance(recorded, list) and isinstance(live, list):
        return len(recorded) == len(live) and all(map(same, recorded, live))
    if isinstance(recorded, str) and isinstance(live, str):
        return stands_for(recorded, live)
    return kind_of(recorded) == kind_of(live) and bool(recorded == live)
