# test_isolation.py
"""Said out of band: on the wire, in the server's conversation, in the client's own context, in the next reply."""

import asyncio

import pytest
from livekit_client import livekit, played
from sdk_client import voice
from test_say import say_as_instructions

from mockserver import simulator
from mockserver.assertions import assert_isolated, assert_spoken
from mockserver.errors import ExpectationFailed

WORDS = "your table is ready"


async def announce(session, words):
    """livekit's session has no such call, so the application sends the event and waits for its generation."""
    begun = asyncio.get_running_loop().create_future()
    session.once("generation_created", begun.set_result)
    response = {"conversation": "none", "input": [], "instructions": words}
    session.send_event({"type": "response.create", "response": response})
    return await played(await begun)


def own_context(session):
    """What the plugin itself thinks the conversation is."""
    return [item.text_content or "" for item in session.chat_ctx.items if item.type == "message"]


async def a_talk_with_livekit(server):
    """A reply, an announcement out of band, and another reply; returns the plugin's own context."""
    async with livekit(server) as session:
        await played(await session.generate_reply(instructions="how can I help"))
        assert_spoken(WORDS, await announce(session, WORDS), only=True)
        await played(await session.generate_reply(instructions="anything else"))
        return own_context(session)


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True)
async def test_livekit_keeps_an_announcement_apart(realtime_mock):
    context = await a_talk_with_livekit(realtime_mock)

    assert_isolated(WORDS, realtime_mock.sessions[0], surfaced=context)
    assert context == ["how can I help", "anything else | how can I help"]
    # On the wire: the response is of no conversation, and no item of it is added to one.
    aside = realtime_mock.journal.sent_by_server("response.created").bodies[1]["response"]
    assert aside["conversation_id"] is None
    realtime_mock.journal.sent_by_server("conversation.item.added").exactly(2)


ANNOUNCED = simulator("openai", announce_out_of_band=True)


@pytest.mark.realtime_mock(simulator=ANNOUNCED, virtual_time=True)
async def test_an_item_that_is_announced_on_the_wire_gets_into_livekits_own_context(realtime_mock):
    """No recording shows whether the service announces items of no conversation. If it does, this is what happens."""
    context = await a_talk_with_livekit(realtime_mock)

    realtime_mock.journal.sent_by_server("conversation.item.added").exactly(3)
    with pytest.raises(ExpectationFailed, match=f"the client's own conversation: '{WORDS}'"):
        assert_isolated(WORDS, realtime_mock.sessions[0], surfaced=context)
    assert_isolated(WORDS, realtime_mock.sessions[0])  # the server's own conversation is clean


LEAKING = simulator("openai", misbehave=["oob_leaks"])


@pytest.mark.realtime_mock(simulator=LEAKING, virtual_time=True)
async def test_a_server_that_leaks_is_heard_in_the_next_reply(realtime_mock):
    await a_talk_with_livekit(realtime_mock)

    with pytest.raises(ExpectationFailed) as failed:
        assert_isolated(WORDS, realtime_mock.sessions[0])
    assert "of the server's conversation: 'your table is ready'" in str(failed.value)
    assert "the context of response" in str(failed.value)
    assert "the reply" in str(failed.value)


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True)
async def test_a_client_on_the_sdk_that_keeps_the_announcement_apart(realtime_mock):
    async with voice(realtime_mock) as client:
        await say_as_instructions(client, WORDS)
        await client.say("is there anything new?")
        await (await client.ask()).done.wait()
    assert_isolated(WORDS, realtime_mock.sessions[0])


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True)
async def test_a_client_on_the_sdk_that_writes_the_announcement_into_the_conversation(
    realtime_mock,
):
    async with voice(realtime_mock) as client:
        reply = await say_as_instructions(client, WORDS)
        await client.say(f"(the user has heard: {reply.text})")
        await (await client.ask()).done.wait()
    with pytest.raises(ExpectationFailed, match="an item that the client created"):
        assert_isolated(WORDS, realtime_mock.sessions[0])


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True)
async def test_words_of_the_conversation_itself_are_nothing_to_isolate(realtime_mock):
    async with voice(realtime_mock) as client:
        await (await client.ask(instructions=WORDS)).done.wait()
    with pytest.raises(ExpectationFailed, match="nothing to isolate: no out-of-band response said"):
        assert_isolated(WORDS, realtime_mock.sessions[0])
