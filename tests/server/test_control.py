"""The control API: what it does, in the shapes that it documents, and whom it lets in."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver import MockServer, script
from mockserver.core.frames import Pairs
from mockserver.engines.base import Request
from mockserver.server import control_model
from mockserver.server.control import KINDS, Control
from tests.docs import TOP

TALK = script.repeat(script.expect("ping"), script.send({"type": "pong"}, b"\x00\xff"))
JSON = {"Content-Type": "application/json"}


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[MockServer, aiohttp.ClientSession]]:
    async with MockServer(script(TALK), **options) as server, aiohttp.ClientSession() as session:
        yield server, session


async def ask(server: MockServer, session: aiohttp.ClientSession, what: str, **options: Any) -> tuple[int, Any]:
    method, path = what.split()
    async with session.request(method, f"{server.url}/__mockserver__/{path}", **options) as answer:
        assert answer.headers["Content-Type"] == "application/json"
        text = await answer.text()
        assert text.endswith("\n")
        return answer.status, json.loads(text)


async def test_state_journal_and_sessions_have_the_documented_shapes() -> None:
    async with serving(faults=["delay 1ms on pong"]) as (server, session):
        secret = {"Authorization": "Bearer sk-planted-secret-000000000000"}
        async with session.ws_connect(server.ws_url + "?model=m", headers=secret) as ws:
            await ws.send_str('{"type":"ping"}')
            assert (await ws.receive()).data == '{"type":"pong"}'
            status, state = await ask(server, session, "GET state")
            assert status == 200
            shaped = control_model.State.model_validate(state)
            assert (shaped.dialect, shaped.source, shaped.base_url) == (
                "openai",
                "script",
                server.base_url,
            )
            assert shaped.problems == []
            assert [(fault.spec, fault.fired) for fault in shaped.faults] == [("delay 1ms on pong", 1)]
            [one] = shaped.sessions
            assert (one.number, one.path, one.query, one.over) == (
                0,
                "/v1/realtime",
                [("model", "m")],
                False,
            )
            assert one.entries == len(server.journal)
            assert (await ask(server, session, "GET sessions/0"))[1] == state["sessions"][0]
        status, page = await ask(server, session, "GET journal")
        entries = control_model.JournalPage.model_validate(page).entries
        kinds = [entry.kind for entry in entries]
        assert kinds == ["note", "handshake", "answer", "text", "note", "text", "binary", "close"]
        assert entries[5].text == '{"type":"pong"}'
        assert entries[6].base64 == "AP8="
        assert page["next"] == len(server.journal)
        assert "sk-planted" not in json.dumps([state, page])


async def test_the_journal_is_filtered() -> None:
    async with serving() as (server, session):
        async with session.ws_connect(server.ws_url) as ws:
            await ws.send_str('{"type":"ping"}')
            await ws.receive()
            await ws.receive()
        for query, names in (
            ("name=p*ng&kind=text", ["ping", "pong"]),
            ("sender=client&kind=text", ["ping"]),
            ("session=1", []),
            ("since=4&limit=1", ["pong"]),
            ("kind=close", ["close 1000"]),
        ):
            _, page = await ask(server, session, f"GET journal?{query}")
            assert [entry["name"] for entry in page["entries"]] == names, query
        _, first = await ask(server, session, "GET journal?limit=2")
        _, rest = await ask(server, session, f"GET journal?since={first['next']}")
        assert [entry["index"] for entry in first["entries"] + rest["entries"]] == list(range(len(server.journal)))
        for query in ("since=x", "since=-1", "limit=1.5", "colour=red"):
            assert (await ask(server, session, f"GET journal?{query}"))[0] == 400
        for query, told in (
            ("sender=zz", "sender='zz': expected one of client, server"),
            (
                "kind=zz",
                "kind='zz': expected one of handshake, answer, text, binary, close, lost, note",
            ),
            ("kind=", "kind='': expected one of handshake,"),
            ("session=-1", "session='-1': expected a whole number"),
            ("session=x", "session='x': expected a whole number"),
        ):
            status, page = await ask(server, session, f"GET journal?{query}")
            assert status == 400
            assert page["error"]["message"].startswith(told)


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_entry_may_be_asked_for(kind: str) -> None:
    async with serving() as (server, session):
        async with session.ws_connect(server.ws_url) as ws:
            await ws.send_str('{"type":"ping"}')
            await ws.receive()
        status, page = await ask(server, session, f"GET journal?kind={kind}")
        assert status == 200
        assert {entry["kind"] for entry in page["entries"]} <= {kind}
        assert f"`{kind}`" in (TOP / "docs" / "control-api.md").read_text(encoding="utf-8")


async def test_waiting_for_an_entry() -> None:
    async with serving() as (server, session), session.ws_connect(server.ws_url) as ws:
        waiting = asyncio.create_task(ask(server, session, "GET journal?name=ping&wait_ms=20000"))
        nothing = await ask(server, session, "GET journal?name=other&wait_ms=10")
        assert nothing == (200, {"entries": [], "next": 3})
        await ws.send_str('{"type":"ping"}')
        status, page = await waiting
        assert (status, [entry["name"] for entry in page["entries"]]) == (200, ["ping"])


async def test_faults_come_and_go() -> None:
    async with serving() as (server, session), session.ws_connect(server.ws_url) as ws:
        status, made = await ask(server, session, "POST faults", json={"spec": "drop on pong optional"})
        assert status == 201
        control_model.FaultState.model_validate(made)
        assert made == {"id": 1, "spec": "drop on pong optional", "optional": True, "fired": 0}
        await ws.send_str('{"type":"ping"}')
        assert (await ws.receive()).data == b"\x00\xff"  # the pong before it was dropped
        assert (await ask(server, session, "GET faults"))[1]["faults"][0]["fired"] == 1
        assert (await ask(server, session, "DELETE faults/1"))[0] == 200
        await ws.send_str('{"type":"ping"}')
        assert (await ws.receive()).data == '{"type":"pong"}'
        assert await ask(server, session, "DELETE faults/1") == (
            404,
            {"error": {"message": "no fault has the id 1", "column": None}},
        )
        await ask(server, session, "POST faults", json={"spec": "stall on pong optional"})
        assert await ask(server, session, "DELETE faults") == (200, {"faults": []})


async def test_a_fault_is_changed_in_its_place_while_a_session_runs() -> None:
    """``set n`` before ``duplicate``: the order in which they apply is seen in what comes."""
    set_to_1 = "set n to 1 on pong"
    async with serving(faults=[set_to_1, "duplicate on pong"]) as (server, session):
        async with session.ws_connect(server.ws_url) as ws:

            async def pongs() -> list[Any]:
                await ws.send_str('{"type":"ping"}')
                got = []
                while (data := (await ws.receive()).data) != b"\x00\xff":
                    got.append(json.loads(data).get("n"))
                return got

            assert await pongs() == [1, 1]
            answer = await ask(server, session, "PUT faults/1", json={"spec": "set n to 2 on pong"})
            assert answer == (
                200,
                {"id": 1, "spec": "set n to 2 on pong", "optional": False, "fired": 0},
            )
            assert await pongs() == [2, 2]  # still before the other one
            assert [fault.fault.spec for fault in server.faults.values()] == [
                "set n to 2 on pong",
                "duplicate on pong",
            ]
            status, told = await ask(server, session, "PUT faults/1", json={"spec": "sett n to 3"})
            assert (status, told["error"]["column"]) == (400, 0)
            assert await pongs() == [2, 2]
            assert (await ask(server, session, "PUT faults/9", json={"spec": set_to_1}))[0] == 404
        async with session.ws_connect(server.ws_url) as ws:
            assert await pongs() == [2, 2]  # and around a later session


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b'{"spec": "dela 1s on pong"}', 400, "did you mean 'delay'"),
        (b'{"spec": ""}', 400, "spec: "),
        (b'{"spec": 1}', 400, "spec: "),
        (b'{"speck": "drop on pong"}', 400, "spec: Field required"),
        (b"[]", 400, "expected"),
        (b"{", 400, "expected"),
        (b"", 400, "expected"),
        (b"[" * 60_000, 400, "expected"),
        (b'{"spec": "' + b"x" * 70_000 + b'"}', 413, "bytes"),
    ],
    ids=lambda value: str(value)[:24],
)
async def test_wrong_faults_say_what_is_wrong(body: bytes, status: int, message: str) -> None:
    async with serving() as (server, session):
        got, answer = await ask(server, session, "POST faults", data=body, headers=JSON)
        control_model.ErrorBody.model_validate(answer)
        assert got == status
        assert message in answer["error"]["message"]
        assert "\n" not in answer["error"]["message"]
        assert server.faults == {}


async def test_a_wrong_spec_says_where() -> None:
    async with serving() as (server, session):
        _, answer = await ask(server, session, "POST faults", json={"spec": "delay 1s om pong"})
        assert isinstance(answer["error"]["column"], int)


async def test_other_addresses_and_methods() -> None:
    async with serving() as (server, session):
        assert (await ask(server, session, "GET nothing"))[0] == 404
        assert (await ask(server, session, "GET sessions/7"))[0] == 404
        assert (await ask(server, session, "PUT faults"))[0] == 405
        assert (await ask(server, session, "POST state"))[0] == 405
        status, schema = await ask(server, session, "GET schema")
        assert (status, set(schema) >= {"State", "JournalPage", "NewFault"}) == (200, True)
        async with session.get(f"{server.url}/__mockserver__") as answer:
            assert len((await answer.json())["see"]) == 15
        assert (await ask(server, session, "POST faults", data=b"{}"))[0] == 415


# --- who is let in ---


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:1"}, 200),
        ({"Host": "[::1]"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "localhost.evil.example:1"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "192.168.0.1"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 200),
    ],
    ids=str,
)
async def test_pages_and_rebound_names_are_refused(headers: dict[str, str], status: int) -> None:
    async with serving() as (server, session):
        for what in ("GET state", "GET journal", "GET faults"):
            got, answer = await ask(server, session, what, headers=headers)
            assert got == status, answer
        got, _ = await ask(server, session, "POST faults", json={"spec": "noop on x optional"}, headers=headers)
        assert got == (201 if status == 200 else status)
        assert len(server.faults) == (1 if status == 200 else 0)


async def test_a_page_of_the_server_s_own_origin_is_let_in() -> None:
    async with serving() as (server, session):
        assert (await ask(server, session, "GET state", headers={"Origin": server.url}))[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic right"}, 401),
        ({"X-Mockserver-Token": "righ"}, 401),
        ({"Authorization": "Bearer right"}, 200),
        ({"Authorization": "bearer right"}, 200),
        ({"X-Mockserver-Token": "right"}, 200),
        ({"X-Mockserver-Token": "right", "Host": "mock.in.a.container:1"}, 200),
        ({"X-Mockserver-Token": "right", "Origin": "https://evil.example"}, 403),
    ],
    ids=str,
)
async def test_a_token_is_asked_for(headers: dict[str, str], status: int) -> None:
    async with serving(token="right") as (server, session):
        assert (await ask(server, session, "GET state", headers=headers))[0] == status


async def test_without_a_token_it_is_off_where_others_can_reach_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(host="0.0.0.0") as (server, session):
        assert (await ask(server, session, "GET state"))[0] == 403
    [warning] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "without a token: its control API is off" in warning.getMessage()
    caplog.clear()
    async with serving(host="0.0.0.0", token="right") as (server, session):
        assert (await ask(server, session, "GET state", headers={"X-Mockserver-Token": "right"}))[0] == 200
    assert caplog.records == []


async def test_a_peer_from_elsewhere_is_refused() -> None:
    async with MockServer(script()) as server:
        control = Control(server)
        request = Request("GET", "/__mockserver__/state", headers=(("Host", "127.0.0.1"),))
        assert (await control.answer(request, peer="127.0.0.1")).status == 200
        assert (await control.answer(request, peer="192.168.0.9")).status == 403
        assert (await control.answer(request, peer=None)).status == 403


# --- whatever comes ---

texts = st.text(max_size=40)


@settings(max_examples=200)
@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT", "X"]),
    path=st.one_of(
        texts,
        st.sampled_from(["faults", "faults/1", "journal", "state", "sessions/0", "problems", ""]),
    ),
    query=st.lists(
        st.tuples(st.one_of(texts, st.sampled_from(["since", "name", "limit", "kind"])), texts),
        max_size=3,
    ),
    headers=st.lists(
        st.tuples(st.sampled_from(["Content-Type", "X-Mockserver-Token", "Origin"]), texts),
        max_size=3,
    ),
    body=st.one_of(st.binary(max_size=60), st.builds(lambda text: json.dumps({"spec": text}).encode(), texts)),
)
def test_nothing_that_comes_breaks_it(method: str, path: str, query: Any, headers: Any, body: bytes) -> None:
    async def answered() -> tuple[int, bytes]:
        server = MockServer(script(TALK))
        await server.start()
        try:
            extra: Pairs = (("Host", "127.0.0.1"), ("Content-Type", "application/json"), *headers)
            request = Request(method, f"/__mockserver__/{path}", tuple(query), extra, body)
            reply = await Control(server).answer(request, peer="127.0.0.1")
            return reply.status, reply.body
        finally:
            await server.close()

    status, text = asyncio.run(answered())
    assert 200 <= status < 500
    assert isinstance(json.loads(text), dict)
