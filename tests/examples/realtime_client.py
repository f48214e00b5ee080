# realtime_client.py
"""What the examples with livekit's plugins for Phonic and Ultravox share: an ear, a mouth, and a tool."""

import asyncio

from livekit import rtc
from livekit.agents import llm
from livekit.agents.llm import function_tool

from mockserver import speech


@function_tool
async def weather(city: str) -> str:
    """The weather of a city."""
    return "fog"


class Listener:
    """What a session of a plugin hears and is asked to do. A tool's output is sent back at once."""

    def __init__(self, session):
        self.session = session
        self.heard = []
        self.calls = []
        self._tasks = []
        session.on("generation_created", self._generation)

    def _generation(self, generation):
        self._tasks += [
            asyncio.create_task(self._listen(generation)),
            asyncio.create_task(self._answer(generation)),
        ]

    async def _listen(self, generation):
        pcm = b""
        async for message in generation.message_stream:
            async for frame in message.audio_stream:
                pcm += bytes(frame.data)
        if words := speech.decode(pcm, 24_000):
            self.heard.append(words)

    async def _answer(self, generation):
        async for call in generation.function_stream:
            self.calls.append((call.name, call.arguments))
            context = self.session.chat_ctx.copy()
            context.insert(llm.FunctionCallOutput(call_id=call.call_id, output="fog", is_error=False))
            await self.session.update_chat_ctx(context)

    async def speak(self, text, rate):
        """At the pace of speech, and then silence, as a microphone has it."""
        pcm = speech.encode(text, rate) + bytes(2 * rate)
        for place in range(0, len(pcm), rate // 25):
            piece = pcm[place : place + rate // 25]
            self.session.push_audio(rtc.AudioFrame(piece, rate, 1, len(piece) // 2))
            await asyncio.sleep(0.02)
