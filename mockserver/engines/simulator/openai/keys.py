"""Who may come in: the key that a client brings, the keys that are good, and the client secrets that were given out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mockserver.core.frames import Pairs, first
from mockserver.engines.simulator.openai.profile import ID_SHAPES, Profile

# The scheme's case does not count (RFC 9110 section 11.1). OpenAI's REST API takes Basic too; whether its socket does
# is unknown, so here it does not.
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_SECRET_PREFIX = ID_SHAPES["secret"][0]


def key_of(profile: Profile, headers: Pairs, query: Pairs = (), subprotocols: Sequence[str] = ()) -> str | None:
    """The key that a client brings, from the places alone where its provider looks for one; None where there is none.

    An empty key is none.
    """
    for name in profile.key_headers:
        value = (first(headers, name) or "").strip()
        if value:
            return value
    bearer = _BEARER.fullmatch((first(headers, "authorization") or "").strip())
    if bearer is not None:
        return bearer[1]
    for name in profile.key_params:
        value = (first(query, name) or "").strip()
        if value:
            return value
    prefix = profile.key_subprotocol
    for offered in subprotocols:
        if prefix is not None and offered.startswith(prefix) and len(offered) > len(prefix):
            return offered.removeprefix(prefix)
    return None


@dataclass(slots=True)
class Keys:
    """``wanted`` as in ``Options.require_key``. Times are seconds since 1970."""

    wanted: bool | frozenset[str]
    _secrets: dict[str, tuple[int, Mapping[str, Any] | None]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._secrets)

    def give(self, secret: str, expires: int, session: Mapping[str, Any] | None) -> None:
        """Remember a client secret, and the settings of the sessions that it opens."""
        self._secrets[secret] = (expires, session)

    def session(self, key: str | None) -> Mapping[str, Any] | None:
        """The settings that came with a client secret, or None."""
        return self._secrets.get(key or "", (0, None))[1]

    def knows(self, key: str | None) -> bool:
        """Whether this is a client secret from here."""
        return key in self._secrets

    def opens(self, key: str | None, now: int) -> bool:
        """Whether a session opens with this key: a good one, or a client secret from here that has not expired."""
        if key is not None and key in self._secrets:
            return now < self._secrets[key][0]
        if isinstance(self.wanted, bool):
            return key is not None or not self.wanted
        return key in self.wanted

    def mints(self, key: str | None, now: int) -> bool:
        """Whether a client secret may be had for this key. A client secret opens sessions, and no more
        (openai.md#19)."""
        if key is not None and (key in self._secrets or key.startswith(_SECRET_PREFIX)):
            return False
        return self.opens(key, now)
