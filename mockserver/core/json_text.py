"""JSON as realtime providers write it: compact, not ASCII-escaped, and always text that can be sent."""

from __future__ import annotations

import json
from typing import Any

_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Made once: ``json.dumps`` makes an encoder for every call that says more than its defaults."""


def dumps(value: Any) -> str:
    """``value`` as compact JSON.

    A client may send half of a surrogate pair as an escape (``"\\ud800"``). It cannot be encoded as UTF-8, so it goes
    back as the escape that it came as.
    """
    return writable(_ENCODE(value))


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
