"""livekit-plugins-ultravox against the simulator: a turn, a tool round, a barge-in, an end, and a recording of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from livekit import rtc
from livekit.plugins import ultravox

from mockserver import MockServer, Rules, Scripted, relay, replay, script, simulator, speech
from mockserver.cassette.store import load
from mockserver.replies import Rule, ToolCall
from mockserver.server.record import Recording
from mockserver.server.virtual import virtual_time
from tests.clients.livekit import LONG, RULES, give_output, heard, weather
from tests.clients.test_simulator_livekit import until
from tests.engines.simulator.ultravox import talk


@asynccontextmanager
async def talking(source: Any, **faults: Any) -> AsyncIterator[tuple[MockServer, Any]]:
    """A server and a session of the plugin's, on a clock that does not wait."""
    with virtual_time():
        async with MockServer(source, **faults) as server, aiohttp.ClientSession() as http:
            model = ultravox.realtime.RealtimeModel(base_url=server.base_url, api_key="any.key", http_session=http)
            session = model.session()
            try:
                yield server, session
            finally:
                await session.aclose()


def speak(session: Any, text: str) -> None:
    pcm = speech.encode(text, 16_000) + bytes(32 * 900)
    session.push_audio(rtc.AudioFrame(pcm, 16_000, 1, len(pcm) // 2))


def test_where_the_plugin_is_its_own_models_check_every_event_of_the_short_tests() -> None:
    assert talk.models() is not None
    with pytest.raises(ValueError, match="nonsense"):
        talk.strict({"type": "nonsense"})


async def test_a_turn() -> None:
    async with talking(simulator("ultravox", replier=Scripted(["it is foggy"]))) as (server, session):
        generation = asyncio.get_running_loop().create_future()
        session.on("generation_created", lambda event: generation.done() or generation.set_result(event))
        speak(session, "what is the weather")
        assert await heard(await generation) == "it is foggy"
        finals = server.journal.sent_by_server("transcript", where={"role": "user", "final": True})
        assert [body["text"] for body in finals.bodies] == ["what is the weather"]


async def test_a_tool_round() -> None:
    rules = Rules([Rule("it is foggy", output="fog"), Rule(ToolCall("weather", {"city": "Oslo"}), tool="weather")])

    async with talking(simulator("ultravox", replier=rules)) as (server, session):
        await session.update_tools([weather])
        generations: list[Any] = []
        session.on("generation_created", generations.append)
        await until(lambda: server.sessions)
        speak(session, "what is the weather")
        await until(lambda: generations)
        call = await give_output(session, generations[0])
        assert (call.name, call.arguments) == ("weather", '{"city": "Oslo"}')
        await until(lambda: len(generations) > 1)
        assert await heard(generations[1]) == "it is foggy"


@pytest.mark.parametrize("misbehave", ["", "buffer_kept"])
async def test_a_barge_in(misbehave: str) -> None:
    source = simulator("ultravox", replier=Scripted([LONG, "yes"]), misbehave=[misbehave] if misbehave else [])
    async with talking(source) as (server, session):
        generations: list[Any] = []
        session.on("generation_created", generations.append)
        speak(session, "tell me of the sea")
        await until(lambda: generations)
        first = asyncio.create_task(heard(generations[0]))
        await asyncio.sleep(2)
        speak(session, "stop it now")
        await until(lambda: len(generations) > 1)
        assert await heard(generations[1]) == "yes"
        await first
        kept = [
            one["text"] for one in server.sessions[0].inspect().values["conversation"] if one["role"] == "assistant"
        ]
        assert kept[0] != LONG
        assert len(server.journal.sent_by_server("playback_clear_buffer")) == (0 if misbehave else 1)


async def test_an_end_that_nobody_asked_for_is_an_error_to_the_client() -> None:
    async with talking(simulator("ultravox", max_session_s=2)) as (_, session):
        errors: list[Any] = []
        session.on("error", errors.append)
        await until(lambda: errors)
        assert not errors[0].recoverable


@pytest.mark.parametrize("faults", [(), ("close 1011 on 20th audio",)])
async def test_a_fault_in_mid_stream_and_its_control(faults: tuple[str, ...]) -> None:
    async with talking(simulator("ultravox", replier=Scripted([LONG])), faults=faults) as (server, session):
        errors: list[Any] = []
        generations: list[Any] = []
        session.on("error", errors.append)
        session.on("generation_created", generations.append)
        speak(session, "go on")
        await until(lambda: generations)
        if faults:
            await until(lambda: errors)
            assert len(server.journal.sent_by_server("audio")) <= 20
        else:
            assert await heard(generations[0]) == LONG
            assert not errors


async def conversation(server: MockServer, http: aiohttp.ClientSession) -> list[str]:
    """A turn, a tool round, a barge-in: what was heard in each, and after the last."""

    session = ultravox.realtime.RealtimeModel(base_url=server.base_url, api_key="any.key", http_session=http).session()
    generations: list[Any] = []
    session.on("generation_created", generations.append)
    await session.update_tools([weather])

    async def spoken(text: str) -> Any:
        before = len(generations)
        await asyncio.sleep(0.5)
        speak(session, text)
        await until(lambda: len(generations) > before)
        return generations[-1]

    told = [await heard(await spoken("good morning"))]
    asked = await spoken("what is the weather")
    before = len(generations)
    await give_output(session, asked)
    await until(lambda: len(generations) > before)
    told.append(await heard(generations[-1]))
    first = asyncio.create_task(heard(await spoken("tell me of the sea")))
    await asyncio.sleep(2)
    after = await spoken("stop it now")
    told += [await heard(after), await first]
    await session.aclose()
    # The plugin was sent more than it had played: what of it was heard stands in the transcript.
    whole = server.journal.sent_by_server("transcript", where={"role": "agent", "final": True})
    return [*told[:3], [body["text"] for body in whole.bodies][2]]


def judge(told: list[str]) -> None:
    assert told[:3] == ["you said good morning", "it is foggy", "you said stop it now"]
    assert LONG.startswith(told[3])
    assert 0 < len(told[3]) < len(LONG)


async def test_a_whole_conversation_is_recorded_and_played_twice(tmp_path: Path) -> None:
    path = tmp_path / "talk.cassette"
    with virtual_time():
        async with MockServer(simulator("ultravox", replier=RULES)) as upstream, aiohttp.ClientSession() as http:
            async with Recording(relay(upstream.base_url, dialect="ultravox"), path) as recording:
                judge(await conversation(recording.server, http))
            assert load(path).exchanges
            for pacing in ("recorded", "instant"):
                async with MockServer(replay(path, pacing=pacing)) as server:
                    judge(await conversation(server, http))


async def test_the_same_through_a_script() -> None:
    """The call is answered by itself; what is said in it are three lines."""
    play = (
        script.send({"type": "call_started", "callId": "mock"}, {"type": "state", "state": "speaking"}),
        script.send(speech.encode("good day", 24_000)),
        script.send({"type": "state", "state": "listening"}),
    )
    async with talking(script(*play, script.closed(), dialect="ultravox")) as (_, session):
        generations: list[Any] = []
        session.on("generation_created", generations.append)
        await until(lambda: generations)
        assert await heard(generations[0]) == "good day"


async def said(server: MockServer, http: aiohttp.ClientSession) -> str:
    """One turn of the plugin's."""
    model = ultravox.realtime.RealtimeModel(base_url=server.base_url, api_key="any.key", http_session=http)
    session = model.session()
    generations: list[Any] = []
    session.on("generation_created", generations.append)
    speak(session, "what is the weather")
    await until(lambda: generations)
    words = await heard(generations[0])
    await session.aclose()
    return words
