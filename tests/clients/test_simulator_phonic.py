"""livekit-plugins-phonic and the phonic package against the simulator: a turn, tools, a barge-in, a recording."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import llm
from livekit.agents.llm import function_tool
from livekit.plugins import phonic
from phonic import AsyncPhonic
from phonic.environment import PhonicEnvironment
from phonic.types import ConfigPayload, GenerateReplyPayload

from mockserver import MockServer, Rules, Scripted, relay, replay, simulator, speech
from mockserver.replies import Rule, ToolCall
from mockserver.server.record import Recording
from mockserver.server.virtual import virtual_time
from tests.clients.livekit import heard
from tests.clients.test_simulator_livekit import until

LONG = "the tide comes in twice a day and leaves shells of every colour on the sand"


@pytest.fixture(autouse=True)
def address() -> Iterator[None]:
    """The package has one address for all its clients; it is put back."""
    before = PhonicEnvironment.DEFAULT.production
    yield
    PhonicEnvironment.DEFAULT.production = before


def point(server: MockServer) -> None:
    PhonicEnvironment.DEFAULT.production = server.url.replace("http", "ws", 1)


async def opened(server: MockServer, *tools: Any) -> Any:
    """A session of the plugin's, as an agent begins one."""
    point(server)
    session = phonic.realtime.RealtimeModel(api_key="ph_any").session()
    await session.update_instructions("Be brief.")
    await session.update_tools(list(tools))
    await until(lambda: server.journal.sent_by_server("ready_to_start_conversation"))
    await until(session._ready_to_start.is_set)
    return session


@asynccontextmanager
async def talking(source: Any, *tools: Any, **faults: Any) -> AsyncIterator[tuple[MockServer, Any]]:
    """A server and a session, on a clock that does not wait."""
    with virtual_time():
        async with MockServer(source, **faults) as server:
            session = await opened(server, *tools)
            try:
                yield server, session
            finally:
                await session.aclose()


async def speak(session: Any, text: str) -> None:
    """At the pace of speech: what is pushed at once is heard at once, before anything is said."""
    pcm = speech.encode(text, 24_000) + bytes(48 * 900)
    for place in range(0, len(pcm), 960):
        piece = pcm[place : place + 960]
        session.push_audio(rtc.AudioFrame(piece, 24_000, 1, len(piece) // 2))
        await asyncio.sleep(0.02)


async def test_a_turn() -> None:
    async with talking(simulator("phonic", replier=Scripted(["it is foggy"]))) as (server, session):
        generations: list[Any] = []
        session.on("generation_created", generations.append)
        await speak(session, "what is the weather")
        await until(lambda: generations)
        assert await heard(generations[0]) == "it is foggy"
        assert [body["text"] for body in server.journal.sent_by_server("input_text").bodies] == ["what is the weather"]
        assert not server.journal.sent_by_server("error")


async def test_a_reply_that_the_agent_asks_for() -> None:
    async with talking(simulator("phonic", replier=Scripted(["good day"]))) as (_, session):
        generation = await session.generate_reply(instructions="greet")
        assert generation.user_initiated
        assert await heard(generation) == "good day"


async def test_a_tool_round() -> None:
    rules = Rules([Rule("it is foggy", output="fog"), Rule(ToolCall("weather", {"city": "Oslo"}), tool="weather")])

    @function_tool
    async def weather(city: str) -> str:
        """The weather of a city."""
        return "fog"

    async with talking(simulator("phonic", replier=rules), weather) as (_, session):
        generations: list[Any] = []
        session.on("generation_created", generations.append)
        await speak(session, "what is the weather")
        await until(lambda: generations)
        (call,) = [one async for one in generations[0].function_stream]
        assert (call.name, call.arguments) == ("weather", '{"city": "Oslo"}')
        context = session.chat_ctx.copy()
        context.insert(llm.FunctionCallOutput(call_id=call.call_id, output="fog", is_error=False))
        await session.update_chat_ctx(context)
        # The plugin begins a turn when it sends the output, and another when the assistant speaks.
        await until(lambda: len(generations) > 2)
        assert await heard(generations[2]) == "it is foggy"


@pytest.mark.parametrize("misbehave", ["", "interruption_ignored"])
async def test_a_barge_in(misbehave: str) -> None:
    source = simulator(
        "phonic", replier=Scripted([LONG, "yes"]), pace="realtime", misbehave=[misbehave] if misbehave else []
    )
    async with talking(source) as (server, session):
        generations: list[Any] = []
        session.on("generation_created", generations.append)
        await speak(session, "tell me of the sea")
        await until(lambda: generations)
        first = asyncio.create_task(heard(generations[0]))
        await asyncio.sleep(2)
        await speak(session, "stop it now")
        cut = server.journal.sent_by_server("interrupted_response")
        assert len(cut) == (0 if misbehave else 1)
        if not misbehave:
            await until(lambda: len(generations) > 1)
            assert await heard(generations[1]) == "yes"
            assert LONG.startswith(cut.bodies[0]["text"])
        await first


@pytest.mark.parametrize("faults", [(), ("close 1011 on 20th audio_chunk from server",)])
async def test_a_fault_in_mid_stream_and_its_control(faults: tuple[str, ...]) -> None:
    async with talking(simulator("phonic", replier=Scripted([LONG])), faults=faults) as (_, session):
        errors: list[Any] = []
        session.on("error", errors.append)
        generation = await session.generate_reply()
        words = await heard(generation)
        if faults:
            await until(lambda: errors)
            assert words != LONG
        else:
            assert words == LONG
            assert not errors


async def test_an_end_by_the_assistant_is_an_error_to_the_client() -> None:
    source = simulator("phonic", replier=Scripted([ToolCall("natural_conversation_ending")]))
    with virtual_time():
        async with MockServer(source) as server:
            point(server)
            model = phonic.realtime.RealtimeModel(api_key="ph_any", phonic_tools=["natural_conversation_ending"])
            session = model.session()
            errors: list[Any] = []
            session.on("error", errors.append)
            await session.update_instructions("Be brief.")
            await session.update_tools([])
            await until(session._ready_to_start.is_set)
            session.generate_reply().cancel()
            await speak(session, "bye")
            await until(lambda: errors)
            assert not errors[0].recoverable
            await session.aclose()


async def said(server: MockServer) -> str:
    """One turn of the plugin's."""
    session = await opened(server)
    generations: list[Any] = []
    session.on("generation_created", generations.append)
    await speak(session, "what is the weather")
    await until(lambda: generations)
    words = await heard(generations[0])
    await session.aclose()
    return words


async def test_a_recorded_session_is_played_twice(tmp_path: Path) -> None:
    path = tmp_path / "talk.cassette"
    with virtual_time():
        async with MockServer(simulator("phonic", replier=Scripted(["it is foggy"]))) as upstream:
            async with Recording(relay(upstream.base_url, dialect="phonic"), path) as recording:
                assert await said(recording.server) == "it is foggy"
            for _ in range(2):
                async with MockServer(replay(path)) as server:
                    assert await said(server) == "it is foggy"


async def test_the_package_takes_a_lost_conversation_up_again() -> None:
    with virtual_time():
        async with MockServer(simulator("phonic", replier=Scripted(["yes"]))) as server:
            point(server)
            client = AsyncPhonic(api_key="ph_any", reconnect_conversation_on_abnormal_disconnect=True)
            formats: Any = {"input_format": "pcm_24000", "output_format": "pcm_24000"}
            pcm = b""
            async with client.conversations.connect() as socket:
                await socket.send_config(ConfigPayload(**formats))
                async for message in socket:
                    if message.type == "ready_to_start_conversation":
                        socket._inner._websocket.transport.abort()
                    elif message.type == "conversation_reconnected":
                        await socket.send_generate_reply(GenerateReplyPayload())
                    elif message.type == "audio_chunk":
                        pcm += base64.b64decode(message.audio)
                    elif message.type == "assistant_finished_speaking":
                        break
            assert speech.decode(pcm, 24_000) == "yes"
            assert len(server.sessions) == 2
            assert len(server.journal.sent_by_client("config")) == 1
