"""What the tests of LiveKit's plugins share."""

from __future__ import annotations

from typing import Any

from mockserver import speech


async def heard(generation: Any) -> str:
    """The words in the audio of a generation, to its end."""
    pcm = b""
    async for message in generation.message_stream:
        async for frame in message.audio_stream:
            pcm += bytes(frame.data)
    return speech.decode(pcm, 24_000)
