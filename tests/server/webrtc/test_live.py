"""Calls to GPT-Live: the session begins with the offer, speaks on and on, and says what a browser may do."""

from __future__ import annotations

import json

import aiohttp
import pytest

from mockserver import MockServer, Scripted, simulator
from tests.engines.simulator.fidelity import keeps
from tests.server.webrtc.caller import Caller, Refused

SESSION = {"model": "gpt-live-1"}
KEY = {"Authorization": "Bearer any"}


@keeps("gl-call")
async def test_a_call_to_gpt_live_is_heard_and_led_from_a_sideband() -> None:
    source = simulator("gpt_live", replier=Scripted(["It is sunny."] * 3))
    caller = Caller()
    captions = {"allowed_client_events": [], "allowed_server_events": ["session.output_transcript.delta"]}
    async with MockServer(source) as server, aiohttp.ClientSession(headers=KEY) as http:
        with pytest.raises(Refused, match="model_not_found"):
            await caller.dial_live(server, {"model": "gpt-nope"})
        await caller.close()
        caller = Caller()
        ident = await caller.dial_live(server, {**SESSION, "client": {"data_channel": captions}})
        async with http.ws_connect(f"{server.ws_url}/{ident}/attach") as side:
            assert json.loads((await side.receive(8)).data)["session"]["id"] == ident
            await caller.answered("Weather?", "It is sunny.")
            # The browser is told what the session allows, and may do nothing: the server beside it leads.
            caller.send(type="session.close")
            assert {one["type"] for one in caller.events} == {"session.output_transcript.delta"}
            context, *_ = server.sessions[-2].inspect().values["contexts"]
            assert context.user == "Weather?"
            url = f"{server.base_url}/live/sessions/{ident}/hangup"
            async with http.post(url) as reply:
                assert reply.status == 200
            last = ""
            while last != "session.closed":
                last = json.loads((await side.receive(8)).data)["type"]
            await caller.until(lambda: caller.channel.readyState == "closed")
            async with http.post(url) as reply:
                assert (reply.status, (await reply.json())["error"]["code"]) == (404, "session_id_not_found")
    await caller.close()


async def test_where_a_session_says_nothing_of_it_its_browser_may_do_all() -> None:
    """The negative control of the above."""
    caller = Caller()
    async with MockServer(simulator("gpt_live")) as server:
        await caller.dial_live(server, SESSION)
        await caller.event("session.started")
        caller.send(type="session.close")
        assert (await caller.event("session.closed"))["reason"] == "close_requested"
        await caller.until(lambda: caller.channel.readyState == "closed")
    await caller.close()
