"""Dotted paths into parsed JSON: ``response.metadata.topic``, ``item.content.0.type``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def matches(body: Any, where: Mapping[str, Any], *, fold_case: bool = False) -> bool:
    """Whether a body has these values at these dotted paths ("response.metadata.topic", "item.content.0.type").

    The value ``...`` (Ellipsis) asks only that the path is there. ``fold_case``: camelCase and snake_case name the same
    key, as they do for a protobuf service.
    """
    for path, wanted in where.items():
        found, there = dig(body, path, fold_case=fold_case)
        if not there or (wanted is not ... and found != wanted):
            return False
    return True


def dig(body: Any, path: str, *, fold_case: bool = False) -> tuple[Any, bool]:
    """The value at a dotted path, and whether the path is there. A number is a list index (negative from the end)."""
    here = body
    for part in path.split("."):
        if isinstance(here, Mapping) and part in here:
            here = here[part]
        elif isinstance(here, Mapping) and fold_case and (key := _alike(here, part)) is not None:
            here = here[key]
        elif isinstance(here, list) and part.lstrip("-").isdigit() and -len(here) <= int(part) < len(here):
            here = here[int(part)]
        else:
            return None, False
    return here, True


def _alike(body: Mapping[str, Any], name: str) -> str | None:
    """The key that is this name in the other way of writing it."""
    wanted = _folded(name)
    return next((key for key in body if _folded(key) == wanted), None)


def _folded(name: str) -> str:
    return name.replace("_", "").lower()
