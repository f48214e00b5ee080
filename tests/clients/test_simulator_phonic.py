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
from livekit.plugins import phonic
from phonic import AsyncPhonic
from phonic.environment import PhonicEnvironment
from phonic.types import AudioChunkPayload, ConfigPayload, GenerateReplyPayload, ToolCallOutputPayload
from websockets.exceptions import ConnectionClosedError

from mockserver import MockServer, Rules, Scripted, relay, replay, simulator, speech
from mockserver.replies import Rule, ToolCall
from mockserver.server.record import Recording
from mockserver.server.virtual import virtual_time
from tests.clients.livekit import LONG, RULES, give_output, heard, weather
from tests.clients.test_simulator_livekit import until


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

    async with talking(simulator("phonic", replier=rules), weather) as (_, session):
        generations: list[Any] = []
        session.on("generation_created", generations.append)
        await speak(session, "what is the weather")
        await until(lambda: generations)
        call = await give_output(session, generations[0])
        assert (call.name, call.arguments) == ("weather", '{"city": "Oslo"}')
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


def judge(told: list[str]) -> None:
    """What was heard in a turn, in a tool round, before and after a barge-in."""
    assert told[:2] == ["you said good morning", "it is foggy"]
    assert LONG.startswith(told[2])
    assert 0 < len(told[2]) < len(LONG)
    assert told[3] == "you said stop it now"


async def by_the_plugin(server: MockServer) -> list[str]:
    """A turn, a tool round, a barge-in."""

    session = await opened(server, weather)
    generations: list[Any] = []
    session.on("generation_created", generations.append)

    async def spoken(text: str) -> Any:
        before = len(generations)
        await speak(session, text)
        await until(lambda: len(generations) > before)
        return generations[-1]

    told = [await heard(await spoken("good morning"))]
    asked = await spoken("what is the weather")
    before = len(generations)
    await give_output(session, asked)
    # The plugin begins a turn when it sends the output, and another when the assistant speaks.
    await until(lambda: len(generations) > before + 1)
    told.append(await heard(generations[-1]))
    first = asyncio.create_task(heard(await spoken("tell me of the sea")))
    await asyncio.sleep(2)
    after = await spoken("stop it now")
    said = await heard(after)
    await first
    await session.aclose()
    # The plugin asks for audio ahead of its time: what of it was heard stands in the event.
    (cut,) = server.journal.sent_by_server("interrupted_response").bodies
    return [*told, cut["text"], said]


TOOL = {
    "type": "custom_websocket",
    "tool_schema": {
        "type": "function",
        "function": {"name": "weather", "description": "", "parameters": {"type": "object"}, "strict": True},
    },
}
CONFIG: Any = {"input_format": "pcm_24000", "output_format": "pcm_24000", "tools": [TOOL]}


class Package:
    """A conversation of the phonic package's. ``turns``: what was heard in each turn of the assistant's."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.turns: list[str] = []
        self.calls: list[tuple[str, Any]] = []
        self.names: list[str] = []
        self.pcm = b""
        self.ended = asyncio.Event()

    async def read(self) -> None:
        try:
            async for message in self.socket:
                self.names.append(message.type)
                match message.type:
                    case "audio_chunk":
                        self.pcm += base64.b64decode(message.audio)
                    case "assistant_finished_speaking" | "interrupted_response":
                        self.turns.append(speech.decode(self.pcm, 24_000))
                        self.pcm = b""
                    case "tool_call":
                        self.calls.append((message.tool_name, message.parameters))
                        told = ToolCallOutputPayload(tool_call_id=message.tool_call_id, output="fog")
                        await self.socket.send_tool_call_output(told)
                    case _:
                        pass
        except ConnectionClosedError:
            self.names.append("closed with an error")
        self.ended.set()

    async def speak(self, text: str) -> None:
        pcm = speech.encode(text, 24_000) + bytes(48 * 900)
        for place in range(0, len(pcm), 1_920):
            audio = base64.b64encode(pcm[place : place + 1_920]).decode()
            await self.socket.send_audio_chunk(AudioChunkPayload(audio=audio))
            await asyncio.sleep(0.04)


@asynccontextmanager
async def package(server: MockServer) -> AsyncIterator[Package]:
    point(server)
    async with AsyncPhonic(api_key="ph_any").conversations.connect() as socket:
        talk = Package(socket)
        await socket.send_config(ConfigPayload(**CONFIG))
        reading = asyncio.create_task(talk.read())
        await until(lambda: "ready_to_start_conversation" in talk.names)
        yield talk
        reading.cancel()


async def by_the_package(server: MockServer) -> list[str]:
    """The same by the phonic package."""
    async with package(server) as talk:
        await talk.speak("good morning")
        await until(lambda: len(talk.turns) == 1)
        await talk.speak("what is the weather")
        await until(lambda: len(talk.turns) == 2)
        assert talk.calls == [("weather", {"city": "Oslo"})]
        await talk.speak("tell me of the sea")
        await until(lambda: talk.pcm)
        await asyncio.sleep(2)
        await talk.speak("stop it now")
        await until(lambda: len(talk.turns) == 4)
        return talk.turns


@pytest.mark.parametrize("client", [by_the_plugin, by_the_package])
async def test_a_whole_conversation_is_recorded_and_played_twice(client: Any, tmp_path: Path) -> None:
    path = tmp_path / "talk.cassette"
    with virtual_time():
        async with MockServer(simulator("phonic", replier=RULES, pace="realtime")) as upstream:
            async with Recording(relay(upstream.base_url, dialect="phonic"), path) as recording:
                judge(await client(recording.server))
            for pacing in ("recorded", "instant"):
                async with MockServer(replay(path, pacing=pacing)) as server:
                    judge(await client(server))


@pytest.mark.parametrize(
    ("settings", "faults", "last"),
    [
        ({}, ("close 1011 on 20th audio_chunk from server",), "closed with an error"),
        ({"max_session_s": 3}, (), "audio_chunk"),
    ],
)
async def test_the_package_hears_of_a_fault_and_of_an_end(settings: Any, faults: Any, last: str) -> None:
    with virtual_time():
        source = simulator("phonic", replier=Scripted([LONG]), **settings)
        async with MockServer(source, faults=faults) as server, package(server) as talk:
            await talk.socket.send_generate_reply(GenerateReplyPayload())
            await asyncio.wait_for(talk.ended.wait(), 30)
            assert talk.names[-1] == last
            assert "assistant_finished_speaking" not in talk.names
            assert LONG.startswith(heard_so_far := speech.decode(talk.pcm, 24_000))
            assert len(heard_so_far) < len(LONG)


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
