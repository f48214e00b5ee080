"""Several servers on one port answer as one: here two in one loop, which ask each other over sockets of Unix."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mockserver import MockServer, script
from mockserver.core.frames import Pairs
from mockserver.engines.base import Request
from mockserver.server import control_model
from mockserver.server.entrance import SharedPort
from mockserver.server.workers.control import CrewControl, never_fired
from mockserver.server.workers.crew import Crew
from tests.server.test_control import TALK

pytestmark = pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="no two sockets may share a port here")
JSON: Pairs = (("Host", "127.0.0.1"), ("Content-Type", "application/json"))


@dataclass
class Two:
    """Two servers, and what a client is told by each."""

    servers: list[MockServer]
    controls: list[CrewControl]

    async def ask(self, worker: int, what: str, body: Any = None, *, status: int = 200) -> Any:
        method, path = what.split()
        path, _, query = path.partition("?")
        pairs = tuple(tuple(pair.split("=")) for pair in query.split("&") if pair)
        request = Request(method, f"/__mockserver__/{path}", pairs, JSON, json.dumps(body or {}).encode())  # type: ignore[arg-type]
        reply = await self.controls[worker].answer(request, peer="127.0.0.1")
        assert dict(reply.headers)["X-Mockserver-Worker"] == str(worker)
        assert reply.status == status, reply.body
        return json.loads(reply.body) if dict(reply.headers)["Content-Type"] == "application/json" else reply.body


async def started(stack: AsyncExitStack, crew: Crew, port: int) -> MockServer:
    listening = SharedPort(port, reuse_port=True, inside=str(crew.socket(crew.index)))
    server = MockServer(script(TALK), crew=crew, listening=listening, metrics=True, seed=f"w{crew.index}")
    return await stack.enter_async_context(server)


def control(server: MockServer) -> CrewControl:
    assert server._up is not None
    found = server._up.plain._control
    assert isinstance(found, CrewControl)
    return found


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    async with AsyncExitStack() as stack:
        first = await started(stack, Crew(0, 2, tmp_path, "own"), 0)
        second = await started(stack, Crew(1, 2, tmp_path, "own"), first.port)
        assert first.port == second.port
        yield Two([first, second], [control(first), control(second)])


async def talked(server: MockServer, both: Two) -> None:
    """Sessions until this one has had one: the system says who gets a connection."""
    async with aiohttp.ClientSession() as http:
        for _ in range(200):
            async with http.ws_connect(both.servers[0].ws_url) as socket:
                await socket.send_str('{"type":"ping"}')
                await socket.receive()
            if server.sessions:
                return
    raise AssertionError("the other had all sessions")


async def test_whichever_answers_answers_for_all(two: Two) -> None:
    for server in two.servers:
        await talked(server, two)
    count = sum(len(server.sessions) for server in two.servers)
    for worker in (0, 1):
        state = await two.ask(worker, "GET state")
        control_model.State.model_validate(state)
        assert (state["worker"], state["workers"], state["missing"]) == (worker, [0, 1], [])
        assert {one["worker"] for one in state["sessions"]} == {0, 1}
        assert len(state["sessions"]) == count
        text = (await two.ask(worker, "GET metrics")).decode()
        begun = [line for line in text.splitlines() if line.startswith("mockserver_sessions_begun_total{")]
        assert sum(float(line.rpartition(" ")[2]) for line in begun) == count
        assert len(begun) == 2
        journal = await two.ask(0, f"GET journal?worker={worker}&name=ping")
        assert len(journal["entries"]) == len(two.servers[worker].sessions)
        assert (await two.ask(0, f"GET sessions/0?worker={worker}"))["number"] == 0
    await two.ask(0, "GET journal?worker=2", status=404)
    for worker in (0, 1):  # what processes ask each other is no client's, whatever its path looks like
        await two.ask(0, f"GET sessions/../fault-table?worker={worker}", status=404)


async def test_a_fault_that_is_set_on_one_is_set_on_all_under_one_number(two: Two) -> None:
    first, second = two.servers
    assert (await two.ask(1, "POST faults", {"spec": "delay 1ms on pong"}, status=201))["id"] == 1
    assert (await two.ask(0, "POST faults", {"spec": "reset after 3s"}, status=201))["id"] == 2
    specs = {1: "delay 1ms on pong", 2: "reset after 3s"}
    assert [{number: one.fault.spec for number, one in server.faults.items()} for server in two.servers] == [specs] * 2
    wrong = await two.ask(1, "POST faults", {"spec": "dely 1ms"}, status=400)
    assert wrong["error"]["column"] == 0
    await two.ask(1, "PUT faults/2", {"spec": "reset after 4s"})
    await two.ask(0, "DELETE faults/1")
    assert [{number: one.fault.spec for number, one in server.faults.items()} for server in two.servers] == [
        {2: "reset after 4s"}
    ] * 2
    for server in two.servers:
        await talked(server, two)
    told = await two.ask(0, "GET faults")
    assert [(one["id"], one["fired"]) for one in told["faults"]] == [(2, 0)]
    problems = (await two.ask(1, "GET problems"))["problems"]
    assert len([one for one in problems if "reset after 4s" in one]) == 1, "told once, for all"
    await two.ask(0, "DELETE faults")
    assert not first.faults
    assert not second.faults


async def test_one_that_comes_later_has_the_faults_that_were_set(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        first = await started(stack, Crew(0, 2, tmp_path, "own"), 0)
        both = Two([first], [control(first)])
        await both.ask(0, "POST faults", {"spec": "delay 1ms on pong optional"}, status=201)
        assert (await both.ask(0, "GET state"))["missing"] == [1]
        late = await started(stack, Crew(1, 2, tmp_path, "own"), first.port)
        assert [one.fault.spec for one in late.faults.values()] == ["delay 1ms on pong optional"]
        assert (await both.ask(0, "GET state"))["missing"] == []


def test_a_fault_that_one_process_met_has_fired() -> None:
    assert never_fired([{"1": "never"}, {"1": None}]) == []
    assert never_fired([{"1": "never", "a/1": "not once"}, {"1": "never"}]) == ["never", "not once"]


async def test_only_processes_of_the_server_are_answered_without_its_rules(two: Two) -> None:
    request = Request("GET", "/__mockserver__/meters", (), JSON)
    assert (await two.controls[0].answer(request, peer="127.0.0.1")).status == 404
    assert (await two.controls[0].answer(request, peer="10.0.0.1")).status == 403
    assert (await two.controls[0].answer(request, peer=None, inside=True)).status == 200


async def test_where_ports_cannot_be_shared_all_accept_from_one_socket(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as shared:
        port = shared.getsockname()[1]
        async with AsyncExitStack() as stack:
            servers = []
            for index in range(2):
                crew = Crew(index, 2, tmp_path, "own")
                how = SharedPort(port, shared=shared, inside=str(crew.socket(index)))
                servers.append(await stack.enter_async_context(MockServer(script(TALK), crew=crew, listening=how)))
            assert [server.port for server in servers] == [port, port]
            async with aiohttp.ClientSession() as http:
                for _ in range(4):
                    async with http.ws_connect(servers[0].ws_url) as line:
                        await line.send_str('{"type":"ping"}')
                        assert (await line.receive()).data == '{"type":"pong"}'
            assert sum(len(server.sessions) for server in servers) == 4
