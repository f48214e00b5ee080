"""openai (Python): ``client.realtime`` and ``client.live``, spoken to."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import talk
from openai import AsyncOpenAI

TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
SESSION: Any = {
    "type": "realtime",
    "audio": {
        "input": {"format": {"type": "audio/pcm", "rate": 24_000}, "turn_detection": {"type": "server_vad"}},
        "output": {"format": {"type": "audio/pcm", "rate": 24_000}},
    },
    "tools": [TOOL],
}
# xAI has some of it at the top (xai.md#8).
XAI: Any = {"turn_detection": {"type": "server_vad"}, "tools": [TOOL]}
BACKEND: Any = {"type": "responses", "responses": {"model": "gpt-5.6-sol", "tools": [TOOL]}}
MODELS = {"openai": "gpt-realtime", "azure": "gpt-realtime", "xai": "grok-voice-latest"}


async def answer(line: talk.Line, item: dict[str, Any], create: str, connection: Any) -> None:
    """The tool's output goes back, and a response is asked for."""
    output = line.called(item["name"], json.loads(item["arguments"]))
    back = {"type": "function_call_output", "call_id": item["call_id"], "output": output}
    await connection.send({"type": create, "item": back})
    await connection.send({"type": "response.create"})


async def realtime(line: talk.Line, connection: Any, event: Any) -> None:
    match event.type:
        case "response.output_audio.delta":
            line.hear(base64.b64decode(event.delta))
        case "response.output_audio_transcript.delta":
            line.read(event.delta)
        case "response.output_item.done" if event.item.type == "function_call":
            await answer(line, event.item.to_dict(), "conversation.item.create", connection)
        case "response.done":
            line.interrupted = event.response.status == "cancelled"
            line.end()
        case "error":
            line.over(f"error: {event.error.code} {event.error.message}")


async def live(line: talk.Line, connection: Any, event: Any) -> None:
    match event.type:
        case "session.output_audio.delta":
            line.hear(base64.b64decode(event.delta))
        case "session.output_transcript.delta":
            line.read(event.delta)
        case "response.event" if event.event["type"] == "response.output_item.done":
            if event.event["item"]["type"] == "function_call":
                await answer(line, event.event["item"], "response.item.create", connection)
        case "session.closed":
            line.over(f"session.closed: {event.reason}")
        case "error":
            line.over(f"error: {event.error.code} {event.error.message}")


@asynccontextmanager
async def opened(provider: str, folder: Path) -> AsyncIterator[talk.Line]:
    headers = {"api-key": "any"} if provider == "azure" else {}
    client = AsyncOpenAI(base_url=os.environ["MOCKSERVER_BASE_URL"], api_key="any", default_headers=headers)
    lives = provider == "gpt_live"
    line = talk.Line(folder, gap=lives)
    async with client.live.connect() if lives else client.realtime.connect(model=MODELS[provider]) as connection:
        ready = asyncio.Event()

        async def listen() -> None:
            try:
                async for event in connection:
                    if event.type in ("session.started", "session.updated"):
                        ready.set()
                    await (live if lives else realtime)(line, connection, event)
                line.over("ended")
            except Exception as error:  # noqa: BLE001 - whatever it tells its application
                line.over(repr(error))

        async def send(pcm: bytes) -> None:
            name = "session.input_audio.append" if lives else "input_audio_buffer.append"
            try:
                await connection.send({"type": name, "audio": base64.b64encode(pcm).decode()})
            except Exception:  # noqa: BLE001 - a connection that is gone is told by listen
                await asyncio.sleep(1)

        if lives:
            first = {"type": "session.start", "session": {"model": "gpt-live-1", "delegation": BACKEND}}
        else:
            first = {"type": "session.update", "session": XAI if provider == "xai" else SESSION}
        async with talk.beside(listen()):
            await connection.send(first)
            await ready.wait()
            async with talk.beside(line.microphone(send)):
                yield line


talk.main(opened)
