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


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
"""Made once: a decoder of its own for every frame costs a third of reading a short one."""
