# test_phonic.py
"""A tool round with Phonic: the answer must rest on what the tool said."""

import asyncio

import pytest
from livekit.plugins import phonic
from realtime_client import Listener, weather

from mockserver import Rules, simulator
from mockserver.replies import Rule, ToolCall

RULES = Rules(
    [Rule("It is foggy.", output="fog"), Rule(ToolCall("weather", {"city": "Oslo"}), user="weather")],
    otherwise=lambda context: "I cannot tell.",
)


async def ask(server):
    """Asks for the weather, and lets the plugin answer the call. Returns what was heard and called."""
    session = phonic.realtime.RealtimeModel(api_key="any").session()
    listener = Listener(session)
    await session.update_instructions("Be brief.")
    await session.update_tools([weather])
    await asyncio.sleep(1)
    await listener.speak("what is the weather", 24_000)
    await asyncio.sleep(12)
    await session.aclose()
    return listener


@pytest.mark.realtime_mock(simulator=simulator("phonic", replier=RULES), virtual_time=True)
async def test_the_answer_rests_on_the_tool(realtime_mock, realtime_mock_point):
    realtime_mock_point()
    told = await ask(realtime_mock)

    assert told.calls == [("weather", '{"city": "Oslo"}')]
    assert told.heard == ["It is foggy."]
    realtime_mock.journal.sent_by_client("tool_call_output").once()


LOSING = simulator("phonic", replier=RULES, misbehave=["tool_output_lost"])


@pytest.mark.realtime_mock(simulator=LOSING, virtual_time=True)
async def test_a_server_that_loses_what_the_tool_said(realtime_mock, realtime_mock_point):
    realtime_mock_point()
    told = await ask(realtime_mock)

    realtime_mock.journal.sent_by_client("tool_call_output").once()
    with pytest.raises(AssertionError):
        assert told.heard == ["It is foggy."]
