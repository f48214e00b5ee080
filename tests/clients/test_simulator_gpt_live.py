"""The openai package's ``client.live`` and livekit's GPT-Live engine against the simulated GPT-Live."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from gpt_live_client import calling
from livekit import rtc
from pydantic_ai import Agent
from pydantic_ai.messages import PartDeltaEvent, SpeechPartDelta
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.realtime.openai_live import OpenAILiveModel

from mockserver import MockServer, relay, replay, simulator, speech, virtual_time
from mockserver.assertions import assert_interrupted, assert_isolated, assert_orphan_discarded
from mockserver.engines.simulator import Rule, Rules, ToolCall
from mockserver.errors import UsageError
from mockserver.server.record import Recording

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations inside the client's own dependencies
    from livekit.agents import llm
    from livekit.agents.llm import function_tool
    from livekit.plugins.openai.realtime import GPTLiveModel

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
RULES = Rules(
    [
        Rule("It rains.", output="rain"),
        Rule(ToolCall("weather", {"city": "Oslo"}), user="weather"),
        Rule(LONG, user="count"),
    ],
    otherwise=lambda context: f"You said {context.user}",
)
BACKEND: dict[str, Any] = {"type": "responses", "responses": {"model": "gpt-5.6-sol"}}


def live(**settings: Any) -> Any:
    return simulator("gpt_live", replier=RULES, **settings)


# --- the openai package ---


async def turn(base_url: str) -> str:
    async with calling(base_url) as caller:
        caller.say("good morning")
        await asyncio.sleep(5)
    return str(caller.words)


async def tool_round(base_url: str) -> str:
    asked: list[str] = []

    def weather(city: str) -> str:
        asked.append(city)
        return "rain"

    async with calling(base_url, tools={"weather": weather}, delegation=BACKEND) as caller:
        caller.say("what is the weather")
        await asyncio.sleep(6)
    assert asked == ["Oslo"]
    return str(caller.words)


async def barge_in(base_url: str) -> str:
    async with calling(base_url) as caller:
        caller.say("count")
        await asyncio.sleep(4)
        caller.say("stop it now please")
        await asyncio.sleep(6)
    assert "sixteen" not in caller.words
    return str(caller.words)


async def close(base_url: str) -> str:
    async with calling(base_url) as caller:
        await caller.connection.send({"type": "session.close"})
        await caller.over.wait()
    return str(caller.events[-1].reason)


# --- livekit ---


async def spoken(session: Any, words: str, seconds: float) -> None:
    """The user says something, and is silent for the rest of the time."""
    pcm = speech.encode(words)
    for number in range(round(seconds * 10)):
        chunk = pcm[number * 4_800 : (number + 1) * 4_800].ljust(4_800, b"\0")
        session.push_audio(rtc.AudioFrame(chunk, 24_000, 1, 2_400))
        await asyncio.sleep(0.1)


async def with_livekit(base_url: str, talk: Callable[[Any], Awaitable[None]], tools: list[Any], **options: Any) -> str:
    """A session of the plugin; what the user heard of it."""
    model = GPTLiveModel(base_url=base_url, api_key="any", **options)
    session = model.session()
    heard = b""

    async def play() -> None:
        nonlocal heard
        async for one in session.audio_stream:
            heard += bytes(one.frame.data)

    player = asyncio.create_task(play())
    await session._update_session(instructions="Be kind.", chat_ctx=llm.ChatContext.empty(), tools=tools)
    try:
        await talk(session)
    finally:
        await session.aclose()
        player.cancel()
        await model.aclose()
    return str(speech.decode(heard))


async def livekit_turn(base_url: str) -> str:
    return await with_livekit(base_url, lambda session: spoken(session, "good morning", 5), [])


async def livekit_tool_round(base_url: str) -> str:
    @function_tool
    async def weather(city: str) -> str:
        """The weather of a city."""
        return "rain"

    async def talk(session: Any) -> None:
        def answer(call: llm.FunctionCall) -> None:
            output = llm.FunctionCallOutput(call_id=call.call_id, name=call.name, output="rain", is_error=False)
            answers.append(asyncio.create_task(session._append_items([output])))

        answers: list[Any] = []
        session.on("function_call", answer)
        await spoken(session, "what is the weather", 6)
        assert len(answers) == 1

    return await with_livekit(base_url, talk, [weather])


async def livekit_barge_in(base_url: str) -> str:
    async def talk(session: Any) -> None:
        await spoken(session, "count", 4)
        await spoken(session, "stop it now please", 6)

    return await with_livekit(base_url, talk, [])


# --- pydantic-ai ---


async def pydantic_ai_tool_round(base_url: str) -> str:
    """A turn with a tool of an agent's; what the user heard."""
    asked: list[str] = []
    agent = Agent()

    @agent.tool_plain
    def weather(city: str) -> str:
        asked.append(city)
        return "rain"

    model = OpenAILiveModel("gpt-live-1", provider=OpenAIProvider(base_url=base_url, api_key="any"))
    heard = b""
    async with agent.realtime(model=model).session() as session:

        async def listen() -> None:
            nonlocal heard
            async for event in session:
                if isinstance(event, PartDeltaEvent) and isinstance(event.delta, SpeechPartDelta):
                    heard += event.delta.audio_chunk or b""

        listener = asyncio.create_task(listen())
        pcm = speech.encode("what is the weather") + bytes(48 * 5_000)
        for place in range(0, len(pcm), 4_800):
            await session.send_audio(pcm[place : place + 4_800])
            await asyncio.sleep(0.1)
        listener.cancel()
    assert asked == ["Oslo"]
    return str(speech.decode(heard))


@pytest.mark.parametrize(
    ("run", "heard"),
    [
        (turn, "You said good morning"),
        (tool_round, "Let me check. It rains."),
        (barge_in, "You said stop it now please"),
        (livekit_turn, "You said good morning"),
        (livekit_tool_round, "Let me check. It rains."),
        (livekit_barge_in, "You said stop it now please"),
        (pydantic_ai_tool_round, "It rains."),
    ],
)
async def test_a_session_is_held_recorded_and_played_back(
    run: Callable[[str], Awaitable[str]], heard: str, tmp_path: Path
) -> None:
    path = tmp_path / "live.cassette"
    with virtual_time():
        async with (
            MockServer(live()) as upstream,
            Recording(relay(upstream.base_url, dialect="gpt_live"), path) as recording,
        ):
            first = await run(recording.server.base_url)
    assert first.endswith(heard)
    for _ in range(2):
        with virtual_time():
            async with MockServer(replay(path)) as server:
                assert await run(server.base_url) == first
                server.verify()


async def test_a_session_is_closed_in_order_and_expires() -> None:
    with virtual_time():
        async with MockServer(live()) as server:
            assert await close(server.base_url) == "close_requested"
        async with MockServer(live(max_session_s=30)) as server, calling(server.base_url) as caller:
            await asyncio.sleep(31)
    assert caller.events[-1].reason == "expired"


@pytest.mark.parametrize("fault", ["close 1011", "reset"])
async def test_livekit_starts_again_with_the_history_after_a_stream_that_broke_off(fault: str) -> None:
    async def talk(session: Any) -> None:
        await spoken(session, "good morning", 6)
        await spoken(session, "and good day", 6)

    with virtual_time():
        async with MockServer(
            live(), faults=[f"{fault} on 30th session.output_audio.delta for first 1 attempts"]
        ) as server:
            heard = await with_livekit(server.base_url, talk, [])
            begun = server.journal.sent_by_client("session.start").bodies
    assert len(begun) == 2
    assert [item["content"][0]["text"] for item in begun[1]["session"]["input"]][:1] == ["good morning"]
    assert heard.endswith("You said and good day")


async def test_what_this_wire_cannot_tell_is_said_with_what_to_look_at_instead() -> None:
    with virtual_time():
        async with MockServer(live()) as server:
            await turn(server.base_url)
    for assertion in (
        lambda: assert_orphan_discarded(server.journal, "x"),
        lambda: assert_isolated("x", server.sessions[0]),
        lambda: assert_interrupted(server.sessions[0], 100),
    ):
        with pytest.raises(UsageError, match="previous_response_id"):
            assertion()
