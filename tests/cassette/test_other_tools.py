"""Recordings and logs of other tools: each file of ``imports`` becomes a cassette that plays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.cassette.files.foreign import detect_and_import
from mockserver.cassette.importers.detect import FORMS, import_bytes
from mockserver.cassette.model import Cassette
from mockserver.cassette.render import lens_of
from mockserver.cassette.store import redactor_for, save
from mockserver.core.frames import Binary, Close, Frame, Sender, Text
from mockserver.engines.replay.source import Replay
from mockserver.errors import CassetteDamaged, CassetteForeign, MockServerError
from tests.cassette.test_linear import SLACK, grows
from tests.engines.driving import Live

FILES = Path(__file__).with_name("imports")
SAMPLES = sorted(path for path in FILES.iterdir() if path.suffix != ".md")
TIMED = {"litellm.json", "bare-events.jsonl"}
"""What these know is only the order."""


def events(cassette: Cassette, sender: Sender) -> list[Any]:
    texts = [record.frame for record in cassette.connections[0].records if record.sender is sender]
    return [json.loads(one.data) for one in texts if isinstance(one, Text)]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_a_file_of_another_tool_imports_and_replays(path: Path) -> None:
    made = detect_and_import(path)
    assert made.header.dialect == ("gpt_live" if path.name == "aimock.json" else "openai")
    (line,) = made.connections
    assert line.timed == (path.name not in TIMED)
    assert made.header.origin.startswith(f"imported from {path.name} (")
    asked, answered = events(made, Sender.CLIENT), events(made, Sender.SERVER)
    assert asked
    live = Live(Replay(made, pacing="instant"), line.handshake)
    live.wait(0)
    for one in asked:
        live.send(one)
    live.wait(60_000)
    assert [one for one in live.bodies() if isinstance(one, dict)] == answered
    # And what it plays is a whole turn.
    last = [one["type"] for one in answered]
    assert "session.closed" in last if path.name == "aimock.json" else "response.done" in last


def test_the_table_of_the_files_has_each() -> None:
    about = (FILES / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in SAMPLES if f"`{path.name}`" not in about] == []


def test_a_key_of_a_url_is_in_the_handshake_for_the_redaction_to_find() -> None:
    line = detect_and_import(FILES / "chrome.har").connections[0]
    assert line.handshake.subprotocols == ("realtime", "openai-insecure-api-key.sk-proj-0123456789abcdefghij")
    flow = detect_and_import(FILES / "mitmproxy.flows")
    assert dict(flow.connections[0].handshake.headers)["Authorization"] == "Bearer any"
    assert flow.connections[0].handshake.query == (("model", "gpt-realtime"),)
    assert flow.header.upstream.startswith("ws://127.0.0.1:")


@pytest.mark.parametrize(("name", "secret"), [("chrome.har", b"sk-proj-0123"), ("mitmproxy.flows", b"Bearer any")])
def test_what_is_imported_is_saved_without_its_keys(name: str, secret: bytes, tmp_path: Path) -> None:
    assert secret in (FILES / name).read_bytes()
    made = detect_and_import(FILES / name)
    path = save(made, tmp_path / "x.cassette", redactor=redactor_for(lens_of(made)))
    assert secret not in path.read_bytes()


def frames(made: Cassette) -> list[tuple[Sender, Frame]]:
    return [(record.sender, record.frame) for record in made.connections[0].records]


CASSETTER = """\
version: 1
interactions:
- request: {{method: GET, uri: "https://example.test/"}}
ws_interactions:
- uri: wss://example.test/x?key=1
  headers: {{sec-websocket-protocol: [realtime]}}
  frames:
{frames}
"""
BINARY = """\
  - {direction: send, frame_type: binary, body: {type: binary, content: "0001ff"}, offset_ms: 5}
  - {direction: recv, frame_type: text, body: {type: json, content: {a: 1}}, offset_ms: 6}
  - {direction: recv, frame_type: close, body: {type: binary, content: "03f36f766572"}, offset_ms: 9}
"""


def test_cassetter_binary_json_and_close() -> None:
    told: list[str] = []
    made = import_bytes(CASSETTER.format(frames=BINARY).encode(), "x.yaml", tell=told.append)
    assert frames(made) == [
        (Sender.CLIENT, Binary(b"\x00\x01\xff")),
        (Sender.SERVER, Text('{"a":1}')),
        (Sender.SERVER, Close(1011, "over")),
    ]
    assert [record.at for record in made.connections[0].records] == [5_000, 6_000, 9_000]
    assert made.header.upstream == "wss://example.test"
    assert told == ["1 HTTP interaction(s) are no websocket messages and are left out"]


def nimax(*stated: Any) -> str:
    return json.dumps({"websocket_sessions": [{"uri": "ws://h/x", "frames": list(stated)}]})


def test_nimax_closes_and_pings() -> None:
    ping = {"direction": "recv", "type": "ping", "payload": None, "offset_ms": 1}
    close = {"direction": "recv", "type": "close", "payload": None, "close_code": 1001, "close_reason": "bye"}
    text = {"direction": "send", "type": "text", "payload": "hi"}
    assert frames(import_bytes(nimax(ping, text, close).encode(), "x.json")) == [
        (Sender.CLIENT, Text("hi")),
        (Sender.SERVER, Close(1001, "bye")),
    ]


WEBSOCKETS = """\
DEBUG:websockets.client:= connection is CONNECTING
10:00:00,500 DEBUG:websockets.client:> GET /a?b=c HTTP/1.1
DEBUG:websockets.client:> Host: example.test
DEBUG:websockets.client:< HTTP/1.1 101 Switching Protocols
DEBUG:websockets.client:< Sec-WebSocket-Protocol: realtime
10:00:00,500 DEBUG:websockets.client:= connection is OPEN
something that a program printed, with > in it
10:00:01,000 DEBUG:websockets.client:> TEXT 'it\\'s "one" \\\\ \\u2028 \\x1b' [18 bytes]
10:00:01,250 DEBUG:websockets.client:> TEXT 'be' [2 bytes, continued]
10:00:01,250 DEBUG:websockets.client:> CONT 'gun' [text, 3 bytes]
10:00:01,500 DEBUG:websockets.client:< BINARY 00 01 ff [3 bytes]
10:00:01,500 DEBUG:websockets.client:< PING 64 [binary, 1 byte]
10:00:02,000 DEBUG:websockets.client:< CLOSE 1011 (internal error) went (wrong) [16 bytes]
10:00:03,000 DEBUG:websockets.client:> GET /d HTTP/1.1
10:00:04,000 DEBUG:websockets.client:> TEXT "it's" [4 bytes]
"""


def test_a_log_of_websockets_holds_handshakes_texts_pieces_bytes_closes_and_times() -> None:
    made = import_bytes(WEBSOCKETS.encode(), "x.log")
    first, second = made.connections
    assert (first.handshake.target, first.answer.subprotocol) == ("/a?b=c", "realtime")
    assert frames(made) == [
        (Sender.CLIENT, Text('it\'s "one" \\ \u2028 \x1b')),
        (Sender.CLIENT, Text("begun")),
        (Sender.SERVER, Binary(b"\x00\x01\xff")),
        (Sender.SERVER, Close(1011, "went (wrong)")),
    ]
    assert [record.at for record in first.records] == [500_000, 750_000, 1_000_000, 1_500_000]
    assert (second.opened_us, second.handshake.path, second.records[0].at) == (2_500_000, "/d", 1_000_000)


def test_livekits_log_says_what_it_has_cut() -> None:
    line = '{"level":"DEBUG","message":"<<<","lk.pii.event":{"type":"response.output_audio.delta","delta":"..."}}'
    told: list[str] = []
    other = '{"level":"DEBUG","message":"unhandled event","lk.pii.event":{"type":"session.created"}}'
    made = import_bytes(f"{line}\n{other}\nprinted\n".encode(), "x.log", provider="openai", tell=told.append)
    assert frames(made) == [(Sender.SERVER, Text('{"type":"response.output_audio.delta","delta":""}'))]
    assert told[0] == "2 line(s) that hold no event are left out"
    assert told[1].startswith("the log has cut the audio of 1 event(s)")


@pytest.mark.parametrize(
    ("way", "time", "first"),
    [
        ({"direction": "sent"}, {"timestamp": "2026-01-02T10:00:00.250Z"}, "2026-01-02T11:00:00+01:00"),
        ({"from": "client"}, {"ts": 1_795_000_000.25}, 1_795_000_000),
        ({"dir": "out"}, {"time": 1_795_000_000_250}, 1_795_000_000_000),
        ({"source": "client"}, {"at_ms": 250}, 0),
        ({}, {"t": 0.25}, 0),
    ],
)
def test_the_ways_of_saying_who_and_when(way: dict[str, str], time: dict[str, Any], first: Any) -> None:
    key = next(iter(time))
    rows = [{key: first, "event": {"type": "session.created"}}, {**way, **time, "event": {"type": "response.create"}}]
    for text in ("\n".join(json.dumps(row) for row in rows), json.dumps(rows), json.dumps({"events": rows})):
        made = import_bytes(text.encode(), "x.jsonl", provider="openai")
        assert [(record.sender, record.at) for record in made.connections[0].records] == [
            (Sender.SERVER, 0),
            (Sender.CLIENT, 250_000),
        ]


def test_an_event_of_tomorrow_is_the_servers_and_said() -> None:
    told: list[str] = []
    text = '{"type":"session.created"}\n{"type":"response.gesture.delta"}\n'
    made = import_bytes(text.encode(), "x.jsonl", provider="openai", tell=told.append)
    assert [record.sender for record in made.connections[0].records] == [Sender.SERVER] * 2
    assert told == ["events of unknown names are taken for the server's: response.gesture.delta"]


def test_an_event_that_both_send_needs_a_direction() -> None:
    text = '{"type":"audio_chunk"}\n{"type":"audio_chunk"}\n'
    with pytest.raises(CassetteDamaged, match=r"x.jsonl, line 1: .*both sides send such an event: add who did"):
        import_bytes(text.encode(), "x.jsonl", provider="phonic")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ws_interactions: 5\n", 'the file: expected a list "ws_interactions"'),
        ("ws_interactions: []\n", "there is no frame in it"),
        ("a: &a [1]\nws_interactions: *a\n", "an alias"),
        ("ws_interactions: " + "[" * 200, "deeper values"),
        (CASSETTER.format(frames="  - 5"), r'frames[0]: expected an object with a "direction"'),
        (CASSETTER.format(frames="  - {direction: send, body: {}}"), "a text frame without its text"),
        (CASSETTER.format(frames=BINARY.replace("0001ff", "xyz")), "not hexadecimal"),
        (CASSETTER.format(frames=BINARY.replace("offset_ms: 5", "offset_ms: -1")), '"offset_ms" is milliseconds'),
        (CASSETTER.format(frames=BINARY.replace("03f3", "0001")), "a close code is 1000 to 4999"),
        (nimax({"direction": "recv", "type": "odd"}), '"type" is text, binary, close, ping or pong'),
        ('{"sessions": [], "schema_version": 2}', "schema_version 2 is not known"),
        ('{"sessions": [{"frames": [{"direction": "client_to_server", "opcode": "text"}]}], "schema_version": 1}',
         "a text frame without its text"),
        ('{"fixtures": [{"match": {}, "response": {"content": "x"}}]}', "none of its fixtures holds a"),
        ('{"fixtures": [{"response": {"live": {"version": 9}}}]}', "version 9 is not known"),
        ('{"type": "response.create"}\n{"nothing": 1}\n', "line 2: cannot be imported: expected an event"),
        ('{"type": "response.create"}\n{broken\n', "line 2: cannot be imported: not JSON"),
        ('[{"ts": "yesterday", "type": "response.create"}]', "a time is written as 2026-01-02T10:00:00.123Z"),
        ('[{"ts": true, "type": "response.create"}]', '"ts" is a time, not True'),
        ("[1]", "expected a JSON object"),
        ("> TEXT 'abc...xyz' [300 bytes]", "log again with WEBSOCKETS_MAX_LOG_SIZE=100000000"),
        ("> TEXT abc [3 bytes]", "expected a text in quotes"),
        ("> TEXT '\\ud800' [3 bytes]", "an escape that is no character"),
        ("> BINARY 0g [1 byte]", "hexadecimal"),
        ("> CLOSE whatever [2 bytes]", "expected a close with its code"),
        ('>>> {"lk.pii.event": 5}', 'the line holds no "lk.pii.event"'),
        ("99:4:type;4:http;}", "the file is cut"),
        ("22:4:type;4:http;1:a;1:b;}", "none of its flows is a websocket"),
        ("22:4:type;4:http;1:a;1:b;}3:abc?", "a value that is none of its type"),
        ("8:1:a,1:x#}", "a value that is none of its type"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(text: str, words: str) -> None:
    with pytest.raises(CassetteDamaged) as caught:
        import_bytes(text.encode(), "x")
    assert words in str(caught.value)
    assert str(caught.value).startswith("x")
    assert "\n" not in str(caught.value)


def test_json_of_nobody_is_named_with_what_would_be_taken() -> None:
    with pytest.raises(CassetteForeign) as caught:
        import_bytes(b'{"hello": "world"}', "x.json")
    assert "it looks like JSON" in str(caught.value)
    assert FORMS in str(caught.value)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_an_error_of_ours_or_a_cassette(path: Path, data: st.DataObject) -> None:
    whole = path.read_bytes()
    raw = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if raw:
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.sampled_from(b'\x00{}[]":,;\\\xff0~9 \n'))
    try:
        told = ""
        import_bytes(bytes(raw), path.name)
    except MockServerError as error:
        told = str(error)
    assert "\n" not in told


def importing(make: Callable[[int], str]) -> Callable[[int], bytes]:
    return lambda size: make(size).encode()


def attempt(data: bytes) -> None:
    try:
        import_bytes(data, "x", provider="openai")
    except MockServerError:
        pass  # how long it took is what counts


@pytest.mark.parametrize(
    "make",
    [
        lambda size: "> TEXT " * size + "[1 byte]",
        lambda size: "> TEXT '" + "\\x41" * size + f"' [{size} bytes]",
        lambda size: ">>> {" * size + "}",
        lambda size: "> GET / HTTP/1.1\n" + "> a" * size + "\n> TEXT 'a' [1 byte]",
        lambda size: '< HTTP/1.1 101 a"' * size + "\n> TEXT 'a' [1 byte]",
        lambda size: '{"type":"response.create","x":1}\n' * (size // 10),
        lambda size: f"{size * 4}:" + "1:a," * size + "]",
    ],
)
def test_a_hostile_file_takes_time_in_proportion(make: Callable[[int], str]) -> None:
    assert grows(attempt, importing(make), 4_000) < SLACK
