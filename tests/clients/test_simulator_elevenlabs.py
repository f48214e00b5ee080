"""The elevenlabs package against the simulated agent: a turn, a tool round, an interruption, the end, a broken stream;
and the same recorded and played back.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from elevenlabs_client import RATE, calling

from mockserver import MockServer, relay, replay, simulator, speech, virtual_time
from mockserver.assertions import assert_interrupted, assert_isolated, assert_orphan_discarded
from mockserver.engines.simulator import Rule, Rules, ToolCall
from mockserver.errors import UsageError
from mockserver.server.record import Recording

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
RULES = Rules(
    [
        Rule("It rains.", output="rain"),
        Rule(ToolCall("weather", {"city": "Oslo"}), user="weather"),
        Rule(LONG, user="count"),
    ],
    otherwise=lambda context: f"You said {context.user}",
)


def agent(**settings: Any) -> Any:
    return simulator("elevenlabs", replier=RULES, **settings)


async def turn(base_url: str) -> str:
    async with calling(base_url) as call:
        call.headset.say("good morning")
        await asyncio.sleep(5)
    assert call.user == ["good morning"]
    assert call.said == ["You said good morning"]
    return str(speech.decode(call.headset.heard, RATE))


async def tool_round(base_url: str) -> str:
    asked: list[Any] = []

    async def weather(parameters: dict[str, Any]) -> str:
        asked.append(parameters["city"])
        return "rain"

    async with calling(base_url, {"weather": weather}) as call:
        await call.conversation.send_user_message("what is the weather")
        await asyncio.sleep(4)
    assert asked == ["Oslo"]
    return str(speech.decode(call.headset.heard, RATE))


async def barge_in(base_url: str) -> str:
    async with calling(base_url) as call:
        call.headset.say("count")
        await asyncio.sleep(2.5)
        call.headset.say("please stop now and be quiet")
        await asyncio.sleep(7)
    assert call.headset.interruptions == 1
    (corrected,) = call.corrected
    assert LONG.startswith(corrected.removesuffix("..."))
    assert "sixteen" not in corrected
    return str(speech.decode(call.headset.heard, RATE))


@pytest.mark.parametrize(
    ("run", "heard"),
    [
        (turn, "You said good morning"),
        (tool_round, "It rains."),
        (barge_in, "You said please stop now and be quiet"),
    ],
)
async def test_a_conversation_is_held_recorded_and_played_back(run: Any, heard: str, tmp_path: Path) -> None:
    path = tmp_path / "call.cassette"
    with virtual_time():
        async with (
            MockServer(agent()) as upstream,
            Recording(relay(upstream.base_url, dialect="elevenlabs"), path) as recording,
        ):
            first = await run(recording.server.base_url)
    assert first.endswith(heard)
    for _ in range(2):
        with virtual_time():
            async with MockServer(replay(path)) as server:
                assert await run(server.base_url) == first
                server.verify()


async def test_the_longest_conversation_ends_and_the_package_says_how() -> None:
    with virtual_time():
        async with MockServer(agent(max_session_s=20)) as server, calling(server.base_url) as call:
            await asyncio.sleep(19)
            assert call.ended is None
            await asyncio.sleep(2)
    assert (call.ended.reason, call.ended.close_code) == ("agent", 1000)


@pytest.mark.parametrize(
    ("fault", "code"),
    [("close 1011 on 3rd audio", 1011), ("reset on 3rd audio", 1006)],
)
async def test_a_stream_that_breaks_off(fault: str, code: int) -> None:
    with virtual_time():
        async with MockServer(agent(), faults=[fault]) as server, calling(server.base_url) as call:
            call.headset.say("count")
            await asyncio.sleep(8)
    assert (call.ended.reason, call.ended.close_code) == ("error", code)
    assert "sixteen" not in speech.decode(call.headset.heard, RATE)


async def test_an_override_that_is_not_permitted_ends_it_at_once() -> None:
    override = {"prompt": {"prompt": "Be brief."}}
    with virtual_time():
        async with MockServer(agent(overrides=())) as server, calling(server.base_url, agent=override) as call:
            await asyncio.sleep(1)
    assert call.ended.close_code == 1008
    assert "'prompt' is not allowed" in call.ended.close_reason


async def test_the_answer_to_a_written_interruption_is_not_heard_and_that_is_the_packages_doing() -> None:
    """elevenlabs.md#53: the service gives the answer the interruption's own number, and the package drops that."""
    with virtual_time():
        async with MockServer(agent()) as server, calling(server.base_url) as call:
            await call.conversation.send_user_message("count")
            await asyncio.sleep(2)
            await call.conversation.send_user_message("good day")
            await asyncio.sleep(4)
    assert call.said == [LONG, "You said good day"]
    assert "good day" not in speech.decode(call.headset.heard, RATE)


async def test_audio_that_comes_too_late_is_dropped() -> None:
    """The control of the interruption: a server that goes on sending what was cut off."""
    with virtual_time():
        async with (
            MockServer(agent(misbehave="stale_audio", pace="realtime")) as server,
            calling(server.base_url) as call,
        ):
            call.headset.say("count")
            await asyncio.sleep(2.5)
            call.headset.say("please stop now and be quiet")
            await asyncio.sleep(7)
            late = server.journal.sent_by_server("audio").bodies[-1]["audio_event"]["event_id"]
    assert call.headset.interruptions == 1
    assert "sixteen" not in speech.decode(call.headset.heard, RATE)
    assert "stop now" in speech.decode(call.headset.heard, RATE)
    assert late > 1


async def test_what_this_wire_cannot_tell_is_said_with_what_to_look_at_instead() -> None:
    with virtual_time():
        async with MockServer(agent()) as server, calling(server.base_url) as call:
            await call.conversation.send_user_message("hello")
            await asyncio.sleep(2)
    for assertion in (
        lambda: assert_orphan_discarded(server.journal, "x"),
        lambda: assert_isolated("x", server.sessions[0]),
        lambda: assert_interrupted(server.sessions[0], 100),
    ):
        with pytest.raises(UsageError, match="in_response_to_ids"):
            assertion()
