"""Secrets that are told by a name a little before them, whatever stands between: ``setPassword("...")``, ``my
password is ...``, ``API_KEY: str = "..."``, ``| API_KEY | ... |``, a member of a packed binary message.

There are more ways to write a name and a value than anyone can list, so here only few characters, and words of a short
list, may stand between the two, and the value has to look drawn at random. Tags with attributes, tables with a line of
names and the options of some commands are read here as well. All of it is about decoded text, and each name costs a
bounded time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from mockserver.cassette.decode import BORDER
from mockserver.cassette.pairs import CODE, Found, blank
from mockserver.cassette.secret_names import MARKS, NEAR_MARKS, Tells, hinted, is_secret, tells
from mockserver.cassette.words import drawn, wordlike
from mockserver.core.yielding import yield_to_others, yielding

_MARK = re.compile("|".join(sorted({*MARKS, *NEAR_MARKS} - {"sig", "connection"}, key=len, reverse=True)))
_NAMELY = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."
_REST = re.compile(r"[\w.\-]{0,60}+", re.ASCII)
_WORD_BEFORE = re.compile(r"[A-Za-z]{2,20}\Z", re.ASCII)
_PARTS = frozenset(" _-")
_WORDS = (
    "is|was|are|as|the|a|an|this|that|here|following|below|provided|given|value|values|val|content|string|str|const|var|let|"
    "type|text|data|plain|with|by|to|set|equals|new|default|header|b|f|r|u|q|raw|static|readonly|final|public|private|key|"
    "identified|cdata|your|my|now|still|ist|lautet|est|es|1m|0m|3[0-9]m|x|&str|&'static"
)
_GAP = rf"[^\w{{}}$%;&?@{BORDER}]"
_GAP_NO_COMMA = rf"[^\w{{}}$%;&?@,{BORDER}]"
_VALUE = r"[!#-%*-+\-./-:=?-Z^_a-z~]"
LONGEST = 300
"""So much of a value is looked at; it may be longer."""
_ON = re.compile(rf"{_VALUE}*+")
_BETWEEN = (
    rf"(?![+/])(?:{_GAP_NO_COMMA}{{1,12}}+(?:(?:{_WORDS})(?!\w){_GAP_NO_COMMA}{{1,12}}+){{1,5}}+|"
    rf"{_GAP}{{1,12}}+(?:[bfru](?=[\"'`])[\"'`])?)(?<!\\)"
)
_BEHIND = re.compile(rf"{_BETWEEN}({_VALUE}{{8,{LONGEST}}}+)", re.ASCII | re.IGNORECASE)
"""What may stand between a name and its value, and the value."""
_PUNCTUATION = ".:!?-*_~"
SHORTEST, SHORTEST_OF_HINTED = 10, 16

_TAG = re.compile(rf"<[A-Za-z][\w:.-]{{0,60}}\s([^<>{BORDER}]{{3,1000}})>", re.ASCII)
_ATTRIBUTE = re.compile(r"([A-Za-z_][\w:.-]{0,60})\s{0,8}=\s{0,8}(?:\"([^\"]{0,1000})\"|'([^']{0,1000})')", re.ASCII)
_TOLD_BY = frozenset(("name", "key", "id", "type", "property", "http-equiv", "k"))
_HOLDS = frozenset(("value", "content", "v", "data-value"))

_LINE = re.compile(rf"[^\r\n{BORDER}]*+(?:\r?\n|{BORDER}|\Z)")
_CELL = re.compile(r"\s{0,16}[\"'`*]{0,2}([A-Za-z][\w .-]{0,60}?)[\"'`*]{0,2}\s{0,16}", re.ASCII)
_COMMANDS = "(?:sshpass|login|mysql|mysqldump|mariadb)"
_OPTIONS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (piece, re.compile(pattern, re.ASCII))
    for piece, pattern in (
        ("-u", rf"(?<![\w-])(?:-u|--user|--proxy-user)[ =]?[\"']?[^\s:\"'\\{BORDER}]{{1,100}}:({_VALUE}{{4,1000}}+)"),
        ("-b", rf"(?<![\w-])-b[ ]?[\"']?[\w.-]{{1,60}}=({_VALUE}{{4,4000}}+)"),
        ("cookie", rf"(?<![\w-])--cookie[ =][\"']?[\w.-]{{1,60}}=({_VALUE}{{4,4000}}+)"),
        ("-p", rf"{_COMMANDS}(?: [^\s\"'\\{BORDER}]{{1,60}}){{0,6}}? -p ?[\"']?({_VALUE}{{4,1000}}+)"),
        ("identified by", rf"(?i:identified by) [\"']({_VALUE}{{4,1000}}+)"),
        ("auth=(", rf"auth=\([\"'][^\"'\\{BORDER}]{{0,80}}[\"'],\s{{0,4}}[\"']({_VALUE}{{4,1000}}+)"),
        (
            "authorization",
            r"(?i:authorization)[\"']?\s{0,4}[:=,]\s{0,4}[\"']?[A-Za-z][\w-]{1,30} +" + rf"({_VALUE}{{4,4000}}+)",
        ),
        ("authorization", r"(?:response|mac|cnonce|oauth_signature)=\"([^\s\"\\<>]{8,1000}+)\""),
        ("/", r"/(?:tokens?|key|auth|secrets?|jwt|api[-_]?keys?|access[-_]tokens?)/([\w~=-]{16,512}+)"),
        ("jdbc:", rf"jdbc:\w{{2,20}}:\w{{2,20}}:[^\s/@:{BORDER}]{{1,60}}/([^\s@/{BORDER}]{{4,200}}+)@"),
    )
)
"""What the option of a command, or a header with parameters, says: a piece of each match in lower case, the pattern."""
LONGEST_HEAD = 1000
"""Characters of the line of a table in which the names stand."""


def found(text: str, low: str) -> Iterator[Found]:
    """All that is told by a name near it. ``low`` is the text in lower case."""
    past = 0
    for mark in yielding(_MARK.finditer(low), every=16):
        if mark.start() < past:
            continue
        begin = mark.start() - _behind(text, mark.start())
        rest = _REST.match(text, mark.end())
        end = begin + len(text[begin : rest.end() if rest else mark.end()].rstrip("._-"))
        past = end
        one = _near(text, begin, end)
        if one is not None:
            yield one
            past = one.end
    yield_to_others()
    for hint, pattern in _OPTIONS:
        if hint in low:
            for match in yielding(pattern.finditer(text)):
                value = match[1].rstrip(_PUNCTUATION)
                if not blank(value) and CODE.search(value) is None and drawn(value, SHORTEST):
                    yield Found(match.start(1), match.start(1) + len(value), "field", match.start(), False, "an option")
    if "<" in text and "=" in text:
        yield from _tags(text)
    if "\n" in text:
        yield from _tables(text)


def _behind(text: str, at: int) -> int:
    """How many characters of a name stand in front of a place."""
    piece = text[max(at - 60, 0) : at]
    return len(piece) - len(piece.rstrip(_NAMELY))


def _near(text: str, begin: int, end: int) -> Found | None:
    name = text[begin:end]
    if name.endswith("x") and text[end : end + 1] <= " ":
        name = name[:-1]  # CBOR: a text of so many bytes
    least = _named(text, begin, begin + len(name))
    match = _BEHIND.match(text, end) if least is not None else None
    if match is None or least is None:
        return None
    low, value = match.start(1), match[1]
    if len(value) > SHORTEST and ord(value[0]) == len(value) - 1:
        low, value = low + 1, value[1:]  # bytes: how long it is stands in front of it
    value = value.rstrip(_PUNCTUATION)
    if (
        blank(value)
        or "REDACTED-" in value
        or CODE.search(value) is not None
        or text[low + len(value) : low + len(value) + 1] == "("
        or not drawn(value, least)
    ):
        return None
    stop = low + len(value)
    if match.end() - match.start(1) == LONGEST:
        stop = _ON.match(text, stop).end()  # type: ignore[union-attr]
    return Found(low, stop, "field", begin, stop == len(text), "a name near it")


_OPEN = re.compile(rf"{_BETWEEN}({_VALUE}{{1,{LONGEST}}}+)\Z", re.ASCII | re.IGNORECASE)
_TAIL = 440
"""So far from the end of a text a name is looked for."""


def doubtful(text: str) -> int:
    """Where a value begins at the end of a text that may be a secret when it is whole; the text's length where none
    does. A word is none yet.
    """
    tail = text[-_TAIL:]
    first = len(tail)
    if not tail or tail[-1].isspace() or wordlike(tail.split()[-1]):
        return len(text)  # most speech
    for mark in _MARK.finditer(tail.lower() if tail.isascii() else ""):
        rest = _REST.match(tail, mark.end())
        begin, end = mark.start() - _behind(tail, mark.start()), rest.end() if rest else mark.end()
        if _named(tail, begin, end) is None:
            continue
        match = _OPEN.match(tail, end)
        if match is not None and not blank(match[1]) and not wordlike(match[1]):
            first = min(first, match.start(1))
    return len(text) - len(tail) + first


def _named(text: str, begin: int, end: int) -> int | None:
    """How long a value behind this name has to be at the least; the word before it may be a part of the name."""
    name = text[begin:end]
    least = _least(name)
    if least is None and text[begin - 1 : begin] in _PARTS:
        word = _WORD_BEFORE.search(text[max(begin - 21, 0) : begin - 1])
        least = _least(f"{word[0]} {name}") if word is not None else None
    return least


@lru_cache(maxsize=4096)
def _least(name: str) -> int | None:
    """How long a value near a name has to be at the least; None where the name tells nothing."""
    told = tells(name)
    if told is Tells.SURELY or told is Tells.PERHAPS:
        return SHORTEST
    return SHORTEST_OF_HINTED if hinted(name) else None


def _tags(text: str) -> Iterator[Found]:
    """``<input name="password" value="...">``, ``<add key="ApiKey" value="..."/>``."""
    for tag in yielding(_TAG.finditer(text)):
        told, held = Tells.NOTHING, None
        for one in _ATTRIBUTE.finditer(text, *tag.span(1)):
            name, group = one[1].lower(), 2 if one[2] is not None else 3
            if name in _TOLD_BY:
                told = max(told, tells(one[group]))
            elif name in _HOLDS and one[group] and held is None:
                held = one.span(group)
        if told is not Tells.NOTHING and held is not None:
            value = text[held[0] : held[1]]
            if not blank(value) and is_secret(told, value):
                yield Found(*held, "field", tag.start(), False, "a tag's attributes")


def _tables(text: str) -> Iterator[Found]:
    """Lines of cells under a line of names: CSV, tabs, a table of Markdown."""
    columns: dict[int, Tells] = {}
    mark, count = "", 0
    for line in yielding(_LINE.finditer(text)):
        if line.start() == line.end():
            break
        words = line[0].rstrip("\r\n" + BORDER)
        if columns and words.count(mark) + 1 == count:
            yield from _cells(words, line.start(), mark, columns)
        else:
            mark, count, columns = _head(words)
        if line[0].endswith(BORDER):
            columns = {}


def _head(words: str) -> tuple[str, int, dict[int, Tells]]:
    """What parts the cells of a line of names, how many there are, and which of them tell something."""
    if len(words) <= LONGEST_HEAD:
        for mark in ",\t|;":
            if mark not in words:
                continue
            cells = [_CELL.fullmatch(cell) for cell in words.split(mark)]
            if mark == "|" and len(cells) > 2:
                whole = cells[1:-1]
            else:
                whole = cells
            if not all(whole):
                continue
            told = {at: tells(cell[1]) for at, cell in enumerate(cells) if cell is not None}
            return mark, len(cells), {at: one for at, one in told.items() if one is not Tells.NOTHING}
    return "", 0, {}


def _cells(words: str, start: int, mark: str, columns: dict[int, Tells]) -> Iterator[Found]:
    at = start
    for number, cell in enumerate(words.split(mark)):
        value = cell.strip().strip("\"'`*")
        told = columns.get(number, Tells.NOTHING)
        if told is not Tells.NOTHING and not blank(value) and drawn(value, 8) and is_secret(told, value):
            begin = at + cell.index(value)
            yield Found(begin, begin + len(value), "field", start, False, "a column's name")
        at += len(cell) + len(mark)
