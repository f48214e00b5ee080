# test_barge_in.py
"""The user interrupts. What counts is what was heard by then, not what had been sent."""

import asyncio

import pytest
from agents.realtime import RealtimeAgent, RealtimePlaybackTracker, RealtimeRunner
from livekit.agents import Agent, AgentSession
from livekit.plugins import openai
from livekit_room import Loudspeaker, Microphone
from sdk_client import voice

from mockserver import Scripted, simulator, speech
from mockserver.assertions import assert_interrupted, assert_spoken, said_in
from mockserver.errors import ExpectationFailed

COUNT = "one two three four five six seven eight nine ten"


async def interrupt_livekit(server):
    """The agent counts, the user says "stop" after 1.5 s. Returns the loudspeaker."""
    plugin = openai.realtime.RealtimeModel(base_url=server.base_url, api_key="any")
    speaker, microphone = Loudspeaker(), Microphone()
    # The first seconds of an agent cannot be interrupted, unless one says so.
    async with AgentSession(llm=plugin, aec_warmup_duration=None) as session:
        session.input.audio, session.output.audio = microphone, speaker
        await session.start(Agent(instructions=""))
        session.generate_reply(instructions=COUNT)
        await asyncio.sleep(1.5)
        microphone.say("stop.")
        await asyncio.sleep(6)
    await plugin.aclose()
    return speaker


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True)
async def test_livekit_truncates_what_was_not_heard(realtime_mock):
    speaker = await interrupt_livekit(realtime_mock)

    first, second = speaker.segments
    heard = assert_interrupted(realtime_mock.sessions[0], first.ms, tolerance_ms=1)
    assert heard == "one two three four"
    assert_spoken(heard, first.heard, only=True)
    # The server had sent all ten numbers long ago, and forgets six of them.
    created = realtime_mock.journal.sent_by_server("response.created").bodies
    assert said_in(realtime_mock.journal, created[0]["response"]["id"]) == [COUNT]
    assert_spoken("one two three four | stop", second.heard, only=True)


DEAF = simulator("openai", misbehave=["truncate_ignored"])


@pytest.mark.realtime_mock(simulator=DEAF, virtual_time=True)
async def test_a_server_that_remembers_what_nobody_heard(realtime_mock):
    speaker = await interrupt_livekit(realtime_mock)

    first, second = speaker.segments
    with pytest.raises(ExpectationFailed, match="the user had heard 'one two three four', the ser"):
        assert_interrupted(realtime_mock.sessions[0], first.ms, tolerance_ms=1)
    assert_spoken("nine ten | stop", second.heard)


async def interrupt_sdk(server, *, played_ms):
    """The user interrupts when ``played_ms`` have been played; None: the client takes what has come for played."""
    async with voice(server) as client:
        reply = await client.ask(instructions=COUNT)
        await reply.done.wait()
        end = len(reply.audio) // 48 if played_ms is None else played_ms
        await client.connection.conversation.item.truncate(item_id=reply.item_id, content_index=0, audio_end_ms=end)
        after = await client.ask(instructions="and now")
        await after.done.wait()
        return after


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True)
async def test_a_client_on_the_sdk_that_knows_what_was_played(realtime_mock):
    after = await interrupt_sdk(realtime_mock, played_ms=900)

    assert assert_interrupted(realtime_mock.sessions[0], 900) == "one two three"
    assert_spoken("and now | one two three", after.audio, only=True)


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True)
async def test_a_client_on_the_sdk_that_takes_what_came_for_what_was_played(realtime_mock):
    after = await interrupt_sdk(realtime_mock, played_ms=None)

    with pytest.raises(ExpectationFailed, match="expected an interruption at 900 ms"):
        assert_interrupted(realtime_mock.sessions[0], 900, tolerance_ms=100)
    assert_spoken("eight nine ten", after.audio)


def what_was_heard(context):
    """What the model remembers of its last words."""
    own = [item.text for item in context.items if item.role == "assistant"]
    return f"you heard {own[-1]}"


COUNTING = simulator("openai", replier=Scripted([COUNT], then=what_was_heard))


async def interrupt_openai_agents(server):
    """The user says "stop" when 900 ms have been played. Returns what is said after that."""
    tracker = RealtimePlaybackTracker()  # without one the library reads the wall clock
    runner = RealtimeRunner(RealtimeAgent(name="Counter"))
    config = {
        "url": f"{server.ws_url}?model=gpt-realtime",
        "api_key": "any",
        "playback_tracker": tracker,
    }
    heard = {}  # item -> its audio
    async with await runner.run(model_config=config) as session:

        async def collect():
            async for event in session:
                if event.type == "audio":
                    heard[event.item_id] = heard.get(event.item_id, b"") + event.audio.data

        collecting = asyncio.create_task(collect())
        await session.send_message("count")
        await asyncio.sleep(1)
        (counting,) = heard
        tracker.on_play_ms(counting, 0, 900)
        stop = speech.encode("stop.") + bytes(48_000)
        for start in range(0, len(stop), 4_800):
            await session.send_audio(stop[start : start + 4_800])
            await asyncio.sleep(0.1)
        await asyncio.sleep(5)
        collecting.cancel()
    return heard.popitem()[1]


@pytest.mark.realtime_mock(simulator=COUNTING, virtual_time=True)
async def test_openai_agents_truncate_what_was_not_heard(realtime_mock):
    after = await interrupt_openai_agents(realtime_mock)

    assert assert_interrupted(realtime_mock.sessions[0], 900) == "one two three"
    assert_spoken("you heard one two three", after, only=True)
