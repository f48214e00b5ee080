"""The talks. Each takes the variables that a server sets and returns what the client was told in answer.

python -m tests.recordings.talks NAME      one talk with the server that the variables name
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from mockserver import speech

ASKED = "good morning"
SAID = "good day"
"""What the simulated model says, whatever it is asked."""

Where = Mapping[str, str]


async def openai(where: Where) -> str:
    """A turn of the openai package."""
    from openai import AsyncOpenAI

    said = ""
    async with AsyncOpenAI(base_url=where["MOCKSERVER_BASE_URL"], api_key="any").realtime.connect(
        model="gpt-realtime"
    ) as connection:
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": ASKED}]}
        )
        await connection.response.create()
        async for event in connection:
            if event.type == "response.output_audio_transcript.delta":
                said += event.delta
            if event.type == "response.done":
                break
    return said


async def cousin(where: Where, model: str = "gpt-realtime") -> str:
    """The same in the words that OpenAI, Azure and xAI share, without a package."""
    said = ""
    headers = {"Authorization": "Bearer any", "api-key": "any"}
    query = {"model": model, "deployment": model, "api-version": "2025-04-01-preview"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.ws_connect(where["MOCKSERVER_WS_URL"], params=query) as socket,
    ):
        content = [{"type": "input_text", "text": ASKED}]
        item = {"type": "message", "role": "user", "content": content}
        await socket.send_json({"type": "conversation.item.create", "item": item})
        await socket.send_json({"type": "response.create"})
        async for message in socket:
            event = message.json()
            if event["type"].endswith("audio_transcript.delta"):
                said += event["delta"]
            if event["type"] == "response.done":
                break
            assert event["type"] != "error", event
    return said


async def xai(where: Where) -> str:
    """The same with a model of xAI's."""
    return await cousin(where, "grok-voice-latest")


async def gemini(where: Where) -> str:
    """A turn of google-genai."""
    from google import genai

    from tests.clients.test_simulator_gemini import MODEL

    client = genai.Client(api_key="any", http_options={"base_url": where["MOCKSERVER_BASE_URL"]})
    config: Any = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}}
    said = ""
    async with client.aio.live.connect(model=MODEL, config=config) as live:
        await live.send_client_content(turns={"role": "user", "parts": [{"text": ASKED}]}, turn_complete=True)
        async for message in live.receive():
            content = message.server_content
            if content and content.output_transcription:
                said += content.output_transcription.text or ""
    return said


async def gpt_live(where: Where) -> str:
    """A spoken turn of the openai package."""
    from gpt_live_client import calling

    async with calling(where["MOCKSERVER_BASE_URL"]) as caller:
        caller.say(ASKED)
        while caller.words != SAID:  # noqa: ASYNC110 - what is heard is audio: there is no event to wait for
            await asyncio.sleep(0.1)
    return str(caller.words)


async def elevenlabs(where: Where) -> str:
    """A written turn of the elevenlabs package; its microphone is on meanwhile."""
    from elevenlabs_client import calling

    async with calling(where["MOCKSERVER_BASE_URL"]) as call:
        await call.conversation.send_user_message(ASKED)
        while not call.said:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return str(call.said[0])


async def ultravox(where: Where) -> str:
    """A spoken turn of livekit-plugins-ultravox."""
    from tests.clients import test_simulator_ultravox as plugin

    async with aiohttp.ClientSession() as http:
        return await plugin.said(_Server(where), http)  # type: ignore[arg-type]


async def phonic(where: Where) -> str:
    """A spoken turn of livekit-plugins-phonic."""
    from phonic.environment import PhonicEnvironment

    from tests.clients import test_simulator_phonic as plugin

    before = PhonicEnvironment.DEFAULT.production
    PhonicEnvironment.DEFAULT.production = where["MOCKSERVER_URL"].replace("http", "ws", 1)
    try:
        session = plugin.phonic.realtime.RealtimeModel(api_key="ph_any").session()
        generations: list[Any] = []
        session.on("generation_created", generations.append)
        await session.update_instructions("Be brief.")
        await session.update_tools([])
        await plugin.until(session._ready_to_start.is_set)
        await plugin.speak(session, ASKED)
        await plugin.until(lambda: generations)
        words = await plugin.heard(generations[0])
        await session.aclose()
        return words
    finally:
        PhonicEnvironment.DEFAULT.production = before


async def personaplex(where: Where) -> str:
    """A spoken turn of livekit-plugins-nvidia."""
    from tests.clients import test_simulator_personaplex as plugin

    async with aiohttp.ClientSession() as http:
        line = plugin.Line(_Server(where), http)  # type: ignore[arg-type]
        await plugin.until(line.session._handshake_event.is_set)
        await line.speak(ASKED, then_ms=2_000)
        await asyncio.sleep(0.5)
        await line.close()
    return speech.decode(line.pcm, 24_000)


async def nova_sonic(where: Where) -> str:
    """A written question over HTTP/2, as AWS' SDKs talk."""
    from tests.server.http2.caller import ENDING, OPENING, asked, connected, signed

    async with connected(_Server(where)) as connection:
        number = await connection.open()
        await connection.send(number, OPENING + asked(ASKED))
        await connection.until_turn(number)
        await connection.send(number, ENDING + signed(b""), end=True)
        await connection.until(lambda: number in connection.ended)
        return connection.texts(number)[-1]


class _Server:
    """What the tests of the plugins take for a server: its addresses."""

    def __init__(self, where: Where) -> None:
        self.url, self.base_url = where["MOCKSERVER_URL"], where["MOCKSERVER_BASE_URL"]


TALKS: dict[str, Callable[[Where], Awaitable[str]]] = {
    "openai": openai,
    "azure": cousin,
    "azure_dated": cousin,
    "azure_voice_live": cousin,
    "xai": xai,
    "gemini": gemini,
    "gpt_live": gpt_live,
    "elevenlabs": elevenlabs,
    "ultravox": ultravox,
    "phonic": phonic,
    "personaplex": personaplex,
    "nova_sonic": nova_sonic,
}
TLS = ("gemini",)
"""Whose clients speak nothing else."""


if __name__ == "__main__":
    sys.path.insert(0, "tests/examples")
    heard = asyncio.run(TALKS[sys.argv[1]](os.environ))
    print(heard)
    sys.exit(heard != SAID)
