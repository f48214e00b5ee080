"""Replay over real sockets: many sessions at once, and a session that is cut and goes on in a second connection."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from mockserver import MockServer, replay
from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.core.frames import Answer, Binary, Close, Frame, Handshake, Lost, Sender, Text
from mockserver.errors import ReplayMismatch, ReplayUnfinished

MANY = 64
MS = 1_000


def event(**body: Any) -> Text:
    return Text(json.dumps(body))


def asks(words: str) -> Text:
    return event(type="session.update", session={"type": "realtime", "instructions": words})


def says(words: str) -> list[Text]:
    session = {"type": "realtime", "instructions": words}
    return [event(type="session.updated", session=session)] + [
        event(type="response.output_text.delta", item_id=words, delta=f"{words}/{n}") for n in range(20)
    ]


def connection(
    words: str, *, number: int = 0, query: tuple[tuple[str, str], ...] = (), end: Record | None = None
) -> Connection:
    """``words`` are in every frame, so that one that crosses is seen."""
    frames: list[tuple[Sender, Frame]] = [
        (Sender.SERVER, event(type="session.created", session={"id": f"sess_{words}"})),
        (Sender.CLIENT, asks(words)),
        *((Sender.SERVER, frame) for frame in says(words)),
        (Sender.SERVER, Binary(words.encode() * 50)),
    ]
    records = [Record(at * MS, sender, frame) for at, (sender, frame) in enumerate(frames)]
    records.append(end or Record(len(frames) * MS, Sender.CLIENT, Close(1000)))
    shake = Handshake("/v1/realtime", query, (("Host", "x"),), target="/v1/realtime")
    return Connection(number, shake, Answer(), 0, tuple(records))


def cassette(*connections: Connection) -> Cassette:
    return Cassette(Header("openai"), connections, path=f"{connections[0].handshake.query}.cassette")


def from_server(one: Connection) -> list[str | bytes]:
    return [
        record.frame.data
        for record in one.records
        if record.sender is Sender.SERVER and isinstance(record.frame, Text | Binary)
    ]


async def converse(
    http: aiohttp.ClientSession, url: str, words: str, count: int, all_there: asyncio.Barrier
) -> list[str | bytes]:
    """The recorded client: waits until all the others are connected too, then speaks."""
    async with http.ws_connect(url) as ws:
        got: list[str | bytes] = [(await ws.receive(timeout=20)).data]
        await all_there.wait()
        await ws.send_str(asks(words).data)
        while len(got) < count:
            got.append((await ws.receive(timeout=20)).data)
    return got


@pytest.mark.parametrize("chosen", ["by their query", "by their order"])
async def test_64_sessions_with_cassettes_of_their_own_at_once(chosen: str) -> None:
    names = [f"number-{n:02}" for n in range(MANY)]
    queries = {name: (("tag", name),) if chosen == "by their query" else () for name in names}
    recorded = {name: connection(name, query=queries[name]) for name in names}
    source = replay([cassette(recorded[name]) for name in names])
    all_there = asyncio.Barrier(MANY)
    connector = aiohttp.TCPConnector(limit=0)
    async with MockServer(source) as server, aiohttp.ClientSession(connector=connector) as http:
        count = len(from_server(recorded[names[0]]))

        async def one(name: str) -> tuple[str, list[str | bytes]]:
            if chosen == "by their query":
                url = f"{server.ws_url}?tag={name}"
                return name, await converse(http, url, name, count, all_there)
            # The first to connect gets the first cassette: its session.created says which one that is.
            async with http.ws_connect(server.ws_url) as ws:
                got: list[str | bytes] = [(await ws.receive(timeout=20)).data]
                mine = json.loads(got[0])["session"]["id"].removeprefix("sess_")
                await all_there.wait()
                await ws.send_str(asks(mine).data)
                while len(got) < count:
                    got.append((await ws.receive(timeout=20)).data)
            return mine, got

        heard = dict(await asyncio.gather(*(one(name) for name in reversed(names))))
        assert heard == {name: from_server(recorded[name]) for name in names}
        assert len(server.sessions) == MANY
        for handle in server.sessions:
            crossed = {
                name for entry in server.journal.frames()
                if entry.session == handle.number and isinstance(entry.what, Text)
                for name in names if name in entry.what.data
            }  # fmt: skip
            assert len(crossed) == 1


async def test_a_client_in_anothers_place_is_seen() -> None:
    """The control of the test above: one client says what another should have said."""

    async def mistaken() -> None:
        connections = [connection(name, query=(("tag", name),)) for name in ("one", "two")]
        async with (
            MockServer(replay([cassette(one) for one in connections])) as server,
            aiohttp.ClientSession() as http,
            http.ws_connect(f"{server.ws_url}?tag=one") as ws,
        ):
            await ws.receive()
            await ws.send_str(asks("two").data)
            assert json.loads((await ws.receive()).data)["error"]["code"] == "replay_mismatch"

    with pytest.raises(ReplayMismatch, match="recorded 'one', live 'two'"):
        await mistaken()


def cut() -> Cassette:
    """A session that the service cut with 1011, and its second part."""
    gone = Record(900 * MS, Sender.SERVER, Close(1011, "service restart"))
    return cassette(connection("part-one", end=gone), connection("part-two", number=1))


async def test_a_session_cut_by_1011_is_resumed_on_a_second_connection() -> None:
    first, second = cut().connections
    alone = asyncio.Barrier(1)
    async with MockServer(replay(cut())) as server, aiohttp.ClientSession() as http:
        async with http.ws_connect(server.ws_url) as ws:
            got = [(await ws.receive()).data]
            await ws.send_str(asks("part-one").data)
            while (message := await ws.receive(timeout=20)).type is not WSMsgType.CLOSE:
                got.append(message.data)
            assert (message.data, message.extra) == (1011, "service restart")
        assert got == from_server(first)
        again = await converse(http, server.ws_url, "part-two", len(from_server(second)), alone)
        assert again == from_server(second)
        assert [handle.over for handle in server.sessions] == [True, True]


async def test_a_client_that_does_not_resume_is_told() -> None:
    async def gives_up() -> None:
        async with (
            MockServer(replay(cut())) as server,
            aiohttp.ClientSession() as http,
            http.ws_connect(server.ws_url) as ws,
        ):
            await ws.receive()
            await ws.send_str(asks("part-one").data)
            while (await ws.receive(timeout=20)).type is not WSMsgType.CLOSE:
                pass

    with pytest.raises(ReplayUnfinished, match="connection 1"):
        await gives_up()


@pytest.mark.parametrize("end", [Close(1000), Lost("reset by peer")])
async def test_a_client_that_never_closes_is_told_so(end: Frame) -> None:
    """The server's own end is no close of the client. A client that was lost when it was recorded owes none."""

    async def stays() -> None:
        recorded = connection("one", end=Record(900 * MS, Sender.CLIENT, end))
        async with aiohttp.ClientSession() as http:
            server = MockServer(replay(cassette(recorded)))
            await server.start()
            ws = await http.ws_connect(server.ws_url)
            await ws.receive()
            await ws.send_str(asks("one").data)
            for _ in from_server(recorded)[1:]:
                await ws.receive(timeout=20)
            await server.close()
            last = list(server.journal.frames())[-1]
            assert last.what == Lost("still connected when the server closed")
            assert (await ws.receive()).data == 1001
            await ws.close()
            server.verify()

    if isinstance(end, Lost):
        await stays()
        return
    with pytest.raises(ReplayUnfinished, match="the client never closed the connection"):
        await stays()
