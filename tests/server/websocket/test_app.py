"""What is kept of requests: one copy of what all clients say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mockserver.core.frames import Handshake
from mockserver.server.websocket.app import COMMON, pairs, read_handshake


def handshake(target: str, value: str) -> Handshake:
    raw = ((b"Authorization", b"Bearer " + value.encode()), (b"User-Agent", f"client {len(value)}".encode()))
    request: Any = SimpleNamespace(raw_path=target[:1] + target[1:], raw_headers=raw)
    return read_handshake(request)


@pytest.mark.parametrize(("size", "shared"), [(20, True), (COMMON + 1, False)])
def test_a_journal_of_many_sessions_has_common_headers_and_addresses_once(size: int, shared: bool) -> None:
    """Long ones are one client's: to remember them would be memory that strangers fill."""
    target = "/v1/realtime?model=" + "m" * size
    one, other = handshake(target, "k" * size), handshake(target, "k" * size)
    assert one == other
    assert one.query == (("model", "m" * size),)
    assert (one.query is other.query, one.headers[0] is other.headers[0]) == (shared, shared)


def test_headers_stay_in_their_order_and_bytes_that_are_no_text_are_read_all_the_same() -> None:
    raw = ((b"B", b"\xff"), (b"A", "\u00e9".encode()), (b"B", b"2"))
    assert pairs(raw) == (("B", "\u00ff"), ("A", "\u00e9"), ("B", "2"))
