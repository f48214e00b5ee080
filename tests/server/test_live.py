"""What a page is told of a running server, and sessions that are paused."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from mockserver import MockServer, Scripted, simulator, virtual_time
from mockserver.core.frames import Accept, Effect, Event, Handshake, Opened, Sender, Text
from mockserver.engines.base import Inspection, Request, SessionContext
from mockserver.errors import CassetteDamaged, ExpectationFailed
from mockserver.server import live

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


async def test_what_is_kept_for_pages_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LINES", 10)
    monkeypatch.setattr(live, "SCENES", 2)
    monkeypatch.setattr(live, "MOST_SAMPLES", 500)
    server = MockServer(simulator("openai"))
    shown = live.Live(server)
    for number in range(5):
        log = server.journal.open(server.dialect)
        for place in range(6):
            server.journal.write(log, place, Sender.CLIENT, Text(f'{{"type":"a","n":{place}}}'))
        loud = json.dumps({"type": "input_audio_buffer.append", "audio": "AAAA" * 400})
        server.journal.write(log, 9, Sender.CLIENT, Text(loud))
        page = await shown.page(8 * number)
        assert [one["session"] for one in page["lines"]] == [number] * 8, "a page that keeps up is told all"
        assert page["next"] == 8 * (number + 1)
    assert len((await shown.page(0))["lines"]) == 10
    assert list(shown._scenes) == [3, 4]
    assert all(not scene.lines and not scene.client.pcm for scene in shown._scenes.values())
    assert (await shown.page(8 * 5))["lines"] == []


class Mute:
    """A source whose engines cannot tell how they stand."""

    kind = "mute"
    dialect = simulator("openai").dialect

    def open(self, handshake: Handshake, context: SessionContext) -> Any:
        class Broken:
            def feed(self, item: Event, now: int) -> list[Effect]:
                return [Accept()] if isinstance(item, Opened) else []

            def wake_at(self) -> None:
                return None

            def wake(self, now: int) -> list[Effect]:
                return []

            def inspect(self) -> Inspection:
                raise CassetteDamaged("x.cassette: byte 7: not a frame")

        return Broken()

    def neighbour(self, request: Request, context: SessionContext) -> None:
        return None

    def problems(self) -> tuple[ExpectationFailed, ...]:
        raise CassetteDamaged("x.cassette: byte 9: not a frame")


async def test_damage_that_is_found_late_is_told_in_words() -> None:
    server = MockServer(Mute())
    await server.start()
    async with aiohttp.ClientSession() as http:
        socket = await http.ws_connect(server.ws_url)
        told = {}
        for path in ("state", "sessions/0", "problems"):
            async with http.get(f"{server.url}/__mockserver__/{path}") as answer:
                assert answer.status == 200
                told[path] = await answer.json()
        await socket.close()
    await server.close()
    why = {"state": "cannot be told: CassetteDamaged: x.cassette: byte 7: not a frame"}
    assert told["sessions/0"]["values"] == told["state"]["sessions"][0]["values"] == why
    assert "x.cassette: byte 9: not a frame" in told["problems"]["problems"][0]
    assert "x.cassette: byte 9: not a frame" in told["state"]["problems"][0]
