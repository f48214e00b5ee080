"""What a test reads from a connection of the openai package's: events up to one of a name, and the words in them."""

from __future__ import annotations

import base64
from typing import Any

from mockserver import speech


async def collected(connection: Any, last: str = "response.done") -> list[Any]:
    """The events that come, up to ``last``."""
    events = []
    async for event in connection:
        events.append(event)
        if event.type == last:
            return events
    raise AssertionError(f"the session ended before {last}")


def words(events: list[Any], delta: str = "response.output_audio.delta") -> str:
    """What is said in the audio of these events."""
    return speech.decode(b"".join(base64.b64decode(event.delta) for event in events if event.type == delta))
