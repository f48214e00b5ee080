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
        text = _ENCODE(value)
    except RecursionError:
        text = _ENCODE_CHECKED(value)  # its error says which of the two it is
    return writable(text)


def pretty(value: Any) -> str:
    """``json.dumps(value, indent=2, ensure_ascii=False)`` as text that can be sent.

    The library's own encoder does it in Python, a generator for each level: four times as long.
    """
    parts: list[str] = []
    _lay_out(value, "\n", parts.append)
    return writable("".join(parts))


_PLAIN = bytes(code for code in range(0x20, 0x7F) if code not in b'"\\')
"""What stands in JSON text as it is."""


def _quoted(text: str) -> str:
    """Audio is the most of what is said: that there is nothing to escape in it is soon told."""
    if len(text) > 256 and text.isascii() and not text.encode().translate(None, _PLAIN):
        return f'"{text}"'
    return encode_basestring(text)


def _lay_out(value: Any, line: str, put: Callable[[str], None]) -> None:
    """``line``: the end of a line and the indentation of the next."""
    if isinstance(value, str):
        put(_quoted(value))
    elif isinstance(value, dict) and value:
        inner = line + "  "
        lead = "{" + inner
        for name, one in value.items():
            put(f"{lead}{encode_basestring(name)}: ")
            _lay_out(one, inner, put)
            lead = "," + inner
        put(line + "}")
    elif isinstance(value, list | tuple) and value:
        inner = line + "  "
        lead = "[" + inner
        for one in value:
            put(lead)
            _lay_out(one, inner, put)
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
