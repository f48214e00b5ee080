"""The table of ids: which live id stands for which recorded one, and how it gets into a recorded
frame.

Ids are learned when a live client frame matches a recorded one, never guessed. They are put into
the text of later server
frames as whole JSON strings; every other byte stays as recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from mockserver.core.json_text import dumps

Parts = tuple[str, ...]
"""A frame's text cut at the ids it holds: text, recorded id, text, recorded id, ... text."""

EDGE = 512


class Aliases:
    """One connection's table."""

    def __init__(self) -> None:
        self._live: dict[str, str | None] = {}
        self._recorded: dict[str, str] = {}

    def live(self, recorded: str) -> str | None:
        """The live id for a recorded one; itself where nothing else was learned. None: the
        client gave none this time.
        """
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
            for form in forms(recorded):
                self._live[form] = live
            if live is not None:
                self._recorded[live] = recorded

    def fill(self, parts: Parts) -> str:
        """The text of a frame with the live ids in it."""
        out = list(parts)
        known = self._live
        for place in range(1, len(out), 2):
            recorded = out[place]
            live = known.get(recorded, recorded)
            # What was not renamed goes out byte for byte, whatever escapes its text
            # was written with.
            out[place] = (
                f'"{recorded}"' if live == recorded else dumps(live)
            )
        return "".join(out)

    def __len__(self) -> int:
        return len(self._live)


def forms(recorded: str) -> set[str]:
    """An id as it may stand between the quotes of a JSON text."""
    if recorded.isascii() and recorded.isalnum():
        return {recorded}
    return {recorded, json.dumps(recorded)[1:-1], json.dumps(recorded, ensure_ascii=False)[1:-1]}


def cut(text: str, ids: frozenset[str] | set[str]) -> Parts | None:
    """``text`` cut at each whole JSON string that is one of ``ids``; None where it holds none
    of them.

    Splitting at quotes is exact enough to be fast: a piece that equals an id and is followed by
    no colon is a string value
    of its own, unless the quote before it is escaped; then it is a part of a longer string and
    is left alone.
    """
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
        parts += ['"'.join(pieces[start:place]), pieces[place]]
        start = place + 1
    if not parts:
        return None
    parts.append('"'.join(pieces[start:]))
    return tuple(parts)


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
