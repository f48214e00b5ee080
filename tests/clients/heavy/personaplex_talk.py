"""livekit-plugins-nvidia: a session of its own; an agent needs ends of utterances, and this wire has none."""

from __future__ import annotations

import asyncio
import os
import warnings
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import talk
from livekit import rtc

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from livekit.plugins.nvidia.experimental import realtime

FAINT = 300
"""Of 32767: below it nothing is said."""


def heard(pcm: bytes) -> bytes:
    """What the codec leaves of silence is silence."""
    return pcm if max(map(abs, array("h", pcm)), default=0) > FAINT else bytes(len(pcm))


@asynccontextmanager
async def opened(provider: str, folder: Path) -> AsyncIterator[talk.Line]:
    assert provider == "personaplex"
    line = talk.Line(folder, gap=True)
    tasks: set[asyncio.Task[None]] = set()

    async def listen(generation: Any) -> None:
        async for message in generation.message_stream:
            words = asyncio.create_task(read(message.text_stream))
            async for frame in message.audio_stream:
                line.hear(heard(bytes(frame.data)))
            await words

    async def read(stream: Any) -> None:
        async for piece in stream:
            line.read(piece)

    async def send(pcm: bytes) -> None:
        session.push_audio(rtc.AudioFrame(pcm, talk.RATE, 1, len(pcm) // 2))

    async with aiohttp.ClientSession() as http:
        session = realtime.RealtimeModel(base_url=os.environ["MOCKSERVER_URL"], http_session=http).session()
        session.on("generation_created", lambda generation: tasks.add(asyncio.create_task(listen(generation))))
        session.on("error", lambda event: line.told.append(str(event.error)))
        await session._handshake_event.wait()
        async with talk.beside(line.microphone(send)):
            try:
                yield line
            finally:
                await session.aclose()


talk.main(opened)
