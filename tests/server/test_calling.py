"""Calls over WebRTC, as far as nothing of it is needed: which requests are calls, what pages may, what is missing."""

from __future__ import annotations

import sys

import aiohttp
import pytest

from mockserver import MockServer, relay, simulator
from mockserver.core.frames import Handshake
from mockserver.engines.base import Request
from mockserver.errors import UsageError
from mockserver.server.calling import checked_addresses, opens_ports

PAGE = "http://localhost:3000"
ASKS = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,x-openai-agents-sdk",
}


async def asked(server: MockServer, method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
    async with aiohttp.ClientSession() as http, http.request(method, server.base_url + path, headers=headers) as reply:
        return reply.status, {name.lower(): value for name, value in reply.headers.items()}


@pytest.mark.parametrize("path", ["/realtime/calls", "/realtime/client_secrets", "/realtime/calls/rtc_1/hangup"])
async def test_pages_may_call_but_not_where_a_key_is_added(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with MockServer(simulator("openai")) as server:
        status, told = await asked(server, "OPTIONS", path, ASKS)
        assert status == 204
        assert told["access-control-allow-origin"] == PAGE
        assert told["access-control-allow-headers"] == ASKS["Access-Control-Request-Headers"]
        # The answer itself may be read, and where the call is.
        _, told = await asked(server, "POST", path, {"Origin": PAGE, "Authorization": "Bearer any"})
        assert told["access-control-allow-origin"] == PAGE
        assert told["access-control-expose-headers"] == "Location"
        _, told = await asked(server, "POST", path, {"Authorization": "Bearer any"})
        assert "access-control-allow-origin" not in told
        status, told = await asked(server, "OPTIONS", "/elsewhere", ASKS)
        assert (status, "access-control-allow-origin" in told) == (404, False)
    monkeypatch.setenv("OPENAI_KEY", "sk-of-the-user")
    source = relay("http://127.0.0.1:9/v1", dialect="openai", key_env="OPENAI_KEY")
    async with MockServer(source) as server:
        for method in ("OPTIONS", "POST"):
            status, told = await asked(server, method, path, ASKS)
            assert status == 403
            assert "access-control-allow-origin" not in told
    async with MockServer(source, allow_origins=[PAGE]) as server:  # the negative control: a page that was named
        assert (await asked(server, "OPTIONS", path, ASKS))[0] == 204
        assert (await asked(server, "OPTIONS", path, {**ASKS, "Origin": "http://localhost:3001"}))[0] == 403


async def test_what_a_page_asks_first_goes_nowhere_and_anything_else_wants_the_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A relay that other machines reach lends its key for a token; a page brings none when it asks if it may call."""
    monkeypatch.setenv("OPENAI_KEY", "sk-of-the-user")
    async with MockServer(simulator("openai")) as upstream:
        source = relay(upstream.base_url, dialect="openai", key_env="OPENAI_KEY")
        async with MockServer(source, host="0.0.0.0", token="let-me-in", allow_origins=[PAGE]) as server:
            for path, headers in [("/realtime/calls", {}), ("/realtime/calls", {"Origin": PAGE}), ("/models", ASKS)]:
                assert (await asked(server, "OPTIONS", path, headers))[0] == 401, path
            assert not server.exchanges
            assert (await asked(server, "OPTIONS", "/realtime/calls", ASKS))[0] == 204  # the negative control
            assert (await asked(server, "POST", "/realtime/calls", {"Origin": PAGE}))[0] == 401


async def test_without_the_extra_a_call_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mockserver.server.webrtc.desk", None)
    server = MockServer(simulator("openai"))
    await server.start()
    headers = {"Authorization": "Bearer any", "Content-Type": "application/sdp"}
    url = f"{server.base_url}/realtime/calls?model=gpt-realtime"
    async with aiohttp.ClientSession() as http, http.post(url, data="v=0", headers=headers) as reply:
        assert reply.status == 503
        assert "pip install 'realtime-mockserver[webrtc]'" in (await reply.json())["error"]["message"]
    await server.close()
    (problem,) = server.problems()
    assert "aiortc" in str(problem)


def test_addresses_are_addresses() -> None:
    assert checked_addresses("127.0.0.1") == ("127.0.0.1",)
    assert checked_addresses(["::1", "*"]) == ("::1", "*")
    for wrong in ("localhost", "", (), ["127.0.0.1", "evil.example"], 5):
        with pytest.raises(UsageError, match="expected addresses of this machine"):
            checked_addresses(wrong)
    assert not opens_ports(("127.0.0.1", "::1"))
    assert opens_ports(("*",))
    assert opens_ports(("127.0.0.1", "192.168.1.5"))


def test_what_is_asked_of_a_call_goes_to_the_process_that_has_it() -> None:
    source = simulator("openai")
    headers = (("authorization", "Bearer sk-any"),)
    assert source.brought(Handshake("/v1/realtime", (("call_id", "rtc_1"),), headers)) == "rtc_1"
    assert source.brought(Request("POST", "/v1/realtime/calls/rtc_1/hangup", (), headers)) == "rtc_1"
    assert source.brought(Handshake("/v1/realtime", (), headers)) is None
    assert source.brought(Request("POST", "/v1/realtime/calls", (), headers)) is None
