"""pydantic-ai: an agent's realtime session, spoken to."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import talk
from pydantic_ai import Agent
from pydantic_ai.messages import (
    PartDeltaEvent,
    PartStartEvent,
    RealtimeInputSpeechStartEvent,
    RealtimeResponseInterruptedEvent,
    RealtimeSessionErrorEvent,
    RealtimeTurnCompleteEvent,
    SpeechPartDelta,
)
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.realtime import RealtimeError
from pydantic_ai.realtime.google import GoogleRealtimeModel
from pydantic_ai.realtime.openai import OpenAIRealtimeModel
from pydantic_ai.realtime.openai_live import OpenAILiveModel

BASE_URL = os.environ["MOCKSERVER_BASE_URL"]
MODELS: dict[str, Any] = {
    "openai": lambda: OpenAIRealtimeModel("gpt-realtime", provider=OpenAIProvider(base_url=BASE_URL, api_key="any")),
    "gpt_live": lambda: OpenAILiveModel("gpt-live-1", provider=OpenAIProvider(base_url=BASE_URL, api_key="any")),
    "gemini": lambda: GoogleRealtimeModel(
        "gemini-3.1-flash-live-preview", provider=GoogleProvider(api_key="any", base_url=BASE_URL)
    ),
}


@asynccontextmanager
async def opened(provider: str, folder: Path) -> AsyncIterator[talk.Line]:
    model = MODELS[provider]()
    agent = Agent()
    line = talk.Line(folder, spoken=16_000 if provider == "gemini" else talk.RATE, gap=provider == "gpt_live")

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return line.called("get_weather", {"city": city})

    try:
        async with agent.realtime(model=model).session() as session:
            assert (session.audio_input_sample_rate, session.audio_output_sample_rate) == (line.spoken, talk.RATE)

            async def listen() -> None:
                try:
                    async for event in session:
                        match event:
                            case PartDeltaEvent(delta=SpeechPartDelta() as delta):
                                line.hear(delta.audio_chunk or b"")
                            case RealtimeInputSpeechStartEvent() | RealtimeResponseInterruptedEvent():
                                line.interrupted = bool(line.pending)
                            case PartStartEvent() if line.pending and provider == "gpt_live":
                                # The user speaks while the model does: silence from here on is not handed on.
                                line.interrupted = True
                                line.end()
                            case RealtimeTurnCompleteEvent() if provider != "gpt_live":
                                line.end()
                            case RealtimeSessionErrorEvent():
                                line.over(f"error: {event.message}")
                            case _:
                                pass
                    line.over("ended")
                except Exception as error:  # noqa: BLE001 - whatever it tells its application
                    line.over(repr(error))

            async with talk.beside(listen(), line.microphone(session.send_audio)):
                yield line
    except RealtimeError as error:
        line.over(repr(error))  # the end of the session, where closing it tells of that again


talk.main(opened)
