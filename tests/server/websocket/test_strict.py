"""What a websocket client may not do (RFC 6455), asked of the part alone and of a server on a socket."""

from __future__ import annotations

import re
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import MockServer, simulator
from mockserver.core.frames import Lost, Pairs
from mockserver.server.websocket.strict import REFUSED, Frames, handshake_problem
from tests.bench.wire import request

MASK = b"\x01\x02\x03\x04"


def frame(payload: bytes, *, head: int = 0x81, form: int | None = None) -> bytes:
    """A masked frame; ``form`` 126 or 127 says its length in more bytes than it may need."""
    size = len(payload)
    form = form or (size if size < 126 else 126 if size < 65_536 else 127)
    more = size.to_bytes({126: 2, 127: 8}[form], "big") if form >= 126 else b""
    return bytes((head, 0x80 | form)) + more + MASK + payload


GOOD = [
    frame(b""),
    frame(b"a" * 125),
    frame(b"a" * 126),
    frame(b"a" * 65_535),
    frame(b"a" * 65_536),
    frame(b"x", head=0x01) + frame(b"ping", head=0x89) + frame(b"y", head=0x00) + frame(b"z", head=0x80),
    frame(b"", head=0x01) + frame(b"", head=0x80) + frame(b"next", head=0x82),
    frame(b"packed", head=0xC1),
    frame(b"\x03\xe8", head=0x88),
]
BAD = {
    "unmasked": bytes((0x81, 5)) + b"hello",
    "unmasked ping": bytes((0x89, 0)),
    "16 bits for 5": frame(b"hello", form=126),
    "64 bits for 5": frame(b"hello", form=127),
    "64 bits for 65535": frame(b"a" * 65_535, form=127)[:14],
    "the highest bit of 64": bytes((0x82, 0xFF)) + b"\x80" + b"\0" * 7 + MASK,
    "text within text": frame(b"a", head=0x01) + frame(b"b"),
    "text within empty text": frame(b"", head=0x01) + frame(b"b"),
    "a continuation of nothing": frame(b"b", head=0x80),
    "a packed ping": frame(b"", head=0xC9),
}


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 1_000_000])
@pytest.mark.parametrize("data", GOOD, ids=range(len(GOOD)))
def test_good_frames_pass_in_any_pieces(data: bytes, cut: int) -> None:
    frames, data = Frames(), data * 3
    passed = b"".join(frames.passed(data[at : at + cut]) for at in range(0, len(data), cut))
    assert passed == data
    assert frames.problem is None


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 1_000_000])
@pytest.mark.parametrize("name", BAD)
def test_what_came_before_a_bad_frame_passes_and_nothing_after_it(name: str, cut: int) -> None:
    frames, data = Frames(), GOOD[1] + BAD[name] + GOOD[1]
    passed = b"".join(frames.passed(data[at : at + cut]) for at in range(0, len(data), cut))
    assert frames.problem is not None
    assert passed.endswith(REFUSED)
    assert data.startswith(passed.removesuffix(REFUSED))
    assert passed.startswith(GOOD[1])
    assert frames.passed(GOOD[0]) == b""


@given(st.lists(st.sampled_from(GOOD), max_size=4), st.data())
def test_what_went_on_before_is_counted(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    first = data.draw(st.integers(0, len(whole)))
    second = data.draw(st.integers(first, len(whole)))
    frames = Frames()
    frames.went_on(whole[:first])
    assert whole[:first] + frames.passed(whole[first:second]) + frames.passed(whole[second:]) == whole
    assert frames.problem is None


def test_a_bad_head_of_which_a_part_went_on_passes_nothing_more() -> None:
    frames = Frames()
    frames.went_on(b"\x81\xfe")
    assert frames.passed(b"\x00") == b"\x00" or frames.problem is None
    assert frames.passed(b"\x05") == b""
    assert frames.problem is not None


HEADERS: Pairs = (
    ("Host", "h"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
)


@pytest.mark.parametrize(
    ("method", "version", "headers", "problem"),
    [
        ("GET", (1, 1), HEADERS, None),
        ("GET", (1, 1), (*HEADERS, ("Content-Length", "0")), None),
        ("POST", (1, 1), HEADERS, "is a GET"),
        ("GET", (1, 0), HEADERS, "HTTP/1.1"),
        ("GET", (1, 1), HEADERS[1:], "host"),
        ("GET", (1, 1), (*HEADERS, ("host", "other")), "host"),
        ("GET", (1, 1), (*HEADERS, HEADERS[3]), "sec-websocket-key"),
        ("GET", (1, 1), (*HEADERS[:3], ("Sec-WebSocket-Key", "dGhl!IHNhbXBsZSBub25jZQ=="), HEADERS[4]), "base64"),
        ("GET", (1, 1), (*HEADERS[:3], ("Sec-WebSocket-Key", "c2hvcnQ="), HEADERS[4]), "16 bytes"),
        ("GET", (1, 1), (*HEADERS[:4], ("Sec-WebSocket-Version", "8")), "expected 13"),
        ("GET", (1, 1), HEADERS[:4], "sec-websocket-version"),
        ("GET", (1, 1), (*HEADERS, ("Content-Length", "5")), "no body"),
        ("GET", (1, 1), (*HEADERS, ("Transfer-Encoding", "chunked")), "no body"),
    ],
)
def test_handshakes(method: str, version: tuple[int, int], headers: Pairs, problem: str | None) -> None:
    found = handshake_problem(method, version, headers)
    assert (found is None) is (problem is None), found
    assert problem is None or problem in (found or "")


def talk(port: int, *pieces: bytes) -> bytes:
    """Everything that a server says to these bytes until it closes."""
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        got = b""
        for piece in pieces:
            sock.sendall(piece)
            while b"session.created" not in got and b"\r\n\r\n" not in got:
                got += sock.recv(65_536)
        while chunk := sock.recv(65_536):
            got += chunk
    return got


@pytest.mark.parametrize("early", [False, True], ids=["after the answer", "with the handshake"])
@pytest.mark.parametrize("name", BAD)
def test_a_server_closes_with_1002(name: str, early: bool) -> None:
    with MockServer(simulator("openai", pace="instant")).in_thread() as server:
        head = request(server.port)
        got = talk(server.port, *([head + BAD[name]] if early else [head, BAD[name]]))
        assert b" 101 " in got
        assert got.endswith(b"\x88\x02\x03\xea"), got[-40:]
        [said] = [entry.what.reason for entry in server.journal if isinstance(entry.what, Lost)]
        assert said.startswith("protocol error: ")


@pytest.mark.parametrize("code", [1005, 1006, 1015, 5000, 65535, 999, 1004])
def test_codes_that_are_never_sent(code: int) -> None:
    with MockServer(simulator("openai", pace="instant")).in_thread() as server:
        payload = bytes(byte ^ mask for byte, mask in zip(code.to_bytes(2, "big"), MASK, strict=False))
        got = talk(server.port, request(server.port), frame(payload, head=0x88))
        assert got.endswith(b"\x88\x02\x03\xea"), got[-40:]


@pytest.mark.parametrize("change", [(b"GET ", b"POST "), (b"HTTP/1.1", b"HTTP/1.0"), (b"Version: 13", b"Version: 8")])
def test_a_server_refuses_such_handshakes(change: tuple[bytes, bytes]) -> None:
    with MockServer(simulator("openai", pace="instant")).in_thread() as server:
        data = request(server.port).replace(*change)
        assert data != request(server.port)
        got = talk(server.port, data.replace(b"\r\n\r\n", b"\r\nConnection: close, Upgrade\r\n\r\n", 1))
        assert re.match(rb"HTTP/1.[01] 400 ", got), got[:200]
        assert not server.sessions
