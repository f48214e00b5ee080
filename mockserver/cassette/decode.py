"""What is written inside what: one text, level by level, with every escape undone, and the way back to the first one.

A level is flat: all the strings in which there is something to undo, one after another, with ``BORDER`` between them.
What
stands at a place of a level stands at a stretch of the text that one began with (``Level.origin``). So a secret is
found where it can be read, and cut out where it is written; every other byte stays.

A level costs time in proportion to its length, and none is longer than the one above it. There are at most ``DEEPEST``.
"""

from __future__ import annotations

import re
import zlib
from binascii import Error, a2b_base64, b2a_base64
from bisect import bisect_right
from collections.abc import Iterator

from mockserver.core.yielding import STEPS, yield_to_others, yielding

DEEPEST = 8
"""How many times what is inside is looked into."""
LARGEST = 64 << 20
"""Bytes that a packed stretch may unpack to; a longer one is not looked into."""
BORDER = "\x1e"
"""Stands between two strings of a level. Nothing that is looked for goes across it."""

STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
"""A JSON string with its quotes; the last one of a text may be cut."""
_KINDS = {
    "\\": re.compile(
        r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[\"\\/bfnrt'])"
    ),
    # So many at a time: no single step of the search is to keep others from working. It ends at the end of a character
    # of UTF-8, which has three more bytes at most.
    "%": re.compile(r"%[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2}){0,200}+(?:%[89ABab][0-9A-Fa-f]){0,3}+"),
    "&": re.compile(r"&(?:quot|amp|lt|gt|apos|#\d{1,6}|#[xX][0-9a-fA-F]{1,5});"),
}
"""The kinds of escapes. What is written in two of them at once is told only by undoing one after the other."""
_IS = {**_KINDS, "%": re.compile(r"%[0-9A-Fa-f]{2}")}
"""Whether there is one at all."""
_ESCAPE = re.compile("|".join(kind.pattern for kind in _KINDS.values()))
_SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_ENTITY = {"quot": '"', "amp": "&", "lt": "<", "gt": ">", "apos": "'"}
_LINE = r"[A-Za-z0-9+/]{64}(?:[A-Za-z0-9+/]{12})?(?![A-Za-z0-9+/_-])"
_BASE64 = re.compile(
    rf"{_LINE}(?:\r?\n{_LINE})*+(?:\r?\n[A-Za-z0-9+/]{{1,76}}+)?={{0,2}}|[A-Za-z0-9+/_-]{{16,}}+={{0,2}}"
)
"""In lines of 64 or 76 characters, too: PEM and MIME."""
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/_=\r\n-]")
_PRINTABLE = bytes((9, 10, 13, *range(32, 127)))
_OTHER = bytes({*range(256)} - {*_PRINTABLE})
GZIP = b"\x1f\x8b\x08"
_ZLIB = (b"\x78\x01", b"\x78\x9c", b"\x78\xda")
TAGS = 5
"""Bytes, less one, that may stand in front of what is packed."""
_NEVER = bytes((*range(9), 11, 12, *range(14, 32), 127, 0xC0, 0xC1, *range(0xF5, 256)))
"""Bytes that no text in UTF-8 has, or next to none."""
_STARTS = re.compile(rb"\xff\xfe|\xfe\xff|.{0,4}\x78[\x01\x9c\xda]", re.DOTALL)
PACKED = 16
"""So many packed stretches of one frame are looked into."""


_JSON = re.compile('[ \\t\\r\\n\ufeff\\x00-\\x1d\\x7f-\\x9f\udc80-\udcff]{0,8}[{\\["]')
_OPENS = re.compile(r"[{\[]")


def is_json(text: str, begin: int = 0) -> bool:
    """Whether JSON may begin at a place of a text, a few tag bytes aside."""
    return _JSON.match(text, begin) is not None


class Level:
    """A text, and where each stretch of it stands in the level above."""

    __slots__ = ("_above", "_at", "_ends", "_from", "_room", "text")

    def __init__(self, text: str, above: Level | None = None) -> None:
        self.text = text
        self._above = above
        self._room: int = above._room if above is not None else 4 * len(text) + 4096
        self._at: list[int] = []  # where stretches begin here
        self._from: list[int] = []  # and in the level above
        self._ends: list[int] = []  # where an escape ends there; -1 for a stretch that is the same in both

    def origin(self, begin: int, end: int) -> tuple[int, int]:
        """The stretch of the first text in which that of this level is written."""
        level = self
        while level._above is not None:
            first, last = bisect_right(level._at, begin) - 1, bisect_right(level._at, end - 1) - 1
            one = level._from[first] if level._ends[first] >= 0 else level._from[first] + begin - level._at[first]
            two = level._ends[last] if level._ends[last] >= 0 else level._from[last] + end - level._at[last]
            begin, end, level = one, two, level._above
        return begin, end

    def below(self) -> Level | None:
        """The next level; None where nothing is escaped in this one."""
        text = self.text
        kinds = [kind for kind, pattern in _IS.items() if kind in text and pattern.search(text)]
        if not kinds:
            return None
        made = Level("", self)
        pieces: list[str] = []
        size = 0
        for begin, end in yielding(_strings(text)):
            for kind in kinds:
                if size + end - begin > self._room:
                    break
                if _IS[kind].search(text, begin, end):
                    if pieces:
                        made._plain(size, begin)
                        pieces.append(BORDER)
                        size += 1
                    size = made._dissolve(text, begin, end, pieces, size, _KINDS[kind])
                    if kind == "\\" and text[begin - 1 : begin] == text[end : end + 1] == '"':
                        break  # in a string of JSON this is the outermost
        made.text = "".join(pieces)
        return made if pieces else None

    def _plain(self, at: int, above: int) -> None:
        self._at.append(at)
        self._from.append(above)
        self._ends.append(-1)

    def _dissolve(self, text: str, begin: int, end: int, pieces: list[str], size: int, escape: re.Pattern[str]) -> int:
        done = begin
        percents = escape is _KINDS["%"]
        form = percents and "+" in text
        for match in yielding(escape.finditer(text, begin, end), every=1 if percents else STEPS):
            start = match.start()
            if done < start:
                self._plain(size, done)
                pieces.append(text[done:start].replace("+", " ") if form else text[done:start])
                size += start - done
            for char, low, high in _undone(match[0], start):
                self._at.append(size)
                self._from.append(low)
                self._ends.append(high)
                pieces.append(char)
                size += len(char)
            done = match.end()
        if done < end:
            self._plain(size, done)
            pieces.append(text[done:end].replace("+", " ") if form else text[done:end])
            size += end - done
        return size


def _undone(escape: str, start: int) -> Iterator[tuple[str, int, int]]:
    """What an escape stands for, and where each character of that is written."""
    end = start + len(escape)
    if escape[0] == "%":
        at = start
        for char in bytes.fromhex(escape.replace("%", "")).decode("utf-8", "surrogateescape"):
            size = 3 * len(char.encode("utf-8", "surrogateescape"))
            yield char, at, at + size
            at += size
    elif escape[0] == "&":
        name = escape[1:-1]
        if name[0] != "#":
            yield _ENTITY[name], start, end
        else:
            code = int(name.lstrip("#xX"), base=16) if name[1] in "xX" else int(name[1:])
            yield chr(code) if code else "�", start, end
    elif escape[1] in "ux":
        if len(escape) == 12:
            high, low = int(escape[2:6], base=16), int(escape[8:], base=16)
            yield chr(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00), start, end
        else:
            yield chr(int(escape.lstrip("\\ux"), base=16)), start, end
    else:
        yield _SIMPLE.get(escape[1], escape[1]), start, end


def parts(text: str) -> Iterator[tuple[int, int]]:
    """The strings that a level is made of."""
    begin = 0
    while (end := text.find(BORDER, begin)) >= 0:
        yield begin, end
        begin = end + 1
    yield begin, len(text)


def _strings(text: str) -> Iterator[tuple[int, int]]:
    """What is to be opened by itself: the strings of JSON, and as a whole what is none; of that, the strings of JSON
    that may be in it as well.
    """
    for begin, end in parts(text):
        if is_json(text, begin):
            found = [match.span() for match in yielding(STRING.finditer(text, begin, end))]
            past, json = begin, True
            for low, high in yielding(found):
                json = json and "\\" not in text[past:low]
                past = high
            if json and "\\" not in text[past:end]:
                yield from ((low + 1, high - (text[high - 1] == '"' and high - low > 1)) for low, high in found)
                continue
        yield begin, end
        opens = _OPENS.search(text, begin, end)
        if opens is not None and _ESCAPE.search(text, opens.end(), end):
            for match in yielding(STRING.finditer(text, opens.end(), end)):
                if match.end() - match.start() > 8 and _ESCAPE.search(match[0]):
                    yield match.start() + 1, match.end() - 1


def dissolved(text: str) -> str:
    """A text with all escapes undone: the same secret is told by it however it is written."""
    level = Level(text)
    for _ in range(DEEPEST):
        made = Level("", level)
        pieces: list[str] = []
        made._dissolve(level.text, 0, len(level.text), pieces, 0, _ESCAPE)
        made.text = "".join(pieces)
        if made.text == level.text:
            break
        level = Level(made.text)
    return level.text


STEP = 1 << 16
"""Characters that are searched at a time: a search keeps every other thread from working."""


def stepwise(pattern: re.Pattern[str], text: str, border: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """``pattern.finditer(text)``, in steps. ``border`` is a character that no match holds."""
    begin = 0
    while len(text) - begin > STEP:
        yield_to_others()
        stop = border.search(text, begin + STEP)
        if stop is None:
            break
        yield from pattern.finditer(text, begin, stop.start())
        begin = stop.start()
    yield from pattern.finditer(text, begin)


# --- bytes ----------------------------------------------------------------------------------------------------------


_PLAIN_TEXT = frozenset(_PRINTABLE)


_WIDE = (("utf-16-le", 2, 0), ("utf-16-be", 2, 1), ("utf-32-le", 4, 0), ("utf-32-be", 4, 3))


def wide(head: bytes) -> tuple[int, str]:
    """How many tag bytes stand in front, and the encoding, where a text of two or four bytes a character begins here
    without a mark of their order; no encoding for any other bytes. In ASCII, zeros and letters take turns.
    """
    for begin in range(TAGS if head.count(0) * 3 > len(head) >= 16 else 0):
        for code, width, place in _WIDE:
            whole = head[begin : len(head) - (len(head) - begin) % width]
            if _PLAIN_TEXT.issuperset(whole[place::width]) and whole.count(0) == len(whole) - len(whole) // width:
                return begin, code
    return 0, ""


_MARKED = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
"""Marks of the order of bytes, the longest first."""


def wide_text(raw: bytes) -> tuple[bytes, str]:
    """The mark of the order of bytes and the encoding, where this is a text of two or four bytes a character."""
    begin, code = wide(raw[:64])
    return next((one for one in _MARKED if raw.startswith(one[0])), (raw[:begin], code))


def texty(raw: bytes) -> bool:
    """Whether bytes begin as a text does, a few tag bytes aside; or as something packed."""
    head = raw[:64]
    if wide(head)[1]:
        return True
    if GZIP in head or ((b"x" in head[:6] or head[:1] >= b"\xfe") and _STARTS.match(head)):
        return True
    never = len(head) - len(head.translate(None, _NEVER))
    if never > 12:
        return False  # noise: too many for each of the rules below, and asked about for every frame of audio
    bad = len(head.translate(None, _PRINTABLE))
    if bad <= min(4, len(head) // 3):
        return True
    rest = head.lstrip(_OTHER)
    if 8 <= len(head) - 8 <= len(rest) and len(rest.translate(None, _PRINTABLE)) <= len(rest) // 16:
        return True  # some tag bytes, and a text behind them
    if never > 4:
        return False
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(raw) <= 64 or error.start < 61:
            return False
        text = head[: error.start].decode("utf-8")
    return sum(not char.isprintable() and char not in "\t\r\n" for char in text) <= 2


def base64_words(text: str) -> Iterator[tuple[int, int, bytes]]:
    """The words of base64 in a text whose bytes are a text, or packed: begin, end, bytes."""
    for match in yielding(stepwise(_BASE64, text, _NO_BASE64)):
        word = match[0]
        if word.islower() or word.isupper() or word.isdigit():
            continue
        raw = unbase64(word[:88])
        if raw is not None and texty(raw):
            whole = raw if len(word) <= 88 else unbase64(word)
            if whole is not None:
                yield match.start(), match.end(), whole


def unbase64(word: str) -> bytes | None:
    """The bytes of a word of base64 in either alphabet, padded or not; as many as are whole."""
    plain = word.rstrip("=").replace("-", "+").replace("_", "/")
    if "\n" in plain:
        plain = plain.replace("\r", "").replace("\n", "")
    if len(plain) % 4 == 1:
        plain = plain[:-1]
    try:
        return a2b_base64(plain + "=" * (-len(plain) % 4))
    except Error:
        return None


def base64_as(word: str, raw: bytes) -> str:
    """Bytes in the alphabet, and with the padding, of a word."""
    made = b2a_base64(raw, newline=False).decode("ascii")
    if "-" in word or "_" in word:
        made = made.replace("+", "-").replace("/", "_")
    return made if word.endswith("=") or len(word) % 4 == 0 else made.rstrip("=")


def packed(raw: bytes) -> Iterator[tuple[int, int, bytes, int]]:
    """The packed stretches in bytes: begin, end, what they unpack to, how (zlib's window bits)."""
    at, tries = 0, 0
    for begin in range(TAGS):
        made = _unpacked(raw, begin, 15) if raw[begin : begin + 2] in _ZLIB else None
        if made is not None:
            yield (begin, made[1], made[0], 15)
            at = made[1]
            break
    while tries < PACKED and (at := raw.find(GZIP, at)) >= 0:
        tries += 1
        made = _unpacked(raw, at, 31)
        if made is None:
            at += 1
        else:
            yield (at, made[1], made[0], 31)
            at = made[1]


def _unpacked(raw: bytes, begin: int, bits: int) -> tuple[bytes, int] | None:
    unpacker = zlib.decompressobj(bits)
    try:
        made = unpacker.decompress(raw[begin:], LARGEST)
    except zlib.error:
        return None
    if not unpacker.eof:
        return None
    return made, len(raw) - len(unpacker.unused_data)


def pack(raw: bytes, bits: int) -> bytes:
    """The same packed again; always the same for the same bytes."""
    packer = zlib.compressobj(6, zlib.DEFLATED, bits)
    return packer.compress(raw) + packer.flush()
