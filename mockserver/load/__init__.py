"""Plays the client's half of a cassette through whatever stands between: a gateway, a proxy, an agent platform.

    from mockserver.load import CassetteUser      # a user of Locust's (extra "load")
    from mockserver.load import call              # one session, with asyncio

``mockserver call FILE --url URL`` is the same for one session, with a timeline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mockserver.load.caller import Caller, CallerRole, CallOptions
from mockserver.load.outcome import CallReport, HeardReply

if TYPE_CHECKING:
    from mockserver.load.socket import call
    from mockserver.load.user import CassetteUser

__all__ = ["CallOptions", "CallReport", "Caller", "CallerRole", "CassetteUser", "HeardReply", "call"]


def __getattr__(name: str) -> Any:
    """Locust brings gevent, which turns sockets and threads into others: only who asks for its user gets that."""
    if name == "CassetteUser":
        from mockserver.load.user import CassetteUser

        return CassetteUser
    if name == "call":
        from mockserver.load.socket import call

        return call
    raise AttributeError(name)
