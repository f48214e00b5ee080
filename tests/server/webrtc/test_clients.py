"""Released clients that make or join calls from a server: the openai package and pydantic-ai."""

from __future__ import annotations

import aiohttp
import pytest
from aiortc import RTCSessionDescription

from mockserver import MockServer, Scripted, simulator
from tests.server.webrtc.caller import Caller


async def test_the_openai_package_makes_joins_and_hangs_up_a_call() -> None:
    from openai import AsyncOpenAI, NotFoundError  # a second, which not everybody who collects the tests should wait

    source = simulator("openai", replier=Scripted(["It is sunny."]))
    async with MockServer(source) as server:
        client = AsyncOpenAI(base_url=server.base_url, api_key="any")
        caller = Caller()
        await caller.peer.setLocalDescription(await caller._offer())
        made = await client.realtime.calls.create(
            sdp=caller.peer.localDescription.sdp,
            session={"type": "realtime", "model": "gpt-realtime", "instructions": "Be brief."},
        )
        await caller.peer.setRemoteDescription(RTCSessionDescription(made.text, "answer"))
        call_id = made.response.headers["location"].rpartition("/")[2]
        assert (await caller.event("session.created"))["session"]["instructions"] == "Be brief."
        async with client.realtime.connect(call_id=call_id) as beside:
            await beside.response.create()
            async for event in beside:
                if event.type == "response.done":
                    break
            assert event.response.output[0].content[0].transcript == "It is sunny."
        await client.realtime.calls.hangup(call_id)
        with pytest.raises(NotFoundError, match="No session found"):
            await client.realtime.calls.hangup(call_id)
        await caller.close()
        await client.close()


async def test_a_browsers_socket_joins_a_call_with_its_key_in_a_subprotocol() -> None:
    async with MockServer(simulator("openai")) as server, aiohttp.ClientSession() as http:
        caller = Caller()
        await caller.dial(server, {"type": "realtime", "model": "gpt-realtime"})
        url = f"{server.ws_url}?call_id={caller.call_id}"
        async with http.ws_connect(url, protocols=("realtime", "openai-insecure-api-key.any")) as beside:
            assert beside.protocol == "realtime"
        await caller.close()
