# test_personaplex.py
"""PersonaPlex has no event for an interruption: whether the model stops is heard in its audio alone."""

import asyncio

import aiohttp
import pytest
from livekit.plugins.nvidia.experimental import realtime
from realtime_client import Listener

from mockserver import Scripted, simulator, speech

COUNT = "one two three four five six seven eight nine ten eleven twelve"


def model(**settings):
    """A model that counts, and then stops."""
    return simulator("personaplex", replier=Scripted([COUNT, "I stop."]), prompts_ms=0, **settings)


class Ear(Listener):
    """Its audio is one stream, whatever the plugin makes of it."""

    async def _listen(self, generation):
        async for message in generation.message_stream:
            async for frame in message.audio_stream:
                self.heard.append(bytes(frame.data))


async def interrupt(server):
    """The model counts; the user says something meanwhile. Its clock is the user's audio. Returns what was heard."""
    async with aiohttp.ClientSession() as http:
        session = realtime.RealtimeModel(base_url=server.url, http_session=http).session()
        ear = Ear(session)
        await asyncio.sleep(1)
        for text in ("", "count", "please stop now", "", "", ""):
            await ear.speak(text, 24_000)
        await session.aclose()
    return speech.decode(b"".join(ear.heard), 24_000)


@pytest.mark.realtime_mock(simulator=model(), virtual_time=True)
async def test_a_model_that_yields(realtime_mock):
    heard = await interrupt(realtime_mock)

    assert heard.startswith("one")
    assert "four" not in heard


@pytest.mark.realtime_mock(simulator=model(yields=False), virtual_time=True)
async def test_a_model_that_does_not(realtime_mock):
    heard = await interrupt(realtime_mock)

    with pytest.raises(AssertionError):
        assert "four" not in heard
