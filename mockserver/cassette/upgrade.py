"""From the format of an older version to this one's, one version at a time.

``UPGRADES[n]`` turns the raw objects of a file of format ``n`` (the header first, as they were unpacked) into those of
format ``n + 1``. Format 1 is the first, so the table is empty; whoever changes the format raises ``FORMAT_VERSION`` and
adds the function that brings the old files along, in the same commit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Upgrade = Callable[[list[Any]], list[Any]]

UPGRADES: Mapping[int, Upgrade] = {}


def upgraded(objects: list[Any], version: int, current: int, upgrades: Mapping[int, Upgrade] = UPGRADES) -> list[Any]:
    """The objects in the current format. KeyError names a version that nobody can upgrade from."""
    for step in range(version, current):
        objects = upgrades[step](objects)
    return objects
