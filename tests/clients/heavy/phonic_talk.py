"""The phonic package: a conversation's socket, spoken to."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import talk
from phonic import AsyncPhonic
from phonic.types import AudioChunkPayload, ConfigPayload, ToolCallOutputPayload

FUNCTION = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": True,
}
CONFIG: Any = {
    "system_prompt": "Be brief.",
    "input_format": "pcm_24000",
    "output_format": "pcm_24000",
    "tools": [{"type": "custom_websocket", "tool_schema": {"type": "function", "function": FUNCTION}}],
}
CHUNK = 2 * talk.RATE * 20 // 1_000
"""A longer one than 40 ms is an error (phonic.md#5)."""


class Talk:
    """One conversation."""

    def __init__(self, line: talk.Line, socket: Any) -> None:
        self.line, self.socket = line, socket
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Until the socket ends."""
        line = self.line
        try:
            async for message in self.socket:
                await self.take(message)
            line.over("the socket has ended")
        except Exception as error:  # noqa: BLE001 - whatever it is: an application would tell it
            line.over(str(error))
        self.ready.set()

    async def take(self, message: Any) -> None:
        line = self.line
        match message.type:
            case "ready_to_start_conversation":
                self.ready.set()
            case "audio_chunk":
                line.read(message.text)
                line.hear(base64.b64decode(message.audio))
            case "assistant_finished_speaking":
                line.end()
            case "interrupted_response":
                line.interrupted = True
                line.end()
            case "tool_call":
                output = line.called(message.tool_name, message.parameters)
                told = ToolCallOutputPayload(tool_call_id=message.tool_call_id, output=output)
                await self.socket.send_tool_call_output(told)
            case "error":
                line.told.append(f"error: {message.error.message}")
            case "assistant_ended_conversation":
                line.told.append("the assistant has ended the conversation")
            case _:
                pass

    async def send(self, pcm: bytes) -> None:
        try:
            for at in range(0, len(pcm), CHUNK):
                audio = base64.b64encode(pcm[at : at + CHUNK]).decode()
                await self.socket.send_audio_chunk(AudioChunkPayload(audio=audio))
        except Exception:  # noqa: BLE001 - a connection that is going is told by the other side
            await asyncio.sleep(0.1)


@asynccontextmanager
async def opened(provider: str, folder: Path) -> AsyncIterator[talk.Line]:
    talk.pointed(provider)
    line = talk.Line(folder)
    async with AsyncPhonic(api_key="ph_any").conversations.connect() as socket:
        conversation = Talk(line, socket)
        await socket.send_config(ConfigPayload(**CONFIG))
        async with talk.beside(conversation.run()):
            await conversation.ready.wait()
            async with talk.beside(line.microphone(conversation.send)):
                yield line


talk.main(opened)
