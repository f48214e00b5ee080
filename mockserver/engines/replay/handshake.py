"""How replay answers a handshake: the headers of a recorded answer that still hold, and a refusal of its own."""

from __future__ import annotations

import json

from mockserver.core.frames import Effect, Note, Pairs, Refuse

NOT_REPLAYED = frozenset(
    {"connection", "upgrade", "date", "server", "content-length", "content-encoding", "transfer-encoding",
     "set-cookie", "keep-alive"}
)  # fmt: skip


def kept(headers: Pairs) -> Pairs:
    """The headers of a recorded answer that are said again."""
    return tuple(
        (name, value)
        for name, value in headers
        if name.lower() not in NOT_REPLAYED and not name.lower().startswith("sec-websocket-")
    )


def no_connection(message: str) -> list[Effect]:
    """404 with the reason."""
    error = {"error": {"type": "invalid_request_error", "code": "replay_no_connection", "message": message}}
    return [
        Note("replay", message.removeprefix("replay: "), {"departed": True}),
        Refuse(404, (("Content-Type", "application/json"),), json.dumps(error).encode()),
    ]
