"""google-genai: a session of ``client.aio.live``, spoken to."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import talk
from google import genai
from google.genai import types

CONFIG: Any = {
    "response_modalities": ["AUDIO"],
    "output_audio_transcription": {},
    "session_resumption": {},
    "tools": [
        {
            "function_declarations": [
                {"name": "get_weather", "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}
            ]
        }
    ],
}


class Session:
    """One conversation over as many connections as it takes: after goAway the next one goes on from the last handle."""

    def __init__(self, line: talk.Line) -> None:
        self.line = line
        self.client = genai.Client(api_key="any", http_options={"base_url": os.environ["MOCKSERVER_BASE_URL"]})
        self.live: Any = None
        self.handle: str | None = None
        self.warned = False

    async def run(self, ready: asyncio.Event) -> None:
        """Until it is cancelled or ends without a warning."""
        while True:
            self.warned = False
            config = {**CONFIG, "session_resumption": {"handle": self.handle}}
            async with self.client.aio.live.connect(model="gemini-3.1-flash-live-preview", config=config) as self.live:
                ready.set()
                try:
                    while True:
                        async for message in self.live.receive():
                            await self.take(message)
                except genai.errors.APIError as error:
                    if not self.warned:
                        self.line.over(str(error))
                        return
                    self.line.told.append(str(error))

    async def take(self, message: Any) -> None:
        content, line = message.server_content, self.line
        if message.session_resumption_update and message.session_resumption_update.new_handle:
            self.handle = message.session_resumption_update.new_handle
        if message.go_away:
            line.told.append(f"goAway: {message.go_away.time_left}")
            self.warned = True
        if message.tool_call:
            await self.live.send_tool_response(
                function_responses=[
                    types.FunctionResponse(
                        id=call.id, name=call.name, response={"output": line.called(call.name, call.args)}
                    )
                    for call in message.tool_call.function_calls
                ]
            )
        if message.data:
            line.hear(message.data)
        if content and content.output_transcription:
            line.read(content.output_transcription.text or "")
        if content and content.interrupted:
            line.interrupted = True
        if content and content.turn_complete:
            line.end()

    async def send(self, pcm: bytes) -> None:
        try:
            await self.live.send_realtime_input(audio=types.Blob(data=pcm, mime_type="audio/pcm;rate=16000"))
        except Exception:  # noqa: BLE001 - a connection that is going is told by the other side
            await asyncio.sleep(0.1)


@asynccontextmanager
async def opened(provider: str, folder: Path) -> AsyncIterator[talk.Line]:
    assert provider == "gemini"
    line = talk.Line(folder, spoken=16_000)
    session, ready = Session(line), asyncio.Event()
    async with talk.beside(session.run(ready)):
        await ready.wait()
        async with talk.beside(line.microphone(session.send)):
            yield line


talk.main(opened)
