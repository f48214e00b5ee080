"""livekit-plugins-nvidia against the simulated PersonaPlex: a turn, a barge-in, an end, and a recording of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from livekit import rtc
from livekit.plugins.nvidia.experimental import realtime

from mockserver import MockServer, Rules, Scripted, relay, replay, simulator, speech
from mockserver.replies import Rule
from mockserver.server.record import Recording
from mockserver.server.virtual import virtual_time
from tests.clients.test_simulator_livekit import until

LONG = "the tide comes in twice a day and leaves shells of every colour on the sand"


class Line:
    """One session of the plugin's with what was heard in it."""

    def __init__(self, server: MockServer, http: aiohttp.ClientSession, **options: Any) -> None:
        self.session = realtime.RealtimeModel(base_url=server.url, http_session=http, **options).session()
        self.pcm = b""
        self.text = ""
        self.generations = 0
        self.errors: list[Any] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.session.on("generation_created", self._created)
        self.session.on("error", self.errors.append)

    def _created(self, generation: Any) -> None:
        self.generations += 1
        self._tasks.append(asyncio.create_task(self._listen(generation)))

    async def _listen(self, generation: Any) -> None:
        async for message in generation.message_stream:
            words = asyncio.create_task(self._read(message.text_stream))
            async for frame in message.audio_stream:
                self.pcm += bytes(frame.data)
            await words

    async def _read(self, stream: Any) -> None:
        async for piece in stream:
            self.text += piece

    async def speak(self, text: str, *, then_ms: int) -> None:
        """Speak at the pace of speech, then be silent: the model's clock is this audio."""
        pcm = bytes(48 * 160) + speech.encode(text, 24_000) + bytes(48 * then_ms)
        for place in range(0, len(pcm), 3_840):
            piece = pcm[place : place + 3_840]
            self.session.push_audio(rtc.AudioFrame(piece, 24_000, 1, len(piece) // 2))
            await asyncio.sleep(0.08)

    async def close(self) -> None:
        await self.session.aclose()
        await asyncio.gather(*self._tasks)


@asynccontextmanager
async def talking(source: Any, *, faults: Any = (), **options: Any) -> AsyncIterator[tuple[MockServer, Line]]:
    """A server and a session, on a clock that does not wait."""
    with virtual_time():
        async with MockServer(source, faults=faults) as server, aiohttp.ClientSession() as http:
            line = Line(server, http, **options)
            try:
                yield server, line
            finally:
                await line.close()


async def test_a_turn_and_its_end() -> None:
    async with talking(simulator("personaplex", replier=Scripted(["it is foggy"]))) as (server, line):
        await until(line.session._handshake_event.is_set)
        await line.speak("what is the weather", then_ms=3_000)
        await asyncio.sleep(1)  # without input there is no output: the plugin ends its generation
        assert (speech.decode(line.pcm, 24_000), line.text) == ("it is foggy", " it is foggy")
        assert line.session._current_generation is None
        assert [item.text_content for item in line.session.chat_ctx.items] == [" it is foggy"]
        assert server.sessions[0].inspect().values["conversation"][0]["text"] == "what is the weather"


@pytest.mark.parametrize("yields", [True, False])
async def test_a_barge_in(yields: bool) -> None:
    source = simulator("personaplex", replier=Scripted([LONG, "yes"]), yields=yields, turn_silence_ms=1_000)
    async with talking(source) as (server, line):
        await until(line.session._handshake_event.is_set)
        await line.speak("tell me of the sea", then_ms=3_000)
        await line.speak("stop", then_ms=600)
        said = [item for item in server.sessions[0].inspect().values["conversation"] if item["role"] == "assistant"]
        assert bool(said) is yields
        await line.speak("", then_ms=3_000)
        assert speech.decode(line.pcm, 24_000).endswith("yes")


async def test_a_seed_that_the_server_raises_for_is_tried_again_for_ever() -> None:
    async with talking(simulator("personaplex", seed="raises"), seed=7) as (server, line):
        await until(lambda: len(server.sessions) > 1)
        assert line.errors
    async with talking(simulator("personaplex", seed="raises")) as (server, line):  # the control
        await until(line.session._handshake_event.is_set)
        assert not line.errors
        assert len(server.sessions) == 1


@pytest.mark.parametrize("faults", [(), ("close 1011 on 20th audio from server",)])
async def test_a_fault_in_mid_stream_and_its_control(faults: tuple[str, ...]) -> None:
    source = simulator("personaplex", replier=Scripted([LONG]))
    async with talking(source, faults=faults) as (server, line):
        await until(line.session._handshake_event.is_set)
        await line.speak("go on", then_ms=8_000)
        if faults:
            assert line.errors
            await asyncio.sleep(6)  # the engine of a connection that a fault cut is not told: its floor is given away
            assert len(server.sessions) > 1
            await until(line.session._handshake_event.is_set)
        else:
            assert speech.decode(line.pcm, 24_000) == LONG
            assert not line.errors


async def conversation(server: MockServer, http: aiohttp.ClientSession) -> list[str]:
    """A turn and a barge-in: what was heard in each, and after the last. There are no tools on this wire."""
    line = Line(server, http)
    await until(line.session._handshake_event.is_set)
    told = []
    for text, then_ms in (("good morning", 2_600), ("tell me of the sea", 2_400), ("stop", 2_400)):
        before = len(line.pcm)
        await line.speak(text, then_ms=then_ms)
        told.append(speech.decode(line.pcm[before:], 24_000))
    await asyncio.sleep(1)
    await line.close()
    return [*told, line.text]


def judge(told: list[str]) -> None:
    assert told[0] == "you said good morning"
    assert LONG.startswith(told[1])
    assert 0 < len(told[1]) < len(LONG)
    assert told[2].endswith("you said stop")
    assert told[3].endswith(" you said stop")


async def test_a_whole_conversation_is_recorded_and_played_twice(tmp_path: Path) -> None:
    path = tmp_path / "talk.cassette"
    rules = Rules([Rule(LONG, user="sea")], otherwise=lambda context: f"you said {context.user}")
    with virtual_time():
        async with (
            MockServer(simulator("personaplex", replier=rules)) as upstream,
            aiohttp.ClientSession() as http,
        ):
            async with Recording(relay(upstream.base_url, dialect="personaplex"), path) as recording:
                judge(await conversation(recording.server, http))
            for _ in range(2):
                async with MockServer(replay(path)) as server:
                    judge(await conversation(server, http))
