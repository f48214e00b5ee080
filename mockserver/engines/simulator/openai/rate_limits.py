"""``rate_limits.updated``: which limits there are and when it comes is the profile's (openai.md#102)."""

from __future__ import annotations

from typing import Any

from mockserver.engines.simulator.openai.wire import Wire

REQUESTS = 20_000
"""Limit of requests, as in a session of the beta (openai.md#158); the one of tokens is a setting."""


def tell(wire: Wire, tokens: int) -> None:
    """Send it, after ``tokens`` more have been used."""
    spent = {"requests": (REQUESTS, 1), "tokens": (wire.options.rate_limit_tokens, tokens)}
    rows: list[dict[str, Any]] = []
    for name in wire.profile.rate_limit_names:
        limit, used = spent[name]
        left = max(0, limit - used)
        seconds = (limit - left) * 60 / limit
        rows.append({"name": name, "limit": limit, "remaining": left, "reset_seconds": seconds})
    wire.emit("rate_limits.updated", rate_limits=rows)
