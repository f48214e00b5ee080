# test_say.py
"""Two ways to let the model say given words outside the conversation. Only one of them does."""

import pytest
from sdk_client import voice

from mockserver.assertions import assert_spoken
from mockserver.errors import ExpectationFailed

WORDS = "your table is ready"


async def say_as_input(client, words):
    """The words as an assistant message that the response is given: livekit/agents#5569."""
    message = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": words}],
    }
    reply = await client.ask(conversation="none", input=[message])
    await reply.done.wait()
    return reply


async def say_as_instructions(client, words):
    """The words as instructions, and an empty context."""
    reply = await client.ask(conversation="none", input=[], instructions=words)
    await reply.done.wait()
    return reply


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True)
async def test_an_assistant_message_as_input_is_not_spoken(realtime_mock):
    async with voice(realtime_mock) as client:
        reply = await say_as_input(client, WORDS)

        # What the tests of #5569 looked at is all there ...
        assert reply.status == "completed"
        assert len(reply.audio) > 24_000
        # ... and what they did not look at is not: what the audio says.
        with pytest.raises(ExpectationFailed, match=f"expected to hear '{WORDS}', heard 'That is"):
            assert_spoken(WORDS, reply.audio)


@pytest.mark.realtime_mock(simulator="openai", virtual_time=True)
async def test_words_as_instructions_are_spoken(realtime_mock):
    async with voice(realtime_mock) as client:
        reply = await say_as_instructions(client, WORDS)
        assert_spoken(WORDS, reply.audio, only=True)
