"""The openai SDK and openai-agents against the simulator, no cassette."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from agents.realtime import RealtimeAgent, RealtimeRunner
from agents.tool import function_tool
from openai import AsyncOpenAI

from mockserver import MockServer, Rules, simulator, speech
from mockserver.engines.simulator import Context, ToolCall


@pytest.fixture(autouse=True)
def no_tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_AGENTS_DISABLE_TRACING", "1")


async def collected(connection: Any, last: str = "response.done") -> list[Any]:
    events = []
    async for event in connection:
        events.append(event)
        if event.type == last:
            return events
    raise AssertionError(f"the session ended before {last}")


async def test_the_sdk_talks_by_text_audio_and_tools() -> None:
    replier = Rules({"weather": ToolCall("get_weather", {"city": "Oslo"})})
    async with MockServer(simulator("openai", replier=replier, pace="instant")) as server:
        client = AsyncOpenAI(base_url=server.base_url, api_key="any")
        async with client.realtime.connect(model="gpt-realtime") as connection:
            await connection.session.update(
                session={
                    "type": "realtime",
                    "audio": {"input": {"transcription": {"model": "whisper-1"}}},
                }
            )
            pcm = speech.encode("what is the weather") + bytes(48 * 400)
            await connection.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())
            events = await collected(connection)
            call = events[-1].response.output[0]
            assert (call.type, call.name) == ("function_call", "get_weather")
            item: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "fog"}
            await connection.conversation.item.create(item=item)
            await connection.response.create()
            events = await collected(connection)
            audio = b"".join(
                base64.b64decode(event.delta)
                for event in events
                if event.type == "response.output_audio.delta"
            )
            assert (
                speech.decode(audio) == 'what is the weather | get_weather {"city": "Oslo"} | fog'
            )


async def test_the_sdk_is_told_of_errors_and_goes_on() -> None:
    async with MockServer(simulator("openai", pace="instant")) as server:
        client = AsyncOpenAI(base_url=server.base_url, api_key="any")
        async with client.realtime.connect(model="gpt-realtime") as connection:
            await connection.response.cancel(event_id="mine")
            error = (await collected(connection, "error"))[-1].error
            assert (error.code, error.event_id) == ("response_cancel_not_active", "mine")
            await connection.response.create(
                response={"output_modalities": ["text"], "instructions": "still here"}
            )
            events = await collected(connection)
            (done,) = [event for event in events if event.type == "response.output_text.done"]
            assert done.text == "still here"


async def test_a_client_secret_of_the_sdk_opens_a_session() -> None:
    async with MockServer(simulator("openai", require_key="sk-good")) as server:
        async with AsyncOpenAI(base_url=server.base_url, api_key="sk-good") as client:
            secret = await client.realtime.client_secrets.create(
                session={"type": "realtime", "model": "gpt-realtime", "instructions": "Be brief."}
            )
        browser = AsyncOpenAI(base_url=server.base_url, api_key=secret.value)
        async with browser.realtime.connect(model="gpt-realtime") as connection:
            (created,) = await collected(connection, "session.created")
            assert created.session.instructions == "Be brief."


async def test_an_async_replier_answers_over_the_wire() -> None:
    async def thoughtful(context: Context) -> str:
        await asyncio.sleep(0.01)
        return f"turn {context.turn}"

    async with MockServer(simulator("openai", replier=thoughtful, pace="instant")) as server:
        client = AsyncOpenAI(base_url=server.base_url, api_key="any")
        async with client.realtime.connect(model="gpt-realtime") as connection:
            for turn in (1, 2):
                await connection.response.create(response={"output_modalities": ["text"]})
                events = await collected(connection)
                assert [e.text for e in events if e.type == "response.output_text.done"] == [
                    f"turn {turn}"
                ]


async def test_openai_agents_uses_a_tool_and_hears_the_answer() -> None:
    asked: list[str] = []

    @function_tool
    async def get_weather(city: str) -> str:
        """The weather in a city."""
        asked.append(city)
        return f"fog in {city}"

    replier = Rules({"weather": ToolCall("get_weather", {"city": "Oslo"})})
    async with MockServer(simulator("openai", replier=replier)) as server:
        agent = RealtimeAgent(
            name="forecaster", instructions="Tell the weather.", tools=[get_weather]
        )
        url = server.ws_url + "?model=gpt-realtime"
        session = await RealtimeRunner(agent).run(model_config={"url": url, "api_key": "any"})
        pcm, kinds = b"", []
        async with session:
            await session.send_message("the weather in Oslo?")
            async with asyncio.timeout(20):
                async for event in session:
                    kinds.append(event.type)
                    if event.type == "audio":
                        pcm += event.audio.data
                    if event.type == "audio_end":
                        break
        assert asked == ["Oslo"]
        assert "error" not in kinds
        assert "fog in Oslo" in speech.decode(pcm)
        assert server.problems() == []
