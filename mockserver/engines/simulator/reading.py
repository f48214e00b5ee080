"""Reads a client's text frame, so that nothing in it upsets the session or comes back as a frame nobody can send."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from mockserver.core.json_text import refused, too_deep

DEEPEST = 64
"""Levels of nesting; unknown how many the provider takes. Settings and tool schemas have about ten."""


def parse(data: str) -> Any:
    """The JSON value in ``data``, or None where there is none.

    NaN and Infinity are no JSON (RFC 8259 section 6), and half a surrogate pair is no text that could be sent back.
    """
    if refused(data):
        return None
    try:
        value = _DECODER.decode(data)
        if "\\u" in data:
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return None if too_deep(value, DEEPEST) else value


def too_many(value: Any, most: int) -> tuple[str, int] | None:
    """The first array in a JSON value, the outer ones first, that has more elements than this: where, and how many."""
    level = [("", value)]
    while level:
        inner: list[tuple[str, Any]] = []
        for path, one in level:
            if isinstance(one, dict):
                dot = f"{path}." if path else ""
                inner += [(dot + name, element) for name, element in one.items() if isinstance(element, dict | list)]
            elif isinstance(one, list):
                if len(one) > most:
                    return path, len(one)
                inner += [
                    (f"{path}[{n}]", element) for n, element in enumerate(one) if isinstance(element, dict | list)
                ]
        level = inner
    return None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
"""Made once: a decoder of its own for every frame costs a third of reading a short one."""
