"""livekit-plugins-aws: a session of the plugin's own, played aloud.

Within an AgentSession its first answer is not heard: the plugin announces a generation with completionStart, then tells
of the user's speech, which makes the agent give that up, and then announces the same generation once more.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import talk
from livekit import rtc
from livekit.agents import llm
from livekit.agents.llm import function_tool
from livekit.plugins.aws.experimental.realtime import RealtimeModel


@function_tool
async def get_weather(city: str) -> str:
    """The weather in a city."""
    return "foggy"


class Talk:
    """One session. A generation that is announced twice is listened to once."""

    def __init__(self, line: talk.Loud) -> None:
        self.line = line
        self.session = RealtimeModel.with_nova_sonic_2(region="us-east-1").session()
        self.seen: set[str] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.session.on("generation_created", self.created)
        self.session.on("input_speech_started", lambda event: line.pending and line.cut())
        self.session.on("error", lambda event: line.over(str(event.error)))

    def created(self, event: Any) -> None:
        if event.response_id not in self.seen:
            self.seen.add(event.response_id)
            self.tasks |= {asyncio.create_task(self.listen(event)), asyncio.create_task(self.call(event))}

    async def listen(self, event: Any) -> None:
        async for message in event.message_stream:
            async for frame in message.audio_stream:
                self.line.receive(bytes(frame.data))
        self.line.done()

    async def call(self, event: Any) -> None:
        async for call in event.function_stream:
            output = self.line.called(call.name, json.loads(call.arguments))
            context = self.session.chat_ctx.copy()
            context.insert(llm.FunctionCallOutput(call_id=call.call_id, output=output, is_error=False))
            await self.session.update_chat_ctx(context)

    async def send(self, pcm: bytes) -> None:
        self.session.push_audio(rtc.AudioFrame(pcm, 16_000, 1, len(pcm) // 2))


@asynccontextmanager
async def opened(provider: str, folder: Path) -> AsyncIterator[talk.Line]:
    talk.pointed(provider)
    line = talk.Loud(folder, spoken=16_000)
    conversation = Talk(line)
    await conversation.session.update_instructions("Be brief.")
    await conversation.session.update_tools([get_weather])
    async with talk.beside(line.loudspeaker(), line.microphone(conversation.send)):
        await asyncio.sleep(1)  # audio that comes before the stream is open is lost
        yield line
        await conversation.session.aclose()


talk.main(opened)
sys.stdout.flush()
os._exit(0)  # the CRT's threads outlive a client that was broken off
