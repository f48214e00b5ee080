"""The openai SDK and openai-agents against the simulator, no cassette."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from agents.realtime import RealtimeAgent, RealtimeRunner
from agents.tool import function_tool
from openai import AsyncOpenAI

from mockserver import MockServer, Rules, Scripted, simulator, speech
from mockserver.engines.simulator import Context, ToolCall
from mockserver.server.virtual import virtual_time
from tests.clients.sdk import collected, words


@pytest.fixture(autouse=True)
async def no_waiting() -> AsyncIterator[None]:
    """The loop's clock jumps to what is due next."""
    with virtual_time():
        yield


@pytest.fixture(autouse=True)
def no_tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_AGENTS_DISABLE_TRACING", "1")


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
            assert words(events) == 'what is the weather | get_weather {"city": "Oslo"} | fog'


async def test_the_sdk_is_told_of_errors_and_goes_on() -> None:
    async with MockServer(simulator("openai", pace="instant")) as server:
        client = AsyncOpenAI(base_url=server.base_url, api_key="any")
        async with client.realtime.connect(model="gpt-realtime") as connection:
            await connection.response.cancel(event_id="mine")
            error = (await collected(connection, "error"))[-1].error
            assert (error.code, error.event_id) == ("response_cancel_not_active", "mine")
            await connection.response.create(response={"output_modalities": ["text"], "instructions": "still here"})
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
                assert [e.text for e in events if e.type == "response.output_text.done"] == [f"turn {turn}"]


async def test_openai_agents_uses_a_tool_and_hears_the_answer() -> None:
    asked: list[str] = []

    @function_tool
    async def get_weather(city: str) -> str:
        """The weather in a city."""
        asked.append(city)
        return f"fog in {city}"

    replier = Rules({"weather": ToolCall("get_weather", {"city": "Oslo"})})
    async with MockServer(simulator("openai", replier=replier)) as server:
        agent = RealtimeAgent(name="forecaster", instructions="Tell the weather.", tools=[get_weather])
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


@pytest.mark.parametrize("provider", ["openai", "azure", "xai"])
async def test_the_sdk_talks_to_every_provider_of_the_ga_shape(provider: str) -> None:
    async with MockServer(simulator(provider)) as server:
        client = AsyncOpenAI(base_url=server.base_url, api_key="any")
        model = {"xai": "grok-voice-latest"}.get(provider, "gpt-realtime")
        async with client.realtime.connect(model=model) as connection:
            item: Any = {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "good morning"}],
            }
            await connection.conversation.item.create(item=item)
            await connection.response.create()
            events = await collected(connection)
        assert words(events) == "good morning"
        assert {event.type for event in events} >= {"session.created", "conversation.item.added"}


LONG = "the tide comes in twice a day and leaves shells of every colour on the sand"


@pytest.mark.parametrize("misbehave", ["", "truncate_ignored"])
async def test_the_sdk_cancels_and_truncates_to_what_was_heard(misbehave: str) -> None:
    """With its control: where truncation does nothing, the words that nobody heard stay."""
    settings: Any = {"misbehave": misbehave} if misbehave else {}
    async with MockServer(simulator("openai", replier=Scripted([LONG]), **settings)) as server:
        client = AsyncOpenAI(base_url=server.base_url, api_key="any")
        async with client.realtime.connect(model="gpt-realtime") as connection:
            await connection.response.create()
            pcm, item_id = b"", ""
            async for event in connection:
                if event.type == "response.output_audio.delta":
                    pcm, item_id = pcm + base64.b64decode(event.delta), event.item_id
                    if len(pcm) >= 48 * 2_000:
                        break
            await connection.response.cancel()
            done = (await collected(connection))[-1].response
            assert (done.status, done.status_details.reason) == ("cancelled", "client_cancelled")
            await connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=700)
            await collected(connection, "conversation.item.truncated")
        (item,) = server.sessions[0].inspect().values["conversation"]
        kept = item["content"][0]["transcript"]
        assert kept.startswith("the tide comes") if misbehave else kept == "the tide"


@pytest.mark.parametrize("misbehave", ["", "oob_leaks"])
async def test_what_the_sdk_asks_out_of_band_stays_there(misbehave: str) -> None:
    settings: Any = {"misbehave": misbehave} if misbehave else {}
    async with MockServer(simulator("openai", **settings)) as server:
        client = AsyncOpenAI(base_url=server.base_url, api_key="any")
        async with client.realtime.connect(model="gpt-realtime") as connection:
            said: Any = {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "one moment"}],
            }
            for asked in ({"input": [said]}, {"input": [], "instructions": "one moment"}):
                response: Any = {"conversation": "none", "metadata": {"topic": "filler"}, **asked}
                await connection.response.create(response=response)
                done = (await collected(connection))[-1].response
                assert done.metadata == {"topic": "filler"}
                assert done.conversation_id is None
                said_aloud = [item.content[0].transcript for item in done.output]
                # An assistant message is context, not words to be spoken (openai.md#131).
                assert (said_aloud == ["one moment"]) == ("instructions" in asked)
        inside = server.sessions[0].inspect().values["conversation"]
        assert len(inside) == (2 if misbehave else 0)


async def test_openai_agents_settings_are_taken_whatever_is_none() -> None:
    async with MockServer(simulator("openai")) as server:
        agent = RealtimeAgent(name="a", instructions="Be brief.")
        config: Any = {
            "url": server.ws_url + "?model=gpt-realtime",
            "api_key": "any",
            "initial_model_settings": {
                "voice": "marin",
                "modalities": ["audio"],
                "tool_choice": "auto",
                "max_output_tokens": None,
                "tracing": {"workflow_name": "w"},
                "audio": {
                    "input": {
                        "format": "pcm16",
                        "noise_reduction": None,
                        "transcription": {"model": "gpt-4o-mini-transcribe"},
                        "turn_detection": {"type": "semantic_vad", "interrupt_response": True},
                    },
                    "output": {"format": "pcm16", "speed": None},
                },
            },
        }
        async with await RealtimeRunner(agent).run(model_config=config) as session:
            await session.send_message("hello")
            async for event in session:
                if event.type == "audio_end":
                    break
        assert server.journal.sent_by_server("error").bodies == []
        sent = [str(body) for body in server.journal.sent_by_client("session.update").bodies]
        assert any("None" in text for text in sent)  # else this shows nothing
