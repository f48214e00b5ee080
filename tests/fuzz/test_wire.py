"""Raw bytes on the socket: what no client of ours would send, beside a session that must not notice."""

from __future__ import annotations

import os
import socket
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.sync.client import ClientConnection, connect

from mockserver import MockServer, simulator
from mockserver.errors import ExpectationFailed
from tests.bench.wire import masked, request
from tests.fuzz.inputs import EVERY, texts

Live = tuple[MockServer, ClientConnection]


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """A server, and a session on it that goes on all the time."""
    server = MockServer(simulator("openai", pace="instant"))
    thread = server.in_thread()
    thread.start()
    with connect(
        server.ws_url + "?model=gpt-realtime",
        additional_headers={"Authorization": "Bearer any"},
        ping_interval=None,
    ) as steady:
        assert "session.created" in str(steady.recv(5))
        yield server, steady
    thread.close()
    assert unexpected(server) == []


def unexpected(server: MockServer) -> list[ExpectationFailed]:
    """What the server complains of, but for what it should: bytes that begin a TLS handshake are told of."""
    return [one for one in server.problems() if "spoke TLS" not in str(one)]


def noticed_nothing(live: Live) -> None:
    """The steady session still gets its answers, and a new client gets a session."""
    server, steady = live
    steady.send('{"type":"input_audio_buffer.clear","event_id":"e"}')
    assert "input_audio_buffer.cleared" in str(steady.recv(5))
    with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
        sock.sendall(request(server.port))
        got = b""
        while b"session.created" not in got:
            chunk = sock.recv(65536)
            assert chunk, f"a good client was not served: {got!r}"
            got += chunk
    assert unexpected(server) == []


QUIET_S, ANSWER_S = 0.1, 5
"""For how long nothing more may come, and how long a whole request may wait for its answer."""


def throw(server: MockServer, data: bytes, first_s: float = QUIET_S) -> bytes:
    """Send bytes, wait until nothing more comes, end; what came back.

    ``first_s`` is how long the first bytes may take. For a whole request it is `ANSWER_S`: a client that gives up on a
    machine that stands still for a moment is told nothing, and that is no fault of the server.
    """
    got = b""
    with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
        with suppress(OSError):
            sock.sendall(data)
            sock.settimeout(first_s)
            while chunk := sock.recv(65536):
                got += chunk
                sock.settimeout(QUIET_S)
        sock.settimeout(5)
        with suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
            while chunk := sock.recv(65536):
                got += chunk
    return got


def check(live: Live, data: bytes, first_s: float = QUIET_S) -> bytes:
    got = throw(live[0], data, first_s)
    assert b"Traceback" not in got
    assert b"site-packages" not in got
    assert b'File "' not in got
    noticed_nothing(live)
    return got


EXAMPLES = max(40, settings().max_examples // 10)
"""Each waits a tenth of a second for what may still come."""
SHARED = {"suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}
HEADS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "Host",
                "Upgrade",
                "Connection",
                "Sec-WebSocket-Key",
                "Sec-WebSocket-Version",
                "Sec-WebSocket-Protocol",
                "Sec-WebSocket-Extensions",
                "Origin",
                "Authorization",
                "Content-Length",
                "Transfer-Encoding",
                "X",
                "",
            ]
        ),
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from(
                [
                    b"websocket",
                    b"Upgrade",
                    b"13",
                    b"8",
                    b"realtime, openai-insecure-api-key.sk-x",
                    b"permessage-deflate",
                    b"permessage-deflate; client_max_window_bits=99",
                    b"permessage-deflate; server_max_window_bits=8; x=y",
                    b"AAAAAAAAAAAAAAAAAAAAAA==",
                    b"chunked",
                    b"-1",
                    b"99999999999999999999",
                    b"http://evil.invalid",
                    b"a" * 70_000,
                ]
            ),
        ),
    ),
    max_size=8,
)


@given(
    line=st.one_of(
        st.binary(max_size=60),
        st.sampled_from(
            [
                b"GET /v1/realtime?model=gpt-realtime HTTP/1.1",
                b"GET //v1//realtime?%zz=%00&model=\xff HTTP/1.1",
                b"GET / HTTP/0.9",
                b"POST /v1/realtime/client_secrets HTTP/1.1",
                b"PRI * HTTP/2.0",
                b"CONNECT a:1 HTTP/1.1",
                b"GET http://a/b HTTP/1.1",
                b"GET /" + b"a" * 100_000 + b" HTTP/1.1",
                b"\x16\x03\x01\x02\x00",
                b"OPTIONS * HTTP/1.1",
            ]
        ),
    ),
    heads=HEADS,
    body=st.binary(max_size=50),
)
@settings(max_examples=EXAMPLES, **SHARED)
def test_any_handshake(live: Live, line: bytes, heads: list[tuple[str, bytes]], body: bytes) -> None:
    data = line + b"\r\n" + b"".join(name.encode() + b": " + value + b"\r\n" for name, value in heads) + b"\r\n" + body
    got = check(live, data)
    assert got == b"" or got.startswith(b"HTTP/"), got[:200]


def raw_frame(first: int, size: int, mask: bool, payload: bytes) -> bytes:
    """A frame with any first byte and any stated size."""
    bit = 0x80 if mask else 0
    if size < 126:
        head = bytes((first, bit | size))
    elif size < 65_536:
        head = bytes((first, bit | 126)) + struct.pack("!H", size)
    else:
        head = bytes((first, bit | 127)) + struct.pack("!Q", size)
    return head + (b"\0\0\0\0" if mask else b"") + payload


FRAMES = st.one_of(
    texts(EVERY).map(masked),
    st.binary(max_size=40),
    st.builds(
        raw_frame,
        st.integers(0, 255),
        st.sampled_from([0, 1, 5, 125, 126, 70_000, 2**31, 2**63 - 1, 2**64 - 1]),
        st.booleans(),
        st.binary(max_size=40),
    ),
    st.binary(max_size=60).map(lambda payload: raw_frame(0x81, len(payload), True, payload)),
    st.binary(max_size=60).map(lambda payload: raw_frame(0xC1, len(payload), True, payload)),
    st.binary(max_size=140).map(lambda payload: raw_frame(0x89, len(payload), True, payload)),
    st.binary(max_size=140).map(lambda payload: raw_frame(0x88, len(payload), True, payload)),
)


@given(sent=st.lists(FRAMES, min_size=1, max_size=6))
@settings(max_examples=EXAMPLES, **SHARED)
def test_any_frames(live: Live, sent: list[bytes]) -> None:
    got = check(live, request(live[0].port) + b"".join(sent), ANSWER_S)
    assert b" 101 " in got.split(b"\r\n")[0]


@given(
    chunks=st.lists(st.binary(max_size=200), max_size=3),
    level=st.integers(0, 9),
    cut=st.integers(0, 8),
)
@settings(max_examples=EXAMPLES, **SHARED)
def test_any_compressed_frames(live: Live, chunks: list[bytes], level: int, cut: int) -> None:
    head = request(live[0].port).replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
    data = head
    for chunk in chunks:
        packer = zlib.compressobj(level, zlib.DEFLATED, -15)
        packed = packer.compress(chunk) + packer.flush(zlib.Z_SYNC_FLUSH)
        packed = packed[: max(0, len(packed) - cut)]
        data += raw_frame(0xC1, len(packed), True, packed)
    got = check(live, data, ANSWER_S)
    assert b" 101 " in got.split(b"\r\n")[0]


@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "HEAD", "NO"]),
    path=st.one_of(
        st.sampled_from(
            [
                "",
                "state",
                "journal",
                "faults",
                "faults/1",
                "faults/x",
                "sessions/0",
                "sessions/-1",
                "problems",
                "schema",
                "../x",
                "journal?since=-1",
                "journal?limit=99999999999999",
                "journal?since=%F0%9F",
                "journal?name=[",
                "journal?wait_ms=1&since=99999999",
                "journal?session=x&sender=y&kind=z",
                "journal?x=1",
                "sessions/٣",
            ]
        ),
        st.text(max_size=12).map(lambda text: text.replace(" ", "").encode().hex()),
    ),
    body=st.one_of(
        st.binary(max_size=60),
        st.sampled_from(
            [
                b'{"spec":"delay 11s on never.happens optional"}',
                b'{"spec":1}',
                b"[]",
                b"null",
                b'{"spec":"drop"',
                b"{}",
                b'{"spec":"delay 1s","x":1}',
                b'{"spec":"' + b"a" * 5_000 + b'"}',
                b"[" * 60_000,
                b"x" * 100_000,
                b'{"spec":"\\ud800"}',
                b'{"spec":"set a to NaN on x optional"}',
            ]
        ),
    ),
    kind=st.sampled_from(["application/json", "text/plain", "application/json; charset=utf-16", ""]),
)
@settings(max_examples=EXAMPLES, **SHARED)
def test_any_call_of_the_control_api(live: Live, method: str, path: str, body: bytes, kind: str) -> None:
    server = live[0]
    head = (
        f"{method} /__mockserver__/{path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    got = throw(server, head.encode("utf-8", "replace") + body, ANSWER_S)
    for number in list(server.faults):
        server.remove_fault(number)
    server._faults._removed.clear()  # set by the fuzzer, so nobody has to meet them
    status = int(got.split(b" ", 2)[1])
    assert status in (200, 201, 400, 404, 405, 413, 415), got[:300]
    assert b"Traceback" not in got
    noticed_nothing(live)


def test_a_decompression_bomb_ends_its_own_session_only(live: Live) -> None:
    """A megabyte that unpacks to a gigabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join(packer.compress(b"\0" * (1 << 20)) for _ in range(1024)) + packer.flush(zlib.Z_SYNC_FLUSH)
    head = request(live[0].port).replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
    before = peak()
    got = throw(live[0], head + raw_frame(0xC1, len(packed[:-4]), True, packed[:-4]), ANSWER_S)
    assert b" 101 " in got
    assert peak() - before < 400 << 20
    noticed_nothing(live)


def peak() -> int:
    """Bytes this process has held at most."""
    lines = Path(f"/proc/{os.getpid()}/status").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def test_a_frame_that_says_it_is_huge_is_refused(live: Live) -> None:
    data = raw_frame(0x81, 1 << 40, True, b"x" * 100)
    got = check(live, request(live[0].port) + data, ANSWER_S)
    assert b" 101 " in got
