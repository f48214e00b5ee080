"""What can go wrong at a provider, before a dialect puts it into the provider's shape.

``WORDS`` are plain sentences for providers whose own are not known; a dialect that knows them has a table of its own
(``Dialect.problems``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Trouble = Literal[
    "rate_limit",
    "request_limit",
    "insufficient_quota",
    "server_error",
    "invalid_key",
    "session_expired",
    "shape_retired",
    "reply_active",
    "nothing_to_cancel",
]
"""The kinds: too many tokens a minute; too many requests a day; no money left; the provider's own fault; a wrong key;
the session's time is up; the shape that the client speaks is switched off; a reply is on its way already; no reply
is."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a server tells a client that went wrong, before the dialect words it."""

    kind: str  # the provider's code, e.g. "invalid_api_key", "session_expired"
    message: str
    param: str | None = None
    event_id: str | None = None  # the client's event that caused it
    type: str = "invalid_request_error"
    extra: Mapping[str, Any] = field(default_factory=dict)


WORDS: Mapping[Trouble, Problem] = {
    "rate_limit": Problem("rate_limit_exceeded", "Rate limit exceeded.", type="rate_limit"),
    "insufficient_quota": Problem("insufficient_quota", "Quota exceeded.", type="insufficient_quota"),
    "server_error": Problem("server_error", "Internal error.", type="server_error"),
    "invalid_key": Problem("invalid_api_key", "API key not valid."),
    "session_expired": Problem("session_expired", "The session's time is up."),
    "shape_retired": Problem("shape_retired", "This version of the API is no longer supported."),
    "reply_active": Problem("reply_active", "A reply is on its way already."),
    "nothing_to_cancel": Problem("nothing_to_cancel", "No reply is on its way."),
}
