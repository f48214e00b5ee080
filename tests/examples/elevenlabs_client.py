# elevenlabs_client.py
"""A caller of an ElevenLabs agent by its own package: audio in and out, tools, and what came of it."""

import asyncio
import warnings
from contextlib import asynccontextmanager

from mockserver import speech

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the package uses names of websockets that are deprecated
    from elevenlabs.client import ElevenLabs
    from elevenlabs.conversational_ai.conversation import (
        AsyncAudioInterface,
        AsyncConversation,
        ClientTools,
        ConversationInitiationData,
    )

RATE = 16_000
CHUNK = RATE // 10 * 2


class Headset(AsyncAudioInterface):
    """A microphone that never stops, and a loudspeaker that can be interrupted."""

    def __init__(self):
        self.heard = b""
        self.interruptions = 0
        self.started = asyncio.Event()
        self._pcm = b""

    def say(self, words):
        self._pcm += speech.encode(words, RATE)

    async def start(self, input_callback):
        self._task = asyncio.create_task(self._run(input_callback))
        self.started.set()

    async def _run(self, send):
        while True:
            chunk, self._pcm = self._pcm[:CHUNK].ljust(CHUNK, b"\0"), self._pcm[CHUNK:]
            await send(chunk)
            await asyncio.sleep(0.1)

    async def stop(self):
        self._task.cancel()

    async def output(self, audio):
        self.heard += audio

    async def interrupt(self):
        self.interruptions += 1


class Call:
    """``said``: the agent's texts, ``corrected``: what was taken back, ``ended``: how the session ended."""

    def __init__(self, base_url, tools=None, **overrides):
        self.headset = Headset()
        self.said, self.corrected, self.user = [], [], []
        self.ended = None
        client_tools = ClientTools(loop=asyncio.get_running_loop())
        for name, function in (tools or {}).items():
            client_tools.register(name, function, is_async=True)
        self.conversation = AsyncConversation(
            ElevenLabs(api_key="any", base_url=base_url),
            "agent_1",
            requires_auth=False,
            audio_interface=self.headset,
            client_tools=client_tools,
            config=ConversationInitiationData(conversation_config_override=overrides),
            callback_agent_response=self._said,
            callback_agent_response_correction=self._corrected,
            callback_user_transcript=self._user,
            callback_disconnect=self._ended,
        )

    async def _said(self, text):
        self.said.append(text)

    async def _corrected(self, original, corrected):
        self.corrected.append(corrected)

    async def _user(self, text):
        self.user.append(text)

    async def _ended(self, details):
        self.ended = details


@asynccontextmanager
async def calling(base_url, tools=None, **overrides):
    """A conversation that has begun."""
    call = Call(base_url, tools, **overrides)
    await call.conversation.start_session()
    await call.headset.started.wait()  # the package tells nobody else that it is connected
    try:
        yield call
    finally:
        await call.conversation.end_session()
        await call.conversation.wait_for_session_end()
