"""A cassette's match rules, as far as a comparison of recordings asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mockserver.cassette.normal import Key, Names
from mockserver.cassette.varies import Path, fits, parsed, same, which
from mockserver.errors import UsageError


class HeaderRules:
    """The rules about single frames in a header. One that this version cannot read says nothing."""

    def __init__(self, stated: Mapping[str, Any]) -> None:
        self._varies = [one for line in _lines(stated, "varies") if (one := _read(parsed, line))]
        self._optional = [one for line in _lines(stated, "optional") if (one := _read(which, line))]
        self._added = [one for line in _lines(stated, "added") if (one := _read(which, line.partition(" = ")[0]))]
        pairs = (word for line in _lines(stated, "unordered") for word in line.split())
        self._moving = [one for word in pairs if (one := _read(which, word))]
        self._hidden = {line[1:] for line in _lines(stated, "volatile") if line.startswith("?")}

    def permits(self, key: Key, path: Path, value: Any) -> bool:
        """Whether this may stand in the place of what was recorded there."""
        _, name, number, connection = key
        for one in self._varies:
            if one.which.fits(name, number, connection) and fits(one.path, path):
                if one.what == "sound" or one.permits(value):
                    return True
                if one.what == "=" and same(Names().normal(one.value), value):
                    return True
        return False

    def may_miss(self, key: Key) -> bool:
        """Whether this step may be left out."""
        return any(one.fits(*key[1:]) for one in self._optional)

    def may_come(self, key: Key) -> bool:
        """Whether a step of this name may be added."""
        return any(one.fits(key[1], 0, 0) for one in self._added)

    def moves(self, key: Key) -> bool:
        """Whether this step may change places with another."""
        return any(one.fits(*key[1:]) for one in self._moving)

    def hides(self, parameter: str) -> bool:
        """Whether a query parameter is not compared."""
        return parameter in self._hidden


def _lines(stated: Mapping[str, Any], kind: str) -> list[str]:
    found = stated.get(kind, ())
    if isinstance(found, Mapping):
        found = found.get("set", ())
    return [line for line in found if isinstance(line, str)] if isinstance(found, list | tuple) else []


def _read(reader: Any, line: str) -> Any:
    try:
        return reader(line)
    except UsageError:
        return None
