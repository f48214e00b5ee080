"""Who may come in: the keys that are good, and the client secrets that were given out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.engines.simulator.kept import Kept
from mockserver.engines.simulator.openai.profile import ID_SHAPES

_SECRET_PREFIX = ID_SHAPES["secret"][0]


def is_secret(key: str) -> bool:
    """Whether a key has the shape of a client secret."""
    return key.startswith(_SECRET_PREFIX)


@dataclass(slots=True)
class KnownKeys:
    """``wanted`` as in ``Options.require_key``. Times are seconds since 1970."""

    wanted: bool | frozenset[str]
    _secrets: Kept[str, tuple[int, Mapping[str, Any] | None]] = field(default_factory=Kept)

    @property
    def made(self) -> int:
        """How many client secrets have been given out."""
        return self._secrets.made

    def give(self, secret: str, expires: int, session: Mapping[str, Any] | None, *, size: int = 0) -> None:
        """Remember a client secret, and the settings of the sessions that it opens. ``size``: of what asked for it."""
        self._secrets.keep(secret, (expires, session), size)

    def session(self, key: str | None) -> Mapping[str, Any] | None:
        """The settings that came with a client secret, or None."""
        found = self._secrets.get(key or "")
        return None if found is None else found[1]

    def knows(self, key: str | None) -> bool:
        """Whether this is a client secret from here."""
        return key in self._secrets

    def opens(self, key: str | None, now: int) -> bool:
        """Whether a session opens with this key: a good one, or a client secret from here that has not expired."""
        found = self._secrets.get(key or "")
        if found is not None:
            return now < found[0]
        if isinstance(self.wanted, bool):
            return key is not None or not self.wanted
        return key in self.wanted

    def mints(self, key: str | None, now: int) -> bool:
        """Whether a client secret may be had for this key. A client secret opens sessions, and no more
        (openai.md#19)."""
        if key is not None and (key in self._secrets or is_secret(key)):
            return False
        return self.opens(key, now)
