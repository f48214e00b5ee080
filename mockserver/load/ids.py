"""Ids that a recorded client minted: each call has others of the same shape, or it would be taken for one that ran."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from mockserver.cassette.model import Record
from mockserver.core.frames import Sender, Text
from mockserver.core.ids import letters
from mockserver.dialects.base import Dialect
from mockserver.engines.replay.aliases import looks_minted
from mockserver.engines.replay.matching import Place, Places

DIGITS, SMALL, LARGE, HEX = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdef"


def minted(records: Sequence[Record], dialect: Dialect) -> list[str]:
    """The ids that the client of a recorded connection named before the service did, in order."""
    theirs: set[str] = set()
    mine: dict[str, None] = {}
    places: dict[tuple[str, Sender], Place] = {}
    for record in records:
        if not isinstance(record.frame, Text):
            continue
        view = dialect.view(record.frame, record.sender)
        key = (view.name, record.sender)
        if key not in places:
            places[key] = Places(dialect.rules, view.name).top
        found = _ids(view.body, places[key])
        if record.sender is Sender.SERVER:
            theirs.update(one for one in _texts(view.body) if one not in mine)
        else:
            mine.update(dict.fromkeys(one for one in found if one not in theirs))
    return list(mine)


def fresh(old: str, source: random.Random) -> str:
    """An id of the same shape: what stands before its last mark stays, a digit becomes a digit, a letter a letter."""
    mark = max(old.rfind(one) for one in "_-.:/")
    head, tail = (old[: mark + 1], old[mark + 1 :]) if 0 <= mark < len(old) - 1 else ("", old)
    hexadecimal = set(tail) <= set(DIGITS + HEX)
    return head + "".join(_like(char, source, hexadecimal) for char in tail)


def _like(char: str, source: random.Random, hexadecimal: bool) -> str:
    if hexadecimal and char in HEX:
        return letters(source, 1, HEX)
    for alphabet in (DIGITS, SMALL, LARGE):
        if char in alphabet:
            return letters(source, 1, alphabet)
    return char


def _ids(value: Any, place: Place) -> Iterator[str]:
    """Values that hold an id by the provider's rules, and look like one: "root" is none."""
    todo: list[tuple[Any, Place]] = [(value, place)]
    while todo:
        one, where = todo.pop()
        if isinstance(one, dict):
            todo += [(inner, where.below(str(key))) for key, inner in reversed(one.items())]
        elif isinstance(one, list):
            todo += [(inner, where.below(str(at))) for at, inner in reversed(list(enumerate(one)))]
        elif isinstance(one, str) and where.an_id and looks_minted(one):
            yield one


def _texts(value: Any) -> Iterator[str]:
    """Every short text of a body: what the service has named."""
    todo = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            todo += one.values()
        elif isinstance(one, list):
            todo += one
        elif isinstance(one, str) and len(one) <= 200:
            yield one
