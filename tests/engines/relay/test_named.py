"""A socket that a reply of the upstream named is dialled where it really is, without anyone's key; no other is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.core.frames import Answer, Dial, Dialled, Handshake, Note, Pairs, Refuse
from mockserver.dialects.base import Dialect
from mockserver.dialects.elevenlabs import ELEVENLABS
from mockserver.dialects.openai.lens import OPENAI
from mockserver.dialects.ultravox import ULTRAVOX
from mockserver.engines.base import HttpReply, Request, SessionContext
from mockserver.engines.relay import named
from mockserver.engines.relay.source import Relay
from tests.engines.relay.test_source import opened

REST = "https://api.example/api"
JOIN = "wss://voice.example:8443/calls//c%201?token=t%2B1&apiVersion=1"
ORIGIN = "http://recorder:4000"


def told(source: Relay, url: Any, *, status: int = 201, field: str = "joinUrl") -> Any:
    """What the client reads in a reply that names a socket."""
    body = json.dumps({"callId": "c", field: url}).encode()
    context = SessionContext(0, "0", source.dialect, base_url=ORIGIN + source.dialect.base_path)
    reply = source.forwarded(HttpReply(status, (("X-Of", "upstream"),), body), context)
    assert reply.status == status
    assert reply.headers == (("X-Of", "upstream"),)
    return json.loads(reply.body)[field]


def came(target: str, query: Pairs, path: str, **more: Any) -> Handshake:
    return Handshake(path, query, target=target, **more)


AS_NAMED = came("/calls//c%201?token=t%2B1&apiVersion=1", (("token", "t+1"), ("apiVersion", "1")), "/calls/c 1")


def dialled(source: Relay, handshake: Handshake) -> Handshake:
    _, [dial] = opened(source, handshake)
    assert isinstance(dial, Dial)
    return dial.handshake


def refused(source: Relay, handshake: Handshake) -> Refuse:
    _, [refusal] = opened(source, handshake)
    assert isinstance(refusal, Refuse)
    return refusal


def test_the_client_is_given_this_server_and_taken_to_the_real_one() -> None:
    source = Relay(REST, ULTRAVOX)
    assert told(source, JOIN) == "ws://recorder:4000/calls//c%201?token=t%2B1&apiVersion=1"
    assert dialled(source, AS_NAMED).target == JOIN
    assert source.failures == []


def test_what_a_client_adds_to_the_address_goes_with_it_but_for_keys() -> None:
    source = Relay(REST, ULTRAVOX)
    told(source, JOIN)
    more = came(
        f"{AS_NAMED.target}&clientVersion=2&api_key=of-the-client&token=other",
        (*AS_NAMED.query, ("clientVersion", "2"), ("api_key", "of-the-client"), ("token", "other")),
        AS_NAMED.path,
    )
    shake = dialled(source, more)
    assert shake.target == f"{JOIN}&clientVersion=2"
    assert shake.query == (*AS_NAMED.query, ("clientVersion", "2"))


def test_no_key_goes_to_a_named_address() -> None:
    source = Relay(REST, ULTRAVOX, key="of-the-relay")
    told(source, JOIN)
    names = ("X-API-Key", "Authorization", "api-key", "X-Goog-Api-Key", "Cookie", "X-My-Secret", "X-Mockserver-Token")
    keys = tuple((name, f"of-the-client-{name}") for name in names)
    headers = (("Host", "127.0.0.1:4000"), *keys, ("User-Agent", "agent"))
    offered = ("ultravox", "openai-insecure-api-key.of-the-client")
    shake = dialled(source, came(AS_NAMED.target, AS_NAMED.query, AS_NAMED.path, headers=headers, subprotocols=offered))
    assert shake.headers == (("User-Agent", "agent"),)
    assert shake.subprotocols == ("ultravox",)
    assert "of-the" not in repr(shake)
    # The control: to the upstream the key does go.
    made = source.forward(Request("POST", "/api/calls", headers=keys), "/api/calls")
    assert ("x-api-key", "of-the-relay") in made.headers


@pytest.mark.parametrize(
    "handshake",
    [
        came("/calls/made-up", (), "/calls/made-up"),
        came("/calls/c%201", (), "/calls/c 1"),
        came("/calls/c%201?token=wrong&apiVersion=1", (("token", "wrong"), ("apiVersion", "1")), "/calls/c 1"),
    ],
)
def test_an_address_that_nobody_named_is_not_dialled(handshake: Handshake) -> None:
    source = Relay(REST, ULTRAVOX)
    told(source, JOIN)
    refusal = refused(source, handshake)
    assert refusal.status == 404
    assert b"REST call through this server" in refusal.body
    assert [str(one) for one in source.failures] == [json.loads(refusal.body)["error"]["message"]]
    assert "wrong" not in str(source.failures)


def test_behind_tls_the_address_is_wss() -> None:
    source = Relay(REST, ULTRAVOX)
    reply = HttpReply(201, (), json.dumps({"joinUrl": JOIN}).encode())
    context = SessionContext(0, "0", ULTRAVOX, base_url="https://127.0.0.1:5/api")
    made = json.loads(source.forwarded(reply, context).body)
    assert made["joinUrl"] == "wss://127.0.0.1:5/calls//c%201?token=t%2B1&apiVersion=1"


def test_one_relay_does_not_know_what_another_was_told() -> None:
    first, second = Relay(REST, ULTRAVOX), Relay(REST, ULTRAVOX)
    told(first, JOIN)
    assert refused(second, AS_NAMED).status == 404


@pytest.mark.parametrize("url", ["https://voice.example/c", "file:///etc/passwd", "wss://", 5, None])
def test_only_a_socket_counts(url: Any) -> None:
    source = Relay(REST, ULTRAVOX)
    assert told(source, url) == url
    assert refused(source, came("/c", (), "/c")).status == 404


def test_a_reply_that_is_an_error_names_nothing() -> None:
    source = Relay(REST, ULTRAVOX)
    assert told(source, JOIN, status=402) == JOIN
    assert refused(source, AS_NAMED).status == 404


def test_a_dialect_says_which_hosts_may_be_named() -> None:
    class Strict(Dialect):
        socket_fields = ("joinUrl",)
        socket_hosts = ("*.voice.example",)

    source = Relay(REST, Strict())
    assert told(source, "wss://a.Voice.example/1") == "ws://recorder:4000/1"
    for other in ("wss://voice.example.evil/1", "wss://evil/a.voice.example", "wss://a.voice.example@evil/1"):
        assert told(source, other) == other


def test_a_reply_of_a_dialect_without_such_fields_is_the_same_object() -> None:
    reply = HttpReply(200, (), b'{ "joinUrl" : "wss://voice.example/1" }')
    source = Relay(REST, OPENAI)
    assert source.forwarded(reply, SessionContext(0, "0", OPENAI, base_url=ORIGIN)) is reply


def test_where_the_socket_is_at_the_upstream_too_an_unnamed_one_goes_there_with_the_key() -> None:
    source = Relay("https://api.example", ELEVENLABS)
    path = "/v1/convai/conversation"
    signed = "agent_id=a&conversation_signature=cvtkn_1"
    assert told(source, f"wss://api.example{path}?{signed}", field="signed_url") == f"ws://recorder:4000{path}?{signed}"
    key = (("xi-api-key", "of-the-client"),)
    pairs = (("agent_id", "a"), ("conversation_signature", "cvtkn_1"))
    by_signature = dialled(source, came(f"{path}?{signed}", pairs, path, headers=key))
    assert (by_signature.target, by_signature.headers) == (f"wss://api.example{path}?{signed}", ())
    by_key = dialled(source, came(f"{path}?agent_id=a", pairs[:1], path, headers=key))
    assert (by_key.target, by_key.headers) == (f"wss://api.example{path}?agent_id=a", key)


def test_an_upstream_that_is_a_socket_itself_was_named_by_the_user() -> None:
    source = Relay("wss://voice.example", ULTRAVOX)
    assert dialled(source, came("/calls/x", (), "/calls/x")).target == "wss://voice.example/calls/x"


def test_two_sockets_of_one_path_are_told_apart_and_the_newest_counts() -> None:
    source = Relay(REST, ULTRAVOX)
    for url in ("wss://one/ws?token=1", "wss://two/ws?token=2", "wss://three/ws?token=1"):
        told(source, url)
    assert dialled(source, came("/ws?token=2", (("token", "2"),), "/ws")).target == "wss://two/ws?token=2"
    assert dialled(source, came("/ws?token=1", (("token", "1"),), "/ws")).target == "wss://three/ws?token=1"


def test_what_is_remembered_has_a_bound() -> None:
    source = Relay(REST, ULTRAVOX)
    for number in range(named.KEPT + 1):
        told(source, f"wss://voice.example/{number}")
    assert refused(source, came("/0", (), "/0")).status == 404
    assert dialled(source, came("/1", (), "/1")).target == "wss://voice.example/1"


def test_a_failure_there_is_told_with_the_named_host() -> None:
    source = Relay(REST, ULTRAVOX)
    told(source, JOIN)
    engine, _ = opened(source, AS_NAMED)
    note, refusal = engine.feed(Dialled(Answer(410, body=b"over")), 0)
    assert isinstance(note, Note)
    assert isinstance(refusal, Refuse)
    assert "wss://voice.example:8443" in note.text
    assert "t%2B1" not in note.text
    assert (refusal.status, refusal.body) == (410, b"over")


def test_a_plain_request_asks_for_a_reply_that_can_be_read() -> None:
    headers = (("accept-encoding", "gzip, br"), ("X-Other", "1"))
    made = Relay(REST, ULTRAVOX).forward(Request("POST", "/api/calls", headers=headers), "/api/calls")
    assert made.headers == (("Accept-Encoding", "identity"), ("X-Other", "1"))


def test_the_named_provider_is_reached_where_its_clients_reach_it() -> None:
    assert ULTRAVOX.upstream is not None
    made = Relay(ULTRAVOX.upstream, ULTRAVOX).forward(Request("POST", "/api/calls"), "/api/calls?a=1")
    assert made.url == "https://api.ultravox.ai/api/calls?a=1"
