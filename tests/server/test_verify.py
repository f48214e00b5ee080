"""A recorded client side goes to the service again: with the ids of today, and what has changed is reported."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mockserver import MockServer, Scripted, relay, simulator, speech
from mockserver.cassette.model import Cassette
from mockserver.cassette.store import load
from mockserver.core.frames import Sender, Text
from mockserver.errors import UpstreamError
from mockserver.server.record import Recording
from mockserver.server.verify import failure, key_variable, verify


def service(*faults: str, seed: int = 0) -> MockServer:
    """What stands for the real service. Another seed mints other ids."""
    return MockServer(simulator("openai", pace="instant"), faults=faults, seed=seed)


async def recorded(path: Path) -> Cassette:
    """A session in which the client sends ids back that the server has minted."""
    async with service(seed=1) as upstream, Recording(relay(upstream.base_url), path) as recording:
        url = f"{recording.server.ws_url}?model=gpt-realtime"
        headers = {"Authorization": "Bearer any"}
        async with aiohttp.ClientSession(headers=headers) as http, http.ws_connect(url) as ws:

            async def until(name: str) -> dict[str, object]:
                while (event := await ws.receive_json())["type"] != name:
                    pass
                return event

            await until("session.created")
            content = [{"type": "input_text", "text": "hello"}]
            item = {"type": "message", "role": "user", "content": content}
            await ws.send_json({"type": "conversation.item.create", "item": item})
            added = await until("conversation.item.done")
            ident = added["item"]["id"]  # type: ignore[index]
            await ws.send_json({"type": "conversation.item.retrieve", "item_id": ident})
            await until("conversation.item.retrieved")
            await ws.send_json({"type": "response.create", "response": {"output_modalities": ["text"]}})
            await until("rate_limits.updated")
            await ws.send_json({"type": "conversation.item.delete", "item_id": ident})
            await until("conversation.item.deleted")
    return load(path)


async def test_ids_of_today_are_sent_and_the_same_service_has_not_drifted(tmp_path: Path) -> None:
    cassette = await recorded(tmp_path / "x.cassette")
    old = ids(cassette)
    async with service(seed=2) as upstream:
        reports = await verify(cassette, upstream=upstream.base_url)
        sent = [
            json.loads(entry.what.data)
            for entry in upstream.journal.frames(Sender.CLIENT)
            if isinstance(entry.what, Text)
        ]
        upstream.journal.sent_by_server("error").never()
    assert failure(cassette, reports) is None
    assert [event["type"] for event in sent][-1] == "conversation.item.delete"
    new = {event["item_id"] for event in sent if "item_id" in event}
    assert len(new) == 1
    assert not new & old


async def voiced(path: Path, *, barge_in: bool) -> Cassette:
    """A reply to text, and then the client speaks: when it has ended, or while it is still on its way."""
    async with talker(seed=1, long=barge_in) as upstream, Recording(relay(upstream.base_url), path) as recording:
        url = f"{recording.server.ws_url}?model=gpt-realtime"
        headers = {"Authorization": "Bearer any"}
        async with aiohttp.ClientSession(headers=headers) as http, http.ws_connect(url) as ws:

            async def until(name: str) -> None:
                while (await ws.receive_json())["type"] != name:
                    pass

            await until("session.created")
            await ws.send_json({"type": "response.create"})
            await until("response.output_audio.delta" if barge_in else "response.done")
            pcm = speech.encode("good morning") + bytes(48_000)
            for start in range(0, len(pcm), 24_000):
                audio = b64encode(pcm[start : start + 24_000]).decode()
                await ws.send_json({"type": "input_audio_buffer.append", "audio": audio})
            for _ in range(1 + barge_in):
                await until("response.done")
    return load(path)


def talker(seed: int, *faults: str, long: bool = False) -> MockServer:
    """A service whose replies take some time; the first one minutes, for a client that is to interrupt it."""
    source = simulator("openai", replier=Scripted(["Good. " * 500 if long else "Good.", "Good."]))
    return MockServer(source, faults=faults, seed=seed)


@pytest.mark.parametrize(
    ("barge_in", "ends"),
    [(False, ["completed", "completed"]), (True, ["cancelled", "completed"])],
    ids=["after the reply", "into the reply"],
)
async def test_a_client_that_speaks_is_followed_as_it_spoke(tmp_path: Path, barge_in: bool, ends: list[str]) -> None:
    """Without that every utterance would cut off the reply before it, and the recording server would seem to drift."""
    cassette = await voiced(tmp_path / "x.cassette", barge_in=barge_in)
    async with talker(seed=2, long=barge_in) as upstream:
        reports = await verify(cassette, upstream=upstream.base_url)
        done = upstream.journal.sent_by_server("response.done").bodies
    assert failure(cassette, reports) is None
    assert [body["response"]["status"] for body in done] == ends


async def test_what_is_said_twice_is_drift_though_the_recorded_client_left_at_once(
    tmp_path: Path,
) -> None:
    cassette = await voiced(tmp_path / "x.cassette", barge_in=False)
    async with talker(3, "duplicate on 2nd response.done") as upstream:
        drifted = failure(cassette, await verify(cassette, upstream=upstream.base_url))
    assert drifted is not None
    assert str(drifted).splitlines()[1:] == ["  connection 0: event added: response.done (2 recorded, 3 now)"]


def ids(cassette: Cassette) -> set[str]:
    """The item ids of the recording."""
    frames = [record.frame for record in cassette.connections[0].records if record.sender is Sender.CLIENT]
    bodies = [json.loads(frame.data) for frame in frames if isinstance(frame, Text)]
    return {body["item_id"] for body in bodies if "item_id" in body}


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("drop on response.output_text.done", "event gone: response.output_text.done"),
        ("strip response.usage on response.done", "field gone: response.done: response.usage"),
        (
            "set session.extra to 1 on session.created",
            "field added: session.created: session<realtime>.extra",
        ),
        ("close 1011 on response.done", "end changed: close 1011"),
    ],
)
async def test_what_has_changed_is_reported(tmp_path: Path, fault: str, told: str) -> None:
    cassette = await recorded(tmp_path / "x.cassette")
    async with service(fault) as upstream:
        reports = await verify(cassette, upstream=upstream.base_url, wait_seconds=0.3)
    drifted = failure(cassette, reports)
    assert drifted is not None
    assert told in str(drifted)


async def test_an_upstream_that_cannot_be_reached_is_no_drift(tmp_path: Path) -> None:
    cassette = await recorded(tmp_path / "x.cassette")
    async with service() as gone:
        where = gone.base_url
    with pytest.raises(UpstreamError, match="cannot reach"):
        await verify(cassette, upstream=where)


@pytest.mark.parametrize(
    ("upstream", "dialect", "expected"),
    [
        ("openai", "openai", "OPENAI_API_KEY"),
        ("https://api.openai.com/v1", "openai", "OPENAI_API_KEY"),
        ("https://api.openai.com/v1", None, "OPENAI_API_KEY"),
        ("https://api.openai.com.example.org/v1", "openai", None),
        ("http://127.0.0.1:4000/v1", "openai", None),
        ("http://127.0.0.1:4000/v1", None, None),
    ],
)
def test_a_key_goes_to_its_own_provider_only(
    monkeypatch: pytest.MonkeyPatch, upstream: str, dialect: str | None, expected: str | None
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-secret")
    assert key_variable(upstream, dialect=dialect) == expected
    monkeypatch.delenv("OPENAI_API_KEY")
    assert key_variable(upstream, dialect=dialect) is None


async def test_a_signed_address_is_asked_for_again_before_each_conversation(tmp_path: Path) -> None:
    """An address that a recording holds is none any more: its signature was taken out."""

    def agents(**settings: Any) -> MockServer:
        private = {"private": True, "require_key": False, "first_message": "Hello."}
        return MockServer(simulator("elevenlabs", pace="instant", **{**private, **settings}))

    path = tmp_path / "x.cassette"
    async with (
        agents() as upstream,
        Recording(relay(upstream.url, dialect="elevenlabs"), path) as recording,
        aiohttp.ClientSession() as http,
    ):
        for _ in range(2):
            call = f"{recording.server.url}/v1/convai/conversation/get-signed-url?agent_id=a"
            async with http.get(call) as reply:
                url = (await reply.json())["signed_url"]
            async with http.ws_connect(url) as ws:
                await ws.send_json({"type": "conversation_initiation_client_data"})
                while (await ws.receive_json(timeout=5))["type"] != "agent_response":
                    pass
    cassette = load(path)
    assert (len(cassette.connections), len(cassette.exchanges)) == (2, 2)
    async with agents() as upstream:
        reports = await verify(cassette, upstream=upstream.url)
    assert [one.drifts for one in reports] == [(), ()]
    assert all(one.events > 1 for one in reports)
    async with agents(first_message="") as upstream:  # the control: it says nothing by itself any more
        assert failure(cassette, await verify(cassette, upstream=upstream.url, wait_seconds=0.2)) is not None
