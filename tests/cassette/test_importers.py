"""Other tools' recordings become cassettes; what is wrong with one is said with its line."""

from __future__ import annotations

import base64
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.cassette.files.foreign import detect_and_import
from mockserver.cassette.importers.detect import import_bytes
from mockserver.cassette.importers.genai_log import import_genai_log
from mockserver.cassette.importers.neutral import compact, import_neutral
from mockserver.cassette.model import Cassette
from mockserver.cassette.redact import Redactor
from mockserver.cassette.store import Recorder, load, save
from mockserver.core.entry import Entry
from mockserver.core.frames import Binary, Close, Handshake, Lost, Sender, Text
from mockserver.dialects.registry import DIALECTS
from mockserver.engines.replay.source import Replay
from mockserver.errors import (
    CassetteDamaged,
    CassetteError,
    CassetteForeign,
    CassetteMissing,
    UsageError,
)
from tests.cassette.make import json_values
from tests.engines.driving import Live

NEUTRAL = """\
{"capture": 1, "provider": "openai", "source": "a test", "licence": "MIT"}
{"from": "server", "json": {"type": "session.created", "text": "\\u00e9"}}

{"from": "client", "text": "{ \\"type\\" : 1 }\\n", "at_ms": 12.5}
{"from": "client", "base64": "AAEC"}
{"from": "server", "close": {"code": 1011, "reason": "over"}, "at_ms": 20}
{"connect": {"path": "/v1/realtime", "query": [["model", "m"]]}}
{"from": "server", "close": {}}
{"from": "server", "lost": "reset"}
"""

YAML = """\
version: 1
interactions:
- kind: message
  direction: received
  data:
    type: session.created
    session: {id: sess_1, model: gpt-realtime, when: 2024-01-01, 'no': off}
- kind: message
  direction: sent
  data:
    type: response.create
- kind: close
  code: 1000
  reason: ''
  ok: true
"""


def frames(made: Any, connection: int = 0) -> list[Any]:
    return [(record.sender, record.frame) for record in made.connections[connection].records]


# --- the neutral form ---


def test_the_neutral_form() -> None:
    made = import_neutral(NEUTRAL, "some/capture.jsonl")
    assert made.header.dialect == "openai"
    assert made.header.origin == "imported from capture.jsonl; source: a test; licence: MIT"
    assert frames(made) == [
        (Sender.SERVER, Text('{"type":"session.created","text":"é"}')),
        (Sender.CLIENT, Text('{ "type" : 1 }\n')),
        (Sender.CLIENT, Binary(b"\0\1\2")),
        (Sender.SERVER, Close(1011, "over")),
    ]
    assert [record.at for record in made.connections[0].records] == [0, 12_500, 12_500, 20_000]
    assert made.connections[0].timed
    assert not made.connections[1].timed
    assert made.connections[0].handshake.path == DIALECTS["openai"].socket_path
    assert made.connections[1].handshake == Handshake("/v1/realtime", (("model", "m"),), target="/v1/realtime")
    assert frames(made, 1) == [(Sender.SERVER, Close(None, "")), (Sender.SERVER, Lost("reset"))]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense", "not JSON"),
        ("[]", "expected a JSON object"),
        ('{"from": "nobody", "text": "x"}', '"from" is "client" or "server", not'),
        ('{"text": "x"}', '"from" is "client" or "server"'),
        ('{"from": "client"}', 'expected one of "json", "text"'),
        ('{"from": "client", "text": 5}', 'expected one of "json", "text"'),
        ('{"from": "client", "base64": "AAA"}', "not standard, padded base64"),
        ('{"from": "server", "close": {"code": 7}}', "1000 to 4999"),
        ('{"from": "server", "text": "x", "at_ms": -1}', '"at_ms" is milliseconds'),
        ('{"from": "server", "text": "x", "at_ms": true}', '"at_ms" is milliseconds'),
        ('{"from": "server", "text": "x", "at_ms": 1795000000}', "and no date"),
        ('{"from": "server", "text": "x", "at_ms": NaN}', '"at_ms" is milliseconds'),
        ('{"connect": 1}', '"connect" is an object'),
        ('{"connect": {"query": ["x"]}}', '"query" is a list'),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_wrong_line_is_named(line: str, words: str) -> None:
    with pytest.raises(CassetteDamaged, match=r"^x\.jsonl, line 2: cannot be imported: ") as caught:
        import_neutral('{"capture": 1}\n' + line, "x.jsonl")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@given(json_values)
def test_json_frames_are_written_compactly_and_mean_the_same(value: Any) -> None:
    text = compact(value)
    assert json.loads(text) == value
    assert text.encode()


def test_half_a_surrogate_pair_is_escaped() -> None:
    assert compact({"a": "\ud800é"}) == '{"a":"\\ud800\\u00e9"}'


def test_an_unknown_provider_is_an_error_and_a_named_one_wins() -> None:
    text = '{"capture": 1, "provider": "from tomorrow"}\n{"from": "server", "text": "x"}\n'
    with pytest.raises(CassetteDamaged, match=r"line 1: .*'from tomorrow': expected one of azure, .*xai"):
        import_bytes(text.encode(), "x")
    none = text.replace(', "provider": "from tomorrow"', "")
    assert import_bytes(none.encode(), "x").header.dialect == "generic"
    named = import_bytes(text.encode(), "x", provider="openai")
    assert named.header.dialect == "openai"
    assert named.connections[0].handshake.path == "/v1/realtime"
    with pytest.raises(UsageError, match="unknown provider 'nobody'"):
        import_bytes(text.encode(), "x", provider="nobody")


def test_every_real_capture_imports_saves_and_loads(shared_capture: Path, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in shared_capture.read_text().splitlines()]
    told: list[str] = []
    made = detect_and_import(shared_capture, tell=told.append)
    cut = any("has cut the client's audio" in line for line in told)
    assert made.header.dialect == (lines[0]["provider"] if lines[0]["provider"] in DIALECTS else "generic")
    (connection,) = made.connections
    assert len(connection.records) == len(lines) - 1
    for line, record in zip(lines[1:], connection.records, strict=True):
        assert record.sender == line["from"]
        if "text" in line:
            assert record.frame == Text(line["text"])
        elif "json" in line:
            assert isinstance(record.frame, Text)
            if cut and "audio" in line["json"]:
                read_as = json.loads(record.frame.data)
                assert {**read_as, "audio": ""} == {**line["json"], "audio": ""}
                continue
            assert json.loads(record.frame.data) == line["json"]
            assert record.frame.data == compact(line["json"])
        else:
            assert record.frame == Close(line["close"]["code"], line["close"]["reason"])
    read = load(save(made, tmp_path / "x.cassette", redactor=Redactor()))
    assert read.connections == made.connections
    assert not read.header.redaction, "there is no secret in the captures, so nothing may have been taken for one"


# --- pydantic-ai ---


def test_pydantic_ais_yaml() -> None:
    made = import_bytes(YAML.encode(), "tests/test_openai_ws/x.yaml")
    assert made.header.dialect == "openai"
    assert frames(made) == [
        (
            Sender.SERVER,
            Text(
                '{"type":"session.created","session":{"id":"sess_1","model":"gpt-realtime","when":"2024-01-01","no":false}}'
            ),
        ),
        (Sender.CLIENT, Text('{"type":"response.create"}')),
        (Sender.SERVER, Close(1000, "")),
    ]
    assert not made.connections[0].timed
    gemini = "interactions:\n- {kind: message, direction: sent, data: {setup: {}}}\n"
    known = "gemini" if "gemini" in DIALECTS else "generic"
    assert import_bytes(gemini.encode(), "x.yaml").header.dialect == known


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("sent", "spent"), "line 8: .*expected a message"),
        (("code: 1000", "code: 1"), "line 12: .*expected a message .* or a close"),
        (("kind: close", "kind: request"), "line 12: .*not a recording of websocket messages"),
        (("version: 1", "version: 2"), "version 2 of this form is not known"),
        (("interactions:", "interactions: 5\nx:"), 'expected a list "interactions"'),
        (("{id:", "{{id:"), "line [678]: cannot be imported"),
        (("sess_1", "!!python/object/apply:os.system ['true']"), "line 7: cannot be imported"),
        (("data:\n    type: response.create", "data: &a [*a]"), "line 10: .*an alias"),
        (("sess_1", "[" * 500 + "]" * 500), "deeper values than a session has"),
    ],
)
def test_bad_yaml_is_named_with_its_line(change: tuple[str, str], words: str) -> None:
    with pytest.raises(CassetteDamaged, match=words) as caught:
        import_bytes(YAML.replace(*change).encode(), "x.yaml")
    assert "\n" not in str(caught.value)


def test_an_elevenlabs_session_is_known_by_its_folder_and_by_its_first_words() -> None:
    begin = "{kind: message, direction: sent, data: {type: conversation_initiation_client_data}}"
    heard = "{kind: message, direction: sent, data: {user_audio_chunk: AAAA}}"
    text = f"interactions:\n- {begin}\n- {heard}\n- {begin}\n- {heard}\n"
    for name in ("x.yaml", "test_parity_ws/x.yaml", "test_elevenlabs_ws/x.yaml"):
        made = import_bytes(text.encode(), name)
        assert made.header.dialect == "elevenlabs"
        assert [len(one.records) for one in made.connections] == [2, 2]
    lone = f"interactions:\n- {heard}\n"
    assert import_bytes(lone.encode(), "x.yaml").header.dialect == "generic"
    assert import_bytes(lone.encode(), "test_elevenlabs_ws/x.yaml").header.dialect == "elevenlabs"


def test_pydantic_ais_oldest_and_newest_form() -> None:
    oldest = "interactions:\n- {direction: sent, data: {type: a}}\n- {direction: received, data: {type: b}}\n"
    assert len(import_bytes(oldest.encode(), "x.yaml").connections[0].records) == 2
    newest = """\
interactions:
- {kind: message, direction: sent, at: 0.0, data: {type: session.start}}
- {kind: message, direction: received, at: 0.826, data: {type: session.started}}
- {kind: close, code: 1011, reason: '', ok: false, at: 2.869}
- {kind: message, direction: sent, at: 3.1, data: {type: session.start}}
- {kind: message, direction: received, at: 3.76, data: {type: session.started}}
- {kind: message, direction: sent, at: 9.0, data: {type: session.start}}
"""
    made = import_bytes(newest.encode(), "x.yaml")
    assert [one.opened_us for one in made.connections] == [0, 3_100_000, 9_000_000]
    times = [[record.at for record in one.records] for one in made.connections]
    assert times == [[0, 826_000, 2_869_000], [0, 660_000], [0]]
    assert all(one.timed for one in made.connections)
    assert made.header.dialect == "gpt_live"
    with pytest.raises(CassetteDamaged, match=r'line 2: .*"at" is seconds'):
        import_bytes(newest.replace("at: 0.0", "at: soon").encode(), "x.yaml")


# --- HAR ---


def har(**message: Any) -> dict[str, Any]:
    socket = {
        "request": {
            "url": "wss://api.openai.com/v1/realtime?model=m&key=planted123",
            "headers": [{"name": "Authorization", "value": "Bearer planted123"}, {"name": ":path", "value": "x"},
                        {"name": "Sec-WebSocket-Protocol", "value": "realtime, x"}],
        },
        "response": {"status": 101, "headers": [{"name": "Sec-WebSocket-Protocol", "value": "realtime"}]},
        "_webSocketMessages": [
            {"type": "receive", "time": 1700000000.5, "opcode": 1, "data": '{"type":"session.created"}'},
            {"type": "send", "time": 1700000001.25, "opcode": 2, "data": base64.b64encode(b"\0\1").decode()},
            {"type": "receive", "time": 1700000001.5, "opcode": 8, "data": "", **message},
        ],
    }  # fmt: skip
    later = {
        "request": {"url": "wss://x/v1/realtime"},
        "_webSocketMessages": [{"type": "send", "time": 1700000002.5, "data": "x"}],
    }
    return {"log": {"version": "1.2", "creator": {}, "entries": [{"request": {}}, socket, later]}}


def test_har_files(tmp_path: Path) -> None:
    made = import_bytes(json.dumps(har()).encode(), "x.har")
    first, second = made.connections
    assert made.header.dialect == "openai"
    assert made.header.upstream == "wss://api.openai.com"
    assert [(one.at, one.sender, one.frame) for one in first.records] == [
        (0, Sender.SERVER, Text('{"type":"session.created"}')),
        (750_000, Sender.CLIENT, Binary(b"\0\1")),
        (1_000_000, Sender.SERVER, Close(None, "")),
    ]
    assert (first.timed, first.opened_us, second.opened_us) == (True, 0, 2_000_000)
    assert first.handshake.subprotocols == ("realtime", "x")
    assert first.answer.subprotocol == "realtime"
    path = save(made, tmp_path / "x.cassette", redactor=Redactor())
    assert b"planted123" not in path.read_bytes()
    assert load(path).connections[0].handshake.param("model") == "m"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"type": "x"}, '"type" is "send" or "receive"'),
        ({"time": "now"}, '"time" is seconds'),
        ({"opcode": 2, "data": "???"}, "not base64"),
        ({"opcode": 3}, "opcode 3"),
        ({"time": "1e9"}, '"time" is seconds'),
        ({"data": 5}, '"data" is a text'),
        ({"opcode": 1, "data": "\ud800"}, "half a character"),
    ],
)
def test_bad_har_messages_are_named_with_their_place(message: dict[str, Any], words: str) -> None:
    with pytest.raises(CassetteDamaged, match=r"log\.entries\[1\]\._webSocketMessages\[2\]") as caught:
        import_bytes(json.dumps(har(**message)).encode(), "x.har")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ({"opcode": 9}, []),
        ({"opcode": 10}, []),
        (
            {"type": "error", "opcode": -1, "data": "WebSocket is closed"},
            ["an error that the browser noted is no frame and is left out: 'WebSocket is closed'"],
        ),
    ],
)
def test_what_is_no_message_in_a_har_file_is_left_out(message: dict[str, Any], told: list[str]) -> None:
    said: list[str] = []
    made = import_bytes(json.dumps(har(**message)).encode(), "x.har", tell=said.append)
    assert [record.frame for record in made.connections[0].records] == [
        Text('{"type":"session.created"}'),
        Binary(b"\0\1"),
    ]
    assert said == told


def test_times_of_a_har_file_may_be_texts() -> None:
    made = import_bytes(json.dumps(har(time="1700000001.75")).encode(), "x.har")
    assert made.connections[0].records[-1].at == 1_250_000


@pytest.mark.parametrize(
    ("data", "close", "told"),
    [
        (base64.b64encode(b"\x03\xf3over").decode(), Close(1011, "over"), 0),
        (base64.b64encode(b"\x03\xe8").decode(), Close(1000, ""), 0),
        ("", Close(None, ""), 0),
        ("bye", Close(None, ""), 1),
        (base64.b64encode(b"\0\1over").decode(), Close(None, ""), 1),  # 1 is no code
        (base64.b64encode(b"\x03\xf3\xff").decode(), Close(None, ""), 1),  # the reason is no UTF-8
    ],
)
def test_a_close_in_a_har_file_has_its_code_and_reason(data: str, close: Close, told: int) -> None:
    said: list[str] = []
    made = import_bytes(json.dumps(har(data=data)).encode(), "x.har", tell=said.append)
    assert made.connections[0].records[-1].frame == close
    assert len(said) == told


def test_har_files_without_a_socket() -> None:
    with pytest.raises(CassetteDamaged, match="none of its entries has websocket messages"):
        import_bytes(b'{"log": {"creator": {}, "entries": []}}', "x.har")
    with pytest.raises(CassetteDamaged, match=r"x\.har, line 2: cannot be imported: not JSON"):
        import_bytes(b'{"log": {"creator": {},\n "entries": [}}', "x.har")


# --- test-server logs ---


def test_test_server_logs() -> None:
    made = import_bytes('>6 {"é":\n<4 {}\n\n'.replace("6", "7").encode(), "x.websocket.log")
    assert frames(made) == [(Sender.CLIENT, Text('{"é":\n')), (Sender.SERVER, Text("{}\n\n"))]
    assert made.header.dialect == ("gemini" if "gemini" in DIALECTS else "generic")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b">3 {}\nx", "line 2: .*expected '>' or '<'"),
        (b">3 {}\n<99 {}\n", "line 2: .*a message of 99 bytes, of which 3 are there"),
        (b">3 \xff\xfe\n", "line 1: .*not UTF-8"),
    ],
)
def test_bad_logs_are_named_with_their_line(data: bytes, words: str) -> None:
    with pytest.raises(CassetteDamaged, match=words):
        import_genai_log(data, "x.log")


# --- all of them ---


def test_what_is_none_of_them_is_called_what_it_looks_like(tmp_path: Path) -> None:
    for data, words in (
        (b"PK\x03\x04", "a zip archive"),
        (b'{"a": 1}', "JSON"),
        (b"\xff\xfe\0", "binary"),
        (b"text", "text"),
    ):
        with pytest.raises(CassetteForeign, match=f"it looks like {words}.*; expected a neutral capture"):
            import_bytes(data, "x")
    with pytest.raises(CassetteDamaged, match="the file is empty"):
        import_bytes(b" \n", "x")
    with pytest.raises(CassetteMissing, match="no such file"):
        detect_and_import(tmp_path / "none")
    with pytest.raises(CassetteError, match="is a directory"):
        detect_and_import(tmp_path)


@pytest.mark.parametrize(
    ("close", "frame", "told"),
    [
        ({"code": 1000, "reason": "over"}, Close(1000, "over"), []),
        ({"code": 1005}, Close(None, ""), []),
        ({"code": 1006, "reason": "reset"}, Lost("reset"), []),
        ({"code": 1006}, Lost("closed abnormally (1006)"), []),
        ({"code": 1011, "reason": "x" * 123}, Close(1011, "x" * 123), []),
        (
            {"code": 1011, "reason": "x" + "é" * 80},
            Close(1011, "x" + "é" * 61),
            ["the reason of close 1011 is cut to the 123 bytes that a close frame can hold; it had 161"],
        ),
        (
            {"reason": "over"},
            Close(None, ""),
            ["a close frame without a code holds no reason: 'over' is left out"],
        ),
    ],
)
def test_a_close_is_imported_as_it_can_be_sent(close: dict[str, Any], frame: Any, told: list[str]) -> None:
    said: list[str] = []
    text = f'{{"capture": 1}}\n{json.dumps({"from": "server", "close": close})}\n'
    assert frames(import_bytes(text.encode(), "x", tell=said.append)) == [(Sender.SERVER, frame)]
    assert said == told


def test_pydantic_ais_closes_without_a_code_and_without_a_close_frame() -> None:
    for code, frame in (("null", Close(None, "")), ("1006", Lost("closed abnormally (1006)"))):
        made = import_bytes(YAML.replace("code: 1000", f"code: {code}").encode(), "x.yaml", provider="openai")
        assert frames(made)[-1] == (Sender.SERVER, frame)


def test_times_that_go_backwards_are_told_and_the_order_is_kept() -> None:
    lines = [{"from": "server", "text": str(at), "at_ms": at} for at in (60, 40, 50, 70)]
    text = "\n".join(map(json.dumps, [{"capture": 1}, *lines]))
    said: list[str] = []
    made = import_bytes(text.encode(), "x", tell=said.append)
    assert [frame.data for _, frame in frames(made)] == ["60", "40", "50", "70"]
    assert [record.at for record in made.connections[0].records] == [60_000, 60_000, 60_000, 70_000]
    assert len(said) == 1
    assert said[0].startswith("the times of 2 frame(s) go backwards (first connection 0, frame 1: 40 ms after 60 ms)")
    import_bytes(text.replace("40", "65").replace("50", "66").encode(), "x", tell=said.append)
    assert len(said) == 1


@pytest.mark.parametrize(
    "text", ['{"capture": 1}\n', '{"capture": 1}\n{"connect": {"path": "/"}}\n', "interactions: []\n"]
)
def test_without_a_frame_there_is_nothing_to_import(text: str) -> None:
    with pytest.raises(CassetteDamaged, match="x: cannot be imported: there is no frame in it"):
        import_bytes(text.encode(), "x")


def test_a_finished_cassette_that_was_cut_or_changed_is_not_imported(tmp_path: Path) -> None:
    made = import_bytes(NEUTRAL.encode(), "x")
    good = save(made, tmp_path / "x.cassette").read_bytes()
    assert frames(import_bytes(good, "x")) == frames(made)
    changed = good.replace(b"over", b"ovre")
    for bad in (good[: len(good) * 2 // 3], good[:-1], changed):
        with pytest.raises(CassetteDamaged, match="x: damaged at byte"):
            import_bytes(bad, "x")


def unfinished(folder: Path) -> bytes:
    """What is there of a recording of one word whose process was killed."""
    recorder = Recorder(folder / "x.cassette")
    recorder.sink(Entry(0, 0, 0, Sender.CLIENT, Handshake("/")))
    recorder.sink(Entry(1, 0, 5, Sender.SERVER, Text("hello")))
    data = recorder.partial.read_bytes()
    recorder.discard()
    return data


def test_a_changed_unfinished_recording_is_not_imported(tmp_path: Path) -> None:
    data = unfinished(tmp_path)
    with pytest.raises(CassetteDamaged, match="an object cannot be read"):
        import_bytes(data + b"\xc1", "x")


def test_a_killed_recording_is_imported(tmp_path: Path) -> None:
    data = unfinished(tmp_path)
    said: list[str] = []
    made = import_bytes(data, "x.cassette.partial", tell=said.append)
    assert said == [
        "x.cassette.partial was not finished: 1 frames are there, cut after text in connection 0, 0.0 s after it began"
    ]
    assert made.header.ended == "killed"
    assert frames(made) == [(Sender.SERVER, Text("hello"))]
    path = save(made, tmp_path / "kept.cassette")
    assert load(path).header.ended == "killed"


HEADS = [
    b"",
    b'{"capture":1}\n',
    b"interactions:\n- ",
    b'{"log":{"creator":{},"entries":[',
    b">3 {}\n",
    b"\x82\xb3mockserver-cassette",
]


@given(st.sampled_from(HEADS), st.binary(max_size=120) | st.text(max_size=80).map(str.encode))
def test_any_bytes_give_a_cassette_or_an_error_of_ours(head: bytes, tail: bytes) -> None:
    said = ""
    try:
        said = import_bytes(head + tail, "x").header.dialect
    except CassetteError as error:
        said = str(error)
    assert said
    assert "\n" not in said


# --- whose session it is ---


def as_yaml(capture: Path) -> str:
    """A capture as pydantic-ai's form would hold it, outside of any folder that names a provider."""
    frames = [json.loads(line) for line in capture.read_text(encoding="utf-8").splitlines()[1:] if line.strip()]
    entries = []
    for one in frames:
        body = one.get("json")
        if body is None and "text" in one:
            try:
                body = json.loads(one["text"])
            except ValueError:
                continue
        if isinstance(body, dict) and "from" in one:
            way = "sent" if one["from"] == "client" else "received"
            entries.append({"kind": "message", "direction": way, "data": body})
    return "interactions:\n" + "".join(f"- {json.dumps(one)}\n" for one in entries)


def test_a_capture_outside_its_folder_is_told_by_its_frames(shared_capture: Path) -> None:
    named = json.loads(shared_capture.read_text(encoding="utf-8").splitlines()[0])["provider"]
    assert import_bytes(as_yaml(shared_capture).encode(), "x[azure-current].yaml").header.dialect == named


SESSIONS = {
    "azure_voice_live": {"modalities": ["text"], "animation": None, "avatar": None},
    "openai_beta": {"modalities": ["text"], "input_audio_format": "pcm16"},
    "xai": {"modalities": ["text"], "model": "grok-voice-latest"},
}


@pytest.mark.parametrize("provider", sorted(SESSIONS))
def test_the_shape_of_a_session_tells_the_provider(provider: str) -> None:
    for kind in ("created", "updated"):  # the second alone is what a sideband socket shows
        data = {"type": f"session.{kind}", "session": SESSIONS[provider]}
        entry = {"kind": "message", "direction": "received", "data": data}
        assert import_bytes(f"interactions:\n- {json.dumps(entry)}\n".encode(), "x.yaml").header.dialect == provider


def ga(*more: dict[str, Any]) -> str:
    bodies = [{"type": "session.created", "session": {"type": "realtime", "output_modalities": ["text"]}}, *more]
    entries = [{"kind": "message", "direction": "received", "data": body} for body in bodies]
    return "interactions:\n" + "".join(f"- {json.dumps(one)}\n" for one in entries)


def test_azure_is_told_from_openai_by_its_parts_and_else_asked_for() -> None:
    part = {"type": "response.content_part.added", "part": {"type": "text"}}
    assert import_bytes(ga(part).encode(), "x.yaml").header.dialect == "openai"
    assert import_bytes(ga({**part, "content": {}}).encode(), "x.yaml").header.dialect == "azure"
    assert import_bytes(ga({"type": "rate_limits.updated"}).encode(), "x.yaml").header.dialect == "openai"
    with pytest.raises(UsageError, match="azure or openai: say it with --provider NAME"):
        import_bytes(ga().encode(), "x.yaml")
    assert import_bytes(ga().encode(), "x.yaml", provider="azure").header.dialect == "azure"
    assert import_bytes(ga().encode(), "x[azure-current].yaml").header.dialect == "azure"


def test_a_capture_that_names_no_provider_is_told_by_its_frames() -> None:
    lines = [{"capture": 1}, {"from": "client", "json": {"type": "session.start"}}]
    text = "\n".join(json.dumps(line) for line in lines)
    made = import_bytes(text.encode(), "x.jsonl")
    assert (made.header.dialect, made.connections[0].handshake.path) == ("gpt_live", "/v1/live/sessions")


# --- connections of a neutral capture ---


def neutral(*lines: dict[str, Any]) -> tuple[Cassette, list[str]]:
    told: list[str] = []
    text = "\n".join(json.dumps(line) for line in ({"capture": 1, "provider": "generic"}, *lines))
    return import_bytes(text.encode(), "x.jsonl", tell=told.append), told


CLOSED = {"from": "server", "close": {"code": 1001, "reason": ""}}


def test_what_is_sent_after_a_close_is_sent_in_another_connection() -> None:
    made, told = neutral(
        {"connect": {"path": "/a"}}, {"from": "client", "text": "one"}, CLOSED,
        {"from": "client", "close": {"code": 1001}}, {"from": "client", "text": "two"}, {"from": "server", "text": "x"},
    )  # fmt: skip
    assert [len(line.records) for line in made.connections] == [3, 2]
    assert [line.handshake.path for line in made.connections] == ["/a", "/a"]
    assert told == ["frame 3 of connection 0 comes after its close: connection 1 begins"]


def test_what_is_on_its_way_as_the_client_closes_is_of_the_same_connection() -> None:
    made, told = neutral({"from": "client", "close": {"code": 1000}}, {"from": "server", "text": "late"}, CLOSED)
    assert (len(made.connections), told) == (1, [])


@pytest.mark.parametrize(("at", "opened", "first"), [(700, 700_000, 0), (30, 500_000, 30_000)])
def test_times_after_a_close_go_on_or_begin_anew(at: int, opened: int, first: int) -> None:
    later = {"from": "client", "text": "two", "at_ms": at}
    made, _ = neutral({"from": "client", "text": "one", "at_ms": 0}, {**CLOSED, "at_ms": 500}, later)
    assert [line.opened_us for line in made.connections] == [0, opened]
    assert made.connections[1].records[0].at == first


def test_a_connect_line_says_when_it_was_opened() -> None:
    made, _ = neutral(
        {"connect": {"path": "/a"}}, {"from": "client", "text": "one", "at_ms": 5},
        {"connect": {"path": "/b"}, "at_ms": 2_500}, {"from": "client", "text": "two", "at_ms": 5},
    )  # fmt: skip
    assert [(line.opened_us, line.records[0].at) for line in made.connections] == [(0, 5_000), (2_500_000, 5_000)]


def test_a_yaml_with_http_exchanges_only_holds_no_socket() -> None:
    text = (
        "interactions:\n- request: {method: POST, uri: https://api.example.test/}\n  response: {status: {code: 200}}\n"
    )
    with pytest.raises(CassetteDamaged, match="this is an HTTP recording; it holds no socket"):
        import_bytes(text.encode(), "x.yaml")


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for place in (tmp_path / "fifo", Path("/dev/zero"), tmp_path):
        with pytest.raises(CassetteError):
            detect_and_import(place)


HALF = "\\ud800"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f'{{"capture":1}}\n{{"from":"client","at_ms":1,"text":"{HALF}"}}', "frame 0"),
        (f'{{"capture":1}}\n{{"from":"server","at_ms":1,"close":{{"code":1000,"reason":"{HALF}"}}}}', "frame 0"),
        (f'{{"capture":1}}\n{{"connect":{{"path":"/{HALF}"}}}}\n{{"from":"client","text":"a"}}', "the handshake"),
    ],
)
def test_half_a_character_is_told_with_its_place(text: str, where: str) -> None:
    with pytest.raises(CassetteDamaged, match=f"{where}.*holds half a character"):
        import_bytes(text.encode(), "x.jsonl")


@pytest.mark.long
def test_a_log_of_many_short_messages_is_read_in_linear_time() -> None:
    """Twice as many messages take about twice as long: lines were counted from the start for each."""

    def seconds(count: int) -> float:
        began = time.process_time()  # what others do on the machine does not count
        import_genai_log(b">3 {}\n" * count, "x.log")
        return time.process_time() - began

    seconds(1000)
    assert min(seconds(20_000) for _ in range(4)) < 9 * min(seconds(5_000) for _ in range(4))


# --- audio that the source has cut, and recordings in step ---


def spoken(*steps: Any) -> Any:
    """A neutral capture of OpenAI's: a number is so many bytes of client audio, the rest is what the server says."""
    lines: list[dict[str, Any]] = [{"capture": 1, "provider": "openai"}]
    for step in steps:
        if isinstance(step, int):
            audio = base64.b64encode(bytes(step)).decode()
            lines.append({"from": "client", "json": {"type": "input_audio_buffer.append", "audio": audio}})
        else:
            lines.append({"from": "server", "json": step})
    return "\n".join(json.dumps(line) for line in lines)


def said(name: str, **more: Any) -> dict[str, Any]:
    return {"type": f"input_audio_buffer.{name}", "item_id": "item_1", **more}


CUT = spoken(
    33, 33, 33, said("speech_started", audio_start_ms=100), 33, said("speech_stopped", audio_end_ms=300)
)  # fmt: skip


def heard_after(cassette: Cassette, pieces: int, **options: Any) -> list[str]:
    """What a client has been told after so many live pieces of 50 ms."""
    live = Live(Replay(cassette, **options))
    for _ in range(pieces):
        live.send({"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(2_400)).decode()})
    return live.names()


def test_audio_that_the_source_has_cut_is_as_long_as_the_server_says() -> None:
    told: list[str] = []
    made = import_bytes(CUT.encode(), "x.jsonl", tell=told.append)
    line = (
        "the source has cut the client's audio: 4 pieces hold 3 ms, and the server speaks of 300 ms; they are imported"
    )
    assert told == [f"connection 0: {line} as 300 ms of silence (--audio-piece-ms says otherwise)"]
    names = ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"]
    assert [len(heard_after(made, pieces)) for pieces in (1, 2, 5, 6)] == [0, 1, 1, 2]
    assert heard_after(made, 6) == names


def test_a_length_that_the_user_gives_goes_before_the_servers_words() -> None:
    made = import_bytes(CUT.encode(), "x.jsonl", piece_ms=20)
    assert [len(heard_after(made, pieces)) for pieces in (1, 2)] == [0, 2]


def test_audio_that_is_whole_stays_as_it_is() -> None:
    told: list[str] = []
    whole = spoken(4_800, 4_800, said("speech_started", audio_start_ms=150), 4_800)
    made = import_bytes(whole.encode(), "x.jsonl", tell=told.append)
    assert told == []
    assert made.connections[0].records[0].frame == Text(
        compact({"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(4_800)).decode()})
    )


def test_in_step_each_server_frame_stays_behind_the_audio_recorded_before_it(tmp_path: Path) -> None:
    response = {"id": "resp_1", "status": "completed"}
    text = spoken(
        4_800, 4_800, said("speech_started"), said("speech_stopped"), said("committed"),
        {"type": "response.created", "response": response}, *[4_800] * 8,
        {"type": "response.done", "response": response},
    )  # fmt: skip
    made = import_bytes(text.encode(), "x.jsonl")
    assert heard_after(made, 4)[-1] == "response.done"  # it keeps its distance to the begin of its response
    assert heard_after(made, 19, rules={"in_step": True})[-1] == "response.created"
    assert heard_after(made, 20, rules={"in_step": True})[-1] == "response.done"
