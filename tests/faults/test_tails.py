"""A response that a fault ends, beside one that the simulator itself ends at the same moment: the same events.

And what comes after it: rate limits where something was output, none where nothing was (openai.md#102,
openai.md#112).
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from mockserver import MockServer, virtual_time
from mockserver.core.frames import Handshake, Sender, Text
from mockserver.core.ids import Ids
from mockserver.dialects.life import Outcome
from mockserver.dialects.openai.replies import RealtimeReplies
from mockserver.engines.base import Source
from mockserver.engines.simulator import Failure, Reply, Scripted, ToolCall, simulator
from tests.engines.simulator.stage import KEY
from tests.engines.simulator.stage import Stage as Client

WORDS = "one two three four five six"
MODELS = {"xai": "grok-voice-latest"}
DATED = (("deployment", "gpt-realtime"), ("api-version", "2025-04-01-preview"))
PROVIDERS = ("openai", "azure", "azure_dated", "azure_voice_live", "xai")


def query(provider: str) -> tuple[tuple[str, str], ...]:
    return DATED if provider == "azure_dated" else (("model", MODELS.get(provider, "gpt-realtime")),)


def client(provider: str, reply: Any) -> Client:
    source = simulator(provider, replier=Scripted([reply]))
    hands = Handshake(source.dialect.socket_path, query(provider), (KEY,))
    return Client(source, hands=hands, check=False)


def ends(provider: str, reply: Any, steps: int) -> tuple[list[Any], list[Any]] | None:
    """The events that end a response after so many instants: a fault's, the simulator's own. None: it is over."""
    stage = client(provider, reply)
    stage.say("hello")
    stage.wait(200)
    stage.send("response.create")
    stage.until("response.created")
    for _ in range(steps):
        stage.step()
        if stage.of("response.done"):
            return None
    turns = RealtimeReplies(stage.source.dialect)
    for body in stage.events:
        turns.see(Sender.SERVER, Text(json.dumps(body)))
    (response_id,) = turns.open
    ids = Ids(random.Random(1))
    fault = [json.loads(frame.data) for frame in turns.end(response_id, Outcome("cancelled", "client_cancelled"), ids)]
    return fault, stage.send("response.cancel")


def bare(body: dict[str, Any], provider: str) -> dict[str, Any]:
    """An event without what a fault cannot know: its own id, the count of what a response used, and that the dated
    versions of Azure do not repeat a function's name, as the others with the beta's names do."""
    if provider == "azure_dated" and body["type"] == "response.function_call_arguments.done":
        body = {key: value for key, value in body.items() if key != "name"}
    body = {key: value for key, value in body.items() if key != "event_id"}
    if "response" in body:
        body["response"] = {key: value for key, value in body["response"].items() if key != "usage"}
    return body


@pytest.mark.parametrize("reply", [WORDS, ToolCall("look", {"at": WORDS}), [WORDS, ToolCall("look", {})]])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_fault_ends_a_response_as_the_simulator_does(provider: str, reply: Any) -> None:
    seen: set[tuple[str, ...]] = set()
    for steps in range(40):
        made = ends(provider, reply, steps)
        if made is None:
            break
        fault, own = made
        assert [body["type"] for body in fault] == [body["type"] for body in own], steps
        seen.add(tuple(body["type"] for body in own))
        if provider != "xai":  # its fields are its own: previous_item_id on every event, usage beside the response
            assert [bare(body, provider) for body in fault] == [bare(body, provider) for body in own], steps
    assert len(seen) > 1  # before the output, and in its middle


AUDIO_ENDS = {
    "openai": ["response.output_audio.done", "response.output_audio_transcript.done", "response.content_part.done"],
    "azure_dated": ["response.audio.done", "response.audio_transcript.done", "response.content_part.done"],
    "xai": ["response.output_audio_transcript.done", "response.content_part.done", "response.output_audio.done"],
}


@pytest.mark.parametrize("fault", ["cancel midway", "fail", "incomplete"])
@pytest.mark.parametrize("provider", AUDIO_ENDS)
async def test_at_its_first_delta_an_audio_part_is_ended_whole(provider: str, fault: str) -> None:
    """There the transcript of OpenAI's answers has begun, and no sound has come yet (openai.md#80)."""
    names = [body["type"] for body in await served(WORDS, fault, provider=provider)]
    first = next(place for place, name in enumerate(names) if name.endswith(".delta"))
    assert [name for name in names if name.endswith(".delta")] == [names[first]]
    assert names[first + 1 : first + 4] == AUDIO_ENDS[provider]


# --- rate limits ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def talking(source: Source, *faults: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A real client in a session with these faults, on a clock that does not wait."""
    with virtual_time():
        async with (
            MockServer(source, faults=faults) as server,
            aiohttp.ClientSession(headers=dict([KEY])) as http,
            http.ws_connect(server.ws_url, params=dict(query(source.dialect.name))) as ws,
        ):
            yield ws


async def served(reply: Any, *faults: str, pace: Any = "natural", provider: str = "openai") -> list[dict[str, Any]]:
    """All that a real client gets for one response.create, and for a second after it."""
    seen: list[dict[str, Any]] = []
    source = simulator(provider, replier=Scripted([reply]), pace=pace)
    async with talking(source, *faults) as ws:
        await ws.send_json({"type": "response.create"})
        try:
            while True:
                done = any(body["type"] == "response.done" for body in seen)
                seen.append(await ws.receive_json(timeout=1 if done else 20))
        except TimeoutError:
            return seen


NOTHING_SAID = ("rate limit", "server error", "insufficient quota", "cancel midway on response.created")
SAID = ("server error on response.content_part.added", "cancel midway", "fail", "incomplete")


@pytest.mark.parametrize("pace", ["natural", "instant"])
@pytest.mark.parametrize(
    ("reply", "fault", "told"),
    [
        (WORDS, None, True),
        (Failure(), None, False),
        (None, None, False),
        (Reply(WORDS, failure=Failure()), None, True),
        *((WORDS, fault, False) for fault in NOTHING_SAID),
        *((WORDS, fault, True) for fault in SAID),
    ],
)
async def test_rate_limits_follow_what_was_output(reply: Any, fault: str | None, told: bool, pace: str) -> None:
    """A fault and the simulator agree; at an instant pace the engine has said all before the fault acts."""
    seen = await served(reply, *([] if fault is None else [fault]), pace=pace)
    names = [body["type"] for body in seen]
    assert names.count("response.done") == 1
    response = seen[names.index("response.done")]["response"]
    assert bool(response["output"]) is told
    assert names[names.index("response.done") + 1 :] == (["rate_limits.updated"] if told else [])
    if not told:
        assert response["usage"]["total_tokens"] == 0


async def test_the_limits_of_the_next_response_are_told() -> None:
    """What is swallowed is the limits of the response that was ended, and no others."""
    source = simulator("openai", replier=Scripted([WORDS, WORDS]), pace="instant")
    async with talking(source, "rate limit in 1st response") as ws:
        for _ in range(2):
            await ws.send_json({"type": "response.create"})
        names = []
        while "rate_limits.updated" not in names:
            names.append((await ws.receive_json(timeout=20))["type"])
        assert names.count("response.done") == 2
        with pytest.raises(TimeoutError):
            await ws.receive_json(timeout=20)


@pytest.mark.parametrize("pace", ["natural", "instant"])
@pytest.mark.parametrize("faults", [("cancel midway on 1st response.output_audio.delta",), ()])
async def test_what_a_client_asks_about_an_ended_item_is_answered(faults: tuple[str, ...], pace: Any) -> None:
    """The item is cut on the wire; the answer to a truncation of it belongs to the client, not to the response."""
    source = simulator("openai", replier=Scripted([WORDS]), pace=pace)
    async with talking(source, *faults) as ws:
        await ws.send_json({"type": "response.create"})
        seen: dict[str, Any] = {}
        while "response.done" not in seen:
            body = await ws.receive_json(timeout=20)
            seen[body["type"]] = body
        item_id = seen["response.output_item.done"]["item"]["id"]
        where = {"item_id": item_id, "content_index": 0}
        await ws.send_json({"type": "conversation.item.truncate", **where, "audio_end_ms": 40})
        await ws.send_json({"type": "conversation.item.retrieve", "item_id": item_id})
        names = []
        while "conversation.item.retrieved" not in names:
            names.append((await ws.receive_json(timeout=20))["type"])
        assert "conversation.item.truncated" in names
        assert "error" not in names
