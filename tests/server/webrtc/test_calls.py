"""Calls over WebRTC against a simulated server, with aiortc as client; tests/engines/calls needs no network."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mockserver import MockServer, Scripted, simulator, speech
from mockserver.core.frames import Close, Lost
from mockserver.engines.simulator import Rule, Rules, ToolCall
from tests.engines.simulator.fidelity import keeps
from tests.server.webrtc.caller import RATE, SESSION, Caller, Refused, calling

LONG = " ".join(["one two three four five six seven eight nine ten eleven"] * 3 + ["twelve"])
TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


@keeps("call-begins", "call-hang-up")
async def test_a_turn_a_tool_an_interruption_and_a_hang_up() -> None:
    replier = Rules(
        [
            Rule("It is sunny.", output="sunny"),
            Rule(ToolCall("get_weather", {"city": "Oslo"}), user="Weather"),
            Rule(LONG, user="Count"),
            Rule("Yes?"),
        ]
    )
    session = {**SESSION, "tools": [TOOL]}
    async with MockServer(simulator("openai", replier=replier)) as server, calling(server, session) as caller:
        begun = (await caller.event("session.created"))["session"]
        assert begun["id"].startswith("sess_u0_")
        assert begun["tools"][0]["name"] == "get_weather"
        assert caller.location.startswith("/v1/realtime/calls/rtc_")

        # What the client says is heard, and what the tool tells is said: both as sound.
        def ran(event: dict[str, Any]) -> None:
            output = {"type": "function_call_output", "call_id": event["call_id"], "output": "sunny"}
            caller.send(type="conversation.item.create", item=output)
            caller.send(type="response.create")

        caller.tools = ran
        await caller.answered("Weather?", "It is sunny.")
        contexts = server.sessions[0].inspect().values["contexts"]
        assert contexts[-2].user == "Weather?"
        played = len(caller.named("output_audio_buffer.started"))

        # Speech cuts what is played, and the item with it.
        caller.ear.clear()
        say = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Count."}]}
        caller.send(type="conversation.item.create", item=say)
        caller.send(type="response.create")
        await caller.event("output_audio_buffer.started", played + 1)
        began = len(caller.ear)
        await caller.until(lambda: len(caller.ear) > began + RATE * 2)
        caller.say("Stop.")
        truncated = await caller.event("conversation.item.truncated")
        await caller.event("output_audio_buffer.cleared")
        assert "one" in caller.heard
        await caller.event("output_audio_buffer.stopped", played + 1)
        # What was cut is not heard either: longer than the answer behind it, it would be by now.
        counted = [word for word in caller.heard.split() if word in LONG.split()]
        ends = [speech.duration_ms(LONG.rsplit(" ", left)[0]) for left in range(len(LONG.split()))][::-1]
        assert len(counted) <= sum(end <= truncated["audio_end_ms"] + 300 for end in ends)
        assert truncated["audio_end_ms"] % 20 == 0
        audio = server.sessions[0].sent_by_server("response.output_audio.delta").entries
        assert audio  # the journal has what was played, though it went over no channel
        assert not caller.named("response.output_audio.delta")

        async with aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as http:
            url = f"{server.url}{caller.location}/hangup"
            async with http.post(url) as reply:
                assert (reply.status, await reply.read()) == (200, b"")
            async with http.post(url) as reply:
                assert reply.status == 404
                told = (await reply.json())["error"]
                assert (told["code"], told["param"]) == ("call_id_not_found", "")
        await caller.until(lambda: caller.channel.readyState == "closed")
        assert server.sessions[0].over


@keeps("call-refused")
async def test_who_may_not_call_is_told_in_the_answer() -> None:
    source = simulator("openai", require_key=frozenset({"sk-good"}))
    async with MockServer(source) as server, aiohttp.ClientSession() as http:

        async def post(path: str, body: Any, **headers: str) -> tuple[int, Any]:
            async with http.post(f"{server.base_url}/realtime/{path}", data=body, headers=headers) as reply:
                return reply.status, await reply.json()

        good = {"Authorization": "Bearer sk-good"}
        status, secret = await post(
            "client_secrets", json.dumps({"session": {**SESSION, "instructions": "Hi"}}), **good
        )
        assert status == 200
        caller = Caller()
        offer = (await caller._offer()).sdp
        sdp = {"Content-Type": "application/sdp"}
        for path, body, headers, wanted, code in [
            ("calls?model=gpt-realtime", offer, sdp, 401, None),
            ("calls?model=gpt-realtime", offer, {**sdp, "Authorization": "Bearer sk-bad"}, 401, "invalid_api_key"),
            ("calls", offer, {**sdp, **good}, 400, "missing_model"),
            ("calls?model=gpt-nope", offer, {**sdp, **good}, 400, "invalid_model"),
            (
                "calls?model=gpt-realtime",
                offer,
                {**sdp, **good, "OpenAI-Beta": "realtime=v1"},
                400,
                "beta_api_shape_disabled",
            ),
            ("calls/rtc_1/hangup", b"", {}, 401, None),
            *(
                (f"calls/rtc_1/{what}", b"", good, 404, "call_id_not_found")
                for what in ("hangup", "accept", "refer", "reject")
            ),
        ]:
            status, told = await post(path, body, **headers)
            assert (status, told["error"]["code"]) == (wanted, code), (path, told)
        with pytest.raises(Refused, match="unknown_parameter"):
            await caller.dial(server, {**SESSION, "bogus": 1}, key="sk-good")
        await caller.close()
        # The negative control: a client secret opens the call, with its settings. Nobody without a key ends it.
        async with calling(server, None, key=secret["value"]) as caller:
            assert (await caller.event("session.created"))["session"]["instructions"] == "Hi"
            hangup = f"calls/{caller.call_id}/hangup"
            assert [
                (await post(hangup, b"", **headers))[0] for headers in ({}, {"Authorization": "Bearer sk-bad"})
            ] == [
                401,
                401,
            ]
            caller.send(type="response.cancel")
            assert (await caller.event("error"))["error"]["code"] == "response_cancel_not_active"


@pytest.mark.parametrize("body", ["", "v=0\r\n", "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n", "x" * 70_000])
async def test_an_offer_that_is_none(body: str) -> None:
    server = MockServer(simulator("openai"))
    await server.start()
    url = f"{server.base_url}/realtime/calls?model=gpt-realtime"
    headers = {"Authorization": "Bearer any", "Content-Type": "application/sdp"}
    async with aiohttp.ClientSession() as http, http.post(url, data=body, headers=headers) as reply:
        assert (reply.status, (await reply.json())["error"]["code"]) == (400, "invalid_offer")
        async with asyncio.timeout(5):
            while server.running:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.01)
    await server.close()
    (problem,) = server.problems()
    assert "a call could not be answered" in str(problem)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if sys.platform == "linux" else 0


async def still() -> tuple[int, int, set[str]]:
    """What is left once everything has come to its end: threads, files, tasks. The loop keeps its own few workers."""
    others: set[str] = set()
    for _ in range(200):
        others = {str(task.get_coro()) for task in asyncio.all_tasks() if task is not asyncio.current_task()}
        if not others:
            break
        await asyncio.sleep(0.01)
    threads = [one.name for one in threading.enumerate() if not one.name.startswith("asyncio_")]
    return len(threads), open_files(), others


async def hang_up(caller: Caller, server: MockServer) -> None:
    headers = {"Authorization": "Bearer any"}
    url = f"{server.url}{caller.location}/hangup"
    async with aiohttp.ClientSession(headers=headers) as http, http.post(url) as reply:
        assert reply.status == 200


async def test_ten_calls_ended_in_every_way_leave_nothing() -> None:
    async with MockServer(simulator("openai")) as server, calling(server):
        pass  # what is made once is made
    before = await still()
    faults = [
        "reset after 900ms in 1st connection",
        "half open after 1ms in 2nd connection",
        "session expired after 900ms in 3rd connection",
    ]
    server = MockServer(simulator("openai", replier=Scripted([LONG] * 10)), faults=faults)
    await server.start()
    callers = [Caller() for _ in range(10)]
    # By the server: a reset, silence, the session's time. By nobody: a client that has its answer and does not come.
    broken, frozen, expired, absent, *others = callers
    for caller in (broken, frozen, expired):
        await caller.dial(server, SESSION)
    absent.peer.setRemoteDescription = nothing  # type: ignore[method-assign]
    await absent.dial(server, SESSION)
    await asyncio.gather(*(caller.dial(server, SESSION) for caller in others))
    for caller in others:
        await caller.event("session.created")
        caller.send(type="response.create")
    assert (await expired.event("error"))["error"]["code"] == "session_expired"
    # By the client: it closes, its channel alone, or over HTTP. The rest is on when the server closes.
    await others[0].close()
    await others[1].close()
    others[2].channel.close()
    await hang_up(others[3], server)
    await hang_up(others[4], server)
    await server.close()
    ends = [entry.what for entry in server.journal.present() if isinstance(entry.what, Close | Lost)]
    assert len(ends) >= 10
    assert {handle.number for handle in server.sessions if handle.over} == set(range(10))
    assert frozen.events == []
    for caller in callers:
        await caller.close()
    assert await still() == before


async def test_who_never_connects_is_ended_and_more_calls_than_there_may_be_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mockserver.server.webrtc.desk.MOST_CALLS", 1)
    monkeypatch.setattr("mockserver.server.webrtc.peer.CONNECT_SECONDS", 0.2)
    async with MockServer(simulator("openai")) as server:
        absent, second = Caller(), Caller()
        absent.peer.setRemoteDescription = nothing  # type: ignore[method-assign]
        await absent.dial(server, SESSION)
        with pytest.raises(Refused, match=r"503 .*takes no more at a time"):
            await second.dial(server, SESSION)
        await second.close()
        async with asyncio.timeout(5):
            while server.running:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.02)
        ends = [entry.what for entry in server.journal.present() if isinstance(entry.what, Lost)]
        assert "did not connect within 0.2 s" in str(ends)
        await absent.close()
        # The negative control: the place is free again, and who connects stays.
        async with calling(server) as caller:
            await caller.until(lambda: len(caller.ear) > RATE)  # half a second of silence
            caller.send(type="response.cancel")
            assert (await caller.event("error"))["error"]["code"] == "response_cancel_not_active"


async def nothing(*_: object) -> None:
    """In place of a client's connection."""


async def test_a_client_that_gives_up_before_its_answer_leaves_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.server.webrtc.desk.LOOK_SECONDS", 0.05)
    async with MockServer(simulator("openai"), faults=["handshake hang"]) as server:
        caller = Caller()
        with pytest.raises(asyncio.TimeoutError):
            async with asyncio.timeout(0.3):
                await caller.dial(server, SESSION)
        await caller.close()
        async with asyncio.timeout(5):
            while not server.sessions[0].over:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.02)
    assert "gave up" in str([entry.what for entry in server.journal.present() if isinstance(entry.what, Lost)])
