"""Ordinary tests of real clients, as ``mockserver sweep`` takes them: three turns, a tool, a barge-in, a short session.

Replies are those of replies.yaml. Each has a turn more than it needs for what it is about: the one after the fault.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from agents.realtime import RealtimeAgent, RealtimeRunner
from agents.tool import function_tool as agents_tool
from google import genai
from google.genai import types
from livekit import rtc
from livekit.agents import function_tool, llm
from livekit.plugins import openai

from mockserver import speech
from mockserver.server.host import MockServer
from mockserver.sweeping.watching import SweepRun

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations inside the plugin's own dependencies
    from livekit.plugins import google

GEMINI = "gemini-2.5-flash-native-audio-preview-12-2025"


@function_tool
async def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"{city}: foggy"


# --- livekit-plugins-openai and livekit-plugins-google: one interface ---


class LiveKit:
    """What a test does with a realtime session of LiveKit's."""

    def __init__(self, session: Any, sweep: SweepRun, rate: int) -> None:
        self._session, self._sweep, self._rate = session, sweep, rate
        self._generations: asyncio.Queue[Any] = asyncio.Queue()
        self._given: asyncio.Event = asyncio.Event()
        session.on("generation_created", self._generations.put_nowait)
        session.on("error", lambda told: sweep.reported(told.error))

    async def ask(self, text: str) -> str:
        """A turn in writing."""
        context = self._session.chat_ctx.copy()
        context.add_message(role="user", content=text)
        await self._session.update_chat_ctx(context)
        said, _ = await self._heard(await self._session.generate_reply())
        return said

    async def weather(self) -> str:
        """A turn with a tool round in it."""
        context = self._session.chat_ctx.copy()
        context.add_message(role="user", content="the weather")
        await self._session.update_chat_ctx(context)
        said, calls = await self._heard(await self._session.generate_reply())
        for call in calls:
            self._sweep.called(call.name)
            context = self._session.chat_ctx.copy()
            output = llm.FunctionCallOutput(call_id=call.call_id, name=call.name, output="foggy", is_error=False)
            context.items.append(output)
            await self._session.update_chat_ctx(context)
            said, _ = await self._heard(await self._session.generate_reply())
        return said

    async def speak(self, text: str) -> str:
        """A turn by voice."""
        said, _ = await self._heard(await self._spoken(text))
        return said

    async def cut_off(self, text: str, by: str) -> str:
        """A turn by voice into whose answer the user speaks; what is heard is the answer to the second words."""
        first = asyncio.ensure_future(self._heard(await self._spoken(text)))
        try:
            await asyncio.sleep(0.5)
            said, _ = await self._heard(await self._spoken(by))
        finally:
            if first.done():
                await first
            else:
                first.cancel()
        return said

    async def tools(self) -> None:
        """The session has one."""
        await self._session.update_tools([get_weather])

    async def _spoken(self, text: str) -> Any:
        while not self._generations.empty():
            self._generations.get_nowait()
        pcm = speech.encode(text, self._rate) + bytes(self._rate // 1000 * 2 * 800)
        self._session.push_audio(rtc.AudioFrame(pcm, self._rate, 1, len(pcm) // 2))
        return await asyncio.wait_for(self._generations.get(), 20)

    async def _heard(self, generation: Any) -> tuple[str, list[Any]]:
        pcm, written, rate = b"", "", self._rate
        async for message in generation.message_stream:
            kinds = set(await message.modalities)
            if "audio" in kinds:
                async for frame in message.audio_stream:
                    pcm, rate = pcm + bytes(frame.data), frame.sample_rate
            else:
                written += "".join([text async for text in message.text_stream])
        calls = [call async for call in generation.function_stream]
        return written + (speech.decode(pcm, rate) if pcm else ""), calls


@asynccontextmanager
async def livekit(server: MockServer, sweep: SweepRun, **options: Any) -> AsyncIterator[LiveKit]:
    """livekit-plugins-openai."""
    model = openai.realtime.RealtimeModel(base_url=server.base_url, api_key="any", **options)
    session = model.session()
    try:
        yield LiveKit(session, sweep, 24_000)
    finally:
        try:
            await session.aclose()
        finally:
            await model.aclose()


@asynccontextmanager
async def livekit_google(server: MockServer, sweep: SweepRun) -> AsyncIterator[LiveKit]:
    """livekit-plugins-google; it needs ``--tls --env``."""
    model = google.realtime.RealtimeModel(
        api_key="any", instructions="Be kind.", http_options=types.HttpOptions(base_url=server.base_url)
    )
    session = model.session()
    try:
        yield LiveKit(session, sweep, 16_000)
    finally:
        try:
            await session.aclose()
        finally:
            await model.aclose()


async def livekit_text(server: MockServer, sweep: SweepRun) -> None:
    """Three turns in writing."""
    async with sweep.client(livekit(server, sweep, modalities=["text"])) as talk:
        for word in ("one", "two", "three"):
            await sweep.turn(talk.ask(word), expect=word)


async def livekit_voice(server: MockServer, sweep: SweepRun) -> None:
    """Three turns by voice."""
    async with sweep.client(livekit(server, sweep)) as talk:
        for word in ("one", "two", "three"):
            await sweep.turn(talk.speak(word), expect=word)


async def livekit_tool(server: MockServer, sweep: SweepRun) -> None:
    """A tool round between two turns."""
    async with sweep.client(livekit(server, sweep, modalities=["text"])) as talk:
        await talk.tools()
        await sweep.turn(talk.ask("one"), expect="one")
        await sweep.turn(talk.weather(), expect="foggy")
        await sweep.turn(talk.ask("three"), expect="three")


async def livekit_barge_in(server: MockServer, sweep: SweepRun) -> None:
    """The user speaks into an answer, and again after it."""
    async with sweep.client(livekit(server, sweep)) as talk:
        await sweep.turn(talk.cut_off("count", by="stop"), expect="stop")
        await sweep.turn(talk.speak("two"), expect="two")
        await sweep.turn(talk.speak("three"), expect="three")


async def livekit_short_session(server: MockServer, sweep: SweepRun) -> None:
    """The client's own limit of a session's length passes between the turns, and it connects anew."""
    async with sweep.client(livekit(server, sweep, modalities=["text"], max_session_duration=5.0)) as talk:
        for word in ("one", "two", "three"):
            await sweep.turn(talk.ask(word), expect=word)
            await asyncio.sleep(6)


async def google_voice(server: MockServer, sweep: SweepRun) -> None:
    """livekit-plugins-google: three turns by voice."""
    async with sweep.client(livekit_google(server, sweep)) as talk:
        for word in ("one", "two", "three"):
            await sweep.turn(talk.speak(word), expect=word)


# --- openai-agents ---


class Agents:
    """A session of openai-agents, read in one task as its documentation shows.

    A turn ends with the agent's, but where a tool is called, and so two responses come: there with the audio. An error
    of the service's is told, and ends nothing: the session goes on.
    """

    def __init__(self, session: Any, sweep: SweepRun, end: str) -> None:
        self._session, self._sweep, self._end = session, sweep, end
        self._ended: asyncio.Queue[object] = asyncio.Queue()
        self._pcm = b""

    async def ask(self, text: str) -> str:
        """A turn in writing, answered by voice. The end of the session ends it."""
        while not self._ended.empty():
            self._ended.get_nowait()
        self._pcm = b""
        await self._session.send_message(text)
        error = await self._ended.get()
        if error is not None:
            raise RuntimeError(str(error))
        return speech.decode(self._pcm)

    async def read(self) -> None:
        """What comes, for as long as the session lasts."""
        try:
            async for event in self._session:
                if event.type == "audio":
                    self._pcm += event.audio.data
                elif event.type == self._end:
                    self._ended.put_nowait(None)
                elif event.type == "error":
                    self._sweep.reported(event.error)
            self._failed("the session has ended")
        except Exception as error:  # noqa: BLE001 (whatever it is: an application would tell it)
            self._failed(error)

    def _failed(self, error: object) -> None:
        self._sweep.reported(error)
        self._ended.put_nowait(error)


@asynccontextmanager
async def agents(server: MockServer, sweep: SweepRun, *, tool: bool = False) -> AsyncIterator[Agents]:
    """A session of one agent."""

    @agents_tool
    async def get_weather(city: str) -> str:
        """The weather in a city."""
        sweep.called("get_weather")
        return f"{city}: foggy"

    agent = RealtimeAgent(name="A", instructions="Be kind.", tools=[get_weather] if tool else [])
    config: Any = {"url": f"{server.ws_url}?model=gpt-realtime", "api_key": "any"}
    async with await RealtimeRunner(agent).run(model_config=config) as session:
        talk = Agents(session, sweep, "audio_end" if tool else "agent_end")
        reading = asyncio.create_task(talk.read())
        try:
            yield talk
        finally:
            reading.cancel()
            await asyncio.wait([reading])


async def agents_text(server: MockServer, sweep: SweepRun) -> None:
    """Three turns."""
    async with sweep.client(agents(server, sweep)) as talk:
        for word in ("one", "two", "three"):
            await sweep.turn(talk.ask(word), expect=word)


async def agents_with_tool(server: MockServer, sweep: SweepRun) -> None:
    """A tool round between two turns."""
    async with sweep.client(agents(server, sweep, tool=True)) as talk:
        await sweep.turn(talk.ask("one"), expect="one")
        await sweep.turn(talk.ask("the weather"), expect="foggy")
        await sweep.turn(talk.ask("three"), expect="three")


# --- google-genai ---


@asynccontextmanager
async def gemini(server: MockServer, sweep: SweepRun) -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    """google-genai; it needs ``--tls --env``."""
    client = genai.Client(api_key="any", http_options=types.HttpOptions(base_url=server.base_url))
    config: Any = {"response_modalities": ["AUDIO"]}
    async with client.aio.live.connect(model=GEMINI, config=config) as live:

        async def ask(text: str) -> str:
            await live.send_client_content(turns={"role": "user", "parts": [{"text": text}]}, turn_complete=True)
            pcm = b""
            async for message in live.receive():
                pcm += message.data or b""
                if message.server_content is not None and message.server_content.interrupted:
                    sweep.reported("the answer was interrupted")
            return speech.decode(pcm)

        yield ask


async def genai_text(server: MockServer, sweep: SweepRun) -> None:
    """Three turns."""
    async with sweep.client(gemini(server, sweep)) as ask:
        for word in ("one", "two", "three"):
            await sweep.turn(ask(word), expect=word)
