"""How replay answers a handshake: the headers of a recorded answer that still hold, and a refusal of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable

from mockserver.core.frames import Effect, Event, Micros, Note, Opened, Pairs, Refuse

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


class RefusedSession:
    """Answers a connection that the cassette does not hold."""

    def __init__(self, message: str) -> None:
        self._message = message

    def feed(self, item: Event, now: Micros) -> list[Effect]:
        """404 with the reason."""
        return no_connection(self._message) if isinstance(item, Opened) else []

    def wake_at(self) -> Micros | None:
        """It waits for nothing."""
        return None

    def wake(self, now: Micros) -> Iterable[Effect]:
        """Nothing is ever due."""
        return ()
