# test_orphans.py
import asyncio

import pytest
from livekit.agents.llm import RealtimeError
from livekit_client import livekit, played
from sdk_client import voice

from mockserver import simulator
from mockserver.assertions import assert_cancelled, assert_orphan_discarded, assert_spoken
from mockserver.engines.simulator import Pace
from mockserver.errors import ExpectationFailed

LATE = "delay 11s on 1st response.create from client"
DELIVERED_LATE = "delay 11s on 1st response.created"
SLOW = Pace(created_ms=2_000, first_ms=300, audio_speed=4)


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True, faults=[LATE])
async def test_livekit_discards_a_reply_that_is_created_too_late(realtime_mock):
    async with livekit(realtime_mock) as session:
        surfaced = []
        session.on("generation_created", surfaced.append)

        with pytest.raises(RealtimeError, match="timed out"):  # after 10 s, the plugin's own timer
            await session.generate_reply(instructions="the late reply")
        await asyncio.sleep(5)

        journal = realtime_mock.journal
        orphan = journal.sent_by_server("response.created").body["response"]["id"]
        assert surfaced == []
        assert_orphan_discarded(journal, orphan)
        assert_cancelled(journal, orphan)

        # The next turn is clean: nothing of the orphan is heard, so nothing of it was in the context.
        reply = await session.generate_reply(instructions="the next reply")
        assert_spoken("the next reply", await played(reply), only=True)


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True)
async def test_without_the_fault_the_reply_is_heard(realtime_mock):
    async with livekit(realtime_mock) as session:
        reply = await session.generate_reply(instructions="the late reply")
        assert_spoken("the late reply", await played(reply), only=True)
        realtime_mock.journal.sent_by_client("response.cancel").never()


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True, faults=[DELIVERED_LATE])
async def test_livekit_discards_a_reply_whose_news_comes_too_late(realtime_mock):
    """The reply was finished long ago, so the cancel comes too late: the server has it in its conversation."""
    async with livekit(realtime_mock) as session:
        surfaced = []
        session.on("generation_created", surfaced.append)
        with pytest.raises(RealtimeError, match="timed out"):
            await session.generate_reply(instructions="the late reply")
        await asyncio.sleep(5)

        journal = realtime_mock.journal
        orphan = journal.sent_by_server("response.created").body["response"]["id"]
        assert surfaced == []
        assert_orphan_discarded(journal, orphan)
        journal.sent_by_server("error", where={"error.code": "response_cancel_not_active"}).once()
        with pytest.raises(ExpectationFailed, match="it ended as completed"):
            assert_cancelled(journal, orphan)

        reply = await session.generate_reply(instructions="the next reply")
        assert_spoken("the next reply | the late reply", await played(reply), only=True)


@pytest.mark.realtime_mock(simulator=simulator("openai", pace=SLOW), virtual_time=True)
async def test_livekit_discards_a_reply_that_was_cancelled_before_it_was_created(realtime_mock):
    async with livekit(realtime_mock) as session:
        surfaced = []
        session.on("generation_created", surfaced.append)
        asked = session.generate_reply(instructions="the late reply")
        await asyncio.sleep(1)
        asked.cancel()  # the plugin cancels without an id, but nothing is active yet: the reply comes all the same
        await asyncio.sleep(5)

        journal = realtime_mock.journal
        journal.sent_by_server("error", where={"error.code": "response_cancel_not_active"}).once()
        orphan = journal.sent_by_server("response.created").body["response"]["id"]
        assert surfaced == []
        assert_orphan_discarded(journal, orphan)
        assert_cancelled(journal, orphan)

        reply = await session.generate_reply(instructions="the next reply")
        assert_spoken("the next reply", await played(reply), only=True)


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True, faults=[LATE])
async def test_a_careful_client_on_the_sdk(realtime_mock):
    async with voice(realtime_mock) as client:
        with pytest.raises(TimeoutError):
            await client.ask(instructions="the late reply")
        await asyncio.sleep(5)
        reply = await client.ask(instructions="the next reply")
        await reply.done.wait()

        journal = realtime_mock.journal
        orphan = journal.sent_by_server("response.created").bodies[0]["response"]["id"]
        assert_orphan_discarded(journal, orphan, surfaced=[reply.audio, reply.text])
        assert_spoken("the next reply", reply.audio, only=True)


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True, faults=[LATE])
async def test_a_naive_client_on_the_sdk_lets_the_orphan_through(realtime_mock):
    async with voice(realtime_mock, careful=False) as client:
        with pytest.raises(TimeoutError):
            await client.ask(instructions="the late reply")
        reply = await client.ask(instructions="the next reply")
        await reply.done.wait()

        assert_spoken("the late reply", reply.audio)  # the answer to another question
        with pytest.raises(ExpectationFailed, match=r"response\.cancel .* once, found never"):
            assert_orphan_discarded(realtime_mock.journal, reply.response_id, surfaced=[reply.audio])
