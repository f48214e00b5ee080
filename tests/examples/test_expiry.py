# test_expiry.py
"""A session lives for 60 minutes. What of the conversation is there afterwards?"""

import asyncio

import pytest
from livekit_client import livekit, played, speak
from sdk_client import voice

from mockserver.assertions import assert_spoken

HOUR = 3_600


def expired(server):
    """The provider's words, and then the close, on the first connection."""
    first = server.sessions[0]
    error = first.sent_by_server("error").once().body["error"]
    assert error["code"] == "session_expired"
    first.sent_by_server("close 1001").once()
    return first.over


async def answer(session, words):
    """The user says something; returns the reply's audio."""
    begun = asyncio.get_running_loop().create_future()
    session.once("generation_created", begun.set_result)
    speak(session, words)
    return await played(await begun)


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True)
async def test_livekit_reconnects_with_its_history(realtime_mock):
    async with livekit(realtime_mock, max_session_duration=None) as session:
        await answer(session, "my name is Ada.")
        await asyncio.sleep(HOUR + 5)
        assert expired(realtime_mock)

        assert_spoken("my name is Ada. | who am I?", await answer(session, "who am I?"), only=True)
    again = realtime_mock.sessions[1]
    again.sent_by_client("conversation.item.create").exactly(2).before(
        again.sent_by_client("input_audio_buffer.append")
    )


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True)
async def test_livekit_changes_sessions_before_they_expire(realtime_mock):
    async with livekit(realtime_mock) as session:  # its max_session_duration is 20 minutes
        await answer(session, "my name is Ada.")
        await asyncio.sleep(HOUR + 5)
        assert_spoken("my name is Ada. | who am I?", await answer(session, "who am I?"), only=True)
    assert len(realtime_mock.sessions) == 4
    realtime_mock.journal.sent_by_server("error").never()


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True)
async def test_the_sdk_ends_without_a_word(realtime_mock):
    async with voice(realtime_mock) as client:
        await (await client.ask(instructions="my name is Ada")).done.wait()
        await asyncio.sleep(HOUR + 5)
        assert expired(realtime_mock)
        assert client.errors == ["session_expired"]
        assert client.listening.done()  # 1001 is an orderly close: the loop over the events just ends
        assert client.listening.exception() is None


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True)
async def test_the_sdk_reconnects_when_asked_to_and_sends_nothing_again(realtime_mock):
    async with voice(realtime_mock, on_reconnecting=lambda event: None) as client:
        await (await client.ask(instructions="my name is Ada")).done.wait()
        await asyncio.sleep(HOUR + 5)
        assert expired(realtime_mock)

        reply = await client.ask(instructions="and my name was")
        await reply.done.wait()
        assert_spoken("and my name was", reply.audio, only=True)  # nobody remembers Ada
    realtime_mock.sessions[1].sent_by_client("conversation.item.create").never()
