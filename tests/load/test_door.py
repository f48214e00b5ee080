"""Where a call goes: the recorded handshake below another base URL, without what was taken out of it."""

from __future__ import annotations

import pytest

from mockserver.cassette.model import Cassette, Connection, Header
from mockserver.core.frames import Answer, Handshake
from mockserver.errors import UsageError
from mockserver.load.door import door

SHAKE = Handshake(
    "/v1/realtime",
    (("model", "gpt-realtime"),),
    (("Host", "api"), ("authorization", "REDACTED-token-1"), ("X-Own", "1"), ("User-Agent", "x")),
    (),
    "/v1/realtime?model=gpt-realtime",
)


def gone(url: str, **more: object) -> tuple[str, list[tuple[str, str]], list[str]]:
    recorded = Connection(0, SHAKE, Answer())
    made = door(Cassette(Header("openai", "", "2026-01-02"), (recorded,)), recorded, url=url, **more)  # type: ignore[arg-type]
    return made.target, list(made.headers), list(made.subprotocols)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://gate:1/v1", "ws://gate:1/v1/realtime?model=gpt-realtime"),
        ("https://gate/v1/", "wss://gate/v1/realtime?model=gpt-realtime"),
        ("http://gate/s/late/v1", "ws://gate/s/late/v1/realtime?model=gpt-realtime"),
        ("http://gate/proxy", "ws://gate/proxy/realtime?model=gpt-realtime"),
        ("http://gate/proxy/v1", "ws://gate/proxy/v1/realtime?model=gpt-realtime"),
        ("http://gate", "ws://gate/v1/realtime?model=gpt-realtime"),
        ("ws://gate/v1/realtime?model=other", "ws://gate/v1/realtime?model=other"),
    ],
)
def test_the_recorded_path_stands_below_the_base_url(url: str, target: str) -> None:
    assert gone(url)[0] == target


def test_what_was_taken_out_is_not_sent_and_the_key_stands_there() -> None:
    _, headers, _ = gone("http://gate/v1", key="sk-own", headers=[("X-Own", "2")])
    assert ("authorization", "Bearer sk-own") in [(name.lower(), value) for name, value in headers]
    assert ("X-Own", "2") in headers
    assert ("X-Own", "1") not in headers
    assert "REDACTED" not in str(headers)
    assert "REDACTED" not in str(gone("http://gate/v1"))


@pytest.mark.parametrize("url", ["gate:1", "ftp://gate", "http://", "http://[", "http://gate:0"])
def test_no_url_is_one_line(url: str) -> None:
    with pytest.raises(UsageError, match="expected an http"):
        gone(url)
