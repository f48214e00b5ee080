"""livekit-plugins-google against the simulated Gemini, then recorded and replayed without it. It speaks TLS only."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from google.genai import types
from livekit import rtc
from livekit.agents import function_tool, llm

from mockserver import MockServer, relay, replay, simulator, speech
from mockserver.server.record import Recording
from tests.clients.livekit import heard as spoken
from tests.clients.test_simulator_gemini import LONG, STOP, answers

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations inside the plugin's own dependencies
    from livekit.plugins import google

# The plugin still sets a field that google-genai is going to take away.
pytestmark = pytest.mark.filterwarnings("ignore:Setting `LiveConnectConfig.generation_config` is deprecated")
SAID = ["You said good morning.", "It is foggy.", "You said stop please."]


@function_tool
async def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"{city}: foggy"


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch) -> Callable[[MockServer], str]:
    def trusting(server: MockServer) -> str:
        monkeypatch.setenv("SSL_CERT_FILE", server.env()["SSL_CERT_FILE"])
        return server.base_url

    return trusting


@asynccontextmanager
async def talking(base_url: str) -> AsyncIterator[Any]:
    """A session of the plugin's."""
    model = google.realtime.RealtimeModel(
        api_key="any", instructions="Be kind.", http_options=types.HttpOptions(base_url=base_url)
    )
    session = model.session()
    try:
        yield session
    finally:
        await session.aclose()
        await model.aclose()


async def heard(generation: Any) -> tuple[str, list[Any]]:
    """What the user hears of a reply to its end, and the calls in it."""
    return await spoken(generation), [call async for call in generation.function_stream]


def user(session: Any, text: str) -> llm.ChatContext:
    context: llm.ChatContext = session.chat_ctx.copy()
    context.add_message(role="user", content=text)
    return context


async def conversation(base_url: str) -> list[str]:
    """A turn, a tool round and a barge-in by speech; what was heard of each."""
    found: list[str] = []
    async with talking(base_url) as session:
        generations: asyncio.Queue[Any] = asyncio.Queue()
        session.on("generation_created", generations.put_nowait)
        began: asyncio.Queue[Any] = asyncio.Queue()
        session.on("input_speech_started", began.put_nowait)
        await session.update_tools([get_weather])

        async def say(text: str) -> Any:
            """Speaks to the model; returns the generation that answers."""
            pcm = speech.encode(text, 16_000) + bytes(32 * 800)
            session.push_audio(rtc.AudioFrame(pcm, 16_000, 1, len(pcm) // 2))
            return await asyncio.wait_for(generations.get(), 10)

        said, _ = await heard(await say("good morning"))
        found.append(said)

        _, (call,) = await heard(await say("how is the weather"))
        assert (call.name, call.arguments) == ("get_weather", '{"city": "Oslo"}')
        context = session.chat_ctx.copy()
        context.items.append(
            llm.FunctionCallOutput(call_id=call.call_id, name=call.name, output="foggy", is_error=False)
        )
        await session.update_chat_ctx(context)
        said, _ = await heard(await asyncio.wait_for(generations.get(), 10))
        found.append(said)

        counting = await say("count for me")
        while not began.empty():
            began.get_nowait()
        session.push_audio(rtc.AudioFrame(STOP, 16_000, 1, len(STOP) // 2))
        cut, _ = await heard(counting)
        await asyncio.wait_for(began.get(), 10)
        assert LONG.startswith(cut)
        said, _ = await heard(await asyncio.wait_for(generations.get(), 10))
        found.append(said)
    return found


async def test_livekit_talks_calls_and_barges_in(trust: Callable[[MockServer], str]) -> None:
    async with MockServer(simulator("gemini", replier=answers), tls=True) as server:
        assert await conversation(trust(server)) == SAID
        assert server.problems() == []
        sessions = [session.inspect().values for session in server.sessions]
    items = sessions[-1]["conversation"]
    assert [one["output"] for one in items if one["type"] == "function_call_output"] == ["foggy"]
    assert sessions[-1]["open_calls"] == []


async def test_livekit_is_recorded_and_replayed_twice(trust: Callable[[MockServer], str], tmp_path: Path) -> None:
    path = tmp_path / "gemini.cassette"
    async with (
        MockServer(simulator("gemini", replier=answers)) as upstream,
        Recording(relay(upstream.base_url, dialect="gemini"), path, tls=True) as recording,
    ):
        assert await conversation(trust(recording.server)) == SAID
    for pacing in ("recorded", "instant"):
        async with MockServer(replay(path, pacing=pacing, allow_unplayed=True), tls=True) as server:
            assert await conversation(trust(server)) == SAID
        assert server.problems() == []


async def test_livekit_resumes_after_go_away(trust: Callable[[MockServer], str]) -> None:
    source = simulator("gemini", replier=answers, pace="instant", max_connection_s=2, go_away_s=1.5)
    async with MockServer(source, tls=True) as server, talking(trust(server)) as session:
        await session.update_chat_ctx(user(session, "my name is Alice"))
        await heard(await session.generate_reply())
        for _ in range(500):
            if len(server.sessions) > 1 and server.sessions[1].sent_by_server("setupComplete").bodies:
                break
            await asyncio.sleep(0.01)
        (setup,) = server.sessions[1].sent_by_client("setup").bodies
        assert setup["setup"]["sessionResumption"]["handle"] is not None
        inside = server.sessions[1].inspect().values
        assert "my name is Alice" in [one.get("text") for one in inside["conversation"]]
        assert server.sessions[0].sent_by_server("goAway").bodies


async def test_livekit_goes_on_after_a_fault_in_the_middle_of_a_reply(trust: Callable[[MockServer], str]) -> None:
    fault = 'close 1011 "Internal error occurred." on 2nd serverContent.modelTurn for first 1 attempts'
    async with (
        MockServer(simulator("gemini", replier=answers), faults=[fault], tls=True) as server,
        talking(trust(server)) as session,
    ):
        await session.update_chat_ctx(user(session, "count for me"))
        broken, _ = await heard(await session.generate_reply())
        assert broken != LONG
        for _ in range(500):
            if len(server.sessions) > 1 and server.sessions[1].sent_by_server("setupComplete").bodies:
                break
            await asyncio.sleep(0.01)
        try:
            reply = await session.generate_reply(instructions="go on")
        except llm.RealtimeError:  # what is asked in the moment in which the client takes its new session is lost in it
            reply = await session.generate_reply(instructions="go on")
        again, _ = await heard(reply)
        assert again == "You said .."
