# test_ultravox.py
"""Ultravox is interrupted: the client has to throw away what it was sent and has not played."""

import asyncio

import aiohttp
import pytest
from livekit.plugins import ultravox
from realtime_client import Listener

from mockserver import Scripted, simulator

COUNT = "one two three four five six seven eight nine ten eleven twelve"


def agent(**settings):
    """An agent that counts, and then stops."""
    return simulator("ultravox", replier=Scripted([COUNT, "I stop."]), first_speaker="user", **settings)


async def interrupt(server):
    """The agent counts; the user says something meanwhile. Returns what the agent believes was heard."""
    async with aiohttp.ClientSession() as http:
        model = ultravox.realtime.RealtimeModel(base_url=server.base_url, api_key="any", http_session=http)
        session = model.session()
        listener = Listener(session)
        await listener.speak("count", 16_000)
        await asyncio.sleep(1)
        await listener.speak("please stop now", 16_000)
        await asyncio.sleep(4)
        await session.aclose()
    conversation = server.sessions[0].inspect().values["conversation"]
    return [item["text"] for item in conversation if item["role"] == "assistant"]


@pytest.mark.realtime_mock(simulator=agent(), virtual_time=True)
async def test_the_agent_forgets_what_was_not_heard(realtime_mock):
    counted, stopped = await interrupt(realtime_mock)

    realtime_mock.journal.sent_by_server("playback_clear_buffer").once()
    assert counted.startswith("one")
    assert "twelve" not in counted
    assert stopped == "I stop."


@pytest.mark.realtime_mock(simulator=agent(misbehave=["interruption_ignored"]), virtual_time=True)
async def test_an_agent_that_talks_on(realtime_mock):
    counted, *_ = await interrupt(realtime_mock)

    with pytest.raises(AssertionError):
        assert "twelve" not in counted
