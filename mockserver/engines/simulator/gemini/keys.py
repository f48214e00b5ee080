"""The ephemeral tokens that were given out (gemini.md#93)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mockserver.engines.simulator.gemini import problems
from mockserver.engines.simulator.gemini.fields import SETUP
from mockserver.engines.simulator.gemini.proto import MapOf, MessageType, ProtoReader
from mockserver.engines.simulator.kept import Kept

TOKEN = "auth_tokens/"
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
EXPIRES_S, BEGINS_S = 30 * 60, 60
"""How long a token is good, and for beginning a session, where the request does not say (gemini.md#93)."""
REQUEST = MessageType(
    "AuthToken",
    {
        "uses": "int",
        "expireTime": "string",
        "newSessionExpireTime": "string",
        "bidiGenerateContentSetup": SETUP,
        "fieldMask": "string",
        "name": "string",
        "labels": MapOf("string"),
    },
)


@dataclass(slots=True)
class EphemeralToken:
    """One ephemeral token. Times are microseconds since 1970; ``uses`` 0: without end."""

    expires_us: int
    begins_us: int
    uses: int
    setup: dict[str, Any] | None
    locked: tuple[str, ...] | None

    def opens(self, now_us: int) -> bool:
        """Whether a session may begin; this counts as a use."""
        if now_us >= min(self.expires_us, self.begins_us) or self.uses < 0:
            return False
        if self.uses:
            self.uses = self.uses - 1 or -1
        return True


class Tokens:
    """All tokens given out."""

    def __init__(self) -> None:
        self.known: Kept[str, EphemeralToken] = Kept()

    def make(self, body: Any, now_us: int, mint: Callable[[], str], *, size: int = 0) -> dict[str, Any]:
        """A new token for a request's body; returns the answer. Raises Closing, whose reason is the error's message.

        ``size``: bytes of the body.
        """
        asked = ProtoReader("v1alpha", "google.ai.generativelanguage.v1alpha").message(REQUEST, body)
        mask = asked.get("fieldMask")
        locked = tuple(path for path in mask.split(",") if path) if mask else None
        token = EphemeralToken(
            expires_us=_micros(asked.get("expireTime"), now_us + EXPIRES_S * 1_000_000),
            begins_us=_micros(asked.get("newSessionExpireTime"), now_us + BEGINS_S * 1_000_000),
            uses=asked.get("uses", 1),
            setup=asked.get("bidiGenerateContentSetup"),
            locked=locked,
        )
        name = TOKEN + mint()
        self.known.keep(name, token, size)
        return {"name": name}


def _micros(text: str | None, otherwise: int) -> int:
    """A time as RFC 3339 writes it, in microseconds since 1970."""
    if text is None:
        return otherwise
    found = _TIME.fullmatch(text)
    if found is None:
        raise problems.invalid()
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    # Days since 1970 by the civil calendar: a year that begins in March has its leap day last.
    year -= month <= 2
    era, since_march = year // 400, (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = era * 146_097 + (year % 400) * 365 + year % 400 // 4 - year % 400 // 100 + since_march - 719_468
    zone = found[8]
    offset = 0 if zone == "Z" else int(zone[0] + "1") * (int(zone[1:3]) * 60 + int(zone[4:6])) * 60
    seconds = days * 86_400 + hour * 3_600 + minute * 60 + second - offset
    return seconds * 1_000_000 + int((found[7] or "0")[:6].ljust(6, "0"))
