"""The relay without a socket: what goes where, and that nothing is looked at or changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.frames import (
    Abort,
    Accept,
    Answer,
    Binary,
    Close,
    Dial,
    Dialled,
    Effect,
    Handshake,
    Hangup,
    Lost,
    Note,
    Opened,
    Pairs,
    Peer,
    Received,
    Refuse,
    Send,
    Tell,
    Text,
)
from mockserver.core.view import Memo
from mockserver.dialects.gemini import GEMINI
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.openai.lens import OPENAI
from mockserver.engines.base import Engine, Request, SessionContext
from mockserver.engines.relay.source import Relay, joined, shown
from mockserver.errors import UsageError

CLIENT, UPSTREAM = Peer.CLIENT, Peer.UPSTREAM


def opened(source: Relay, handshake: Handshake) -> tuple[Engine, list[Effect]]:
    engine = source.open(handshake, SessionContext(0, "0/0", Memo(OPENAI)))
    return engine, list(engine.feed(Opened(handshake), 0))


def running() -> Engine:
    engine, _ = opened(Relay("wss://api.example/v1", OPENAI), Handshake("/v1/realtime", target="/v1/realtime"))
    assert list(engine.feed(Dialled(Answer(101, (("x-request-id", "r"),), "realtime")), 5)) == [
        Accept("realtime", (("x-request-id", "r"),))
    ]
    return engine


frames = st.one_of(st.builds(Text, st.text()), st.builds(Binary, st.binary()))


@given(st.lists(st.tuples(st.sampled_from(Peer), frames)))
def test_every_frame_goes_to_the_other_side_as_it_is(
    sent: list[tuple[Peer, Text | Binary]],
) -> None:
    engine = running()
    for now, (peer, frame) in enumerate(sent):
        other = UPSTREAM if peer is CLIENT else CLIENT
        [effect] = list(engine.feed(Received(peer, frame), now))
        assert effect == Send(other, frame)
        assert effect.frame is frame  # type: ignore[union-attr]
        assert engine.wake_at() is None


@pytest.mark.parametrize("close", [Close(), Close(1000), Close(4321, "reason ü")], ids=str)
@pytest.mark.parametrize("peer", list(Peer))
def test_a_close_goes_through_once(peer: Peer, close: Close) -> None:
    engine = running()
    other = UPSTREAM if peer is CLIENT else CLIENT
    assert list(engine.feed(Received(peer, close), 1)) == [Hangup(other, close.code, close.reason)]
    assert list(engine.feed(Received(other, Close(close.code)), 2)) == []
    assert list(engine.feed(Received(other, Text("late")), 3)) == []


@pytest.mark.parametrize("peer", list(Peer))
def test_a_loss_becomes_a_reset(peer: Peer) -> None:
    engine = running()
    other = UPSTREAM if peer is CLIENT else CLIENT
    note, abort = list(engine.feed(Received(peer, Lost("reset")), 1))
    assert isinstance(note, Note)
    assert abort == Abort(other)


def test_a_client_that_gives_up_ends_the_dialling() -> None:
    engine, _ = opened(Relay("wss://api.example/v1", OPENAI), Handshake("/v1/realtime"))
    assert list(engine.feed(Received(CLIENT, Lost("gave up")), 1)) == [Abort(UPSTREAM)]


def test_a_refusal_goes_through() -> None:
    source = Relay("wss://user:word@api.example/v1?key=secret", OPENAI)
    engine, _ = opened(source, Handshake("/v1/realtime"))
    headers = (
        ("Retry-After", "3"),
        ("Content-Length", "4"),
        ("Connection", "close, X-Hop"),
        ("X-Hop", "1"),
    )
    note, refuse = list(engine.feed(Dialled(Answer(429, headers, None, b"slow")), 1))
    assert refuse == Refuse(429, (("Retry-After", "3"),), b"slow")
    assert isinstance(note, Note)
    assert note.text == "upstream wss://api.example/v1 refused the connection with HTTP 429"
    assert [str(failure) for failure in source.failures] == [note.text]


@pytest.mark.parametrize(("failure", "status"), [("cannot reach it", 502), ("it did not answer within 1 s", 504)])
def test_no_answer_is_a_bad_gateway(failure: str, status: int) -> None:
    engine, _ = opened(Relay("wss://api.example/v1", OPENAI), Handshake("/v1/realtime"))
    refuse = list(engine.feed(Dialled(Answer(502), failure), 1))[-1]
    assert isinstance(refuse, Refuse)
    assert (refuse.status, refuse.body) == (
        status,
        f'{{"error": {{"message": "{failure}"}}}}\n'.encode(),
    )


def test_what_it_does_not_know_changes_nothing() -> None:
    assert list(running().feed(Tell("unheard of"), 1)) == []


# --- addresses ---


@pytest.mark.parametrize(
    ("upstream", "target", "url"),
    [
        (
            "https://api.openai.com/v1",
            "/v1/realtime?model=a%2Fb",
            "wss://api.openai.com/v1/realtime?model=a%2Fb",
        ),
        ("wss://api.openai.com/v1/", "//v1//realtime", "wss://api.openai.com/v1/realtime"),
        ("http://127.0.0.1:9/other/base", "/v1/realtime", "ws://127.0.0.1:9/other/base/realtime"),
        ("wss://host/v1/realtime", "/v1/realtime?model=x", "wss://host/v1/realtime?model=x"),
        (
            "wss://host/v1?api-version=1",
            "/v1/realtime?model=x",
            "wss://host/v1/realtime?api-version=1&model=x",
        ),
        ("wss://host", "/v1/realtime", "wss://host/realtime"),
        ("wss://host/v1", "/elsewhere", "wss://host/v1/elsewhere"),
        ("wss://host/v1", "/v10/realtime", "wss://host/v1/v10/realtime"),
        ("wss://name:word@host/v1", "/v1/realtime", "wss://host/v1/realtime"),
    ],
)
def test_where_a_request_goes(upstream: str, target: str, url: str) -> None:
    assert joined(upstream, OPENAI, target) == url


@pytest.mark.parametrize(
    ("upstream", "target", "url"),
    [
        ("ws://host", "/", "ws://host/"),
        ("ws://host/chat", "/", "ws://host/chat"),
        ("ws://host/chat", "/room?x=1", "ws://host/chat/room?x=1"),
    ],
)
def test_where_a_request_goes_without_a_provider(upstream: str, target: str, url: str) -> None:
    assert joined(upstream, GENERIC, target) == url


def test_a_url_is_shown_without_secrets() -> None:
    assert shown("wss://user:word@host:1/v1?key=sk-1#x") == "wss://host:1/v1"


@pytest.mark.parametrize("upstream", ["api.openai.com", "ftp://host", "https://", ""])
def test_a_wrong_upstream_fails_at_construction(upstream: str) -> None:
    with pytest.raises(UsageError, match="expected a URL"):
        Relay(upstream, OPENAI)


# --- headers and keys ---

SENT: Pairs = (
    ("Host", "127.0.0.1:1"),
    ("Connection", "Upgrade, X-Hop"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Key", "x"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Extensions", "permessage-deflate"),
    ("Sec-WebSocket-Protocol", "realtime"),
    ("X-Hop", "1"),
    ("Authorization", "Bearer of-the-client"),
    ("X-Other", "1"),
    ("X-Other", "2"),
)


def dialled(source: Relay, handshake: Handshake) -> Handshake:
    _, [dial] = opened(source, handshake)
    assert isinstance(dial, Dial)
    return dial.handshake


def test_headers_of_the_hop_stay_behind() -> None:
    shake = dialled(
        Relay("wss://host/v1", OPENAI),
        Handshake("/v1/realtime", headers=SENT, subprotocols=("realtime",)),
    )
    assert shake.headers == (
        ("Sec-WebSocket-Extensions", "permessage-deflate"),
        ("Authorization", "Bearer of-the-client"),
        ("X-Other", "1"),
        ("X-Other", "2"),
    )
    assert shake.subprotocols == ("realtime",)
    assert shake.target == "wss://host/v1/realtime"


def test_a_key_replaces_every_key_of_the_client() -> None:
    headers = (*SENT, ("api-key", "of-the-client"), ("Host", "127.0.0.1:1"))
    handshake = Handshake(
        "/v1/realtime",
        headers=headers,
        subprotocols=("realtime", "openai-insecure-api-key.of-the-client"),
        target="/v1/realtime?model=m&api_key=of-the-client&x=%20",
    )
    shake = dialled(Relay("wss://host/v1", OPENAI, key="ours"), handshake)
    assert "of-the-client" not in repr(shake)
    assert shake.header("authorization") == "Bearer ours"
    assert shake.subprotocols == ("realtime",)
    assert shake.target == "wss://host/v1/realtime?model=m&x=%20"


def test_a_key_goes_where_the_provider_wants_it() -> None:
    source = Relay("https://generativelanguage.googleapis.com", GEMINI, key="ours")
    path = GEMINI.socket_path
    shake = dialled(source, Handshake(path, target=f"{path}?key=of-the-client"))
    assert "of-the-client" not in repr(shake)
    assert "ours" in repr(shake)


def test_a_plain_request_keeps_its_own_name() -> None:
    request = Request("POST", "/v1/realtime/client_secrets", headers=SENT, body=b"{}")
    made = Relay("wss://hostws/v1", OPENAI, key="ours").forward(request, "/v1/realtime/client_secrets?a=1")
    assert made.url == "https://hostws/v1/realtime/client_secrets?a=1"
    assert ("Authorization", "Bearer ours") in [(name.title(), value) for name, value in made.headers]
    assert (made.method, made.body) == ("POST", b"{}")
