"""The desk of one session: messages as the service writes them, in text or binary frames, and the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mockserver.core.frames import Binary, Hangup, Text, to_client
from mockserver.core.json_text import pretty
from mockserver.engines.base import SessionContext
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.gemini.options import GeminiOptions
from mockserver.engines.simulator.gemini.problems import Closing


class GeminiWire(Desk[GeminiOptions]):
    """``vertex``: which of the two services. ``over``: called once the session has ended from here.

    ``silenced``: nothing more is said, though the connection stays (gemini.md#52).
    """

    def __init__(
        self, context: SessionContext, options: GeminiOptions, *, vertex: bool, over: Callable[[], None]
    ) -> None:
        super().__init__(context, options)
        self.vertex = vertex
        self.silenced = False
        self._over = over

    def say(self, **fields: Any) -> None:
        """A message, pretty-printed with a newline at its end (gemini.md#6)."""
        if self.silenced:
            return
        text = pretty(fields) + "\n"
        self.push(to_client(Text(text) if self.options.frames == "text" else Binary(text.encode())))

    def content(self, **fields: Any) -> None:
        """A ``serverContent`` message."""
        self.say(serverContent=fields)

    def close(self, closing: Closing) -> None:
        """The session ends."""
        self.push(Hangup(code=closing.code, reason=closing.reason))
        self._over()

    def guarded(self, run: Callable[[], None]) -> None:
        """Run; what is wrong with the client ends the session."""
        try:
            run()
        except Closing as closing:
            self.close(closing)


def duration(milliseconds: float) -> str:
    """A time as protobuf writes it in JSON: "5s", "1.880s" (gemini.md#32)."""
    whole, rest = divmod(round(milliseconds), 1_000)
    return f"{whole}.{rest:03d}s" if rest else f"{whole}s"
