"""openai-agents (Python): a RealtimeSession with a tool, spoken to."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import talk
from agents.realtime import RealtimeAgent, RealtimeRunner
from agents.tool import function_tool

os.environ["OPENAI_AGENTS_DISABLE_TRACING"] = "1"
MODELS = {"openai": "gpt-realtime", "azure": "gpt-realtime", "xai": "grok-voice-latest"}


@asynccontextmanager
async def opened(provider: str, folder: Path) -> AsyncIterator[talk.Line]:
    line = talk.Line(folder)

    @function_tool
    async def get_weather(city: str) -> str:
        """The weather in a city."""
        return line.called("get_weather", {"city": city})

    agent = RealtimeAgent(name="A", instructions="Be brief.", tools=[get_weather])
    config: Any = {
        "url": f"{os.environ['MOCKSERVER_WS_URL']}?model={MODELS[provider]}",
        "initial_model_settings": {"turn_detection": {"type": "server_vad", "interrupt_response": True}},
    }
    if provider == "azure":
        config["headers"] = {"api-key": "any"}
    else:
        config["api_key"] = "any"
    session = await RealtimeRunner(agent).run(model_config=config)

    async def listen() -> None:
        async for event in session:
            if event.type == "audio":
                line.hear(event.audio.data)
            elif event.type == "audio_interrupted":
                line.interrupted = True
            elif event.type == "error":
                line.over(f"error: {event.error}")
            elif event.type == "agent_end":
                line.end()
            elif event.type == "raw_model_event":
                if event.data.type == "transcript_delta":
                    line.read(event.data.delta)
                elif event.data.type == "connection_status" and event.data.status == "disconnected":
                    line.over("disconnected")
                elif event.data.type == "exception":
                    line.over(f"exception: {event.data.exception!r}")

    async with session, talk.beside(listen(), line.microphone(session.send_audio)):
        yield line


talk.main(opened)
