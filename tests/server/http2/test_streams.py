"""A second transport on the same port: sessions over streams of HTTP/2, in the clear and over TLS."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mockserver import MockServer, Scripted, relay, replay, script, simulator
from mockserver.cassette.files.foreign import detect_and_import
from mockserver.cassette.store import load
from mockserver.core.frames import Close, Lost, Sender, Text
from mockserver.errors import ExpectationFailed, ServerError, UsageError
from mockserver.server.record import Recording
from mockserver.server.virtual import virtual_time
from tests.server.http2.caller import ENDING, KEY, OPENING, PATH, asked, connected, signed, turn, wrapped

LONG = "The tide comes in twice a day. It leaves shells of every colour on the sand."
REPLY = ["contentStart", "textOutput", "contentEnd", "contentStart", "audioOutput"]


def source(*replies: Any, **settings: Any) -> Any:
    return simulator("nova_sonic", replier=Scripted(replies or ("It is foggy.", LONG)), **settings)


async def test_a_whole_conversation_in_virtual_time() -> None:
    with virtual_time() as clock:
        async with MockServer(source()) as server, connected(server) as connection:
            number = await turn(connection, "what is the weather")
            assert connection.heads[number][":status"] == "200"
            assert connection.heads[number]["content-type"] == "application/vnd.amazon.eventstream"
            assert connection.texts(number) == ["It is foggy."] * 2
            await connection.send(number, asked("and the sea", "v"))
            await connection.until_turn(number, 2)
            await connection.send(number, ENDING + signed(b""), end=True)
            await connection.until(lambda: number in connection.ended)
            assert connection.ended[number] == "end"
            assert connection.names(number)[-1] == "completionEnd"
        assert clock.seconds > 5
        shown = server.journal.sessions[0].handshake
        assert (shown.path, shown.header("authorization") is not None) == (PATH.replace("%3A", ":").rstrip("?"), True)
        server.journal.sent_by_client("sessionEnd").once()
        server.journal.sent_by_server("completionEnd").once()
        assert [one.what for one in server.journal.frames() if isinstance(one.what, Close)] == [Close(1000, "")]
    assert server.sessions[0].over


async def test_the_answer_comes_before_any_input() -> None:
    async with MockServer(source()) as server, connected(server) as connection:
        number = await connection.open()
        await connection.until(lambda: number in connection.heads)
        assert connection.heads[number][":status"] == "200"


async def test_two_streams_of_one_connection_are_two_sessions() -> None:
    with virtual_time():
        async with MockServer(source("one", "two")) as server, connected(server) as connection:
            first, second = await turn(connection, "a"), await turn(connection, "b")
            assert (connection.texts(first)[-1], connection.texts(second)[-1]) == ("one", "two")
        assert [len(server.journal.sent_by_client("sessionStart", session=n).bodies) for n in (0, 1)] == [1, 1]


async def test_tls_with_alpn_and_http_1_1_beside_it() -> None:
    async with MockServer(source(pace="instant"), tls=True) as server:
        async with connected(server, tls=True) as connection:
            number = await turn(connection, "hello")
            assert connection.texts(number)[-1] == "It is foggy."
        assert server.certificate is not None
        http = aiohttp.TCPConnector(ssl=server.certificate.client_context())
        async with (
            aiohttp.ClientSession(connector=http) as session,
            session.get(f"{server.url}/__mockserver__/") as got,
        ):
            assert got.version == aiohttp.HttpVersion11
            assert got.status in (200, 404)


async def test_a_client_that_says_goaway_behind_its_only_stream_is_heard() -> None:
    """As Node does (nova_sonic.md#9)."""
    async with MockServer(source(pace="instant")) as server, connected(server) as connection:
        number = await connection.open()
        connection.writer.write(bytes((0, 0, 8, 7, 0, 0, 0, 0, 0)) + bytes(8))
        await connection.send(number, OPENING + asked("hello"))
        await connection.until_turn(number)
        assert connection.texts(number)[-1] == "It is foggy."


@pytest.mark.parametrize("size", [1, 7])
async def test_bytes_that_come_in_pieces_are_the_same_session(size: int) -> None:
    async with MockServer(source(pace="instant")) as server, connected(server) as connection:
        number = connection.h2.get_next_available_stream_id()
        await connection.open()
        await connection.until(lambda: number in connection.heads)  # from here on the client says nothing else
        data = OPENING + asked("hello")
        connection.h2.send_data(number, data)
        raw = connection.h2.data_to_send()
        for place in range(0, len(raw), size):
            connection.writer.write(raw[place : place + size])
            await asyncio.sleep(0)
        await connection.until_turn(number)
        assert connection.texts(number)[-1] == "It is foggy."
        names = [server.journal.view(one).name for one in server.journal.frames() if one.sender is Sender.CLIENT]
        assert names == [
            *("sessionStart", "promptStart", "contentStart", "textInput", "contentEnd"),
            *("contentStart", "textInput", "contentEnd"),
        ]


# --- refusals ---


@pytest.mark.parametrize(
    ("path", "method", "key", "status", "words"),
    [
        ("/model/amazon.nova-lite-v1%3A0/invoke-with-bidirectional-stream", "POST", KEY, 400, "identifier is invalid"),
        (PATH, "POST", "", 400, "IncompleteSignature"),
        (PATH, "GET", KEY, 404, "streams only"),
    ],
)
async def test_what_gets_no_stream_gets_an_answer(path: str, method: str, key: str, status: int, words: str) -> None:
    async with MockServer(source()) as server, connected(server) as connection:
        number = await connection.open(path, method=method, key=key, end=method == "GET")
        await connection.until(lambda: number in connection.ended)
        assert connection.heads[number][":status"] == str(status)
        assert words in connection.bodies[number].decode()


async def test_a_client_at_another_address_fails_the_test() -> None:
    server = MockServer(source())
    await server.start()
    async with connected(server) as connection:
        number = await connection.open("/model/x/converse")
        await connection.until(lambda: number in connection.ended)
        assert connection.heads[number][":status"] == "404"
    await server.close()
    with pytest.raises(ExpectationFailed, match="no socket of the service is there"):
        server.verify()


async def test_a_websocket_is_no_way_to_it() -> None:
    server = MockServer(source())
    await server.start()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError, match="404"):
            await session.ws_connect(server.ws_url)
    await server.close()
    with pytest.raises(ExpectationFailed, match="Amazon Nova Sonic is reached over a stream of HTTP/2, and a client"):
        server.verify()


async def test_without_h2_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.startswith("mockserver.server.http2.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "h2", None)
    with pytest.raises(ServerError, match=r"needs the package h2.*pip install 'realtime-mockserver\[nova\]'"):
        await MockServer(source()).start()
    async with MockServer(simulator("openai")):
        pass  # the control: nobody else needs it


# --- faults ---


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        ("rate limit on 2nd audioOutput", "throttlingException", "Too many requests"),
        ("server error on 2nd audioOutput", "validationException", "System instability detected"),
        ("session expired on 2nd audioOutput", "modelTimeoutException", "Model has timed out"),
    ],
)
async def test_the_providers_errors_are_exception_frames(fault: str, kind: str, message: str) -> None:
    async with MockServer(source(LONG, pace="instant"), faults=[fault]) as server, connected(server) as connection:
        number = await turn(connection, "hello")
        ((name, told),) = connection.told[number][-1].items()
        assert (name, message in told["message"]) == (kind, True)
        await connection.send(number, signed(b""), end=True)
        await connection.until(lambda: number in connection.ended)
        assert connection.ended[number] == "end"


@pytest.mark.parametrize(
    ("fault", "ended"),
    [
        ("close 1000 on 2nd audioOutput", "end"),
        ("close 1011 on 2nd audioOutput", "reset 2"),
        ("reset on 2nd audioOutput", "lost"),
    ],
)
async def test_how_a_connection_ends_in_mid_stream(fault: str, ended: str) -> None:
    async with MockServer(source(LONG, pace="instant"), faults=[fault]) as server, connected(server) as connection:
        number = await connection.open()
        await connection.send(number, OPENING + asked("hello"))
        await connection.until(lambda: number in connection.ended)
        assert connection.ended[number] == ended
        assert connection.names(number).count("audioOutput") == 2 or ended == "lost"


async def test_a_reply_that_is_cut_as_the_provider_cuts_it_and_the_next_one_is_whole() -> None:
    faults = ["cancel midway on 2nd audioOutput"]
    with virtual_time():
        async with MockServer(source(LONG, "It is foggy."), faults=faults) as server, connected(server) as connection:
            number = await connection.open()
            await connection.send(number, OPENING + asked("hello"))
            await connection.until(lambda: '{ "interrupted" : true }' in connection.texts(number))
            assert connection.names(number).count("audioOutput") == 2
            assert connection.names(number)[-4:] == ["contentEnd", "contentStart", "textOutput", "contentEnd"]
            await connection.send(number, asked("again", "v"))
            await connection.until_turn(number)
            assert connection.texts(number)[-1] == "It is foggy."


async def test_a_field_that_is_set_and_a_frame_that_is_truncated() -> None:
    faults = ["set event.textOutput.content to hm on 1st textOutput"]
    async with MockServer(source(pace="instant"), faults=faults) as server, connected(server) as connection:
        number = await turn(connection, "hello")
        assert connection.texts(number) == ["hm", "It is foggy."]


# --- clients that misbehave, or leave ---


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x00" * 64, "protocol error"),
        (signed(b"what"), "protocol error"),
        (wrapped("sessionStart")[:-1] + b"\x00", "check sum"),
    ],
)
async def test_bytes_that_are_no_messages_reset_the_stream(data: bytes, words: str) -> None:
    async with MockServer(source(pace="instant")) as server, connected(server) as connection:
        number = await connection.open()
        await connection.send(number, data)
        await connection.until(lambda: number in connection.ended)
        assert connection.ended[number] == "reset 2"
        (last,) = [one.what for one in server.journal.frames() if isinstance(one.what, Lost)]
        assert words in last.reason
        assert await turn(connection, "hello")  # the connection stands


async def test_input_that_ends_within_a_message() -> None:
    async with MockServer(source()) as server, connected(server) as connection:
        number = await connection.open()
        await connection.send(number, OPENING[:-5], end=True)
        await connection.until(lambda: number in connection.ended)
        (last,) = [one.what for one in server.journal.frames() if isinstance(one.what, Lost)]
        assert "ends within a message" in last.reason


async def test_bytes_that_are_no_http_2_end_the_connection() -> None:
    async with MockServer(source()) as server, connected(server) as connection:
        number = await connection.open()
        connection.writer.write(b"\xff" * 40)
        await connection.until(lambda: number in connection.ended)
        assert connection.ended[number] == "lost"


async def test_a_client_that_resets_or_vanishes_is_told_in_the_journal() -> None:
    async with MockServer(source(pace="instant")) as server:
        async with connected(server) as connection:
            first, _ = await turn(connection, "a"), await turn(connection, "b")
            connection.h2.reset_stream(first, 8)
            await connection.flush()
        await server.close()  # which reads what clients have sent just before
        ends = [one.what.reason for one in server.journal.frames() if isinstance(one.what, Lost)]
        assert ends == ["the client has reset the stream", "connection lost"]


async def test_a_client_whose_window_is_small_holds_nobody_else_and_gets_everything() -> None:
    async with MockServer(source(LONG, LONG, pace="instant")) as server, connected(server, window=1_000) as slow:
        slow.acknowledges = False
        number = await slow.open()
        await slow.send(number, OPENING + asked("hello"))
        async with connected(server) as quick:
            other = await turn(quick, "hello")
            assert len(quick.texts(other)) == 4
        assert len(slow.names(number)) < 5
        slow.acknowledges = True
        slow.h2.acknowledge_received_data(1_000, number)
        await slow.flush()
        await slow.until_turn(number)
        assert len(slow.texts(number)) == 4


async def test_a_server_that_closes_ends_its_streams() -> None:
    server = MockServer(source(pace="instant"))
    await server.start()
    async with connected(server) as connection:
        number = await turn(connection, "hello")
        await server.close()
        await connection.until(lambda: number in connection.ended)
        assert connection.ended[number] == "end"
        assert connection.goaway


# --- other engines ---


async def test_a_script_speaks_to_such_a_client_and_its_end_of_input_is_an_end() -> None:
    play = [script.expect("sessionStart"), script.send({"event": {"completionStart": {"sessionId": "s"}}})]
    async with MockServer(script(*play, dialect="nova_sonic")) as server, connected(server) as connection:
        number = await connection.open()
        await connection.send(number, wrapped("sessionStart"))
        await connection.until(lambda: connection.told[number])
        assert connection.told[number] == [{"event": {"completionStart": {"sessionId": "s"}}}]
        await connection.send(number, signed(b""), end=True)
        await connection.until(lambda: number in connection.ended)
        assert connection.ended[number] == "end"


async def talked(server: MockServer) -> list[Any]:
    """A written question, its answer and the end; what the client was told."""
    async with connected(server) as connection:
        number = await connection.open()
        await connection.send(number, OPENING + asked("what is the sea like"))
        await connection.until_turn(number)
        await connection.send(number, ENDING + signed(b""), end=True)
        await connection.until(lambda: number in connection.ended)
        assert connection.ended[number] == "end"
        return connection.told[number]


async def test_a_session_is_recorded_and_replayed(tmp_path: Path) -> None:
    path = tmp_path / "sea.cassette"
    with virtual_time():
        async with Recording(source(LONG), path) as recording:
            first = await talked(recording.server)
        header = load(path).header
        assert (header.dialect, header.ended) == ("nova_sonic", "clean")
        assert KEY not in path.read_bytes().decode("latin-1")
        for pacing in ("recorded", "instant"):
            async with MockServer(replay(path, pacing=pacing)) as server:
                again = await talked(server)
            assert json.dumps(again) == json.dumps(first)


async def test_the_service_is_not_recorded_but_a_log_of_its_events_is_imported_and_replayed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="each message is signed for the host it goes to") as refused:
        relay("https://bedrock-runtime.us-east-1.amazonaws.com", dialect="nova_sonic")
    assert "\n" not in str(refused.value)
    assert "mockserver import" in str(refused.value)
    with virtual_time():
        async with MockServer(source(LONG)) as server:
            first = await talked(server)
            said = [
                ("server" if entry.sender is Sender.SERVER else "client", entry.at, json.loads(entry.what.data))
                for entry in server.journal
                if isinstance(entry.what, Text)
            ]
        logs = {
            "alone": [body for _, _, body in said],
            "timed": [{"direction": way, "at_ms": at / 1_000, "data": body} for way, at, body in said],
            "beside": [{"direction": way, "at_ms": at / 1_000, **body} for way, at, body in said],
        }
        for name, log in logs.items():
            path = tmp_path / f"{name}.jsonl"
            path.write_text("\n".join(map(json.dumps, log)))
            imported = detect_and_import(path)
            assert imported.header.dialect == "nova_sonic"
            async with MockServer(replay(imported)) as server:
                again = await talked(server)
            assert json.dumps(again) == json.dumps(first), name
        with pytest.raises(ExpectationFailed, match="what is the weather"):  # the control
            await departed(MockServer(replay(imported)))


async def departed(server: MockServer) -> None:
    """A client asks something that is not in the recording."""
    async with server, connected(server) as connection:
        number = await connection.open()
        await connection.send(number, OPENING + asked("what is the weather"))
        await connection.until(lambda: server.journal.notes("replay"))
