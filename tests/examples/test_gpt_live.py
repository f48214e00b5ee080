# test_gpt_live.py
"""A caller of GPT-Live asks for something that a tool knows."""

import asyncio

import pytest
from gpt_live_client import calling

from mockserver import Rules, simulator
from mockserver.assertions import assert_spoken
from mockserver.engines.simulator import Rule, ToolCall
from mockserver.errors import ExpectationFailed

MODEL = Rules([Rule("It rains.", output="rain"), Rule(ToolCall("weather", {"city": "Oslo"}), user="weather")])
BACKEND = {"type": "responses", "responses": {"model": "gpt-5.6-sol"}}


async def ask(server):
    """One question. Returns the caller."""
    async with calling(
        server.base_url, tools={"weather": lambda city: f"rain in {city}"}, delegation=BACKEND
    ) as caller:
        caller.say("what is the weather")
        await asyncio.sleep(6)
    return caller


@pytest.mark.realtime_mock(simulator=simulator("gpt_live", replier=MODEL), virtual_time=True)
async def test_the_tools_answer_is_heard(realtime_mock):
    caller = await ask(realtime_mock)

    assert_spoken("Let me check.", caller.heard)
    assert_spoken("It rains.", caller.heard)
    # The client's own conversation is what the service's transcripts make of it.
    said = "".join(event.delta for event in caller.events if event.type == "session.output_transcript.delta")
    assert said == "Let me check.It rains."
    # Both responses of the backend belong to one delegation, and the second names the first.
    events = [event for event in caller.events if event.type == "response.event"]
    assert len({event.delegation_id for event in events}) == 1
    first, second = (one.event["response"] for one in events if one.event["type"] == "response.created")
    assert second["previous_response_id"] == first["id"]


LOST = simulator("gpt_live", replier=MODEL, misbehave=["tool_result_lost"])


@pytest.mark.realtime_mock(simulator=LOST, virtual_time=True)
async def test_a_server_that_loses_the_tools_output(realtime_mock):
    caller = await ask(realtime_mock)

    with pytest.raises(ExpectationFailed, match="It rains"):
        assert_spoken("It rains.", caller.heard)


@pytest.mark.realtime_mock(
    simulator=simulator("gpt_live", replier=MODEL),
    virtual_time=True,
    faults=["close 1011 on 25th session.output_audio.delta"],
)
async def test_a_session_that_breaks_off(realtime_mock):
    caller = await ask(realtime_mock)

    with pytest.raises(ExpectationFailed, match="It rains"):
        assert_spoken("It rains.", caller.heard)
