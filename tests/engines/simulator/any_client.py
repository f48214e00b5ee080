"""What the state machines of simulated providers share: a model that answers, calls and is silent in turn."""

from __future__ import annotations

from typing import Any

from mockserver.engines.simulator import Pace, Reply, ToolCall

PACE = Pace(created_ms=20, first_ms=50, text_ms=10, audio_speed=2.0, piece_ms=100, transcription_ms=30)


def replier(context: Any) -> Any:
    """An answer; every fifth turn two tools are called, and in another nothing is said."""
    last = context.items[-1] if context.items else None
    match context.turn % 5:
        case 1 if last is not None and last.type != "function_call_output":
            return Reply("Let me look at that.", calls=(ToolCall("look"), ToolCall("find")))
        case 2:
            return None
        case _:
            return f"This is what I have to say in answer number {context.turn}."
