"""Scenarios on one port: each at its address, with its faults and seed; running sessions end as they began."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mockserver import MockServer
from mockserver.core.frames import Handshake, Opened, Refuse
from mockserver.core.journal import Journal
from mockserver.engines.base import Request, SessionContext
from mockserver.errors import UsageError
from mockserver.server.scenarios.reading import programme
from mockserver.server.scenarios.source import Scenarios
from tests.docs import TOP
from tests.server.scenarios.test_reading import file

TEXT = f"""\
default: weather
folder: {TOP / "cassettes"}
scenarios:
  weather: {{cassette: openai, pacing: instant, allow_unplayed: true}}
  talk: {{simulate: openai, set: {{pace: instant}}, seed: 7}}
  short: {{simulate: openai, faults: [close 1013 on session.created], seed: 7}}
  calls: {{simulate: ultravox}}
  recorded-calls: {{cassette: ultravox, pacing: instant, allow_unplayed: true}}
"""


def source_of(tmp_path: Path, text: str = TEXT) -> Scenarios:
    made = file(tmp_path, text)
    return Scenarios(programme(made), reread=lambda: programme(made))


async def first(http: aiohttp.ClientSession, server: MockServer, path: str) -> Any:
    """The first message at a path."""
    headers = {"Authorization": "Bearer any"}
    if "short" in path:
        async with http.ws_connect(server.url + path + "?model=gpt-realtime", headers=headers) as socket:
            await socket.receive()
            closed = await socket.receive()
            return closed.type, closed.data
    async with http.ws_connect(server.url + path + "?model=gpt-realtime", headers=headers) as socket:
        message = await socket.receive()
        return json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else (message.type, message.data)


async def test_a_client_finds_its_scenario_by_its_address(tmp_path: Path) -> None:
    source = source_of(tmp_path)
    async with (
        MockServer(source, metrics=True, probes=True, seed="s") as server,
        aiohttp.ClientSession() as http,
    ):
        recorded = await first(http, server, "/v1/realtime")
        assert await first(http, server, "/s/weather/v1/realtime") == recorded
        assert await first(http, server, "/v1/realtime") == recorded, "a cassette plays over and over"
        modelled = await first(http, server, "/s/talk/v1/realtime")
        assert modelled["type"] == "session.created"
        assert modelled["session"]["id"] != recorded["session"]["id"]
        close, code = await first(http, server, "/s/short/v1/realtime")
        assert (close, code) == (aiohttp.WSMsgType.CLOSE, 1013)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await first(http, server, "/s/wether/v1/realtime")
        assert refused.value.status == 404
        async with http.get(f"{server.url}/readyz") as ready, http.get(f"{server.url}/healthz") as alive:
            assert (ready.status, alive.status) == (200, 200)
        async with http.get(f"{server.url}/__mockserver__/state") as answer:
            state = await answer.json()
        assert [one["scenario"] for one in state["sessions"]] == ["weather"] * 3 + ["talk", "short", ""]
        assert state["source"] == "scenarios"
        async with http.get(f"{server.url}/__mockserver__/metrics") as answer:
            text = await answer.text()
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        for line in (
            'mockserver_sessions_begun_total{provider="openai",scenario="weather",worker=""} 3.0',
            'mockserver_sessions_open{provider="openai",scenario="weather",worker=""} 0.0',
            'mockserver_sessions_ended_total{code="1013",provider="openai",reason="server_close",scenario="short"',
            'mockserver_faults_fired_total{fault="close 1013 on session.created",provider="openai",scenario="short"',
        ):
            assert line in text, text
        [problem] = [str(one) for one in server.problems()]
        assert problem.startswith("there is no scenario 'wether'; did you mean 'weather'?")
        source._lost.clear()
        server.draining = True
        async with http.get(f"{server.url}/readyz") as ready, http.get(f"{server.url}/healthz") as alive:
            assert (ready.status, alive.status) == (503, 200)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await first(http, server, "/s/talk/v1/realtime")
        assert refused.value.status == 503


BODY = b'{"medium": {"serverWebSocket": {"inputSampleRate": 48000}}}'


class Stage:
    """Sessions of a source without a socket."""

    def __init__(self, source: Scenarios) -> None:
        self.source = source
        self.journal = Journal(seed="s")

    def open(self, path: str, *query: tuple[str, str]) -> Any:
        model = (("model", "gpt-realtime"),) if path.endswith("realtime") else ()
        shake = Handshake(path, (*model, *query), (("authorization", "Bearer any"),))
        name, seed = self.source.entered(shake)
        log = self.journal.open(self.source.dialect_at(shake), scenario=name, seed=seed)
        context = SessionContext(log.number, log.seed, log.lens, unix_us=10**15, base_url="http://h:1/v1")
        return self.source.open(shake, context), shake

    def said(self, path: str) -> str:
        engine, shake = self.open(path)
        return str(list(engine.feed(Opened(shake), 0)))


def test_a_scenario_with_a_seed_says_the_same_in_each_server_and_another_in_each_session(tmp_path: Path) -> None:
    one, other = Stage(source_of(tmp_path)), Stage(source_of(tmp_path))
    other.said("/v1/realtime")  # what happens in other scenarios does not matter
    first, second = one.said("/s/talk/v1/realtime"), one.said("/s/talk/v1/realtime")
    assert first != second
    assert [other.said("/s/talk/v1/realtime"), other.said("/s/talk/v1/realtime")] == [first, second]


def test_addresses_that_replies_name_lead_back_to_the_scenario(tmp_path: Path) -> None:
    stage = Stage(source_of(tmp_path))
    context = SessionContext(0, "x", stage.source.dialect, unix_us=10**15, base_url="http://h:1/v1")
    for name in ("calls", "recorded-calls"):
        request = Request("POST", f"/s/{name}/api/calls", (), (("X-API-Key", "any"),), BODY)
        reply = stage.source.neighbour(request, context)
        assert reply is not None
        assert reply.status == 201, reply
        join = json.loads(reply.body)["joinUrl"]
        assert join.startswith(f"ws://h:1/s/{name}/"), join
        engine, shake = stage.open(join.removeprefix("ws://h:1").partition("?")[0])
        assert not any(isinstance(effect, Refuse) for effect in engine.feed(Opened(shake), 0)), name
        other, shake = stage.open(f"/s/{name}/calls/none/server_web_socket")
        assert any(isinstance(effect, Refuse) for effect in other.feed(Opened(shake), 0)), "the control"


def test_a_file_that_was_read_again_is_for_sessions_that_come(tmp_path: Path) -> None:
    source = source_of(tmp_path)
    stage = Stage(source)
    running, shake = stage.open("/s/talk/v1/realtime")
    made = file(tmp_path, "scenarios:\n  late: {simulate: openai}\n")
    assert source.reload() == 1
    assert "session.created" in str(list(running.feed(Opened(shake), 0)))
    assert "there is no scenario 'talk'; there are late" in stage.said("/s/talk/v1/realtime")
    assert "names no scenario and there is no default" in stage.said("/v1/realtime")
    made.write_text("scenarios:\n  late: {simulat: openai}\n")
    with pytest.raises(UsageError, match="line 2: scenario late: simulat: unknown key 'simulat'"):
        source.reload()
    assert list(source.scenarios) == ["late"]


async def test_what_was_wrong_is_told_when_the_file_was_read_again(tmp_path: Path) -> None:
    fault = "{simulate: openai, faults: [delay 2s on response.created]}"
    source = source_of(tmp_path, f"scenarios:\n  over: {fault}\n  runs: {fault}\n  alone: {fault}\n")
    server = MockServer(source)
    await server.start()
    try:
        headers = {"Authorization": "Bearer any"}
        async with aiohttp.ClientSession(headers=headers) as http:
            async with http.ws_connect(f"{server.url}/s/over/v1/realtime?model=gpt-realtime"):
                pass
            await server.drain(20)
            server.draining = False
            running = await http.ws_connect(f"{server.url}/s/runs/v1/realtime?model=gpt-realtime")
            file(tmp_path, "scenarios:\n  new: {simulate: openai}\n")
            source.reload()
            told = [str(problem).split(":")[0] for problem in source.problems()]
            assert sorted(told) == ["scenario over", "scenario runs"], "nobody came to the third"
            await running.close()
            await server.drain(20)
        assert sorted(str(problem).split(":")[0] for problem in source.problems()) == sorted(told)
        source.alone = False
        assert len(source.problems()) == 2, "what was told stays told"
    finally:
        await server.close()


def test_many_clients_that_fit_no_recording_are_told_of_once(tmp_path: Path) -> None:
    source = source_of(tmp_path)
    stage = Stage(source)
    for _ in range(5):
        assert "no recorded connection for" in stage.said("/s/weather/v1/other")
    [problem] = [
        str(one) for one in source.problems() if "no recorded connection" in str(one) or "/v1/other" in str(one)
    ]
    assert problem.startswith("scenario weather: ")
