# test_metadata.py
import asyncio

import pytest
from livekit.agents.llm import RealtimeError
from livekit_client import livekit, played, speak
from sdk_client import voice

from mockserver import speech
from mockserver.assertions import assert_metadata_echoed, assert_spoken
from mockserver.errors import ExpectationFailed

STRIPPED = "strip response.metadata on response.created"


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True)
async def test_livekit_knows_its_own_replies_from_those_of_the_server(realtime_mock):
    async with livekit(realtime_mock) as session:
        replies = []
        session.on("generation_created", replies.append)
        mine = await session.generate_reply(instructions="I was asked for")
        assert_spoken("I was asked for", await played(mine), only=True)

        speak(session, "good morning.")  # the server's turn detection asks for the next one
        await asyncio.sleep(2)

        assert [reply.user_initiated for reply in replies] == [True, False]
        assert_spoken("good morning", await played(replies[1]))
        created = realtime_mock.journal.sent_by_server("response.created").exactly(2)
        assert created.bodies[1]["response"]["metadata"] is None
        assert_metadata_echoed(realtime_mock.journal)


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True, faults=[STRIPPED])
async def test_without_metadata_livekit_cannot_know_its_reply_but_drops_none(realtime_mock):
    async with livekit(realtime_mock) as session:
        replies = []
        session.on("generation_created", replies.append)
        with pytest.raises(RealtimeError, match="timed out"):
            await session.generate_reply(instructions="I was asked for")
        speak(session, "good morning.")
        await asyncio.sleep(2)

        # Both were played to the user, and the plugin takes both for the server's own.
        assert [reply.user_initiated for reply in replies] == [False, False]
        assert_spoken("I was asked for", await played(replies[0]), only=True)
        assert_spoken("good morning", await played(replies[1]))
        realtime_mock.journal.sent_by_client("response.cancel").never()
        with pytest.raises(ExpectationFailed, match=r"expected a response.created with metadata"):
            assert_metadata_echoed(realtime_mock.journal)


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True)
async def test_a_client_on_the_sdk_keeps_replies_that_nobody_asked_for(realtime_mock):
    async with voice(realtime_mock) as client:
        await client.hear(speech.encode("good morning.") + bytes(48_000))
        reply = await client.unasked.get()
        await reply.done.wait()
        assert_spoken("good morning", reply.audio)
        realtime_mock.journal.sent_by_client("response.cancel").never()


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True, faults=[STRIPPED])
async def test_a_client_on_the_sdk_waits_in_vain_for_a_reply_without_metadata(realtime_mock):
    async with voice(realtime_mock) as client:
        with pytest.raises(TimeoutError):
            await client.ask(instructions="I was asked for")
        reply = client.unasked.get_nowait()
        assert_spoken("I was asked for", reply.audio)
