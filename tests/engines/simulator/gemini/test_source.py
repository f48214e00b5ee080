"""Addresses, keys, and ephemeral tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.core.frames import SECOND, Handshake
from mockserver.dialects.gemini import GEMINI
from mockserver.engines.base import Request, SessionContext
from mockserver.engines.simulator import simulator
from mockserver.engines.simulator.gemini.source import GeminiSource
from tests.engines.simulator.caller import UNIX_US
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.gemini.stage import MODEL, VERTEX, Stage, handshake, studio

CONSTRAINED = studio("v1alpha", "Constrained")


@keeps("gemini-addresses")
@pytest.mark.parametrize(
    ("path", "there"),
    [
        (studio("v1beta"), True),
        (studio("v1alpha"), True),
        (studio("v1"), True),
        (VERTEX, True),
        (VERTEX.replace("v1beta1", "v1"), True),
        (studio("v2"), False),
        (studio("v1beta", "Constrained"), False),
        (studio("v1beta") + "x", False),
        ("/v1/realtime", False),
        ("/", False),
        (VERTEX.replace("v1beta1", "v1beta"), False),
    ],
)
def test_it_answers_at_the_provider_s_addresses_alone(path: str, there: bool) -> None:
    stage = Stage(hands=handshake(path), setup=False)
    assert (stage.refused is None) is there
    if stage.refused is not None:
        assert stage.refused.status == 404


@keeps("gemini-key-places")
@pytest.mark.parametrize(
    "hands",
    [
        Handshake(GEMINI.socket_path, (("key", "good"),)),
        Handshake(GEMINI.socket_path, (("access_token", "good"),)),
        Handshake(GEMINI.socket_path, (), (("X-Goog-Api-Key", "good"),)),
        Handshake(GEMINI.socket_path, (), (("Authorization", "Bearer good"),)),
        Handshake(GEMINI.socket_path, (), (("Authorization", "Token good"),)),
    ],
)
def test_a_key_counts_where_clients_put_it(hands: Handshake) -> None:
    assert Stage(hands=hands, require_key="good").messages == [{"setupComplete": {}}]
    assert Stage(hands=hands, require_key="other", setup=False).refused is not None


@pytest.mark.parametrize("headers", [(), (("authorization", "Basic good"),), (("x-goog-api-key", " "),)])
def test_no_key_and_a_key_elsewhere_are_none(headers: Any) -> None:
    hands = Handshake(GEMINI.socket_path, (), headers)
    refused = Stage(hands=hands, setup=False).refused
    assert refused is not None
    assert refused.status == 401
    error = json.loads(refused.body)["error"]
    assert (error["code"], error["status"]) == (401, "UNAUTHENTICATED")
    assert Stage(hands=hands, require_key=False).closed is None


@keeps("gemini-bad-key")
def test_a_bad_key_may_be_told_after_the_upgrade() -> None:
    stage = Stage(setup=False, require_key="good", bad_key="close")
    assert stage.refused is None
    assert stage.closed == (1007, "API key not valid. Please pass a valid API key.")
    stage = Stage(setup=False, hands=handshake(key=None), bad_key="close")
    assert stage.closed is not None
    assert stage.closed[0] == 1008
    assert stage.closed[1].startswith("Method doesn't allow unregistered callers")


# --- tokens ---------------------------------------------------------------------------------------------------------


def token(source: GeminiSource, body: Any = None, *, later_s: float = 0, key: str = "any") -> Any:
    """POST auth_tokens: (status, answer)."""
    context = SessionContext(0, "seed", GEMINI, unix_us=UNIX_US + round(later_s * SECOND))
    request = Request("POST", "/v1alpha/auth_tokens", (), (("x-goog-api-key", key),), json.dumps(body or {}).encode())
    reply = source.neighbour(request, context)
    assert reply is not None
    return reply.status, json.loads(reply.body)


def opened(source: GeminiSource, name: str, *, later_s: float = 0, setup: Any = None, how: str = "header") -> Stage:
    hands = (
        Handshake(CONSTRAINED, (), (("authorization", f"Token {name}"),))
        if how == "header"
        else Handshake(CONSTRAINED, (("access_token", name),))
    )
    return Stage(source, hands=hands, later_us=round(later_s * SECOND), setup=setup, pace="instant")


def made(**settings: Any) -> GeminiSource:
    source = simulator("gemini", pace="instant", **settings)
    assert isinstance(source, GeminiSource)
    return source


@keeps("gemini-tokens")
def test_a_token_opens_one_session_at_the_constrained_address_alone() -> None:
    source = made(require_key="good")
    status, answer = token(source, key="good")
    assert status == 200
    assert answer["name"].startswith("auth_tokens/")
    other = Stage(source, hands=handshake(key=answer["name"]), setup=False)
    assert other.refused is not None, "not at the plain address"
    assert opened(source, answer["name"], how="query").messages == [{"setupComplete": {}}]
    assert opened(source, answer["name"], setup=False).refused is not None, "one use"
    assert Stage(source, hands=handshake(CONSTRAINED, key="good"), setup=False).refused is not None, "no key there"


def test_a_token_expires() -> None:
    source = made()
    for later, there in ((59, True), (61, False)):
        _, answer = token(source)
        stage = opened(source, answer["name"], later_s=later, setup=None if there else False)
        assert (stage.refused is None) is there
    _, answer = token(source, {"uses": 0, "newSessionExpireTime": "2026-07-25T17:30:00.5+00:00"})
    at = (UNIX_US - SECOND * 1_784_937_600) // SECOND  # seconds since 2026-07-25T00:00:00Z
    limit = 17 * 3_600 + 30 * 60
    assert opened(source, answer["name"], later_s=limit - at).refused is None
    assert opened(source, answer["name"], later_s=limit - at + 1, setup=False).refused is not None


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"colour": 1}, 'Unknown name "colour"'),
        ({"uses": "many"}, "Invalid value at 'uses'"),
        ({"expireTime": "soon"}, "Request contains an invalid argument."),
        ([], "Invalid value"),
    ],
)
def test_a_wrong_request_for_a_token(body: Any, told: str) -> None:
    source = made()
    context = SessionContext(0, "seed", GEMINI, unix_us=UNIX_US)
    request = Request("POST", "/v1alpha/auth_tokens", (("key", "any"),), (), json.dumps(body).encode())
    reply = source.neighbour(request, context)
    assert reply is not None
    assert reply.status == 400
    assert told in json.loads(reply.body)["error"]["message"]


def test_a_token_needs_a_key_and_makes_no_other() -> None:
    source = made(require_key="good")
    assert token(source, key="bad") == (
        400,
        {
            "error": {
                "code": 400,
                "message": "API key not valid. Please pass a valid API key.",
                "status": "INVALID_ARGUMENT",
            }
        },
    )
    assert token(source, key="")[0] == 403
    name = token(source, key="good")[1]["name"]
    assert token(source, key=name)[0] == 400
    context = SessionContext(0, "seed", GEMINI, unix_us=UNIX_US)
    assert source.neighbour(Request("GET", "/v1alpha/auth_tokens"), context) is None
    assert source.neighbour(Request("POST", "/v1beta/auth_tokens"), context) is None


@keeps("gemini-token-setup")
def test_a_token_s_setup_replaces_the_client_s() -> None:
    source = made()
    locked = {"model": f"models/{MODEL}", "systemInstruction": {"parts": [{"text": "Be brief."}]}}
    mine = {"systemInstruction": {"parts": [{"text": "Be mine."}]}, "outputAudioTranscription": {}}
    _, answer = token(source, {"bidiGenerateContentSetup": locked})
    stage = opened(source, answer["name"], setup=mine)
    assert stage.inside["session"] == locked
    masked = {"bidiGenerateContentSetup": locked, "fieldMask": "systemInstruction,generationConfig.temperature"}
    _, answer = token(source, masked)
    stage = opened(source, answer["name"], setup={**mine, "generationConfig": {"temperature": 2.0, "topK": 5}})
    session = stage.inside["session"]
    assert session["systemInstruction"] == locked["systemInstruction"]
    assert session["generationConfig"] == {"topK": 5.0}
    assert "outputAudioTranscription" in session
