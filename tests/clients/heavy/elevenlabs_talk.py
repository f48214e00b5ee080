"""elevenlabs (Python): an AsyncConversation with a headset of its own."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import talk

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the package uses names of websockets that are deprecated
    from elevenlabs.client import ElevenLabs
    from elevenlabs.conversational_ai.conversation import AsyncAudioInterface, AsyncConversation, ClientTools


class Headset(AsyncAudioInterface):
    """A microphone that never stops, and a loudspeaker that plays in real time and can be interrupted."""

    def __init__(self, line: talk.Line) -> None:
        self.line = line
        self.started = asyncio.Event()
        self.due = 0.0
        self.waiting: list[bytes] = []

    async def start(self, input_callback: Any) -> None:
        self.tasks = [
            asyncio.create_task(self.line.microphone(input_callback)),
            asyncio.create_task(self.play()),
        ]
        self.started.set()

    async def play(self) -> None:
        """What has come, as long as it lasts, then silence."""
        while True:
            chunk = self.waiting.pop(0) if self.waiting else bytes(3_200)
            self.line.hear(chunk)
            await asyncio.sleep(len(chunk) / 32_000)

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()

    async def output(self, audio: bytes) -> None:
        self.waiting += [audio[at : at + 3_200] for at in range(0, len(audio), 3_200)]

    async def interrupt(self) -> None:
        self.waiting.clear()
        self.line.interrupted = bool(self.line.pending)
        self.line.end()


@asynccontextmanager
async def opened(provider: str, folder: Path) -> AsyncIterator[talk.Line]:
    assert provider == "elevenlabs"
    # The wire has no end of an utterance.
    line = talk.Line(folder, rate=16_000, spoken=16_000, gap=True)
    headset = Headset(line)
    tools = ClientTools(loop=asyncio.get_running_loop())

    async def get_weather(parameters: dict[str, Any]) -> str:
        return line.called("get_weather", {"city": parameters["city"]})

    async def said(text: str) -> None:
        line.read(text)

    async def ended(details: Any) -> None:
        line.over(f"{details.reason} {details.close_code} {details.close_reason}")

    tools.register("get_weather", get_weather, is_async=True)
    conversation = AsyncConversation(
        ElevenLabs(api_key="any", base_url=os.environ["MOCKSERVER_BASE_URL"]),
        "agent_1",
        requires_auth=False,
        audio_interface=headset,
        client_tools=tools,
        callback_agent_response=said,
        callback_disconnect=ended,
    )
    await conversation.start_session()
    await headset.started.wait()
    try:
        yield line
    finally:
        await conversation.end_session()
        await conversation.wait_for_session_end()


talk.main(opened)
