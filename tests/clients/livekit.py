"""What the tests of LiveKit's plugins share."""

from __future__ import annotations

from typing import Any

from livekit.agents import llm
from livekit.agents.llm import function_tool

from mockserver import Rules, speech
from mockserver.replies import Rule, ToolCall

LONG = "the tide comes in twice a day and leaves shells of every colour on the sand"
RULES = Rules(
    [
        Rule("it is foggy", output="fog"),
        Rule(ToolCall("weather", {"city": "Oslo"}), tool="weather", user="weather"),
        Rule(LONG, user="sea"),
    ],
    otherwise=lambda context: f"you said {context.user}",
)
"""A tool round, a long answer to be interrupted, and short ones."""


@function_tool
async def weather(city: str) -> str:
    """The weather of a city."""
    return "fog"


async def give_output(session: Any, generation: Any) -> Any:
    """Wait for the one call of a generation and give its output, as an agent does. The call."""
    (call,) = [one async for one in generation.function_stream]
    context = session.chat_ctx.copy()
    context.insert(llm.FunctionCallOutput(call_id=call.call_id, output="fog", is_error=False))
    await session.update_chat_ctx(context)
    return call


async def heard(generation: Any) -> str:
    """The words in the audio of a generation, to its end."""
    pcm = b""
    async for message in generation.message_stream:
        async for frame in message.audio_stream:
            pcm += bytes(frame.data)
    return speech.decode(pcm, 24_000)
