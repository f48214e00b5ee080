"""Patterns of the one fault syntax, made of words (``faults.tokens``) and kinds of values (``faults.values``).

An action states its syntax once, as a pattern such as ``delay <amount:time> [jitter <jitter:time>]``. Reading a spec,
writing the canonical spec of a fault, and the documentation all come from that line, so they cannot drift apart.

    word                   stands for itself
    <field:kind>           a value of a kind (``KINDS``), or one of some words: <reason:a|b>
    [ ... ]                may be left out; the groups may come in any order, also among the "where" clauses
    [word {field=value}]   a group without a value of its own sets a field

Nothing here knows a fault or an event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.faults.tokens import Reader, Token, nearest
from mockserver.faults.values import KINDS

# --- patterns -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PatternSlot:
    """A place for a value."""

    field: str
    kind: str

    @property
    def choices(self) -> tuple[str, ...]:
        """The words it may be, where it is one of some words."""
        return tuple(self.kind.split("|")) if "|" in self.kind else ()

    @property
    def expected(self) -> str:
        """What may stand here, in words."""
        return f"one of {', '.join(self.choices)}" if self.choices else KINDS[self.kind].expected

    def read(self, reader: Reader) -> Any:
        """The value at the reader. SpecError where it is of another kind."""
        if self.choices:
            token = reader.next(f"one of {', '.join(self.choices)}")
            if token.value in self.choices:
                return token.value
            hint = nearest(str(token.value), list(self.choices))
            raise reader.error(f"expected one of {', '.join(self.choices)}, got {token.text!r}{hint}", at=token)
        kind = KINDS[self.kind]
        token = reader.next(kind.expected)
        value = kind.read(token)
        if value is None:
            raise reader.error(f"expected {kind.expected}, got {token.text!r}", at=token)
        return value

    def fits(self, token: Token | None) -> bool:
        """Whether a token could be this value."""
        if token is None:
            return False
        if self.choices:
            return token.value in self.choices
        return KINDS[self.kind].read(token) is not None

    def write(self, value: Any) -> str:
        """The value as words."""
        return str(value) if self.choices else KINDS[self.kind].write(value)


Part = str | PatternSlot


@dataclass(frozen=True, slots=True)
class PatternGroup:
    """A part that may be left out. ``sets`` is what a group without a slot sets."""

    parts: tuple[Part, ...]
    sets: tuple[tuple[str, str], ...] = ()

    def begins(self, reader: Reader, *, shared: bool) -> bool:
        """Whether the reader stands at this group. ``shared``: its first word also begins something else."""
        head = self.parts[0]
        if isinstance(head, PatternSlot):
            return head.fits(reader.peek()) and not shared
        if reader.word() != head:
            return False
        after = self.parts[1] if len(self.parts) > 1 else ""
        return not shared or not isinstance(after, PatternSlot) or after.fits(reader.peek(1))


class Pattern:
    """A syntax line, compiled: it reads and writes the words of one action."""

    def __init__(self, line: str) -> None:
        self.line = line
        groups = re.findall(r"\[([^]]*)\]", line)
        self.head = _parts(re.sub(r"\[[^]]*\]", " ", line))
        self.groups = tuple(
            PatternGroup(_parts(re.sub(r"\{[^}]*\}", "", group)), tuple(re.findall(r"\{(\w+)=(\w+)\}", group)))
            for group in groups
        )
        self.words = tuple(part for part in self.head if isinstance(part, str))

    @property
    def first_words(self) -> tuple[str, ...]:
        """The words before the first value: what an action is recognised by."""
        found: list[str] = []
        for part in self.head:
            if not isinstance(part, str):
                break
            found.append(part)
        return tuple(found)

    @property
    def keywords(self) -> list[str]:
        """The words that optional groups begin with."""
        return [group.parts[0] for group in self.groups if isinstance(group.parts[0], str)]

    def read_group(self, reader: Reader, *, shared: bool = False) -> dict[str, Any] | None:
        """The fields of the optional group that the reader stands at, or None where it stands at none."""
        for group in self.groups:
            if group.begins(reader, shared=shared):
                return {**_read(group.parts, reader), **dict(group.sets)}
        return None

    def write(self, fields: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
        """The words of an action; groups at their defaults are left out."""
        said = _write(self.head, fields)
        for group in self.groups:
            slots = [part.field for part in group.parts if isinstance(part, PatternSlot)]
            if group.sets:
                needed = all(fields[name] == value for name, value in group.sets)
            else:
                needed = any(fields[name] != defaults.get(name) for name in slots)
            if needed:
                said += _write(group.parts, fields)
        return " ".join(said)

    @property
    def shown(self) -> str:
        """The line as documentation shows it."""
        line = re.sub(r"\s*\{[^}]*\}", "", self.line)
        return re.sub(r"<(\w+):([^>]+)>", lambda m: f"<{m[2] if '|' in m[2] else m[1].replace('_', ' ')}>", line)


def _parts(line: str) -> tuple[Part, ...]:
    found: list[Part] = []
    for word in line.split():
        match = re.match(r"<(\w+):(.+)>$", word)
        found.append(PatternSlot(match[1], match[2]) if match else word)
    return tuple(found)


def _read(parts: tuple[Part, ...], reader: Reader) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, PatternSlot):
            fields[part.field] = part.read(reader)
        elif not reader.take(part):
            token = reader.next(repr(part))
            raise reader.error(f"expected {part!r}, got {token.text!r}", at=token)
    return fields


def _write(parts: tuple[Part, ...], fields: Mapping[str, Any]) -> list[str]:
    return [part.write(fields[part.field]) if isinstance(part, PatternSlot) else part for part in parts]
