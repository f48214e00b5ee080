# test_tools.py
"""A tool round of livekit's AgentSession, and of openai-agents, while the server's side is disturbed."""

import agents
import pytest
from agents.realtime import RealtimeAgent, RealtimeRunner
from livekit.agents import Agent, AgentSession, RunContext, function_tool
from livekit.plugins import openai

from mockserver import simulator
from mockserver.engines.simulator import ToolCall


def model(context):
    """What the simulated model says: it asks for the weather, and then tells it."""
    newest = context.items[-1]
    if newest.type == "function_call_output":
        return f"It says {newest.output}"
    return ToolCall("weather", {"city": newest.text})


def weather_service():
    return simulator("openai", replier=model)


# --- livekit ---


class Forecaster(Agent):
    def __init__(self):
        super().__init__(instructions="You tell the weather.")
        self.cities = []

    @function_tool
    async def weather(self, context: RunContext, city: str) -> str:
        """The weather in a city."""
        self.cities.append(city)
        return f"snow in {city}"


async def two_rounds(server):
    """Ask about two cities. What was said each time, and for which cities the tool was called."""
    plugin = openai.realtime.RealtimeModel(base_url=server.base_url, api_key="any", modalities=["text"])
    forecaster = Forecaster()
    said = []
    try:
        async with AgentSession(llm=plugin) as session:
            await session.start(forecaster)
            for city in ("Oslo", "Rome"):
                run = await session.run(user_input=city)
                said.append([one.item.text_content for one in run.events if one.type == "message"])
    finally:
        await plugin.aclose()
    return said, forecaster.cities


@pytest.mark.realtime_mock(simulator=weather_service(), virtual_time=True)
async def test_livekit_undisturbed(realtime_mock):
    said, cities = await two_rounds(realtime_mock)
    assert said == [["It says snow in Oslo"], ["It says snow in Rome"]]
    assert cities == ["Oslo", "Rome"]


HARMLESS = [
    "delay 3s on response.output_item.done",
    "drop on response.function_call_arguments.*",
    "duplicate on response.function_call_arguments.done",
    "reorder on response.function_call_arguments.done",
]


@pytest.mark.parametrize("fault", HARMLESS)
@pytest.mark.realtime_mock(simulator=weather_service(), virtual_time=True)
async def test_livekit_gets_through(realtime_mock, fault):
    realtime_mock.add_fault(fault)
    said, cities = await two_rounds(realtime_mock)
    assert said == [["It says snow in Oslo"], ["It says snow in Rome"]]
    assert cities == ["Oslo", "Rome"]  # and no call twice


CUT_OFF = [
    "close 1011 on response.function_call_arguments.done for first attempt",
    "cancel midway on 3rd response.function_call_arguments.delta",
]


@pytest.mark.parametrize("fault", CUT_OFF)
@pytest.mark.realtime_mock(simulator=weather_service(), virtual_time=True)
async def test_livekit_calls_no_tool_with_half_its_arguments(realtime_mock, fault):
    realtime_mock.add_fault(fault)
    said, cities = await two_rounds(realtime_mock)
    assert cities == ["Rome"]
    assert said[1] == ["It says snow in Rome"]  # the next round works


# --- openai-agents ---


async def one_round(server):
    """Ask about one city. For which the tool was called, and what the session reported as wrong."""
    cities, wrong = [], []

    @agents.function_tool
    async def weather(city: str) -> str:
        """The weather in a city."""
        cities.append(city)
        return f"snow in {city}"

    runner = RealtimeRunner(RealtimeAgent(name="Forecaster", tools=[weather]))
    config = {"url": f"{server.ws_url}?model=gpt-realtime", "api_key": "any"}
    async with await runner.run(model_config=config) as session:
        await session.send_message("Oslo")
        turns = 0
        async for event in session:
            if event.type == "error":
                wrong.append(str(event.error))
            turns += event.type == "agent_end"
            if turns == 2:  # the turn that called, and the turn that answered
                break
    return cities, wrong


@pytest.mark.realtime_mock(simulator=weather_service(), virtual_time=True)
async def test_openai_agents_undisturbed(realtime_mock):
    assert await one_round(realtime_mock) == (["Oslo"], [])


@pytest.mark.parametrize("fault", [*HARMLESS[:1], *HARMLESS[2:]])
@pytest.mark.realtime_mock(simulator=weather_service(), virtual_time=True)
async def test_openai_agents_get_through(realtime_mock, fault):
    realtime_mock.add_fault(fault)
    assert await one_round(realtime_mock) == (["Oslo"], [])


@pytest.mark.realtime_mock(
    simulator=weather_service(),
    virtual_time=True,
    faults=["strip call_id on response.function_call_arguments.done"],
)
async def test_openai_agents_report_an_event_that_is_not_as_the_schema_says(realtime_mock):
    cities, wrong = await one_round(realtime_mock)
    assert cities == ["Oslo"]  # the call is in response.output_item.done too
    assert "call_id" in wrong[0]
