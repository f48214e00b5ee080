"""Secrets that are told by where they stand: names in any spelling, header objects, URLs. And what is none of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.cassette.pairs import Found, found
from mockserver.cassette.redact import Redactor
from mockserver.dialects.openai.lens import OPENAI

OPAQUE = "looks like nothing"


def redacted(body: Any) -> Any:
    clean = Redactor(dialect=OPENAI)
    made = clean.text(json.dumps(body))
    assert clean.text(made) == made, "redacting twice changes nothing"
    assert list(clean.scan(made)) == []
    return json.loads(made)


@pytest.mark.parametrize(
    "name",
    [
        *("X-Api-Key", "Api-Key", "xi-api-key", "API_KEY", "apiKey", "OPENAI_API_KEY", "Ocp-Apim-Subscription-Key"),
        *("x-auth-token", "X-Auth-Token", "session_token", "sessionToken", "bearer_token", "ACCESS-TOKEN", "id_token"),
        *("Proxy-Authorization", "Authorization", "Cookie", "Set-Cookie", "x-goog-api-key", "x-functions-key"),
        *("secret_key", "private_key", "privateKey", "secretAccessKey", "aws_secret_access_key", "CLIENT_SECRET"),
        *("Password", "db_password", "passphrase", "passwd", "credentials", "jwt", "webhook_secret", "signing-key"),
        *("connection_string", "ConnectionString"),
    ],
)
def test_names_in_any_spelling(name: str) -> None:
    for body in (
        {"type": "x", name: OPAQUE, "after": 1},
        {"arguments": json.dumps({name: OPAQUE})},
        {"output": f"it says {json.dumps({name: OPAQUE})}, look"},
    ):
        made = redacted(body)
        assert OPAQUE not in json.dumps(made)
        assert "REDACTED-field-1" in json.dumps(made)
        assert made.keys() == body.keys()


def test_a_token_of_any_name_is_one_if_it_is_no_words() -> None:
    for name in ("token", "pushToken", "metro_token"):
        assert redacted({name: "abcDEF-123456"}) == {name: "REDACTED-field-1"}
        assert redacted({name: "blue line one"}) == {name: "blue line one"}


@pytest.mark.parametrize(
    "body",
    [
        {"column_headers": {"a": "Revenue", "b": "Cost"}, "table": {"headers": {"first": "Name", "second": "Age"}}},
        {"url": "https://shop.com/?keyword=shoes&monkey=1&sort_key=name&keyboard=us&tokenize=1&key_facts=2"},
        {"logprobs": [{"token": "international", "bytes": list(range(100, 160)), "logprob": -0.1}]},
        {"max_tokens": "4096 and more", "total_tokens": 12, "max_output_tokens": "inf", "input_tokens": 1},
        {"token_count": "a dozen or so", "tokenizer": "cl100k_base", "token_type": "Bearer and so on"},
        {"key": "value of a key", "keys": "one and two", "keyboard": "us-layout", "prompt_cache_key": "user-123456"},
        {"author": "somebody else", "authority": "the office", "authorization_url": "https://host/login"},
        {"secretary": "Mrs. Smith", "secret_name": "the name of it", "public_key": "ssh-ed25519 AAAA"},
        {"nextPageToken": "abcdefghijkl", "progressToken": "abcdefghijkl", "eos_token": "<|endoftext|>"},
        {"token": "short", "password": {"type": "string"}, "api_key": "", "jwt": None, "secret": 5},
        {"logprobs": [{"token": " extraordinary", "logprob": -0.5, "bytes": None}]},
        {"logprobs": [{"logprob": -0.5, "token": " extraordinary"}]},
        {"required": ["password", "api_key"], "enum": ["token", ":", "secret"]},
        {"text": 'the "password" is: "no idea", she said; token": that'},
    ],
)
def test_ordinary_fields_stay(body: Any) -> None:
    assert redacted(body) == body


def mcp(headers: Any) -> dict[str, Any]:
    tool = {"type": "mcp", "server_label": "x", "server_url": "https://host/x", "headers": headers}
    return {"type": "session.update", "session": {"tools": [tool], "instructions": OPAQUE}}


def test_headers_in_a_frame_are_headers() -> None:
    given = {"X-Custom": OPAQUE, "x-goog-user": ["one here", "two"], "Accept": "text/html", "X-RateLimit-Left": "3"}
    made = redacted(mcp(given))
    assert made == mcp(
        {
            "X-Custom": "REDACTED-header-1",
            "x-goog-user": ["REDACTED-header-2", "REDACTED-header-3"],
            "Accept": "text/html",
            "X-RateLimit-Left": "3",
        }
    )
    nested = redacted({"arguments": json.dumps({"request_headers": given})})
    assert OPAQUE not in nested["arguments"]


def test_the_schema_of_headers_is_none() -> None:
    """A tool that takes headers describes them; nothing in that is a header."""
    schemas: tuple[Any, ...] = (
        {"type": "object", "description": OPAQUE, "additionalProperties": {"type": "string"}},
        {"description": OPAQUE, "anyOf": [{"type": "object"}, {"type": "null"}]},
        {"$ref": "#/definitions/headers", "title": OPAQUE},
    )
    body: Any
    for schema in schemas:
        body = {"parameters": {"type": "object", "properties": {"headers": schema}}}
        assert redacted(body) == body
    body = {"headers": "a heading of two words", "header": {"X-Title": OPAQUE}, "after": [OPAQUE]}
    assert redacted(body) == body


@pytest.mark.parametrize(
    ("url", "made"),
    [
        ("https://me:pass@host/x?token=abc&n=1", "https://REDACTED-url-1@host/x?token=REDACTED-param-1&n=1"),
        ("wss://me:p@ss@host:1/", "wss://REDACTED-url-1@host:1/"),
        ("https://tok123@host", "https://REDACTED-url-1@host"),
        ("https://host/?a=b#access_token=abc", "https://host/?a=b#access_token=REDACTED-param-1"),
        ("https://host/?X-Amz-Signature=ab%20c", "https://host/?X-Amz-Signature=REDACTED-param-1"),
        *((url, url) for url in ("https://host/@me/x", "https://host/?mail=me@host", "https://host/a?model=m#top")),
        *((text, text) for text in ("a://b", "me@host: see //x@y?token=abc", "https://host/?token=", "5://2?key=1")),
    ],
)
def test_urls_in_a_frame(url: str, made: str) -> None:
    assert redacted({"server_url": url}) == {"server_url": made}
    assert redacted({"text": f"see ({url}), or not"}) == {"text": f"see ({made}), or not"}


def test_equal_secrets_have_equal_tokens_wherever_they_stand() -> None:
    made = redacted({"api_key": OPAQUE, "arguments": json.dumps({"Api-Key": OPAQUE})})
    assert json.loads(made["arguments"]) == {"Api-Key": made["api_key"]}


def told(text: str) -> list[Found]:
    every = [one for one in found(text, text.lower(), lambda name: False) if one.kind]
    return sorted(every, key=lambda one: one.begin)


def test_a_text_may_end_anywhere() -> None:
    text = '{"n": {"X-Api-Key": "one", "Accept": "two"}, "password": "three'
    for end in range(len(text) + 1):
        cut = text[:end]
        assert all(one.open or cut[one.begin : one.end] in ("one", "three") for one in told(cut))
    assert [text[one.begin : one.end] for one in told(text)] == ["one", "three"]
    assert [one.open for one in told(text)] == [False, True]


@pytest.mark.long
def test_json_in_json_is_searched_in_a_moment_whatever_was_found_in_it() -> None:
    """Minutes where what was taken out breaks the text inside, and every quote of it begins another search."""
    rows = [{"id": number, "city": "Oslo", "note": "n", "ok": True} for number in range(8_000)]
    inside = json.dumps([*rows, {"api_key": OPAQUE}, {"Authorization": f"Bearer {'x' * 20}"}])
    made = redacted({"item": {"output": inside}})
    assert json.loads(made["item"]["output"])[:-2] == rows
    assert OPAQUE not in json.dumps(made)
