"""The desk of one conversation: events as the agent is set up to send them, the two counters, ids as they look."""

from __future__ import annotations

from typing import Any

from mockserver.engines.base import SessionContext
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.elevenlabs.options import ElevenLabsOptions

_ID = "0123456789abcdefghjkmnpqrstvwxyz"
ALWAYS = frozenset({"agent_chat_response_part", "queue_status", "error", "client_error"})
"""Come whatever the agent's list says: the first in text mode (elevenlabs.md#46); of the others that is unknown."""


class AgentDesk(Desk[ElevenLabsOptions]):
    """Shared by the parts of one conversation."""

    def __init__(self, context: SessionContext, options: ElevenLabsOptions) -> None:
        super().__init__(context, options)
        self.client_events = options.client_events
        self.count = 0
        """Of turns and interruptions. Pings have a counter of their own (elevenlabs.md#44)."""

    def emit(self, name: str, wrapper: str, /, **fields: Any) -> None:
        """A server event, where the agent sends such events."""
        if name in ALWAYS or name in self.client_events:
            self.send({wrapper: fields, "type": name})

    def next(self) -> int:
        """The number of the next turn or interruption."""
        self.count += 1
        return self.count

    def conversation_id(self) -> str:
        """As ``conv_3801m3hcvnd5eae97nkb874pcrab``."""
        return self.ids.mint("conv_", 28, _ID)

    def call_id(self, tool: str) -> str:
        """The tool's name and 32 hexadecimal digits."""
        return f"{tool}_{self.ids.uuid().replace('-', '')}"
