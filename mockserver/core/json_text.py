"""JSON as realtime providers write it: compact, not ASCII-escaped, and always text that can be sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any

_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
"""Made once: ``json.dumps`` makes an encoder for every call that says more than its defaults."""
_ENCODE_CHECKED = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""The same, which looks whether a value is inside itself: that takes a third of the time."""


def dumps(value: Any) -> str:
    """``value`` as compact JSON.

    A client may send half of a surrogate pair as an escape (``"\\ud800"``). It cannot be encoded as UTF-8, so it goes
    back as the escape that it came as.
    """
    try:
        text = _written(value) if type(value) is dict and _long_inside(value) else _ENCODE(value)
    except RecursionError:
        text = _ENCODE_CHECKED(value)  # its error says which of the two it is
    return writable(text)


def pretty(value: Any) -> str:
    """``json.dumps(value, indent=2, ensure_ascii=False)`` as text that can be sent.

    The library's own encoder does it in Python, a generator for each level: four times as long.
    """
    parts: list[str] = []
    _lay_out(value, "\n", "  ", ": ", parts.append)
    return writable("".join(parts))


_AS_IT_IS = bytes(code for code in range(0x20, 0x100) if code not in b'"\\')
"""What stands in JSON text as it is, as bytes of UTF-8."""
_ESCAPED = {char: encode_basestring(char)[1:-1] for char in map(chr, (*b'\\"', *range(0x20)))}
"""What does not. The backslash comes first: the others are written with one."""
_TEXT = 1 << 12
"""Characters from which on a text is long: the library looks at each of them, which is milliseconds for a megabyte."""


def _quoted(text: str) -> str:
    """Long texts are audio, in which there is nothing to escape, or prose with some lines and quotation marks."""
    if len(text) > 256:
        left = text.encode("utf-8", "surrogatepass").translate(None, _AS_IT_IS)
        if len(left) <= len(text) >> 8:
            there = set(left.decode("ascii"))
            for char, escaped in _ESCAPED.items():
                if char in there:
                    text = text.replace(char, escaped)
            return f'"{text}"'
    return encode_basestring(text)


_LOOKED = 1_000
"""Objects that are looked into for a long text. Where there are so many, the texts are not most of it."""


def _long_inside(value: dict[Any, Any]) -> bool:
    """Whether a long text stands in a value."""
    ahead, count = [value], 0
    while ahead and count < _LOOKED:
        count += 1
        for one in ahead.pop().values():
            kind = type(one)
            if kind is str:
                if len(one) >= _TEXT:
                    return True
            elif kind is dict:
                ahead.append(one)
            elif kind is list:
                ahead += [inner for inner in one if type(inner) is dict]
    return False


def _written(value: dict[Any, Any]) -> str:
    """What ``_ENCODE`` gives, in a third of the time where most of it is long texts."""
    parts: list[str] = []
    try:
        _lay_out(value, "", "", ":", parts.append)
    except TypeError:  # a name that is no text, as Python allows
        return _ENCODE(value)
    return "".join(parts)


def _lay_out(value: Any, line: str, indent: str, colon: str, put: Callable[[str], None]) -> None:
    """``line``: the end of a line and the indentation of the next, which ``indent`` goes in by."""
    if isinstance(value, str):
        put(_quoted(value))
    elif isinstance(value, dict) and value:
        inner = line + indent
        lead = "{" + inner
        for name, one in value.items():
            put(f"{lead}{encode_basestring(name)}{colon}")
            _lay_out(one, inner, indent, colon, put)
            lead = "," + inner
        put(line + "}")
    elif isinstance(value, list | tuple) and value:
        inner = line + indent
        lead = "[" + inner
        for one in value:
            put(lead)
            _lay_out(one, inner, indent, colon, put)
            lead = "," + inner
        put(line + "]")
    else:
        put(_ENCODE(value))


_LONG = range(16 << 10, 3 << 19)
"""Characters of a text of which it is worth to remember what it says: reading it again costs milliseconds. What is
longer still would hold too much memory."""
_NOT_JSON = object()
_latest: list[tuple[str, Any]] = [("", None)]


def loads(text: str) -> Any:
    """The JSON value in ``text``. ValueError or RecursionError where there is none.

    Of a long text the value is remembered until the next one: the log, the faults, the accounts of a session and its
    engine ask about the same frame one after another. So the value is the same object for all, and to be left as it is.
    """
    if len(text) not in _LONG:
        return json.loads(text)
    last = _latest[0]  # servers may run in several threads
    if last[0] is not text:
        try:
            last = (text, json.loads(text))
        except (ValueError, RecursionError):
            last = (text, _NOT_JSON)
        _latest[0] = last
    if last[1] is _NOT_JSON:
        raise ValueError("not JSON")
    return last[1]


def forget() -> None:
    """Whoever asks next gets a value that nobody else has."""
    _latest[0] = ("", None)


def refused(text: str) -> bool:
    """Whether ``loads`` was asked about this long text last, and there is no JSON in it."""
    last = _latest[0]
    return last[1] is _NOT_JSON and last[0] is text


def too_deep(value: Any, levels: int) -> bool:
    """Whether a JSON value is nested deeper than this. How deep the parser itself goes differs between Pythons."""
    level = [value]
    for _ in range(levels):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner += one.values()
            elif isinstance(one, list):
                inner += one
        if not inner:
            return False
        level = inner
    return True


def writable(text: str) -> str:
    """JSON text that can be encoded: lone surrogates become escapes again."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
