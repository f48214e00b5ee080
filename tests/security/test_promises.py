"""What SECURITY.md promises. Its tables name the tests, and the last test here keeps that true."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import socket
import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from mockserver import MockServer, Rules, relay, script, simulator
from mockserver.cassette.store import load, locate
from mockserver.core.frames import Answer, Sender
from mockserver.errors import CassetteError, MockServerError, UsageError
from mockserver.server.record import Recording
from mockserver.server.websocket.app import MAX_MESSAGE
from tests.bench.child import TOP, Child
from tests.bench.wire import Client, request

KEY = "sk-proj-Planted0123456789abcdefABCDEF0123456789"
TOKEN = "a-token-of-the-server"


def get(port: int, path: str, **headers: str) -> tuple[int, str]:
    """A plain GET with exactly these headers."""
    lines = {
        "Host": f"127.0.0.1:{port}",
        "Connection": "close",
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.sendall(
            f"GET {path} HTTP/1.1\r\n".encode() + "".join(f"{k}: {v}\r\n" for k, v in lines.items()).encode() + b"\r\n"
        )
        got = b""
        while chunk := sock.recv(65536):
            got += chunk
    return int(got.split(b" ")[1]), got.decode()


def upgrade(port: int, **headers: str) -> int:
    """The status of a websocket handshake with these headers besides."""
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    data = request(port)
    if "Host" in headers:
        data = re.sub(rb"Host: [^\r]*\r\n", b"", data)
    if "Authorization" in headers:
        data = re.sub(rb"Authorization: [^\r]*\r\n", b"", data)
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.sendall(data[:-2] + extra.encode() + b"\r\n")
        return int(sock.recv(4096).split(b" ")[1])


# --- who can connect ------------------------------------------------------------------------------------------------


async def test_it_listens_on_loopback_unless_told_otherwise() -> None:
    async with MockServer(script(script.expect("x", optional=True))) as server:
        assert server._up is not None
        assert server._up.listener is not None
        assert {sock.getsockname()[0] for sock in server._up.listener.sockets} == {"127.0.0.1"}


async def test_it_warns_where_other_machines_can_reach_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "mockserver"):
        async with MockServer(script(script.expect("x", optional=True)), host="0.0.0.0"):
            assert any("other machines can reach it" in record.message for record in caplog.records)
        caplog.clear()
        async with MockServer(script(script.expect("x", optional=True))):
            assert caplog.records == []


async def test_a_relay_with_a_key_is_not_opened_to_other_machines_without_a_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    server = MockServer(relay("ws://127.0.0.1:9/v1/realtime", key_env="MY_KEY"), host="0.0.0.0")
    with pytest.raises(UsageError, match="would spend it"):
        await server.start()


def test_where_others_can_reach_a_relay_with_a_key_clients_give_its_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with Child("bare-echo") as upstream:
        source = relay(f"ws://127.0.0.1:{upstream.port}/v1/realtime", dialect="openai", key_env="MY_KEY")
        with MockServer(source, host="0.0.0.0", token=TOKEN).in_thread() as server:
            assert upgrade(server.port) == 401
            assert upgrade(server.port, Authorization="Bearer wrong") == 401
            assert get(server.port, "/v1/models")[0] == 401
            assert upgrade(server.port, Authorization=f"Bearer {TOKEN}") == 101
            assert upgrade(server.port, api_key=TOKEN) == 101
            assert upgrade(server.port, Sec_WebSocket_Protocol=f"realtime, openai-insecure-api-key.{TOKEN}") == 101


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 101),
        ({"Origin": "http://localhost:3000"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Referer": "https://evil.example/page"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:80", "Origin": "http://evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "host.docker.internal:4000"}, 101),
        ({"Host": "[::1"}, 400),
    ],
)
def test_no_page_of_another_origin_or_name_spends_the_key(
    headers: dict[str, str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with Child("bare-echo") as upstream:
        source = relay(f"ws://127.0.0.1:{upstream.port}/v1/realtime", dialect="openai", key_env="MY_KEY")
        with MockServer(source).in_thread() as server:
            got = upgrade(server.port, **headers)
            assert got == status or (status >= 400 <= got)
            plain = get(server.port, "/v1/responses/x", **headers)[0]  # what an <img> asks for
            assert (plain == 403) is (got == 403)


def test_a_page_that_is_named_may_record_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with Child("bare-echo") as upstream:
        source = relay(f"ws://127.0.0.1:{upstream.port}/v1/realtime", dialect="openai", key_env="MY_KEY")
        with MockServer(source, allow_origins=["http://localhost:3000"]).in_thread() as server:
            assert upgrade(server.port, Origin="http://localhost:3000", Sec_Fetch_Site="cross-site") == 101
            assert upgrade(server.port, Origin="http://localhost:3001") == 403
            assert get(server.port, "/__mockserver__/state", Origin="http://localhost:3000")[0] == 403


@pytest.mark.parametrize("token", ["", " ", "a\r\nX: y"])
def test_an_empty_token_is_refused_at_the_start(token: str) -> None:
    for host in ("127.0.0.1", "0.0.0.0"):
        with pytest.raises(UsageError, match="token"):
            MockServer(simulator("openai"), host=host, token=token)


def test_no_view_shows_a_secret_of_a_handshake(caplog: pytest.LogCaptureFixture) -> None:
    """Cookies, keys and tokens of a handshake and of its answer: journal view, state, timeline, problems."""
    answer = script.expect("x", optional=True)
    with MockServer(script(answer), faults=["reset on never.sent optional"]).in_thread() as server:
        head = request(server.port).replace(b"?model=gpt-realtime", f"?model=m&api_key={KEY}&jwt={KEY}".encode())
        offer = f"realtime, openai-insecure-api-key.{KEY}"
        extra = f"\r\nCookie: a={KEY}\r\nX-Api-Key: {KEY}\r\nSec-WebSocket-Protocol: {offer}"
        with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
            sock.sendall(head.replace(b"\r\n\r\n", f"{extra}\r\n\r\n".encode()))
            sock.recv(4096)
        log = server.journal.sessions[0]
        server.journal.write(log, 0, Sender.SERVER, Answer(101, (("Set-Cookie", f"session={KEY}; Path=/"),)))
        asked = ("journal", "state", "sessions/0", "problems")
        views = [get(server.port, f"/__mockserver__/{what}")[1] for what in asked]
        views += [server.journal.timeline(), caplog.text, *map(str, server.problems())]
        assert any("Set-Cookie" in view for view in views)
        assert [view for view in views if KEY in view] == []


# --- the control API ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Host": "evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Origin": "null"},
    ],
)
def test_the_control_api_refuses_other_origins_and_names(headers: dict[str, str]) -> None:
    with MockServer(script(script.expect("x", optional=True))).in_thread() as server:
        status, body = get(server.port, "/__mockserver__/state", **headers)
        assert status == 403
        assert "Access-Control-Allow-Origin" not in body
        assert get(server.port, "/__mockserver__/state")[0] == 200


def test_the_control_api_wants_the_token_where_there_is_one() -> None:
    with MockServer(script(script.expect("x", optional=True)), token=TOKEN).in_thread() as server:
        assert get(server.port, "/__mockserver__/state")[0] == 401
        assert get(server.port, "/__mockserver__/state", Authorization=f"Bearer {TOKEN}x")[0] == 401
        assert get(server.port, "/__mockserver__/state", Authorization=f"Bearer {TOKEN}")[0] == 200


def test_the_control_api_is_off_without_a_token_where_others_can_connect() -> None:
    with MockServer(script(script.expect("x", optional=True)), host="0.0.0.0").in_thread() as server:
        assert get(server.port, "/__mockserver__/state")[0] == 403


# --- names and files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../x", "a/../../x", "/etc/passwd", "..", ".", "", "a\0b", "C:\\x", "\\\\host\\x", "con", "NUL.cassette", "a/aux", "x\n", "~/x",  # noqa: E501
     "a//b/../../..", "a" * 5000],
)  # fmt: skip
def test_a_cassette_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    top = tmp_path / "cassettes"
    top.mkdir()
    try:
        place = locate(top, name)
    except MockServerError:
        place = top / "refused"
    assert top in place.parents
    assert os.path.realpath(place).startswith(os.path.realpath(top) + os.sep)


def test_a_link_does_not_lead_a_cassette_out(tmp_path: Path) -> None:
    top, outside = tmp_path / "cassettes", tmp_path / "outside"
    top.mkdir()
    outside.mkdir()
    (top / "link").symlink_to(outside)
    with pytest.raises(UsageError, match="link"):
        locate(top, "link/x")


def test_a_cassette_that_lies_about_its_sizes_is_an_error_and_takes_no_memory(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.cassette"
    good = b"\x82\xb3mockserver-cassette\x01\xa6header\x81\xa7dialect\xa6openai"
    for lie in (
        b"\xc6\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\x91" * 100_000,
    ):
        path.write_bytes(good + lie)
        with pytest.raises(CassetteError):
            load(path)


# --- sizes and depths -----------------------------------------------------------------------------------------------


def test_a_message_has_a_largest_size_packed_or_not() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(b" " * (MAX_MESSAGE + 1)) + packer.flush(zlib.Z_SYNC_FLUSH)
    with MockServer(simulator("openai", pace="instant")).in_thread() as server:
        for packed in (True, False):
            head = request(server.port)
            if packed:
                head = head.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
            payload = bomb[:-4] if packed else b""
            size = len(payload) if packed else MAX_MESSAGE + 1
            more = b"\xfe" + size.to_bytes(2, "big") if size < 65_536 else b"\xff" + size.to_bytes(8, "big")
            frame = bytes((0xC1 if packed else 0x81,)) + more + b"\0\0\0\0" + payload
            with socket.create_connection(("127.0.0.1", server.port), 10) as sock:
                sock.sendall(head + frame)
                got = b""
                while chunk := sock.recv(65536):
                    got += chunk
            assert b"\x03\xf1" in got, "closed with 1009"


@pytest.mark.parametrize("depth", [100, 10_000, 1_000_000])
def test_json_of_any_depth_is_answered(depth: int) -> None:
    with MockServer(simulator("openai", pace="instant")).in_thread() as server:
        client = Client(server.port)
        client.until("session.created")
        client.send('{"type":"session.update","session":' + '{"a":' * depth + "1" + "}" * depth + "}")
        assert '"error"' in client.receive()
        client.send('{"type":"input_audio_buffer.clear"}')
        assert "input_audio_buffer.cleared" in client.receive()
        client.close()


@pytest.mark.parametrize(
    "text",
    ["a: " + "[" * 100_000, "!!python/object/apply:os.system ['true']", "x: " + "y" * 2_000_000],
)
def test_yaml_has_bounds_and_makes_no_objects(text: str) -> None:
    with pytest.raises(MockServerError):
        Rules.from_yaml(text, source="x.yaml")


# --- secrets --------------------------------------------------------------------------------------------------------


def say(port: int, data: bytes) -> None:
    """Send bytes that are no HTTP, and wait for what comes of it."""
    with socket.create_connection(("127.0.0.1", port), 5) as sock, suppress(OSError):
        sock.sendall(data)
        sock.settimeout(0.2)
        while sock.recv(4096):
            pass


async def test_a_secret_is_in_no_file_and_no_log(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A key in every place where clients carry one: recorded, refused, sent as nonsense, and put into frames."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.DEBUG), Child("bare-echo", quiet=True) as upstream:
        url = f"ws://127.0.0.1:{upstream.port}/v1/realtime"
        async with Recording(relay(url, dialect="openai"), tmp_path / "x.cassette") as recording:
            server = recording.server
            async with aiohttp.ClientSession() as http:
                ws = await http.ws_connect(
                    f"{server.ws_url}?model=m&api_key={KEY}",
                    headers={
                        "Authorization": f"Bearer {KEY}",
                        "api-key": KEY,
                        "Cookie": f"a={KEY}",
                        "X-Other": KEY,
                    },
                    protocols=("realtime", f"openai-insecure-api-key.{KEY}"),
                )
                for text in (
                    KEY,
                    json.dumps({"type": "x", "client_secret": {"value": KEY}, "note": f"key={KEY}"}),
                ):
                    await ws.send_str(text)
                    await ws.receive()
                await ws.send_bytes(KEY.encode())
                await ws.receive()
                await ws.close()
                async with http.get(f"{server.url}/nowhere?key={KEY}", headers={"Authorization": KEY}) as answer:
                    await answer.read()
                async with http.get(f"{server.url}/__mockserver__/state") as answer:
                    assert KEY not in await answer.text()
            for nonsense in (
                f"GET /\x01{KEY} HTTP/1.1\r\n\r\n",
                f"{KEY}\r\n\r\n",
                f"GET / HTTP/1.1\r\nA{KEY}\r\n\r\n",
            ):
                await asyncio.to_thread(say, server.port, nonsense.encode())
            assert KEY.encode() not in (tmp_path / "x.cassette.partial").read_bytes()
    out = capfd.readouterr()
    written = files(tmp_path)
    assert [path.name for path in written] == ["x.cassette"]
    assert scan(written) == []
    ours = "\n".join(
        record.getMessage() + str(record.exc_info) for record in caplog.records if "mockserver" in record.name
    )
    assert KEY not in ours + out.out + out.err


def files(folder: Path) -> list[Path]:
    """Every file below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def scan(paths: list[Path]) -> list[str]:
    """The files that hold the key in any common form."""
    import base64

    forms = [
        KEY.encode(),
        base64.b64encode(KEY.encode()).rstrip(b"="),
        KEY.encode().hex().encode(),
        KEY[::-1].encode(),
    ]
    return [str(path) for path in paths if any(form in path.read_bytes() for form in forms)]


def test_the_scan_finds_a_key_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "x").write_text(f"a {KEY} b")
    assert len(scan([tmp_path / "x"])) == 1


def test_a_recording_by_the_command_line_leaves_no_secret(tmp_path: Path) -> None:
    """The whole run: its cassette, what it printed, and every file it made."""
    path = tmp_path / "x.cassette"
    with Child("bare-echo", quiet=True) as upstream:
        code = (
            "import os, socket, sys; sys.path.insert(0, os.environ['TOP']); from tests.bench.wire import Client, request\n"  # noqa: E501
            "c = Client(int(os.environ['OPENAI_BASE_URL'].split(':')[2].split('/')[0]))\n"
            f'c.send(\'{{"type":"x","note":"{KEY}"}}\'); c.receive(); c.close()\n'
        )
        done = subprocess.run(
            [sys.executable, "-m", "mockserver", "record", "--upstream", f"ws://127.0.0.1:{upstream.port}/v1/realtime",
             "--dialect", "openai", "--key-env", "MY_KEY", "--to", str(path), "--", sys.executable, "-c", code],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "PYTHONPATH": str(TOP), "TOP": str(TOP), "MY_KEY": KEY},
        )  # fmt: skip
    assert path.is_file(), done.stderr
    assert len(load(path).connections[0].records) >= 2
    assert scan(files(tmp_path)) == []
    assert KEY not in done.stdout + done.stderr


# --- the document ---------------------------------------------------------------------------------------------------


def test_every_promise_names_a_test_that_exists() -> None:
    text = (TOP / "SECURITY.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "`" in line]
    named = {name for row in rows for name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)}
    assert len(named) >= 15
    missing = [f"{file}::{name}" for file, name in sorted(named) if not defines(TOP / file, name)]
    assert missing == []
    assert all(re.search(r"`tests/[\w/]+\.py::\w+`", row) for row in rows), "each promise says how it is tested"


def defines(path: Path, name: str) -> bool:
    """Whether a test file defines a test."""
    return (
        path.is_file()
        and re.search(rf"^(async )?def {name}\(", path.read_text(encoding="utf-8"), re.MULTILINE) is not None
    )
