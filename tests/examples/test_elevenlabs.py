# test_elevenlabs.py
"""An ElevenLabs agent is interrupted by voice. What counts is what was heard, and what the agent takes back."""

import asyncio

import pytest
from elevenlabs_client import RATE, calling

from mockserver import Scripted, simulator, speech
from mockserver.assertions import assert_spoken
from mockserver.errors import ExpectationFailed

COUNT = "one two three four five six seven eight nine ten eleven twelve"
AGENT = simulator("elevenlabs", replier=Scripted([COUNT, "I stop."]), pace="realtime")


async def interrupt(server):
    """The agent counts; the user says something after two seconds. Returns the call."""
    async with calling(server.base_url) as call:
        await call.conversation.send_user_message("count")
        await asyncio.sleep(2)
        call.headset.say("please stop now")
        await asyncio.sleep(6)
    return call


@pytest.mark.realtime_mock(simulator=AGENT, virtual_time=True)
async def test_what_was_not_heard_is_taken_back(realtime_mock):
    call = await interrupt(realtime_mock)

    (corrected,) = call.corrected
    assert corrected == "one two three four five six seven eight nine..."
    assert_spoken("eight nine", call.headset.heard, rate=RATE)
    assert_spoken("I stop.", call.headset.heard, rate=RATE)
    assert "twelve" not in speech.decode(call.headset.heard, RATE)


DEAF = simulator(
    "elevenlabs", replier=Scripted([COUNT, "I stop."]), pace="realtime", misbehave=["interruption_ignored"]
)


@pytest.mark.realtime_mock(simulator=DEAF, virtual_time=True)
async def test_an_agent_that_talks_on(realtime_mock):
    call = await interrupt(realtime_mock)

    assert call.corrected == []
    with pytest.raises(AssertionError):
        assert "twelve" not in speech.decode(call.headset.heard, RATE)


LATE = simulator("elevenlabs", replier=Scripted([COUNT, "I stop."]), pace="realtime", misbehave=["stale_audio"])


@pytest.mark.realtime_mock(simulator=LATE, virtual_time=True)
async def test_the_package_drops_audio_that_comes_too_late(realtime_mock):
    call = await interrupt(realtime_mock)

    stopped = realtime_mock.journal.sent_by_server("interruption").once()
    sent = realtime_mock.journal.sent_by_server("audio", where={"audio_event.event_id": 1})
    assert sent.last.index > stopped.first.index  # the server went on sending
    with pytest.raises(ExpectationFailed, match="twelve"):
        assert_spoken("twelve", call.headset.heard, rate=RATE)
