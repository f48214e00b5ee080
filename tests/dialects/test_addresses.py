"""Addresses of sockets in plain replies: found by the field's name, and only where they are ws or wss URLs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.dialects.addresses import led, moved, socket_url
from mockserver.dialects.registry import DIALECTS

HERE = "ws://127.0.0.1:5"


def here(url: str) -> str | None:
    return moved(url, HERE)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"a": 1, "u": "wss://h/p?q=1"}, {"a": 1, "u": f"{HERE}/p?q=1"}),
        ({"u": "ws://user:word@h:9?t=%20"}, {"u": f"{HERE}/?t=%20"}),
        ({"u": "wss://h/p#part"}, {"u": f"{HERE}/p"}),
        ([{"call": {"u": "wss://h/1"}}, 2], [{"call": {"u": f"{HERE}/1"}}, 2]),
    ],
)
def test_a_named_socket_is_led_elsewhere(told: Any, expected: Any) -> None:
    assert json.loads(led(json.dumps(told).encode(), ("u",), here)) == expected


@pytest.mark.parametrize(
    "body",
    [
        b'{ "v":"wss://h/p"}',
        b'{ "u":"https://h/p"}',
        b'{ "u":"file:///etc/passwd"}',
        b'{ "u":"wss:///p"}',
        b'{ "u":"wss://h:0/p"}',
        b'{ "u":"wss://h:x/p"}',
        b'{ "u":"wss://[::1/p"}',
        b'{ "u":["wss://h/p"]}',
        b'{ "u":null}',
        b"no json",
        b"\xff\xfe",
        b"",
    ],
)
def test_anything_else_is_the_same_object(body: bytes) -> None:
    assert led(body, ("u",), here) is body


def test_without_fields_nothing_is_read() -> None:
    body = b'{"joinUrl":"wss://h/p"}'
    assert led(body, DIALECTS["openai"].socket_fields, here) is body
    assert led(body, DIALECTS["ultravox"].socket_fields, here) != body


def test_a_socket_has_a_scheme_and_a_host() -> None:
    assert socket_url("WSS://Voice.example/x") is not None
    assert socket_url("http://voice.example/x") is None
    assert socket_url("//voice.example/x") is None
