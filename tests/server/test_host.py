"""The server as a test uses it: in its own loop and in a thread, with what goes wrong and with nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from mockserver import MockServer, script
from mockserver.core.frames import (
    Abort,
    Accept,
    Answer,
    Close,
    Effect,
    Event,
    Freeze,
    Hangup,
    Note,
    Opened,
    Received,
    Refuse,
    Text,
    to_client,
)
from mockserver.dialects.openai.lens import OPENAI
from mockserver.engines.base import SessionContext
from mockserver.errors import ExpectationFailed, FaultNeverFired, ServerError, UsageError
from tests.server.upstreams import until

HELLO = {"type": "session.created"}


class Bare:
    """A source whose engine does what a function says. ``later``: when to wake, in microseconds."""

    dialect = OPENAI

    def __init__(self, act: Any, *, later: int | None = None) -> None:
        self.act = act
        self.later = later

    def open(self, handshake: Any, context: SessionContext) -> Any:
        return BareEngine(self.act, self.later)

    def neighbour(self, request: Any, context: SessionContext) -> None:
        return None

    def problems(self) -> list[ExpectationFailed]:
        return []


class BareEngine:
    def __init__(self, act: Any, later: int | None) -> None:
        self.act = act
        self.later = later

    def feed(self, item: Event, now: int) -> list[Effect]:
        return list(self.act(item))

    def wake_at(self) -> int | None:
        return self.later

    def wake(self, now: int) -> list[Effect]:
        self.later = None
        return list(self.act(None))


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0


# --- addresses ---


async def test_addresses() -> None:
    async with MockServer(script()) as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert server.base_url == f"{server.url}/v1"
        assert server.ws_url == f"ws://127.0.0.1:{server.port}/v1/realtime"
        assert server.env() == {
            "OPENAI_BASE_URL": server.base_url,
            "OPENAI_API_KEY": "mock",
            "MOCKSERVER_URL": server.url,
            "MOCKSERVER_BASE_URL": server.base_url,
            "MOCKSERVER_WS_URL": server.ws_url,
        }


async def test_a_taken_port_is_one_clear_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            ServerError,
            match=rf"^port {port} is in use: choose another with --port, or leave it out",
        ):
            await MockServer(script(), port=port).start()
        with (
            pytest.raises(ServerError, match="is in use"),
            MockServer(script(), port=port).in_thread(),
        ):
            pass


def test_what_is_wrong_fails_at_construction() -> None:
    with pytest.raises(UsageError, match="not str"):
        MockServer("a.cassette")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="port 70000"):
        MockServer(script(), port=70_000)
    with pytest.raises(UsageError, match="did you mean 'delay'"):
        MockServer(script(), faults=["dela 1s on response.created"])
    with pytest.raises(ServerError, match="not running"):
        MockServer(script()).base_url  # noqa: B018 - the property is what is tested


async def test_a_server_runs_once_at_a_time() -> None:
    async with MockServer(script()) as server:
        with pytest.raises(ServerError, match="already running"):
            await server.start()


# --- handshakes ---


async def test_doubled_slashes_and_other_paths_reach_the_engine() -> None:
    async with (
        MockServer(script(script.send(HELLO), script.close())) as server,
        aiohttp.ClientSession() as session,
    ):
        for path in ("/v1/realtime", "//v1//realtime", "/anything/else"):
            async with session.ws_connect(server.url + path) as ws:
                assert json.loads((await ws.receive()).data) == HELLO
        paths = [log.handshake.path for log in server.journal.sessions if log.handshake]
        assert paths == ["/v1/realtime", "/v1/realtime", "/anything/else"]


async def test_the_engine_selects_any_subprotocol() -> None:
    async with MockServer(script(script.accept("never-offered"), script.close())) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"GET /v1/realtime HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            b"Sec-WebSocket-Protocol: realtime\r\n\r\n"
        )
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        assert b"Sec-WebSocket-Protocol: never-offered\r\n" in head


async def test_offered_keys_are_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    offered = ["realtime", "openai-insecure-api-key.sk-secret"]
    talk = script(script.accept(""), script.closed())  # selects none of them
    async with (
        MockServer(talk) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(server.ws_url, protocols=offered),
    ):
        pass
    assert [line for line in caplog.messages if "sk-secret" in line] == []


async def test_a_refusal_has_status_headers_and_body() -> None:
    refusal = script.refuse(429, '{"error":1}', headers=(("Retry-After", "3"), ("Content-Type", "application/json")))
    async with MockServer(script(refusal)) as server, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(server.ws_url)
        assert caught.value.status == 429
        assert caught.value.headers is not None
        assert caught.value.headers["Retry-After"] == "3"
        [answer] = [entry.what for entry in server.journal if isinstance(entry.what, Answer)]
        assert answer == Answer(429, (("Retry-After", "3"), ("Content-Type", "application/json")), None, b'{"error":1}')


async def test_a_handshake_is_held_until_the_engine_answers() -> None:
    async with MockServer(script(script.accept(after_ms=50), script.send(HELLO), script.close())) as server:
        began = asyncio.get_running_loop().time()
        async with aiohttp.ClientSession() as session, session.ws_connect(server.ws_url) as ws:
            assert asyncio.get_running_loop().time() - began >= 0.05
            assert json.loads((await ws.receive()).data) == HELLO


async def test_a_client_that_gives_up_a_held_handshake_is_lost() -> None:
    async with MockServer(Bare(lambda item: ())) as server:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await session.ws_connect(server.ws_url)
        await until(lambda: server.sessions[0].over)
        frames = [entry.what for entry in server.journal.frames()]
        assert [type(frame).__name__ for frame in frames] == ["Lost"]


async def test_bad_handshakes_and_other_requests_get_one_clear_line() -> None:
    async with MockServer(script()) as server, aiohttp.ClientSession() as session:
        async with session.get(server.ws_url.replace("ws", "http", 1), headers={"Upgrade": "websocket"}) as answer:
            assert answer.status == 400
            message = (await answer.json())["error"]["message"]
            assert message.startswith("this is not a valid websocket handshake: ")
            assert message.endswith("(RFC 6455 section 4.2.1)")
        async with session.get(server.ws_url.replace("ws", "http", 1)) as answer:
            assert answer.status == 404
            assert "asks for no websocket" in (await answer.json())["error"]["message"]
        async with session.post(server.base_url + "/nothing", data=b"x") as answer:
            assert answer.status == 404
            message = (await answer.json())["error"]["message"]
            assert message == "nothing answers POST /v1/nothing here; the websocket is at /v1/realtime"
        assert server.sessions == []


# --- ends of a connection ---


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1014, 3000, 4999])
async def test_closes_carry_code_and_reason(code: int) -> None:
    async with (
        MockServer(script(script.close(code, "because ü"))) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(server.ws_url, autoclose=False) as ws,
    ):
        message = await ws.receive()
        assert (message.type, message.data, message.extra) == (
            WSMsgType.CLOSE,
            code,
            "because ü",
        )


async def test_a_close_without_a_code() -> None:
    async with (
        MockServer(script(script.close(None))) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(server.ws_url, autoclose=False) as ws,
    ):
        message = await ws.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, 0)


async def test_after_our_close_nothing_more_is_fed() -> None:
    fed: list[Event | None] = []

    def act(item: Event | None) -> list[Effect]:
        fed.append(item)
        match item:
            case Opened():
                return [Accept()]
            case Received(_, Text("bye")):
                return [Hangup(code=1000)]
        return []

    async with (
        MockServer(Bare(act)) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(server.ws_url, autoclose=False) as ws,
    ):
        await ws.send_str("bye")
        await ws.send_str("late")
        assert (await ws.receive()).type is WSMsgType.CLOSE
        await ws.send_str("later")
        await ws.close()
    assert fed[1:] == [Received("client", Text("bye"))]  # type: ignore[arg-type]


async def test_an_abort_is_a_reset() -> None:
    async with MockServer(Bare(lambda item: [Accept(), Abort()])) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_a_frozen_connection_answers_no_ping_and_reads_nothing() -> None:
    async def ponged(freeze: list[Effect]) -> bool:
        async with (
            MockServer(Bare(lambda item: [Accept(), *freeze] if isinstance(item, Opened) else [])) as server,
            aiohttp.ClientSession() as session,
        ):
            ws = await session.ws_connect(server.ws_url, autoping=False)
            await ws.send_str("x")
            await ws.ping()
            try:
                return (await ws.receive(timeout=0.1)).type is WSMsgType.PONG
            except TimeoutError:
                return False
            finally:
                received.append(any(isinstance(entry.what, Text) for entry in server.journal))
                await server.close()
                await ws.close()

    received: list[bool] = []
    assert await ponged([Freeze()]) is False
    assert await ponged([Freeze(pong=False, reading=True)]) is False
    assert await ponged([]) is True
    assert received == [False, True, True]


async def test_a_lingering_close_keeps_tcp_open() -> None:
    async with (
        MockServer(Bare(lambda item: [Accept(), Hangup(linger_us=60_000)])) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(server.ws_url, autoclose=False) as ws,
    ):
        began = asyncio.get_running_loop().time()
        assert (await ws.receive()).type is WSMsgType.CLOSE
        transport = ws._response.connection.transport  # type: ignore[union-attr]
        assert transport is not None
        await ws.send_frame(b"", WSMsgType.CLOSE)
        await until(transport.is_closing)
        assert asyncio.get_running_loop().time() - began >= 0.055


async def test_a_client_that_never_answers_our_close_is_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mockserver.server.pump.CLOSE_TIMEOUT", 0.05)
    async with MockServer(script(script.close(1000))) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        async with asyncio.timeout(2):
            assert (await reader.read()).endswith(b"\x88\x02\x03\xe8")
        writer.close()


# --- what raises inside ---


def raising(item: Event | None) -> list[Effect]:
    match item:
        case Opened():
            return [Accept(), to_client(Text("first"))]
        case _:
            raise ZeroDivisionError("a mistake in the engine")


async def test_an_engine_that_raises_ends_its_session_with_1011_and_fails_the_test() -> None:
    server = MockServer(Bare(raising))
    await server.start()
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(server.ws_url, autoclose=False) as ws:
            assert (await ws.receive()).data == "first"
            await ws.send_str("x")
            last = await ws.receive()
            assert (last.type, last.data, last.extra) == (WSMsgType.CLOSE, 1011, "internal error")
        # The server lives on.
        async with session.ws_connect(server.ws_url) as ws:
            assert (await ws.receive()).data == "first"
    await server.close()
    assert isinstance(server.problems()[0].__cause__, ZeroDivisionError)
    with pytest.raises(ExpectationFailed, match="session 0: ZeroDivisionError: a mistake in the engine"):
        server.verify()


async def test_an_engine_that_raises_in_its_own_time() -> None:
    def act(item: Event | None) -> list[Effect]:
        if item is None:
            raise ZeroDivisionError("late")
        return [Accept()]

    server = MockServer(Bare(act, later=1_000))
    await server.start()
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.ws_url, autoclose=False) as ws,
    ):
        assert (await ws.receive()).data == 1011
    await server.close()
    assert [str(problem) for problem in server.problems()] == ["session 0: ZeroDivisionError: late"]


@pytest.mark.parametrize("where", ["open", "Opened"])
async def test_what_raises_during_the_handshake_refuses_it(where: str, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Bare):
        def open(self, handshake: Any, context: SessionContext) -> Any:
            if where == "open":
                raise KeyError("no such thing")
            return super().open(handshake, context)

    def act(item: Event | None) -> list[Effect]:
        raise KeyError("no such thing")

    server = MockServer(Broken(act))
    await server.start()
    async with aiohttp.ClientSession() as session, session.get(
        server.url,
        headers={"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="},
    ) as answer:  # fmt: skip
        assert answer.status == 500
        body = await answer.text()
        assert "no such thing" not in body
        assert "Traceback" not in body
    await server.close()
    assert len(server.problems()) == 1
    assert "KeyError" in str(server.problems()[0])
    assert caplog.messages == []


async def test_a_frame_that_cannot_be_written_fails_the_test() -> None:
    server = MockServer(Bare(lambda item: [Accept(), to_client(Text("\ud800"))] if isinstance(item, Opened) else []))
    await server.start()
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.ws_url, autoclose=False) as ws,
    ):
        assert (await ws.receive()).data == 1011
    await server.close()
    assert "UnicodeEncodeError" in str(server.problems()[0])


async def test_a_sink_that_raises_ends_the_session_before_the_frame_goes_out() -> None:
    def full(entry: Any) -> None:
        if entry.what == Text('{"n":2}'):
            raise OSError(28, "No space left on device")

    server = MockServer(script(script.send({"n": 1}), script.send({"n": 2}), script.send({"n": 3}), script.closed()))
    server.journal.listen(full)
    await server.start()
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.ws_url, autoclose=False) as ws,
    ):
        assert (await ws.receive()).data == '{"n":1}'
        assert (await ws.receive()).data == 1011
    await server.close()
    assert "No space left on device" in str(server.problems()[0])


# --- verify ---


async def test_leaving_the_context_verifies_unless_the_test_failed_already() -> None:
    with pytest.raises(FaultNeverFired, match="fault 'delay 1s on response\\.created' never fired"):
        async with MockServer(script(), faults=["delay 1s on response.created"]):
            pass
    with pytest.raises(KeyError, match="the test's own"):
        async with MockServer(script(), faults=["delay 1s on response.created"]):
            raise KeyError("the test's own")
    async with MockServer(script(), faults=["delay 1s on response.created optional"]):
        pass


async def test_verify_tells_all_problems_and_raises_the_first() -> None:
    server = MockServer(script(), faults=["delay 1s on response.created", "drop on response.done"])
    with pytest.raises(FaultNeverFired) as caught:
        server.verify()
    assert "2 problems" in str(caught.value)
    assert "delay 1s on response.created" in str(caught.value)
    assert "drop on response.done" in str(caught.value)


# --- faults while it runs ---


async def test_faults_are_added_and_removed_while_a_session_runs() -> None:
    talk = script(script.repeat(script.expect("ping"), script.send({"type": "pong"})))
    async with MockServer(talk) as server, aiohttp.ClientSession() as session:
        async with session.ws_connect(server.ws_url) as ws:
            await ws.send_str('{"type":"ping"}')
            assert (await ws.receive(timeout=5)).data == '{"type":"pong"}'
            number = server.add_fault("stall on pong")
            assert server.faults[number].fault.spec == "stall on pong"
            await ws.send_str('{"type":"ping"}')
            with pytest.raises(TimeoutError):
                await ws.receive(timeout=0.05)
            server.remove_fault(number)
            assert server.faults == {}
            await ws.send_str('{"type":"ping"}')
            assert (await ws.receive(timeout=5)).data == '{"type":"pong"}'
        with pytest.raises(UsageError, match="no fault has the id 7"):
            server.remove_fault(7)
        assert [note.kind for note in server.journal.notes("fault")] == ["fault"]


# --- closing ---


async def test_closing_ends_sessions_at_once_and_leaves_nothing() -> None:
    tasks, files = len(asyncio.all_tasks()), open_files()
    async with aiohttp.ClientSession() as session:
        server = MockServer(script(script.send(HELLO), script.closed()))
        await server.start()
        sockets = [await session.ws_connect(server.ws_url, autoclose=False) for _ in range(20)]
        async with session.get(server.url) as answer:  # an idle connection that is kept alive
            await answer.read()
        for ws in sockets:
            await ws.receive()
        began = time.perf_counter()
        await server.close()
        assert time.perf_counter() - began < 1
        for ws in sockets:
            last = await ws.receive()
            assert (last.data, last.extra) == (1001, "mockserver is closing")
            await ws.close()
        assert len(asyncio.all_tasks()) == tasks
    assert open_files() == files
    assert [note.text for note in server.journal.notes("server")] == [
        "the server closes; this session was still running"
    ] * 20


async def test_closing_ends_a_held_handshake() -> None:
    server = MockServer(Bare(lambda item: ()))
    await server.start()
    async with aiohttp.ClientSession() as session:
        asking = asyncio.create_task(session.ws_connect(server.ws_url))
        await until(lambda: server.sessions)
        async with asyncio.timeout(1):
            await server.close()
            with pytest.raises((aiohttp.WSServerHandshakeError, aiohttp.ServerDisconnectedError)):
                await asking


async def test_closing_while_a_client_does_not_read() -> None:
    async with aiohttp.ClientSession() as session:
        server = MockServer(script(script.send(*["x" * 1_000_000] * 40), script.closed()))
        await server.start()
        ws = await session.ws_connect(server.ws_url)
        await until(lambda: len(server.journal) >= 42)
        began = time.perf_counter()
        await server.close()
        assert time.perf_counter() - began < 1
        ws._response.close()


async def test_frames_sent_just_before_the_end_are_still_seen() -> None:
    async with MockServer(script(script.expect("last.word"))) as server:
        session = aiohttp.ClientSession()
        ws = await session.ws_connect(server.ws_url)
        await ws.send_str('{"type":"last.word"}')
    assert isinstance(next(server.journal.frames()).what, Text)
    await session.close()


# --- many, and threads ---


async def test_sessions_do_not_mix() -> None:
    talk = script(script.repeat(script.expect(), script.send(lambda body: {"back": body["n"]})))

    async def client(number: int) -> list[int]:
        async with aiohttp.ClientSession() as session, session.ws_connect(server.ws_url) as ws:
            got = []
            for step in range(20):
                await ws.send_str(json.dumps({"n": number * 1000 + step}))
                got.append(json.loads((await ws.receive()).data)["back"])
            return got

    async with MockServer(talk) as server:
        everything = await asyncio.gather(*(client(number) for number in range(64)))
    assert everything == [[number * 1000 + step for step in range(20)] for number in range(64)]


def test_in_a_thread_with_a_synchronous_client() -> None:
    threads, files = threading.active_count(), open_files()
    talk = script(script.send(HELLO), script.expect("session.update"), script.close(4001, "enough"))
    with MockServer(talk).in_thread() as server:
        # The client's own thread for pings ends when it likes; the threads are counted below.
        with connect(server.ws_url, ping_interval=None) as ws:
            assert json.loads(ws.recv()) == HELLO
            ws.send('{"type":"session.update"}')
            with pytest.raises(ConnectionClosed) as caught:
                ws.recv()
            assert caught.value.rcvd is not None
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4001, "enough")
        assert [type(entry.what).__name__ for entry in server.journal.frames()] == [
            "Text",
            "Text",
            "Close",
        ]
    assert threading.active_count() == threads
    assert open_files() == files


def test_in_a_thread_methods_are_called_from_other_threads() -> None:
    talk = script(script.repeat(script.expect("ping"), script.send({"type": "pong"})))
    with MockServer(talk).in_thread() as server, connect(server.ws_url) as ws:
        number = server.add_fault("drop on pong at most 1 times")
        ws.send('{"type":"ping"}')
        ws.send('{"type":"ping"}')
        assert ws.recv(timeout=5) == '{"type":"pong"}'
        assert server.faults[number].fired == 1
        server.remove_fault(number)


def test_in_a_thread_the_verdict_comes_out_of_the_context() -> None:
    with (
        pytest.raises(ExpectationFailed, match="while the script was at expect"),
        MockServer(script(script.expect("session.update"))).in_thread() as server,
    ):
        connect(server.ws_url).close()
    with pytest.raises(InvalidStatus), MockServer(script(script.refuse(401))).in_thread() as server:
        connect(server.ws_url)


def test_servers_in_several_threads_stay_apart() -> None:
    def one(number: int) -> None:
        talk = script(script.send({"n": number}), script.closed())
        with MockServer(talk).in_thread() as server, connect(server.ws_url) as ws:
            found.append((number, json.loads(ws.recv())["n"]))

    found: list[tuple[int, int]] = []
    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [(number, number) for number in range(8)]


def test_several_loops_one_after_another() -> None:
    async def once() -> str:
        async with (
            MockServer(script(script.send(HELLO), script.closed())) as server,
            aiohttp.ClientSession() as session,
            session.ws_connect(server.ws_url) as ws,
        ):
            return str((await ws.receive()).data)

    assert [asyncio.run(once()) for _ in range(3)] == ['{"type":"session.created"}'] * 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_leaves_the_parents_server_alone() -> None:
    host = MockServer(script(script.send(HELLO), script.closed())).in_thread()
    server = host.__enter__()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of every fork beside threads
        child = os.fork()
    if child == 0:
        host.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    with connect(server.ws_url) as ws:
        assert json.loads(ws.recv()) == HELLO
    host.close()
    server.verify()


async def test_unread_notes_and_closes_are_in_the_journal() -> None:
    async with MockServer(Bare(lambda item: [Note("mine", "said"), Refuse(404)])) as server:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(server.ws_url)
        assert [note.text for note in server.journal.notes("mine")] == ["said"]
        assert server.sessions[0].over
        assert Close() not in [entry.what for entry in server.journal]
