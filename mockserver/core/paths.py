"""Dotted paths into parsed JSON: ``response.metadata.topic``, ``item.content.0.type``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_NUMBER = re.compile(r"-?[0-9]{1,9}")
Where = Mapping[str, Any] | Callable[[Any], bool]
"""Values at dotted paths of a body (``...``: whatever stands there), or a function of the body."""


def matches(body: Any, where: Mapping[str, Any], *, fold_case: bool = False) -> bool:
    """Whether a body has these values at these dotted paths ("response.metadata.topic", "item.content.0.type").

    The value ``...`` (Ellipsis) asks only that the path is there. ``fold_case``: camelCase and snake_case name the same
    key, as they do for a protobuf service.
    """
    for path, wanted in where.items():
        found, there = dig(body, path, fold_case=fold_case)
        if not there or (wanted is not ... and not _same(found, wanted, fold_case)):
            return False
    return True


def holds(body: Any, where: Where, *, fold_case: bool = False) -> bool:
    """``matches``, or what a function of the body says."""
    return bool(where(body)) if callable(where) else matches(body, where, fold_case=fold_case)


def dig(body: Any, path: str, *, fold_case: bool = False) -> tuple[Any, bool]:
    """The value at a dotted path, and whether the path is there. A number is a list index (negative from the end)."""
    here = body
    for part in path.split("."):
        if isinstance(here, Mapping) and (key := key_in(here, part, fold_case=fold_case)) is not None:
            here = here[key]
        elif isinstance(here, list) and _NUMBER.fullmatch(part) and -len(here) <= int(part) < len(here):
            here = here[int(part)]
        else:
            return None, False
    return here, True


def _same(found: Any, wanted: Any, fold_case: bool) -> bool:
    if found == wanted or not fold_case:
        return bool(found == wanted)
    if isinstance(found, Mapping) and isinstance(wanted, Mapping) and len(found) == len(wanted):
        keys = {name: key_in(found, name, fold_case=True) for name in wanted}
        return all(key is not None and _same(found[key], wanted[name], True) for name, key in keys.items())
    if isinstance(found, list) and isinstance(wanted, list | tuple) and len(found) == len(wanted):
        return all(_same(one, two, True) for one, two in zip(found, wanted, strict=True))
    return False


def key_in(body: Mapping[str, Any], name: str, *, fold_case: bool = False) -> str | None:
    """The key of a body that this name means; None where there is none."""
    if name in body:
        return name
    wanted = _folded(name)
    return next((key for key in body if _folded(key) == wanted), None) if fold_case else None


def _folded(name: str) -> str:
    return name.replace("_", "").lower()
