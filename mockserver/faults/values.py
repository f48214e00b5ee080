"""Kinds of values in a fault spec: how each is read and written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mockserver.core.json_text import writable
from mockserver.faults.tokens import Token

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
_AMOUNT = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)([A-Za-z/]*)$")
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
    match = re.match(r"(?:(\d{1,18})(?:st|nd|rd|th)|#(\d{1,18}))$", word)
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
    return int(text) if re.match(r"-?\d{1,18}$", text) else None


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
class ValueKind:
    """A kind of value: what is expected, how it is read (None: it is not one), how it is written."""

    expected: str
    read: Callable[[Token], Any]
    write: Callable[[Any], str]


def _plain(read: Callable[[str], Any]) -> Callable[[Token], Any]:
    return lambda token: read(token.text) if token.bare else None


def _word(token: Token) -> str | None:
    return token.value if isinstance(token.value, str) and token.value and token.text != "," else None


KINDS: dict[str, ValueKind] = {
    "time": ValueKind("a duration such as 300ms or 11s", _plain(time_value), time_text),
    "count": ValueKind("a whole number", _plain(whole_value), str),
    "size": ValueKind("a size such as 64kB", _plain(size_value), size_text),
    "rate": ValueKind(
        "a rate such as 32kB/s",
        lambda token: size_value(token.text) if token.text.endswith("/s") else None,
        lambda rate: f"{size_text(rate)}/s",
    ),
    "event": ValueKind("an event name", _word, word_text),
    "path": ValueKind("a field such as response.metadata", _word, word_text),
    "code": ValueKind(
        "a word such as server_error",
        _word,
        lambda word: f'"{word}"' if word.lower() in CLAUSE_WORDS else word_text(word),
    ),
    "text": ValueKind(
        "a quoted text",
        lambda token: None if token.bare or not isinstance(token.value, str) else token.value,
        lambda text: json.dumps(text, ensure_ascii=False),
    ),
    "url": ValueKind("an address", _word, lambda text: json.dumps(text, ensure_ascii=False)),
}
KINDS["json"] = ValueKind("a JSON value", json_text, str)
