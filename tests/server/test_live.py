"""What a page is told of a running server, and sessions that are paused."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from mockserver import MockServer, Scripted, simulator, virtual_time

KEY = {"Authorization": "Bearer sk-live-key-of-a-user-0123456789"}


async def talked(server: MockServer, http: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
    socket = await http.ws_connect(f"{server.ws_url}?model=gpt-realtime", headers=KEY)
    assert (await socket.receive_json())["type"] == "session.created"
    return socket


async def scene(server: MockServer, http: aiohttp.ClientSession, **query: Any) -> dict[str, Any]:
    async with http.get(f"{server.url}/__mockserver__/scene", params=query) as answer:
        return dict(await answer.json())


async def test_a_page_is_told_each_entry_once_and_keys_never() -> None:
    source = simulator("openai", replier=Scripted(["it snows"]), pace="instant")
    async with MockServer(source) as server, aiohttp.ClientSession() as http:
        socket = await talked(server, http)
        first = await scene(server, http)
        await socket.send_json({"type": "response.create"})
        while (await socket.receive_json())["type"] != "response.done":
            pass
        second = await scene(server, http, since=first["next"])
        again = await scene(server, http, since=first["next"])
        await socket.close()
    names = [one["line"][3] for one in first["lines"] + second["lines"]]
    assert names[:3] == ["session", "handshake", "answer 101"]
    assert names.count("response.created") == 1
    assert again["lines"] == second["lines"]
    (told,) = second["sessions"]
    assert [bar[3:] for bar in told["bars"]] == [["completed", "it snows"]]
    assert any(track["clips"] for track in told["tracks"])
    assert "sk-live-key" not in json.dumps([first, second])


async def test_a_paused_session_says_nothing_until_it_is_resumed() -> None:
    source = simulator("openai", replier=Scripted(["one", "two"]), pace="instant")
    with virtual_time():
        async with MockServer(source) as server, aiohttp.ClientSession() as http:
            socket = await talked(server, http)
            url = f"{server.url}/__mockserver__/sessions/0"
            async with http.post(f"{url}/pause") as answer:
                assert await answer.json() == {"session": 0, "paused": True}
            await socket.send_json({"type": "response.create"})
            with pytest.raises(TimeoutError):
                await socket.receive_json(timeout=60)
            async with http.post(f"{url}/resume") as answer:
                assert (await answer.json())["paused"] is False
            assert (await socket.receive_json(timeout=1))["type"] == "response.created"  # the control
            await socket.close()
    kinds = [note.kind for note in server.journal.notes()]
    assert kinds.index("paused") < kinds.index("resumed")


async def test_a_session_is_paused_from_python_too() -> None:
    source = simulator("openai", replier=Scripted(["one"]), pace="instant")
    with virtual_time():
        async with MockServer(source) as server, aiohttp.ClientSession() as http:
            socket = await talked(server, http)
            server.sessions[0].pause()
            await socket.send_json({"type": "response.create"})
            with pytest.raises(TimeoutError):
                await socket.receive_json(timeout=1)
            server.sessions[0].resume()
            server.sessions[0].resume()
            assert (await socket.receive_json(timeout=1))["type"] == "response.created"
            await socket.close()


async def test_the_page_is_closed_and_holds_nothing() -> None:
    async with MockServer(simulator("openai"), token="t0ken") as server, aiohttp.ClientSession() as http:
        async with http.get(f"{server.url}/__mockserver__/ui") as answer:
            assert answer.status == 200
            assert answer.headers["X-Frame-Options"] == "DENY"
            html = await answer.text()
            assert "connect-src 'self'" in html
            assert "t0ken" not in html
        async with http.get(f"{server.url}/__mockserver__/scene") as answer:
            assert answer.status == 401
        async with http.post(f"{server.url}/__mockserver__/sessions/0/pause") as answer:
            assert answer.status == 401


async def test_what_is_asked_wrong_is_told() -> None:
    async with MockServer(simulator("openai")) as server, aiohttp.ClientSession() as http:
        for method, path, status in [
            ("GET", "scene?since=x", 400),
            ("GET", "scene?limit=1", 400),
            ("POST", "scene", 405),
            ("POST", "ui", 405),
            ("GET", "sessions/0/pause", 405),
            ("POST", "sessions/7/pause", 404),
        ]:
            async with http.request(method, f"{server.url}/__mockserver__/{path}") as answer:
                assert answer.status == status, path
