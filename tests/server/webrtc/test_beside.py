"""A socket beside a call: the same conversation, seen and led from a server."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from mockserver import MockServer, Scripted, simulator
from tests.engines.simulator.fidelity import keeps
from tests.server.webrtc.caller import calling

KEY = {"Authorization": "Bearer any"}


async def told(ws: aiohttp.ClientWebSocketResponse, name: str) -> list[dict[str, Any]]:
    """What the socket is told up to an event of this name."""
    found: list[dict[str, Any]] = []
    while not found or found[-1]["type"] != name:
        found.append(json.loads((await ws.receive(8)).data))
    return found


@keeps("call-beside")
async def test_a_socket_beside_a_call_sees_it_and_leads_it() -> None:
    source = simulator("openai", replier=Scripted(["It is sunny."]))
    async with (
        MockServer(source) as server,
        calling(server) as caller,
        aiohttp.ClientSession(headers=KEY) as http,
        http.ws_connect(f"{server.ws_url}?call_id={caller.call_id}") as ws,
    ):
        # It has no event of its own to begin with: the first is the answer to what it asks.
        await ws.send_json({"type": "session.update", "session": {"type": "realtime", "instructions": "Be brief."}})
        (updated,) = await told(ws, "session.updated")
        assert updated["session"]["instructions"] == "Be brief."
        await ws.send_json({"type": "response.create"})
        events = await told(ws, "output_audio_buffer.stopped")
        await caller.until(lambda: caller.heard.endswith("sunny."))
        await caller.event("output_audio_buffer.stopped")
        # Both are told the same, but for the begin, which only the call itself has.
        assert [updated, *events] == caller.events[1:]
        assert caller.events[0]["type"] == "session.created"
        assert not [one for one in events if one["type"] == "response.output_audio.delta"]
        # What the browser does is seen here too, and a wrong event is told to both.
        caller.send(type="response.cancel")
        assert (await told(ws, "error"))[-1]["error"]["code"] == "response_cancel_not_active"

        async with http.post(f"{server.url}{caller.location}/hangup") as reply:
            assert reply.status == 200
        last = await ws.receive(8)
        assert (last.type, last.data) == (aiohttp.WSMsgType.CLOSE, 1000)
        assert [handle.number for handle in server.sessions] == [0, 1]
        assert all(handle.over for handle in server.sessions)


async def test_beside_no_call_there_is_no_socket() -> None:
    source = simulator("openai", require_key=frozenset({"sk-good"}))
    server = MockServer(source)
    await server.start()
    async with calling(server, key="sk-good") as caller, aiohttp.ClientSession() as http:
        for ident, key in [("rtc_none", "sk-good"), (caller.call_id, "sk-bad")]:
            with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
                await http.ws_connect(f"{server.ws_url}?call_id={ident}", headers={"Authorization": f"Bearer {key}"})
        # The negative control.
        url = f"{server.ws_url}?call_id={caller.call_id}"
        async with http.ws_connect(url, headers={"Authorization": "Bearer sk-good"}) as ws:
            caller.send(type="response.cancel")
            assert (await told(ws, "error"))[-1]["error"]["code"] == "response_cancel_not_active"
    await server.close()
    assert "there is no such call here" in str(server.problems()[0])
