"""livekit-agents and its speech-to-speech plugins: an AgentSession with a microphone and a loudspeaker of its own."""

from __future__ import annotations

import asyncio
import os
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import talk
from livekit_room import Loudspeaker, Microphone

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations inside the plugins' own dependencies
    from livekit.agents import Agent, AgentSession, function_tool

BASE_URL = os.environ["MOCKSERVER_BASE_URL"]


def azure(**options: Any) -> Any:
    from livekit.plugins import openai

    return openai.realtime.RealtimeModel.with_azure(
        azure_deployment="my-deployment", azure_endpoint=os.environ["MOCKSERVER_URL"], api_key="any", **options
    )


def openai() -> Any:
    from livekit.plugins import openai

    return openai.realtime.RealtimeModel(base_url=BASE_URL, api_key="any")


def xai() -> Any:
    from livekit.plugins import xai

    return xai.realtime.RealtimeModel(base_url=BASE_URL, api_key="any")


def gpt_live() -> Any:
    from livekit.plugins.openai.realtime import GPTLiveModel

    backend: Any = {"type": "responses", "responses": {"model": "gpt-5.6-sol"}}
    return GPTLiveModel(base_url=BASE_URL, api_key="any", delegation=backend)


def gemini() -> Any:
    from google.genai import types
    from livekit.plugins import google

    return google.realtime.RealtimeModel(api_key="any", http_options=types.HttpOptions(base_url=BASE_URL))


def ultravox() -> Any:
    from livekit.plugins import ultravox

    return ultravox.realtime.RealtimeModel(
        base_url=BASE_URL, api_key="any.key", first_speaker="FIRST_SPEAKER_USER", http_session=aiohttp.ClientSession()
    )


def phonic() -> Any:
    from livekit.plugins import phonic

    talk.pointed("phonic")
    return phonic.realtime.RealtimeModel(api_key="ph_any")


# A plugin takes long to import, so only the one that is wanted is.
MODELS = {
    "openai": openai,
    "azure": azure,
    "azure_dated": lambda: azure(api_version="2025-04-01-preview"),
    "xai": xai,
    "gemini": gemini,
    "gpt_live": gpt_live,
    "ultravox": ultravox,
    "phonic": phonic,
}


class Opening(Microphone):
    """It is opened by the user's first words, and stays open."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = asyncio.Event()

    async def __anext__(self) -> Any:
        await self.opened.wait()
        return await super().__anext__()


class Caller(Agent):
    """The agent, and the user who talks to it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(instructions="Be brief.")
        self.folder = folder
        self.calls: list[dict[str, Any]] = []
        self.told: list[str] = []
        self.over = asyncio.Event()
        self.microphone, self.loudspeaker = Opening(), Loudspeaker()
        self.taken = 0

    @function_tool
    async def get_weather(self, city: str) -> str:
        """The weather in a city."""
        self.calls.append({"name": "get_weather", "args": {"city": city}})
        return "foggy"

    def failed(self, event: Any) -> None:
        self.told.append(str(event.error.error))

    def closed(self, event: Any) -> None:
        self.told.append(f"closed: {event.reason}")
        self.over.set()

    async def say(self, words: str) -> None:
        self.microphone.opened.set()
        self.microphone._pcm += talk.pcm_of(self.folder, words)

    async def turn(self) -> dict[str, Any]:
        while len(self.loudspeaker.segments) == self.taken:
            if self.over.is_set():
                raise talk.Over
            await asyncio.sleep(0.02)
        segment = self.loudspeaker.segments[self.taken]
        self.taken += 1
        # Its own books are closed a moment later; who leaves before that truncates what was heard to its end.
        while self.session.current_speech and not self.over.is_set():  # noqa: ASYNC110 - nothing tells of its end
            await asyncio.sleep(0.02)
        return talk.told("", segment.heard)

    async def heard(self, seconds: float) -> None:
        while self.loudspeaker._began is None:  # noqa: ASYNC110 - it is the example's, as it is
            await asyncio.sleep(0.02)
        await asyncio.sleep(seconds)


@asynccontextmanager
async def opened(provider: str, folder: Path) -> AsyncIterator[Caller]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MODELS[provider]()
    caller = Caller(folder)
    session: Any = AgentSession(llm=model)
    session.on("error", caller.failed)
    session.on("close", caller.closed)
    session.input.audio, session.output.audio = caller.microphone, caller.loudspeaker
    async with session:
        await session.start(caller)
        # GPT-Live and others take no audio before they have begun.
        await asyncio.sleep(0.5)
        try:
            yield caller
        finally:
            session.off("close", caller.closed)
            await session.aclose()
            await model.aclose()


talk.main(opened)
