"""Addresses of a running server, for one provider or several, and the variables that hold them."""

from __future__ import annotations

import aiohttp
import pytest

from mockserver import MockServer, errors, faults, script, simulator, together
from mockserver.engines.base import House
from mockserver.server.whereabouts import Whereabouts, authority, houses_of


def test_three_variables_are_there_whatever_the_provider() -> None:
    for name in ("openai", "xai", "azure", "azure_voice_live"):
        source = simulator(name)
        here = Whereabouts("127.0.0.1:4000", False, houses_of(source))
        env = here.env()
        assert env["MOCKSERVER_URL"] == "http://127.0.0.1:4000"
        assert env["MOCKSERVER_BASE_URL"] == f"http://127.0.0.1:4000{source.dialect.base_path}"
        assert env["MOCKSERVER_WS_URL"] == f"ws://127.0.0.1:4000{source.dialect.socket_path}"


def test_a_prefix_is_in_every_address() -> None:
    here = Whereabouts("h:1", True, [House(simulator("openai").dialect, "/gw"), House(simulator("azure").dialect)])
    assert here.base_url == "https://h:1/gw/v1"
    assert here.ws_url == "wss://h:1/gw/v1/realtime"
    assert here.env()["OPENAI_BASE_URL"] == "https://h:1/gw/v1"
    assert here.env()["AZURE_OPENAI_ENDPOINT"] == "https://h:1"


def test_an_address_that_means_all_is_no_place_to_go_to() -> None:
    assert authority("0.0.0.0", 80) == "127.0.0.1:80"
    assert authority("::", 80) == "[::1]:80"
    assert authority("localhost", 80) == "localhost:80"


async def first(url: str) -> str:
    async with aiohttp.ClientSession() as http, http.ws_connect(url, headers={"Authorization": "Bearer k"}) as socket:
        return str((await socket.receive_json())["type"])


async def test_each_client_meets_the_provider_whose_address_it_has() -> None:
    """A fault is in the words of the provider that the client speaks to: the dialect is the session's."""
    both = together(simulator("openai"), simulator("xai", at="/xai"))
    async with MockServer(both, faults=[faults.parse("delay 1ms on conversation.created")]) as server:
        assert await first(f"{server.ws_url}?model=gpt-realtime") == "session.created"
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(
                f"{server.url.replace('http', 'ws')}/xai/v1/realtime?model=grok-voice-latest",
                headers={"Authorization": "Bearer k"},
            ) as socket,
        ):
            told = [(await socket.receive_json())["type"] for _ in range(3)]
        assert set(told) == {"session.created", "conversation.created", "ping"}
        assert [handle.log.lens.name for handle in server.sessions] == ["openai", "xai"]


async def test_a_wrong_address_fails_the_test_on_a_socket_too() -> None:
    server = MockServer(simulator("openai"))
    await server.start()
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await first(f"{server.url.replace('http', 'ws')}/foo")
    assert refused.value.status == 404
    await server.close()
    with pytest.raises(errors.ExpectationFailed, match="a client connected to /foo"):
        server.verify()


async def test_a_source_that_does_not_say_where_it_is_answers_everywhere() -> None:
    """A script has no paths of its own."""
    async with MockServer(script(script.send({"type": "hello"}))) as server:
        assert await first(f"{server.url.replace('http', 'ws')}/anywhere") == "hello"
