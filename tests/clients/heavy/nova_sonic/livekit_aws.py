"""livekit-plugins-aws' realtime model: a conversation with a simulated Nova Sonic, printed as JSON.

Run as ``python -m tests.clients.heavy.nova_sonic.livekit_aws SCENE [CASSETTE]`` in the environment that has the plugin.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from livekit import rtc
from livekit.agents import llm
from livekit.agents.llm import function_tool
from livekit.plugins.aws.experimental.realtime import RealtimeModel

from mockserver import MockServer, replay, simulator, speech
from mockserver.dialects.pointing import bedrock_clients
from mockserver.server.record import Recording
from tests.clients.heavy.nova_sonic.scenes import pointed, replier, spoken


@function_tool
async def weather(city: str) -> str:
    """The weather of a city."""
    return "fog"


class Session:
    """The plugin's session, as an agent uses it."""

    def __init__(self) -> None:
        self.session = RealtimeModel.with_nova_sonic_2(region="us-east-1").session()
        self.generations: list[llm.GenerationCreatedEvent] = []
        self.audio: list[bytes] = []
        self.calls: list[llm.FunctionCall] = []
        self.errors: list[str] = []
        self.started = 0
        self.transcripts: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.session.on("generation_created", self._generation)
        self.session.on("error", lambda event: self.errors.append(str(event.error)))
        self.session.on("input_speech_started", lambda event: setattr(self, "started", self.started + 1))
        self.session.on("input_audio_transcription_completed", self._transcript)

    def _transcript(self, event: Any) -> None:
        if event.is_final:
            self.transcripts.append(event.transcript)

    def _generation(self, event: llm.GenerationCreatedEvent) -> None:
        if any(one.response_id == event.response_id for one in self.generations):
            return
        self.generations.append(event)
        place = len(self.audio)
        self.audio.append(b"")
        self._tasks += [asyncio.create_task(self._listen(event, place)), asyncio.create_task(self._called(event))]

    async def _listen(self, event: llm.GenerationCreatedEvent, place: int) -> None:
        async for message in event.message_stream:
            async for frame in message.audio_stream:
                self.audio[place] += bytes(frame.data)

    async def _called(self, event: llm.GenerationCreatedEvent) -> None:
        async for call in event.function_stream:
            self.calls.append(call)
            context = self.session.chat_ctx.copy()
            context.insert(llm.FunctionCallOutput(call_id=call.call_id, output='{"sky": "fog"}', is_error=False))
            await self.session.update_chat_ctx(context)

    async def until(self, true: Any) -> None:
        async with asyncio.timeout(25):
            while not true():  # noqa: ASYNC110 - looks at others' state
                await asyncio.sleep(0.02)

    async def speak(self, text: str) -> None:
        pcm = spoken(text)
        for place in range(0, len(pcm), 1_024):
            piece = pcm[place : place + 1_024]
            self.session.push_audio(rtc.AudioFrame(piece, 16_000, 1, len(piece) // 2))
            await asyncio.sleep(0)

    def heard(self) -> list[str]:
        return [words for words in (speech.decode(pcm, 24_000) for pcm in self.audio) if words]


async def run(server: MockServer, *, faulty: bool) -> dict[str, Any]:
    """One client against one server."""
    session = Session()
    await session.session.update_instructions("Be brief.")
    await session.session.update_tools([weather])
    await session.until(lambda: len(server.journal.sent_by_client("contentStart")) > 1)
    await session.speak("good morning")
    if faulty:
        await session.until(lambda: session.errors or len(server.sessions) > 1)
        return {"errors": session.errors, "sessions": len(server.sessions)}
    await session.until(lambda: session.heard() == ["Yes."])
    await session.speak("what is the weather")
    await session.until(lambda: session.heard()[1:] == ["It is foggy."])
    # What is sent faster than it plays is still being said: its words come when they were spoken.
    await session.until(lambda: "It is foggy." in str(session.session.chat_ctx.items[-1]))
    await session.speak("tell me a story")
    await session.until(lambda: len(session.heard()) == 3)
    started = session.started
    await session.speak("stop")
    await session.until(lambda: len(session.heard()) == 4)
    await session.session.aclose()
    await session.until(lambda: server.sessions[0].over)
    return {
        "heard": session.heard(),
        "tools": [(call.name, json.loads(call.arguments)) for call in session.calls],
        "barge_ins": session.started - started,
        "transcripts": session.transcripts,
        "errors": session.errors,
        "over": server.sessions[0].over,
    }


async def main(scene: str, path: str) -> dict[str, Any]:
    """The scene's server, and the client."""
    source: Any = replay(path) if scene == "replay" else simulator("nova_sonic", replier=replier())
    plain = scene in ("talk", "record", "replay")
    if scene == "record":
        async with Recording(source, path, tls=True) as recording:
            with pointed(recording.server, bedrock_clients):
                return await run(recording.server, faulty=False)
    server = MockServer(source, tls=True, faults=[] if plain else [scene])
    await server.start()
    try:
        with pointed(server, bedrock_clients):
            seen = await run(server, faulty=not plain)
        return {**seen, "problems": [str(one) for one in server.problems()]}
    finally:
        await server.close()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""))))
    sys.stdout.flush()
    os._exit(0)  # the CRT's threads outlive a client that was broken off
