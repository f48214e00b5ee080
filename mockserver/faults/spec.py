"""Words and values of the one fault syntax: tokens with columns, kinds of values, and patterns made of both.

An action states its syntax once, as a pattern such as ``delay <amount:time> [jitter <jitter:time>]``. Reading a spec,
writing the canonical spec of a fault, and the documentation all come from that line, so they cannot drift apart.

    word                   stands for itself
    <field:kind>           a value of a kind (``KINDS``), or one of some words: <reason:a|b>
    [ ... ]                may be left out; the groups may come in any order, also among the "where" clauses
    [word {field=value}]   a group without a value of its own sets a field

Nothing here knows a fault or an event.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from mockserver.core.json_text import writable
from mockserver.errors import SpecError

# --- tokens ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a quoted text or a JSON value. ``value`` is what it stands for, ``text`` is as written."""

    text: str
    column: int
    value: Any
    bare: bool = True


_BARE = re.compile(r"[^\s,'\"]+")
_SINGLE = re.compile(r"'((?:[^'\\]|\\.)*)'")


def tokens(source: str) -> list[Token]:
    """The tokens of a spec. A comma is a token. SpecError where a quote or a JSON value is not closed."""
    found: list[Token] = []
    at = 0
    while at < len(source):
        char = source[at]
        if char.isspace():
            at += 1
        elif char == ",":
            found.append(Token(",", at, ","))
            at += 1
        elif char == "'":
            match = _SINGLE.match(source, at)
            if match is None:
                raise SpecError(_say(source, at, "this quote is not closed"), source=source, column=at)
            found.append(Token(match[0], at, re.sub(r"\\(.)", r"\1", match[1]), bare=False))
            at = match.end()
        elif char in '"{[':
            try:
                value, end = json.JSONDecoder().raw_decode(source, at)
            except json.JSONDecodeError as error:
                raise SpecError(
                    _say(source, at, f"this is not a JSON value ({error.msg})"), source=source, column=at
                ) from None
            found.append(Token(source[at:end], at, value, bare=False))
            at = end
        else:
            match = _BARE.match(source, at)
            assert match is not None
            found.append(Token(match[0], at, match[0]))
            at = match.end()
    return found


def _say(source: str, column: int, message: str) -> str:
    shown = source if len(source) <= 200 else source[:199] + "…"
    return f"fault {shown!r}, column {column + 1}: {message}"


class Reader:
    """A place in a list of tokens."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = tokens(source)
        self.place = 0

    def peek(self, ahead: int = 0) -> Token | None:
        """The next token, or None at the end."""
        place = self.place + ahead
        return self.tokens[place] if place < len(self.tokens) else None

    def word(self, ahead: int = 0) -> str | None:
        """The next bare word in lower case, or None."""
        token = self.peek(ahead)
        return token.text.lower() if token is not None and token.bare else None

    def word_at(self, place: int) -> str:
        """The text of any token in lower case."""
        return self.tokens[place].text.lower()

    def take(self, *words: str) -> bool:
        """Whether the next tokens are these words; they are taken if so."""
        if any(self.word(ahead) != word for ahead, word in enumerate(words)):
            return False
        self.place += len(words)
        return True

    def next(self, expected: str) -> Token:
        """The next token. SpecError at the end."""
        token = self.peek()
        if token is None:
            raise self.error(f"the spec ends where {expected} was expected")
        self.place += 1
        return token

    def error(self, message: str, *, at: Token | None = None) -> SpecError:
        """A SpecError at a token, or at the next one."""
        token = at or self.peek()
        column = token.column if token is not None else len(self.source.rstrip())
        return SpecError(_say(self.source, column, message), source=self.source, column=column)


def nearest(word: str, known: Mapping[str, object] | list[str]) -> str:
    """ " Did you mean X?", or nothing."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


# --- kinds of values ------------------------------------------------------------------------------------------------

_TIME_UNITS = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "sec": 1_000_000,
    "min": 60_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
}
_SIZE_UNITS = {"": 1, "b": 1, "kb": 1_000, "kib": 1_024, "mb": 1_000_000, "mib": 1_048_576}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)([A-Za-z/]*)$")
_SAFE = re.compile(r"[A-Za-z0-9_.*?:/#+-]+$")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def time_value(text: str) -> int | None:
    """Microseconds in "11s", "300ms", "1.5s", "2min"; None where it is none. A number needs its unit."""
    match = _AMOUNT.match(text)
    if match is None or match[2].lower() not in _TIME_UNITS:
        return None
    return round(float(match[1]) * _TIME_UNITS[match[2].lower()])


def time_text(micros: int) -> str:
    """The shortest exact way to write a duration."""
    for unit, size in (("min", 60_000_000), ("s", 1_000_000), ("ms", 1_000)):
        if micros and micros % size == 0:
            return f"{micros // size}{unit}"
    return f"{micros}us"


def size_value(text: str) -> int | None:
    """Bytes in "64kB", "1MiB", "500"; a trailing "/s" is allowed."""
    match = _AMOUNT.match(text)
    unit = match[2].lower().removesuffix("/s") if match else None
    return round(float(match[1]) * _SIZE_UNITS[unit]) if match and unit in _SIZE_UNITS else None


def size_text(size: int) -> str:
    """The shortest exact way to write a size."""
    for unit, scale in (("MB", 1_000_000), ("kB", 1_000)):
        if size and size % scale == 0:
            return f"{size // scale}{unit}"
    return f"{size}B"


def ordinal_value(text: str) -> int | None:
    """3 in "3rd", "third", "#3"; None where it is none."""
    word = text.lower()
    if word in _ORDINALS:
        return _ORDINALS.index(word) + 1
    match = re.match(r"(?:(\d+)(?:st|nd|rd|th)|#(\d+))$", word)
    return int(match[1] or match[2]) if match else None


def ordinal_text(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th ..."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def chance_value(text: str) -> float | None:
    """0.1 in "10%" and "0.1"; None where it is none."""
    try:
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        return None


def whole_value(text: str) -> int | None:
    """A whole number, or None."""
    return int(text) if re.match(r"-?\d+$", text) else None


CLAUSE_WORDS = ("on", "before", "from", "in", "within", "after", "with", "at", "once", "for", "optional")
"""What a clause begins with. A value of its own that reads so stands in quotes."""


def word_text(word: str) -> str:
    """A word, quoted where it would not be read back as one."""
    return word if _SAFE.match(word) else json.dumps(word, ensure_ascii=False)


def json_text(token: Token) -> str:
    """A token as JSON text; a bare word that is no JSON is a string."""
    try:
        value = json.loads(token.text) if token.bare else token.value
    except ValueError:
        value = token.text
    return dump(value)


def dump(value: Any) -> str:
    """Compact JSON text. ValueError or TypeError where the value is none."""
    return writable(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: what is expected, how it is read (None: it is not one), how it is written."""

    expected: str
    read: Callable[[Token], Any]
    write: Callable[[Any], str]


def _plain(read: Callable[[str], Any]) -> Callable[[Token], Any]:
    return lambda token: read(token.text) if token.bare else None


def _word(token: Token) -> str | None:
    return token.value if isinstance(token.value, str) and token.value and token.text != "," else None


KINDS: dict[str, Kind] = {
    "time": Kind("a duration such as 300ms or 11s", _plain(time_value), time_text),
    "count": Kind("a whole number", _plain(whole_value), str),
    "size": Kind("a size such as 64kB", _plain(size_value), size_text),
    "rate": Kind(
        "a rate such as 32kB/s",
        lambda token: size_value(token.text) if token.text.endswith("/s") else None,
        lambda rate: f"{size_text(rate)}/s",
    ),
    "event": Kind("an event name", _word, word_text),
    "path": Kind("a field such as response.metadata", _word, word_text),
    "code": Kind(
        "a word such as server_error",
        _word,
        lambda word: f'"{word}"' if word.lower() in CLAUSE_WORDS else word_text(word),
    ),
    "text": Kind(
        "a quoted text",
        lambda token: None if token.bare or not isinstance(token.value, str) else token.value,
        lambda text: json.dumps(text, ensure_ascii=False),
    ),
    "url": Kind("an address", _word, lambda text: json.dumps(text, ensure_ascii=False)),
}
KINDS["json"] = Kind("a JSON value", json_text, str)


# --- patterns -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a value."""

    field: str
    kind: str

    @property
    def choices(self) -> tuple[str, ...]:
        """The words it may be, where it is one of some words."""
        return tuple(self.kind.split("|")) if "|" in self.kind else ()

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


Part = str | Slot


@dataclass(frozen=True, slots=True)
class Group:
    """A part that may be left out. ``sets`` is what a group without a slot sets."""

    parts: tuple[Part, ...]
    sets: tuple[tuple[str, str], ...] = ()

    def begins(self, reader: Reader, *, shared: bool) -> bool:
        """Whether the reader stands at this group. ``shared``: its first word also begins something else."""
        head = self.parts[0]
        if isinstance(head, Slot):
            return head.fits(reader.peek()) and not shared
        if reader.word() != head:
            return False
        after = self.parts[1] if len(self.parts) > 1 else ""
        return not shared or not isinstance(after, Slot) or after.fits(reader.peek(1))


class Pattern:
    """A syntax line, compiled. See the head of this module."""

    def __init__(self, line: str) -> None:
        self.line = line
        groups = re.findall(r"\[([^]]*)\]", line)
        self.head = _parts(re.sub(r"\[[^]]*\]", " ", line))
        self.groups = tuple(
            Group(_parts(re.sub(r"\{[^}]*\}", "", group)), tuple(re.findall(r"\{(\w+)=(\w+)\}", group)))
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

    def read_head(self, reader: Reader) -> dict[str, Any]:
        """The fields of the required part."""
        return _read(self.head, reader)

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
            slots = [part.field for part in group.parts if isinstance(part, Slot)]
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
        found.append(Slot(match[1], match[2]) if match else word)
    return tuple(found)


def _read(parts: tuple[Part, ...], reader: Reader) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for part in parts:
        if isinstance(part, Slot):
            fields[part.field] = part.read(reader)
        elif not reader.take(part):
            token = reader.next(repr(part))
            raise reader.error(f"expected {part!r}, got {token.text!r}", at=token)
    return fields


def _write(parts: tuple[Part, ...], fields: Mapping[str, Any]) -> list[str]:
    return [part.write(fields[part.field]) if isinstance(part, Slot) else part for part in parts]
