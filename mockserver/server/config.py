"""The project's own settings: ``mockserver.toml``, or the table ``[tool.mockserver]`` of ``pyproject.toml``.

    redact = ["555-\\\\d{4}"]         # regular expressions, taken out of cassettes on top of everything else
    outlast = 30                    # seconds that a recorded service gets to end its response without its client

    [rules]                         # match rules on top of the provider's and the cassette's
    volatile = ["session.instructions"]

The nearest file counts, from a folder upwards. A wrong key is an error here, because a rule that is silently ignored
would let a test pass or fail for no visible reason.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mockserver.errors import UsageError
from mockserver.server.outlast import LIMIT_SECONDS
from mockserver.server.text_files import text_of

OWN, SHARED = "mockserver.toml", "pyproject.toml"
KEYS = ("redact", "outlast", "rules")


@dataclass(frozen=True, slots=True)
class Config:
    """What the project's file says. ``path`` is empty where there is none."""

    path: str = ""
    redact: tuple[str, ...] = ()
    rules: Mapping[str, Any] = field(default_factory=dict)
    outlast: float = LIMIT_SECONDS


def find(start: Path) -> Config:
    """The settings that hold in a folder. UsageError where the file is wrong."""
    for folder in (start.resolve(), *start.resolve().parents):
        own, shared = folder / OWN, folder / SHARED
        if own.is_file():
            return _config(own, _table(own))
        if shared.is_file():
            tool = _table(shared).get("tool", {})
            if "mockserver" in tool:
                return _config(shared, tool["mockserver"])
    return Config()


def combined(under: Mapping[str, Any], over: Mapping[str, Any] | None) -> dict[str, Any]:
    """Two sets of match rules as one: lists add up, of anything else the second wins."""
    whole = dict(under)
    for key, value in (over or {}).items():
        known = whole.get(key)
        adds = isinstance(known, list | tuple) and isinstance(value, list | tuple)
        whole[key] = [*(known or ()), *value] if adds else value
    return whole


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text_of(path, named=str(path), expected="TOML"))
    except (ValueError, RecursionError) as error:  # also for numbers and depths beyond Python's own limits
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{path}: not TOML: {error}") from None


def _config(path: Path, table: Any) -> Config:
    if not isinstance(table, dict):
        raise UsageError(f"{path}: mockserver: expected a table")
    for key in table:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, 1)
            meant = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(KEYS)}"
            raise UsageError(f"{path}: unknown key {key!r}; {meant}")
    redact: Sequence[Any] = table.get("redact", [])
    rules = table.get("rules", {})
    if not isinstance(redact, list) or not all(isinstance(one, str) for one in redact):
        raise UsageError(f"{path}: redact: expected a list of regular expressions, got {redact!r}")
    if not isinstance(rules, dict):
        raise UsageError(f"{path}: rules: expected a table, got {rules!r}")
    outlast = table.get("outlast", LIMIT_SECONDS)
    if isinstance(outlast, bool) or not isinstance(outlast, int | float) or not 0 <= outlast < 86_400:
        raise UsageError(f"{path}: outlast: expected seconds, 0 or more, got {outlast!r}")
    return Config(str(path), tuple(redact), rules, float(outlast))
