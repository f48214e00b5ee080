"""A conversation, which outlives its socket for a while (phonic.md#12, phonic.md#20)."""

from __future__ import annotations

from dataclasses import dataclass, field

from mockserver.engines.simulator.phonic.config import TalkConfig
from mockserver.engines.simulator.replies.reply import Seen, ToolCall


@dataclass(slots=True, eq=False)
class Talk:
    """``lost_at``: when its socket was lost, in microseconds since 1970. ``over``: it ended and is never taken up."""

    id: str
    config: TalkConfig | None = None
    items: list[Seen] = field(default_factory=list)
    open_calls: dict[str, ToolCall] = field(default_factory=dict)
    external_id: str = ""
    turns: int = 0
    lost_at: int | None = None
    over: bool = False
    holder: object = None  # the engine of the socket that has it

    def add(self, role: str, text: str, *, origin: str = "client", audio_ms: int = 0) -> Seen:
        """A message, at the end."""
        item = Seen(f"i{len(self.items)}", "message", role, text, origin=origin, audio_ms=audio_ms)
        self.items.append(item)
        return item
