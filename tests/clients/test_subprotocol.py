"""The subprotocol that a browser's client of ElevenLabs offers is selected by every engine: without it, it hangs up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mockserver import MockServer, relay, replay, script, simulator
from mockserver.server.record import Recording

BEGIN = {"type": "conversation_initiation_client_data"}


async def begin(server: MockServer, *offered: str) -> str | None:
    """Begin a conversation; the subprotocol that was selected."""
    async with aiohttp.ClientSession() as http:
        url = f"{server.ws_url}?agent_id=agent_1"
        async with http.ws_connect(url, protocols=offered) as ws:
            await ws.send_json(BEGIN)
            told: dict[str, Any] = await ws.receive_json()
            assert told["type"] == "conversation_initiation_metadata"
            return ws.protocol


def scripted(client: Any) -> Any:
    yield script.expect("conversation_initiation_client_data")
    yield script.send({"type": "conversation_initiation_metadata", "conversation_initiation_metadata_event": {}})


@pytest.mark.parametrize("make", [lambda: simulator("elevenlabs"), lambda: script(scripted, dialect="elevenlabs")])
async def test_convai_is_selected_where_it_is_offered(make: Any) -> None:
    async with MockServer(make()) as server:
        assert await begin(server, "convai") == "convai"
        assert await begin(server, "other", "convai") == "convai"
    async with MockServer(make()) as server:
        assert await begin(server) is None


async def test_it_is_recorded_and_played_back(tmp_path: Path) -> None:
    path = tmp_path / "begin.cassette"
    async with (
        MockServer(simulator("elevenlabs")) as upstream,
        Recording(relay(upstream.base_url, dialect="elevenlabs"), path) as recording,
    ):
        assert await begin(recording.server, "convai") == "convai"
    async with MockServer(replay(path)) as server:
        assert await begin(server, "convai") == "convai"
