"""Ids that clients bring back find the process that gave them; from another replica they are refused, and told."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mockserver import MockServer, simulator
from mockserver.engines.base import ProcessPlace
from mockserver.server.entrance import SharedPort
from mockserver.server.workers.crew import Crew

pytestmark = pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="no two sockets may share a port here")
KEY = {"Authorization": "Bearer any", "X-API-Key": "any"}
CALL = {"medium": {"serverWebSocket": {"inputSampleRate": 48000}}}


async def crew_of(stack: AsyncExitStack, folder: Path, provider: str, **options: Any) -> list[MockServer]:
    servers: list[MockServer] = []
    for index in range(2):
        crew = Crew(index, 2, folder, "own")
        port = servers[0].port if servers else 0
        shared = SharedPort(port, reuse_port=True, inside=str(crew.socket(index)))
        source = simulator(provider, pace="instant", **options)
        made = MockServer(source, crew=crew, listening=shared, seed=f"w{index}")
        servers.append(await stack.enter_async_context(made))
    return servers


async def test_a_call_is_joined_where_it_was_made_whoever_accepts(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack, aiohttp.ClientSession(headers=KEY) as http:
        servers = await crew_of(stack, tmp_path, "ultravox")
        for _ in range(12):
            # A connection of its own each time, so that the system may choose another process.
            async with http.post(f"{servers[0].url}/api/calls", json=CALL, headers={"Connection": "close"}) as answer:
                assert answer.status == 201
                call = await answer.json()
            async with http.ws_connect(call["joinUrl"]) as line:
                assert (await line.receive_json())["type"] == "call_started"
            shown = f"{servers[0].url}/api/calls/{call['callId']}"
            async with http.get(shown, headers={"Connection": "close"}) as answer:
                assert (await answer.json())["joined"] is not None
        assert sum(len(server.sessions) for server in servers) == 12
        assert all(len(server.sessions) for server in servers), Counter(len(server.sessions) for server in servers)
        assert all(server.sessions[0].log.entries > 3 for server in servers)


async def test_a_client_secret_opens_a_session_in_either_process(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack, aiohttp.ClientSession() as http:
        servers = await crew_of(stack, tmp_path, "openai", require_key="sk-real")
        for number in range(8):
            body = {"session": {"type": "realtime", "instructions": f"number {number}"}}
            secrets = f"{servers[0].base_url}/realtime/client_secrets"
            headers = {"Authorization": "Bearer sk-real", "Connection": "close"}
            async with http.post(secrets, json=body, headers=headers) as answer:
                secret = (await answer.json())["value"]
            headers = {"Authorization": f"Bearer {secret}"}
            async with http.ws_connect(servers[0].ws_url + "?model=gpt-realtime", headers=headers) as line:
                created = await line.receive_json()
                assert created["session"]["instructions"] == f"number {number}"
                await line.send_json({"type": "response.create"})
                while (await line.receive_json())["type"] != "response.done":
                    pass
                await line.close(code=1000)
        assert all(len(server.sessions) for server in servers)


async def test_another_replica_refuses_and_says_whose_it_is() -> None:
    first = MockServer(simulator("ultravox"), place=ProcessPlace(0, 2), seed="r0")
    second = MockServer(simulator("ultravox"), place=ProcessPlace(1, 2), seed="r1")
    async with first:
        await second.start()
        async with aiohttp.ClientSession(headers=KEY) as http:
            async with http.post(f"{first.url}/api/calls", json=CALL) as answer:
                join = (await answer.json())["joinUrl"]
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await http.ws_connect(join.replace(str(first.port), str(second.port)))
            assert refused.value.status == 404
            async with http.ws_connect(join) as line:  # the control: the one that gave it
                assert (await line.receive_json())["type"] == "call_started"
        await second.close()
        told = [str(problem) for problem in second.problems()]
        assert any("replica 0 gave it, this is replica 1; let the balancer" in one for one in told), told


async def test_who_is_passed_on_stays_a_client(tmp_path: Path) -> None:
    """After a refused handshake the same connection, which now ends at the other process, may ask for anything."""
    crews = [Crew(index, 2, tmp_path, "own") for index in range(2)]
    servers = [
        MockServer(
            simulator("ultravox"), crew=crew, listening=SharedPort(0, inside=str(crew.socket(crew.index))), token="t"
        )
        for crew in crews
    ]
    for server in servers:
        await server.start()
    try:
        idents = (f"{number:08}-0000-4000-8000-000000000000" for number in range(100))
        theirs = next(ident for ident in idents if servers[0].place.owner(ident) == 1)
        reader, writer = await asyncio.open_connection("127.0.0.1", servers[0].port)

        async def told(head: str) -> bytes:
            writer.write(f"GET {head}\r\nHost: 127.0.0.1\r\n\r\n".encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            length = answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            return answer + await reader.readexactly(int(length))

        upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        upgrade += "A" * 22 + "=="
        assert b" 404 " in await told(f"/calls/{theirs}/server_web_socket HTTP/1.1\r\n{upgrade}")
        for what in ("state", "meters", "fault-table"):
            refused = await told(f"/__mockserver__/{what} HTTP/1.1")
            assert b" 401 " in refused, refused
            assert b"X-Mockserver-Worker: 1" in refused, "it is the other process that answers"
        guessed = await told("/__mockserver__/fault-table HTTP/1.1\r\nX-Mockserver-Member: other")
        assert b" 401 " in guessed, guessed
        assert (await crews[0].ask(1, "GET", "/__mockserver__/fault-table"))[0] == 200, "the control"
        writer.close()
    finally:
        for server in servers:
            await server.close()


def test_an_id_says_where_it_was_made() -> None:
    places = [ProcessPlace(index, 3) for index in range(3)]
    numbers = iter(range(10_000))
    for place in places * 5:
        made = place.mint(lambda: f"id_{next(numbers)}")
        assert [one.owner(made) == one.index for one in places].count(True) == 1
        assert places[0].owner(made) == place.index
    assert ProcessPlace().mint(lambda: "any") == "any"
