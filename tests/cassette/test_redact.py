"""Secrets in every place where one can stand are gone; what is no secret comes through byte for byte."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.cassette.model import Exchange
from mockserver.cassette.patterns import TOKEN, environment_secrets, stands_for
from mockserver.cassette.redact import Redactor
from mockserver.core.frames import Answer, Binary, Close, Handshake, Lost, Text
from mockserver.dialects.openai.lens import OPENAI
from mockserver.errors import UsageError
from tests.cassette.make import audio_delta, event, noise, texts
from tests.every import every

VALUE = 'p4ss/w+rd "quoted" ünï'
PLAIN = "hunter2-very-secret"
SECRETS = (
    "sk-abcdefghijklmnop", "sk-proj-Ab1_Cd2-Ef3gh", "sk-svcacct-0123456789", "ek_68af296e8e408191a1120a",
    "AIzaSy" + "D-9tSrke72PouQMnMX-a7eZSW0jkF",
    "AQ.Ab8RN6" + "x" * 30, "xai-" + "a1" * 20, "sess-" + "A1" * 12, "ya29." + "a0" * 20, "AKIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9, "github_pat_" + "a1_B2" * 6, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sflKxwRJSMeKKF2QT4",
)  # fmt: skip


def redactor(**more: object) -> Redactor:
    env = {"MY_API_KEY": PLAIN, "DB_PASSWORD": VALUE, "HOME": "/home/somebody", "EMPTY_TOKEN": ""}
    return Redactor(env=env, dialect=OPENAI, **more)  # type: ignore[arg-type]


def strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for one in pair for text in strings(one)]
    if isinstance(value, list):
        return [text for one in value for text in strings(one)]
    return [value] if isinstance(value, str) else []


def wrapped(s: str) -> list[object]:
    """A secret in bodies of any kind."""
    return [
        {"type": "x", "text": s},
        {"type": "x", "text": f"my key is {s}, keep it"},
        {"deep": [{"er": {"still": [s]}}]},
        {s: "as a key"},
        {"arguments": json.dumps({"inner": f"say {s}"})},
        {"arguments": json.dumps({"inner": json.dumps({"most": s})})},
        {"url": f"https://host/path?q={quote(s, safe='')}&x=1"},
        {"lines": f"one\n{s}\ttwo"},
        {"header": f"Bearer {s}"},
    ]


def test_a_secret_in_a_frame_is_gone_and_the_json_is_whole() -> None:
    secrets = [*SECRETS, PLAIN, VALUE]
    bodies = [(secret, body, only) for secret in secrets for body in wrapped(secret) for only in (True, False)]
    assert len(bodies) > 200
    every(bodies, gone_and_whole)


def gone_and_whole(case: tuple[str, object, bool]) -> None:
    secret, body, ascii_only = case
    text = json.dumps(body, ensure_ascii=ascii_only)
    clean = redactor()
    made = clean.frame(Text(text))
    assert isinstance(made, Text)
    after = json.loads(made.data)
    assert secret not in made.data
    assert not any(secret in form for one in strings(after) for form in (one, json.dumps(one), unquote(one)))
    assert "REDACTED-" in made.data
    assert list(clean.scan(made.data)) == []
    assert clean.frame(made) is made, "redacting twice changes nothing"
    assert list(clean.scan(text)), "the scan sees what the redaction takes out"


@pytest.mark.parametrize("secret", [PLAIN, VALUE])
@pytest.mark.parametrize("before", [b"", b"x", b"xy"])
def test_a_known_value_inside_base64_is_found_in_every_alignment(secret: str, before: bytes) -> None:
    raw = before + secret.encode() + noise(90)
    for frame in (
        audio_delta(raw),
        event(url="data:;base64," + base64.urlsafe_b64encode(raw).decode()),
    ):
        clean = redactor()
        made = clean.frame(frame)
        assert isinstance(made, Text)
        json.loads(made.data)
        assert clean.counts["base64"] == 1
        assert len(made.data) == len(frame.data)
        assert list(clean.scan(made.data)) == []
        if made.data.endswith('"}') and "data:" not in made.data:
            assert secret.encode() not in base64.b64decode(json.loads(made.data)["delta"])


def test_escapes_do_not_hide_a_secret() -> None:
    hidden = '{"text":"\\u0073k\\u002dabcdefghijklmnop"}'
    made = redactor().frame(Text(hidden))
    assert json.loads(made.data) == {"text": "REDACTED-key-1"}  # type: ignore[union-attr]


@pytest.mark.parametrize("before", [1_978, 1_981, 1_990, 2_001])
def test_nor_does_a_long_run_of_them(before: int) -> None:
    """Escapes are undone so many at a time, and never half a character."""
    hidden = "".join(f"%{one:02X}" for one in ("a" * before + VALUE).encode())
    made = redactor().frame(Text(json.dumps({"text": f"say {hidden} twice"})))
    left = unquote(json.loads(made.data)["text"])  # type: ignore[union-attr]
    assert left.startswith("say aaa")
    assert left.endswith(" twice")
    assert VALUE not in left
    assert "ünï" not in left


@pytest.mark.parametrize(
    "body",
    [
        {"client_secret": {"expires_at": 1, "value": "anything at all"}},
        {"client_secret": "anything at all"},
        {"tools": [{"type": "mcp", "authorization": "anything at all"}]},
        {"api_key": "anything at all"},
        {"apiKey": "anything at all", "n": 1},
        {"arguments": json.dumps({"password": "anything at all"})},
        {"headers": {"x-goog-api-key": "anything at all", "X-Api-Key": "sk-abcdefgh1"}},
    ],
)
def test_fields_that_hold_a_secret_whatever_it_looks_like(body: object) -> None:
    made = redactor().text(json.dumps(body))
    assert "anything at all" not in made
    assert "REDACTED-field-1" in made
    assert json.loads(made).keys() == body.keys()  # type: ignore[attr-defined]


def test_handshake_query_headers_and_subprotocols() -> None:
    shake = Handshake(
        "/v1/realtime",
        (("model", "gpt-realtime"), ("key", "k1234"), ("access_token", "t1234"), ("x-sig", "ok")),
        (
            ("Authorization", "Bearer abc"), ("api-key", "abc"), ("x-goog-api-key", "abc"), ("Cookie", "abc"),
            ("X-Something-New", "abc"), ("User-Agent", "client/1.0"), ("OpenAI-Beta", "realtime=v1"),
            ("Sec-WebSocket-Protocol", "realtime, openai-insecure-api-key.abc"),
        ),
        ("realtime", "openai-insecure-api-key.abc", "openai-beta.realtime-v1"),
        "/v1/realtime?model=gpt-realtime&key=k1234&access_token=t1234",
    )  # fmt: skip
    made = redactor().handshake(shake)
    assert not any(secret in repr(made) for secret in ("abc", "k1234", "t1234"))
    assert made.param("model") == "gpt-realtime"
    assert made.header("user-agent") == "client/1.0"
    assert made.header("openai-beta") == "realtime=v1"
    assert made.header("sec-websocket-protocol") == "realtime, openai-insecure-api-key.REDACTED-subprotocol-1"
    assert made.subprotocols[1:] == (
        "openai-insecure-api-key.REDACTED-subprotocol-1",
        "openai-beta.realtime-v1",
    )
    assert made.target.startswith("/v1/realtime?model=gpt-realtime&key=REDACTED-param-")
    assert made.param("x-sig") == "ok"
    assert redactor().handshake(made) == made


def test_answers_closes_bytes_and_urls() -> None:
    clean = redactor()
    answer = Answer(
        401,
        (("Set-Cookie", "a=b"), ("Date", "today")),
        "realtime",
        b'{"error":"bad key sk-abcdefgh12"}',
    )
    made = clean.answer(answer)
    assert made.headers == (("Set-Cookie", "REDACTED-header-1"), ("Date", "today"))
    assert made.body == b'{"error":"bad key REDACTED-key-1"}'
    assert clean.frame(Close(3000, f"bad key {PLAIN}")) == Close(3000, "bad key REDACTED-env-1")
    assert clean.frame(Lost(f"after {PLAIN}")) == Lost("after REDACTED-env-1")
    assert clean.url("wss://me:pass@host/x?key=1234&model=m") == "wss://host/x?key=REDACTED-param-1&model=m"
    raw = b"\x00\x01" + PLAIN.encode() + b"\xff" + b"sk-abcdefghijklm\x00\xfe"
    cut = clean.frame(Binary(raw))
    assert isinstance(cut, Binary)
    assert PLAIN.encode() not in cut.data
    assert b"sk-abc" not in cut.data
    assert len(cut.data) == len(raw)
    assert list(clean.scan_bytes(cut.data)) == []
    assert clean.frame(Binary(b'{"a":"' + PLAIN.encode() + b'"}')) == Binary(b'{"a":"REDACTED-env-1"}')


NO_SECRETS = [
    '{"type":"response.output_text.delta","delta":" risk-assessment and task-oriented desk-sharing"}',
    '{"event_id":"event_Dz2pexehVShfFs2eddZLh","item_id":"item_Dz2pejXANEggVQM2GUcY5","session":{"id":"sess_Dz2pePC2uaIsPJZhPYNjH"}}',
    '{"text":"week_number ek_ sk- AIza eyJ Bearer of news, the bearer is here"}',
    '{"usage":{"total_tokens":79,"input_tokens":16},"max_output_tokens":"inf"}',
    '{ "spaced" : "out" ,\n "unicode": "\\u00e9 \\ud83d\\ude00 100%25" }',
    '{"password":{"type":"string"},"secret":"","token":null}',
    "not json at all: 50% off, C:\\path\\u0041",
    "",
]


@pytest.mark.parametrize("text", NO_SECRETS)
def test_what_is_no_secret_is_the_same_object(text: str) -> None:
    clean = redactor()
    frame = Text(text)
    assert clean.frame(frame) is frame
    assert not clean.counts
    assert list(clean.scan(text)) == []


def test_audio_is_never_taken_for_a_key() -> None:
    """Base64 that happens to hold the start of a key: the payload is noise and stays."""
    key_like = "AIza" + "Ab1" * 12 + "AAAA" * 20
    frame = event(type="response.output_audio.delta", delta=key_like)
    clean = redactor()
    assert clean.frame(frame) is frame
    frames = [audio_delta(noise(960, seed)) for seed in range(300)]
    assert [clean.frame(one) for one in frames] == frames
    assert not clean.counts


@given(texts)
def test_any_text_stays_json_and_settles(text: str) -> None:
    clean = redactor()
    made = clean.text(text)
    assert clean.text(made) == made
    try:
        json.loads(text)
    except ValueError:
        return
    json.loads(made)


@given(st.binary(max_size=200))
def test_any_bytes_settle(raw: bytes) -> None:
    clean = redactor()
    made = clean.binary(raw)
    assert clean.binary(made) == made


def test_equal_secrets_get_equal_tokens_and_others_do_not() -> None:
    clean = redactor()
    made = json.loads(clean.text(json.dumps(["sk-aaaaaaaaaa1", "sk-bbbbbbbbbb2", "sk-aaaaaaaaaa1"])))
    assert made == ["REDACTED-key-1", "REDACTED-key-2", "REDACTED-key-1"]
    assert stands_for(made[0], made[1])


def test_tokens_of_an_earlier_redaction_are_not_given_out_again() -> None:
    clean = redactor()
    clean.reserve("REDACTED-key-7 and REDACTED-rule-2")
    assert clean.text("sk-abcdefgh12") == "REDACTED-key-8"
    assert clean.text('{"api_key":"x"}') == '{"api_key":"REDACTED-field-1"}'


def test_short_lived_keys_of_the_neighbours() -> None:
    reply = Exchange(
        "POST",
        "/v1/realtime/client_secrets?key=abc",
        b"{}",
        200,
        (),
        b'{"value":"anything","expires_at":1}',
    )
    made = redactor().exchange(reply)
    assert made.path == "/v1/realtime/client_secrets?key=REDACTED-param-1"
    assert made.body == b'{"value":"REDACTED-field-1","expires_at":1}'
    other = Exchange("GET", "/v1/models", b"", 200, (), b'{"value":"anything"}\xff')
    assert redactor().exchange(other) == other


def test_rules_add_to_the_rest() -> None:
    clean = redactor(rules=[r"\+49\d{6,}", r"customer-\d+"])
    made = clean.text('{"text":"call +491234567 for customer-42 with sk-abcdefgh12","plain":"ok"}')
    assert json.loads(made) == {
        "text": "call REDACTED-rule-1 for REDACTED-rule-2 with REDACTED-key-1",
        "plain": "ok",
    }
    assert list(clean.scan(made)) == []
    for wrong in (["("], ["x*"]):
        with pytest.raises(UsageError):
            redactor(rules=wrong)
    with pytest.raises(UsageError):
        Redactor(values=["abc"])


@pytest.mark.parametrize(
    ("rule", "text", "left"),
    [
        (r"\d{13}", '{"card":1234567890123,"n":12}', '{"card":"REDACTED-rule-1","n":12}'),
        (r"\d{13}", '[-1234567890123.5e3,"a 1234567890123"]', '["REDACTED-rule-2","a REDACTED-rule-1"]'),
        (r'"card": *\d+', '{"card": 123, "n": 12}', '{"card": "REDACTED-rule-1", "n": 12}'),
        (r'"name":"[^"]*"', '{"name":"x","n":"x"}', '{"name":"REDACTED-rule-1","n":"x"}'),
        (r'"vip":true', '{"vip":true,"old":true}', '{"vip":"REDACTED-rule-1","old":true}'),
        (r'"vip":', '{"vip":[1]}', '{"REDACTED-rule-1":[1]}'),
        (r"\d{13}", '{"broken":1234567890123', '{"broken":REDACTED-rule-1'),
    ],
)
def test_in_json_a_whole_value_is_taken_out(rule: str, text: str, left: str) -> None:
    clean = Redactor(rules=[rule])
    assert clean.clean(Text(text)) == (Text(left), "")
    assert list(clean.scan(left)) == []


def test_a_known_value_may_be_a_number_or_stand_in_broken_json() -> None:
    clean = Redactor(values=["1234567890123", "a-known-value-1"])
    assert clean.clean(Text('{"card":1234567890123}')) == (Text('{"card":"REDACTED-env-1"}'), "")
    assert clean.clean(Text('{"card":a-known-value-1}')) == (Text('{"card":REDACTED-env-2}'), "")


def test_what_the_redaction_cannot_reach_the_scan_sees() -> None:
    """Punctuation has no place for a token: one there would break the JSON."""
    across = Redactor(rules=[r"\]\}"])
    assert across.clean(Text('{"a":[1]}')) == (Text('{"a":[1]}'), "rule")


def test_which_variables_hold_secrets() -> None:
    env = {
        "OPENAI_API_KEY": "sk-real-looking", "AZURE_OPENAI_API_KEY_2": "0123456789abcdef",
        "GITHUB_TOKEN": "t" * 3 + "12345",
        "DB_PASSWORD": "hunter2x", "APIKEY": "abcdefgh1", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
        "KEYBOARD": "us-layout-x", "MONKEY_NAME": "george-the-1st", "TOKENIZERS_PARALLELISM": "false-value",
        "PATH": "/usr/bin:/bin",
        "SOME_KEY": "short", "OTHER_KEY": "aaaaaaaaaaaa", "THIRD_KEY": "changeme", "PWD": "/home/somebody",
    }  # fmt: skip
    found = environment_secrets(env)
    assert set(found) == {env[name] for name in list(env)[:6]}
    assert found == sorted(found, key=len, reverse=True)


def test_tokens_say_what_they_are() -> None:
    clean = redactor()
    made = clean.text(" ".join(SECRETS))
    assert TOKEN.findall(made)
    assert sum(clean.counts.values()) == len(SECRETS)


@pytest.mark.parametrize(
    "offered",
    [
        ("bearer-{}",),
        ("token:{}",),
        ("key.{}", "realtime"),
        ("deepgram", "token-{}"),
        ("graphql-ws", "auth-{}"),
        ("x", "{}"),
    ],
)
def test_a_key_in_a_subprotocol_however_it_is_parted(offered: tuple[str, ...]) -> None:
    made = redactor().handshake(
        Handshake("/", subprotocols=tuple(one.format("XNnZC1tEMostO8wey41G7") for one in offered))
    )
    assert not any("XNnZC1tEMostO8wey41G7" in one for one in made.subprotocols)
    assert [one for one in offered if "{}" not in one] == [one for one in made.subprotocols if "REDACTED-" not in one]


@pytest.mark.parametrize(
    "name", ["graphql-transport-ws", "actioncable-v1-json", "v10.stomp", "openai-beta.realtime-v1", "convai"]
)
def test_the_name_of_a_protocol_stays(name: str) -> None:
    shake = Handshake("/", subprotocols=("realtime", name))
    assert redactor().handshake(shake).subprotocols == shake.subprotocols


@pytest.mark.parametrize(
    "name", ["t", "code", "ticket", "state", "pw", "streamKey", "X-Amz-Signature", "X-Amz-Security-Token"]
)
def test_what_lets_one_in_is_out_of_a_query_and_of_its_target(name: str) -> None:
    value = "XNnZC1tEMostO8wey41G7"
    shake = Handshake(
        "/x", ((name, value), ("model", "gpt-realtime-2025-08-28")), target=f"/x?{name}={value}&model=gpt-realtime"
    )
    clean = redactor()
    made = clean.handshake(shake)
    assert value not in repr(made)
    assert made.query[1] == shake.query[1]
    assert made.target.endswith("&model=gpt-realtime")
    assert list(clean.scan(made.target)) == [], "the check looks at it whole"
