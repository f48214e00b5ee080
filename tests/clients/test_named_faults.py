"""The three faults that this project is named for, each with its control, against livekit-plugins-openai and the SDK.

    late       response.created comes 11 s after it was asked for: the orphan is cancelled by id and nothing surfaces
    stripped   response.created without metadata: a reply that the client asked for is not recognised, one that turn
               detection asked for still is
    cancelled  a response is cancelled in mid-stream: part of its audio came, the stream ends, the next turn works

livekit brings its own timer (10 s, not configurable) and its own filter; both run unpatched, on virtual time. The
openai SDK has neither, so the client that the examples build on it (tests/examples/sdk_client.py) stands for it.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from livekit.agents.llm import RealtimeError
from livekit_client import livekit, played, speak
from sdk_client import voice

from mockserver import MockServer, speech
from mockserver.assertions import (
    assert_cancelled,
    assert_metadata_echoed,
    assert_orphan_discarded,
    assert_spoken,
    said_in,
)
from mockserver.errors import ExpectationFailed

COUNT = "one two three four five six seven eight nine ten"
LATE = "delay 11s on 1st response.created"
STRIPPED = "strip response.metadata on response.created"
CANCELLED = "cancel midway on 4th response.output_audio.delta"


def simulated(*faults: str) -> pytest.MarkDecorator:
    return pytest.mark.realtime_mock(simulator="openai", virtual_time=True, faults=list(faults))


def first_response(server: MockServer) -> str:
    response: str = server.journal.sent_by_server("response.created").bodies[0]["response"]["id"]
    return response


def generations(session: Any) -> list[Any]:
    """What livekit's session tells its application of, as it comes."""
    seen: list[Any] = []
    session.on("generation_created", seen.append)
    return seen


# --- late ---


@simulated(LATE)
async def test_livekit_late(realtime_mock: MockServer) -> None:
    began = time.perf_counter()
    clock = asyncio.get_running_loop().time
    async with livekit(realtime_mock) as session:
        surfaced = generations(session)
        asked = clock()
        with pytest.raises(RealtimeError, match="generate_reply timed out"):
            await session.generate_reply(instructions="the late reply")
        assert clock() - asked == pytest.approx(10, abs=0.01)
        await asyncio.sleep(5)

        assert surfaced == []
        assert_orphan_discarded(realtime_mock.journal, first_response(realtime_mock))
        reply = await session.generate_reply(instructions="the next reply")
        assert surfaced == [reply]
        assert_spoken("the next reply", await played(reply))
    assert time.perf_counter() - began < 1


@simulated()
async def test_livekit_late_control(realtime_mock: MockServer) -> None:
    async with livekit(realtime_mock) as session:
        surfaced = generations(session)
        reply = await session.generate_reply(instructions="the late reply")
        assert surfaced == [reply]
        assert_spoken("the late reply", await played(reply), only=True)
    realtime_mock.journal.sent_by_client("response.cancel").never()


@simulated(LATE)
async def test_sdk_late(realtime_mock: MockServer) -> None:
    async with voice(realtime_mock) as client:
        with pytest.raises(TimeoutError):
            await client.ask(instructions="the late reply")
        await asyncio.sleep(5)
        reply = await client.ask(instructions="the next reply")
        await reply.done.wait()
        assert client.unasked.empty()
        assert_orphan_discarded(realtime_mock.journal, first_response(realtime_mock))
        assert reply.response_id != first_response(realtime_mock)
        assert_spoken("the next reply", reply.audio)


@simulated()
async def test_sdk_late_control(realtime_mock: MockServer) -> None:
    async with voice(realtime_mock) as client:
        reply = await client.ask(instructions="the late reply")
        await reply.done.wait()
        assert_spoken("the late reply", reply.audio, only=True)
    realtime_mock.journal.sent_by_client("response.cancel").never()


# --- stripped ---


@simulated(STRIPPED)
async def test_livekit_stripped(realtime_mock: MockServer) -> None:
    async with livekit(realtime_mock) as session:
        surfaced = generations(session)
        with pytest.raises(RealtimeError, match="generate_reply timed out"):
            await session.generate_reply(instructions="asked for")
        speak(session, "good morning.")
        await asyncio.sleep(2)
        assert [reply.user_initiated for reply in surfaced] == [False, False]
        assert_spoken("good morning", await played(surfaced[1]))
    with pytest.raises(ExpectationFailed, match=r"expected a response.created with metadata"):
        assert_metadata_echoed(realtime_mock.journal)


@simulated()
async def test_livekit_stripped_control(realtime_mock: MockServer) -> None:
    async with livekit(realtime_mock) as session:
        surfaced = generations(session)
        reply = await session.generate_reply(instructions="asked for")
        assert_spoken("asked for", await played(reply), only=True)
        speak(session, "good morning.")
        await asyncio.sleep(2)
        assert [one.user_initiated for one in surfaced] == [True, False]
        assert_spoken("good morning", await played(surfaced[1]))
    assert_metadata_echoed(realtime_mock.journal)


@simulated(STRIPPED)
async def test_sdk_stripped(realtime_mock: MockServer) -> None:
    async with voice(realtime_mock) as client:
        with pytest.raises(TimeoutError):
            await client.ask(instructions="asked for")
        assert_spoken("asked for", client.unasked.get_nowait().audio, only=True)
        await client.hear(speech.encode("good morning.") + bytes(48_000))
        reply = await client.unasked.get()
        await reply.done.wait()
        assert_spoken("good morning", reply.audio)


@simulated()
async def test_sdk_stripped_control(realtime_mock: MockServer) -> None:
    async with voice(realtime_mock) as client:
        reply = await client.ask(instructions="asked for")
        await reply.done.wait()
        assert_spoken("asked for", reply.audio, only=True)
        assert client.unasked.empty()
        await client.hear(speech.encode("good morning.") + bytes(48_000))
        reply = await client.unasked.get()
        await reply.done.wait()
        assert_spoken("good morning", reply.audio)
    assert_metadata_echoed(realtime_mock.journal)


# --- cancelled ---


def cut_off(server: MockServer, audio: bytes) -> None:
    """Part of the first reply came, it ended as cancelled, and what came is what was sent."""
    heard = speech.decode(audio)
    assert heard
    assert COUNT.startswith(heard)
    assert heard != COUNT
    assert_cancelled(server.journal, first_response(server), reason="turn_detected")
    assert said_in(server.journal, first_response(server))[-1] == heard


@simulated(CANCELLED)
async def test_livekit_cancelled(realtime_mock: MockServer) -> None:
    async with livekit(realtime_mock) as session:
        audio = await played(await session.generate_reply(instructions=COUNT))
        cut_off(realtime_mock, audio)
        reply = await session.generate_reply(instructions="the next reply")
        assert_spoken("the next reply", await played(reply))


@simulated()
async def test_livekit_cancelled_control(realtime_mock: MockServer) -> None:
    async with livekit(realtime_mock) as session:
        audio = await played(await session.generate_reply(instructions=COUNT))
        assert_spoken(COUNT, audio, only=True)
        reply = await session.generate_reply(instructions="the next reply")
        assert_spoken("the next reply", await played(reply))


@simulated(CANCELLED)
async def test_sdk_cancelled(realtime_mock: MockServer) -> None:
    async with voice(realtime_mock) as client:
        reply = await client.ask(instructions=COUNT)
        await reply.done.wait()
        assert reply.status == "cancelled"
        cut_off(realtime_mock, reply.audio)
        reply = await client.ask(instructions="the next reply")
        await reply.done.wait()
        assert reply.status == "completed"
        assert_spoken("the next reply", reply.audio)


@simulated()
async def test_sdk_cancelled_control(realtime_mock: MockServer) -> None:
    async with voice(realtime_mock) as client:
        reply = await client.ask(instructions=COUNT)
        await reply.done.wait()
        assert reply.status == "completed"
        assert_spoken(COUNT, reply.audio, only=True)
