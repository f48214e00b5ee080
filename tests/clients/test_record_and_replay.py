"""Real clients complete a turn through ``mockserver record``, and again from the cassette with the upstream gone.

The upstream is a script that echoes what the provider echoes. What the clients report they heard is asserted, not that
something came.
"""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from mockserver import MockServer, relay, script, simulator
from mockserver.cassette.diff import diff
from mockserver.cassette.store import load
from mockserver.server.record import Recording
from tests.cli.conftest import started

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations inside the client's own dependencies
    from livekit.plugins import openai as livekit_openai

WORDS = ("It ", "is ", "snowing ", "in ", "Oslo.")
AUDIO = base64.b64encode(bytes(range(256)) * 10).decode()
SAMPLES = 256 * 10 // 2

Heard = tuple[str, int]
"""The words that a client reports, and the samples of audio."""


def speaking(client: Any) -> Any:
    """The upstream: each response.create is answered with the same words, in the provider's order."""
    yield script.send(
        {
            "type": "session.created",
            "event_id": "event_0",
            "session": {"id": "sess_1", "type": "realtime"},
        }
    )
    turn = 0
    while True:
        asked = yield script.expect("response.create", optional=True)
        turn += 1
        metadata = (asked.get("response") or {}).get("metadata")
        yield script.send(*reply(f"resp_{turn}", f"item_{turn}", metadata))


def reply(response: str, item: str, metadata: Any) -> list[dict[str, Any]]:
    ids = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
    message = {"id": item, "object": "realtime.item", "type": "message", "role": "assistant"}
    whole = "".join(WORDS)
    content = [{"type": "output_audio", "transcript": whole}]
    done = {**message, "status": "completed", "content": content}
    base = {"object": "realtime.response", "id": response, "metadata": metadata}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**base, "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", **ids, "item": {**message, "status": "in_progress", "content": []}},
        {"type": "conversation.item.added", "previous_item_id": None,
         "item": {**message, "status": "in_progress", "content": []}},
        {"type": "response.content_part.added", **ids, "part": {"type": "audio", "transcript": ""}},
        *({"type": "response.output_audio_transcript.delta", **ids, "delta": word} for word in WORDS),
        {"type": "response.output_audio.delta", **ids, "delta": AUDIO},
        {"type": "response.output_audio.done", **ids},
        {"type": "response.output_audio_transcript.done", **ids, "transcript": whole},
        {"type": "response.content_part.done", **ids, "part": {"type": "audio", "transcript": whole}},
        {"type": "conversation.item.done", "previous_item_id": None, "item": done},
        {"type": "response.output_item.done", **ids, "item": done},
        {"type": "response.done", "response": {**base, "status": "completed", "output": [done], "usage": None}},
    ]  # fmt: skip
    return [{"event_id": f"event_{response}_{number}", **event} for number, event in enumerate(events)]


@pytest.fixture
def upstream() -> Iterator[MockServer]:
    with MockServer(script(speaking, strict=False)).in_thread() as server:
        yield server


# --- the clients ---


async def openai_sdk(base_url: str) -> Heard:
    """One turn of the openai SDK."""
    said, samples = "", 0
    async with AsyncOpenAI(base_url=base_url, api_key="sk-a-test").realtime.connect(model="gpt-realtime") as connection:
        await connection.response.create()
        async for event in connection:
            if event.type == "response.output_audio_transcript.delta":
                said += event.delta
            elif event.type == "response.output_audio.delta":
                samples += len(base64.b64decode(event.delta)) // 2
            elif event.type == "response.done":
                break
    return said, samples


async def livekit(base_url: str) -> Heard:
    """One turn of livekit-plugins-openai."""
    model = livekit_openai.realtime.RealtimeModel(base_url=base_url, api_key="sk-a-test")
    session = model.session()
    said, samples = "", 0
    try:
        generation = await session.generate_reply(instructions="say what the weather is")
        async for message in generation.message_stream:
            said += "".join([text async for text in message.text_stream])
            async for frame in message.audio_stream:
                samples += frame.samples_per_channel
    finally:
        await session.aclose()
        await model.aclose()
    return said, samples


Client = Callable[[str], Awaitable[Heard]]


@asynccontextmanager
async def running(*arguments: str | Path) -> AsyncIterator[dict[str, Any]]:
    """A command of mockserver as a process; at the end it is asked to stop, and must do so without a complaint."""
    with started(*arguments) as (process, ready):
        yield ready
        process.send_signal(signal.SIGINT)
        _, told = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0, told


@pytest.mark.parametrize("client", [openai_sdk, livekit])
async def test_a_turn_is_recorded_and_played_back_with_the_upstream_gone(
    client: Client, upstream: MockServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("OPENAI")]:
        monkeypatch.delenv(name)
    path = tmp_path / "turn.cassette"
    async with running("record", "--upstream", upstream.base_url, "--to", path) as ready:
        assert await client(ready["base_url"]) == ("".join(WORDS), SAMPLES)
    sessions = len(upstream.sessions)
    assert sessions == 1

    header = load(path).header
    assert (header.dialect, header.ended) == ("openai", "clean")
    assert b"sk-a-test" not in path.read_bytes()

    for pacing in ("recorded", "instant"):
        # Ids of this run are new: what livekit is answered with is its own metadata, or it would wait for ten seconds.
        async with running("replay", path, "--pacing", pacing) as ready:
            assert await client(ready["base_url"]) == ("".join(WORDS), SAMPLES)
    assert len(upstream.sessions) == sessions


@pytest.mark.parametrize("client", [openai_sdk, livekit])
async def test_twenty_recordings_of_a_conversation_are_the_same(client: Client, tmp_path: Path) -> None:
    """Ids, times, the cutting of audio and what crosses on the way are other ones in each."""
    made = []
    for number in range(20):
        path = tmp_path / f"{number}.cassette"
        async with (
            MockServer(simulator("openai", pace="instant"), seed=number) as upstream,
            Recording(relay(upstream.base_url), path) as recording,
        ):
            await client(recording.server.base_url)
        made.append(load(path))
    assert [[str(one) for one in diff(made[0], other)] for other in made[1:]] == [[]] * 19
    assert len({tuple(one.frame for one in each.connections[0].records) for each in made}) == 20


@pytest.mark.parametrize("client", [openai_sdk, livekit])
async def test_the_words_come_from_the_cassette(client: Client, upstream: MockServer, tmp_path: Path) -> None:
    """The control: another cassette, other words. A test that would pass with any words shows nothing."""
    path = tmp_path / "turn.cassette"
    async with running("record", "--upstream", upstream.base_url, "--to", path) as ready:
        await client(ready["base_url"])
    other = tmp_path / "other.cassette"
    other.write_bytes(resealed(path, b"snowing ", b"raining "))
    async with running("replay", other) as ready:
        said, samples = await client(ready["base_url"])
    assert (said, samples) == ("It is raining in Oslo.", SAMPLES)


def resealed(path: Path, old: bytes, new: bytes) -> bytes:
    """The cassette with other words: loaded, changed, encoded again."""
    from dataclasses import replace

    from mockserver.cassette.store import save
    from mockserver.core.frames import Text

    cassette = load(path)
    connections = tuple(
        replace(
            one,
            records=tuple(
                replace(record, frame=Text(record.frame.data.replace(old.decode(), new.decode())))
                if isinstance(record.frame, Text)
                else record
                for record in one.records
            ),
        )
        for one in cassette.connections
    )
    target = path.with_name("changed.cassette")
    return save(replace(cassette, connections=connections), target).read_bytes()
