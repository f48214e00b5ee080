"""Stretches of a text: its strings of JSON, its other values, which of some stretches touch others."""

from __future__ import annotations

import re

from mockserver.cassette.decode import STRING, is_json, parts
from mockserver.core.yielding import yielding

PASS = "surrogatepass"
_VALUES = re.compile(STRING.pattern + r"|(-?\d[\d.eE+-]*|true|false|null)")
"""A string of JSON or another value that is one word, so that a number in a string is none."""


def lowered(text: str) -> str:
    """A text in lower case, as long as before."""
    low = text.lower()
    # Bytes in lower case are so in ASCII alone.
    return low if len(low) == len(text) else text.encode("utf-8", PASS).lower().decode("utf-8", PASS)


def strings(text: str) -> list[tuple[int, int]]:
    """Where tokens may stand: inside the strings of JSON, anywhere in another text."""
    made: list[tuple[int, int]] = []
    for begin, end in parts(text):
        if is_json(text, begin):
            made += [(match.start() + 1, match.end() - 1) for match in yielding(STRING.finditer(text, begin, end))]
        else:
            made.append((begin, end))
    return made


def values(text: str) -> list[tuple[int, int]]:
    """The values of JSON that are no strings, arrays or objects."""
    found = (
        match.span(1)
        for begin, end in parts(text)
        if is_json(text, begin)
        for match in yielding(_VALUES.finditer(text, begin, end))
        if match[1]
    )
    return list(found)


def overlapped(spans: list[tuple[int, int]], by: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those of some spans, in order, that share a character with one of others, in order."""
    made, place = [], 0
    for low, high in yielding(spans):
        while place < len(by) and by[place][1] <= low:
            place += 1
        if place < len(by) and by[place][0] < high:
            made.append((low, high))
    return made


def holding(spans: list[tuple[int, int]], at: int) -> list[tuple[int, int]]:
    """The string in which a place is."""
    low, high = 0, len(spans)
    while low < high:
        middle = (low + high) // 2
        if spans[middle][1] < at:
            low = middle + 1
        else:
            high = middle
    return spans[low : low + 1]
