"""The table of ids: which live id stands for which recorded one, and how it gets into a recorded
frame.

Ids are learned when a live client frame matches a recorded one, never guessed. They are put into the text of later
server frames as whole JSON strings; every other byte stays as recorded. A short one that may as well be a word ("1",
"user") is put in under names of ids only, and under that by which the client gave it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping

from mockserver.core.frames import Frame, Text
from mockserver.core.json_text import dumps

Parts = tuple[str, ...]
"""A frame's text cut at the ids it holds: text, recorded id, text, recorded id, ... text."""

_PLAIN = re.compile(r"[A-Za-z0-9_.:-]+")
"""An id that JSON writes in one way only. Nearly all are."""
_ID_KEY = re.compile(r"(?:^|_)ids?$|I[dD]s?$")
EDGE = 512
FEW = 12
"""Looking for so few ids one by one is faster than cutting the text up."""
_PLAIN_BEFORE = frozenset(":,[ ")
_PLAIN_AFTER = frozenset(",}]")
"""What stands around a string value that is nothing but an id. With anything else around it the careful way decides."""


class Aliases:
    """One connection's table."""

    __slots__ = ("_live", "_quoted", "_recorded", "version")

    def __init__(self) -> None:
        self._live: dict[str, str | None] = {}
        self._recorded: dict[str, str] = {}
        self.version = 0  # how often something was learned
        self._quoted: dict[str, str] = {}

    def live(self, recorded: str) -> str | None:
        """The live id for a recorded one; itself where nothing else was learned. None: this client gave none."""
        return self._live.get(recorded, recorded)

    def knows(self, recorded: str) -> bool:
        """Whether something was learned about a recorded id."""
        return recorded in self._live

    def taken(self, live: str) -> str | None:
        """The recorded id that a live one stands for, or None."""
        return self._recorded.get(live)

    def learn(self, bindings: Iterable[tuple[str, str | None]]) -> None:
        """Bind recorded ids to live ones. None: the client has left the id out."""
        for recorded, live in bindings:
            self.version += 1
            quoted = None if live == recorded else f'"{live}"' if live and _PLAIN.fullmatch(live) else dumps(live)
            for form in forms(recorded):
                self._live[form] = live
                # What was not renamed goes out byte for byte, whatever escapes its text was written with.
                self._quoted[form] = f'"{form}"' if live == form or quoted is None else quoted
            if live is not None:
                self._recorded[live] = recorded

    def fill(self, parts: Parts) -> str:
        """The text of a frame with the live ids in it."""
        quoted = self._quoted
        if len(parts) == 3:  # nearly all
            before, recorded, after = parts
            return f"{before}{quoted.get(recorded) or chr(34) + recorded + chr(34)}{after}"
        out = list(parts)
        for place in range(1, len(out), 2):
            out[place] = quoted.get(out[place]) or f'"{out[place]}"'
        return "".join(out)

    def __len__(self) -> int:
        return len(self._live)


def forms(recorded: str) -> set[str]:
    """An id as it may stand between the quotes of a JSON text."""
    if _PLAIN.fullmatch(recorded):
        return {recorded}
    return {recorded, json.dumps(recorded)[1:-1], json.dumps(recorded, ensure_ascii=False)[1:-1]}


class GivenIds:
    """The ids that the recorded client has given, as far as it has been read."""

    __slots__ = ("_members", "all")

    def __init__(self) -> None:
        self.all: set[str] = set()  # in every form
        self._members: dict[str, set[str]] = {}  # the names by which the client has given each

    def hold(self, given: Iterable[tuple[str, str]]) -> None:
        """Remember ids, each behind the name of its member."""
        for member, one in given:
            for form in forms(one):
                self.all.add(form)
                self._members.setdefault(form, set()).add(member)

    def cut(self, frame: Frame) -> Parts | None:
        """A recorded frame cut at the ids that it holds; None where it holds none."""
        return cut(frame.data, self.all, self._members) if self.all and isinstance(frame, Text) else None


_NOWHERE: Mapping[str, Collection[str]] = {}


def cut(text: str, ids: frozenset[str] | set[str], members: Mapping[str, Collection[str]] = _NOWHERE) -> Parts | None:
    """``text`` cut at each whole JSON string that is one of ``ids``; None where it holds none of them.

    ``members``: the names under which a short one stands, beside those which say that they hold ids.

    Splitting at quotes is exact enough to be fast: a piece that equals an id and is followed by no colon is a string
    value of its own, unless the quote before it is escaped; then it is a part of a longer string and is left alone.
    """
    if len(ids) <= FEW:
        held = [one for one in ids if one in text]
        if not held:
            return None
        if len(held) == 1 and looks_minted(held[0]):
            before, token, after = text.partition(f'"{held[0]}"')
            if token and held[0] not in after and before[-1:] in _PLAIN_BEFORE and after[:1] in _PLAIN_AFTER:
                return before, held[0], after
    if len(text) > 4 * EDGE and text.find('"', EDGE, -EDGE) < 0:
        # Most of a recording is audio: one long string with short ones around it. That
        # one is no id.
        if ids.isdisjoint(text[:EDGE].split('"')) and ids.isdisjoint(text[-EDGE:].split('"')):
            return None
    elif ids.isdisjoint(text.split('"')):
        return None
    pieces = text.split('"')
    parts: list[str] = []
    start = 0  # the first piece that is not in ``parts`` yet
    for place in range(1, len(pieces) - 1):
        if pieces[place] not in ids or place < start:
            continue
        before = pieces[place - 1]
        escaped = (len(before) - len(before.rstrip("\\"))) % 2 == 1
        if escaped or pieces[place + 1].lstrip().startswith(":"):
            continue
        if not looks_minted(pieces[place]):  # "1" may be an id, and what somebody says
            key = _key_of(pieces, place)
            if key not in members.get(pieces[place], ()) and not _ID_KEY.search(key):
                continue
        parts += ['"'.join(pieces[start:place]), pieces[place]]
        start = place + 1
    if not parts:
        return None
    parts.append('"'.join(pieces[start:]))
    return tuple(parts)


def _key_of(pieces: list[str], place: int) -> str:
    """The name of the member that a string is the value of, or is in the list of; "" where that does not show."""
    before = place - 1
    while before > 1 and pieces[before].strip() == ",":
        before -= 2
    return pieces[before - 1] if pieces[before].lstrip()[:1] == ":" else ""


def looks_minted(value: object) -> bool:
    """Whether a string looks like an id that a program made: eight characters or more, a digit
    among them, no spaces.
    """
    return (
        isinstance(value, str)
        and len(value) >= 8
        and any(char.isdigit() for char in value)
        and not any(char.isspace() for char in value)
    )
