"""The key: where each provider looks for one, and who may have a client secret and what it is good for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.core.frames import Accept, Handshake, Opened, Pairs, Refuse
from mockserver.engines.base import Request, SessionContext
from mockserver.engines.simulator import simulator
from mockserver.engines.simulator.openai.source import OpenAISource as Source
from tests.engines.simulator.caller import UNIX_US
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import ELSEWHERE, Stage, at_home

MODELS = {"openai": "gpt-realtime", "xai": "grok-voice-latest"}
PROVIDERS = ("openai", "azure", "azure_dated", "azure_voice_live", "xai")
AZURES = ("azure", "azure_dated", "azure_voice_live")
BEARER: Pairs = (("Authorization", "Bearer sk-good"),)


def door(
    source: Source,
    headers: Pairs = (),
    query: Pairs = (),
    subprotocols: tuple[str, ...] = (),
    at_us: int = UNIX_US,
) -> str:
    """How a connection with these headers begins: "in", "closed CODE" or "refused STATUS"."""
    provider = source.dialect.name
    pairs = (("model", MODELS.get(provider, "a-deployment")), *query)
    hands = at_home(Handshake(ELSEWHERE, pairs, headers, subprotocols), source)
    stage = Stage(source, hands=hands, check=False, open=False)
    stage.context = SessionContext(0, "0/0", source.dialect, unix_us=at_us)
    stage.engine = source.open(hands, stage.context)
    stage.feed(Opened(hands))
    begin = stage.effects[0]
    if isinstance(begin, Refuse):
        return f"refused {begin.status}"
    assert isinstance(begin, Accept)
    if stage.hangup is not None:
        assert stage.error()["code"] in ("invalid_api_key", None)
        return f"closed {stage.hangup.code}"
    assert stage.events[0]["type"] == "session.created"
    return "in"


def away(provider: str) -> str:
    """How a provider turns a client without a key away."""
    return "refused 401" if provider in AZURES else "closed 3000"


def mint(source: Source, headers: Pairs = (), body: Any = None, query: Pairs = ()) -> tuple[int, dict[str, Any]]:
    """POST /v1/realtime/client_secrets."""
    path = f"{source.dialect.socket_path}/client_secrets"
    sent = b"" if body is None else json.dumps(body).encode()
    reply = source.neighbour(
        Request("POST", path, query, headers, sent),
        SessionContext(0, "0/0", source.dialect, unix_us=UNIX_US),
    )
    assert reply is not None
    return reply.status, json.loads(reply.body)


# --- where a key is looked for --------------------------------------------------------------------------------------


@keeps("key-places")
@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Bearer   ", "Basic abc", "sk-good", "Token sk-good"])
def test_an_authorization_without_a_bearer_is_no_key(provider: str, value: str) -> None:
    source = simulator(provider)
    assert door(source, (("Authorization", value),)) == away(provider)
    assert door(source, (("Authorization", "Bearer any"),)) == "in"
    assert door(source, (("authorization", "bearer any"),)) == "in"


@keeps("key-places")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_header_or_parameter_that_the_provider_does_not_read_is_no_key(provider: str) -> None:
    source = simulator(provider, require_key="sk-good")
    azure = provider in AZURES
    for headers, query, good in (
        ((("api-key", "sk-good"),), (), azure),
        ((), (("api-key", "sk-good"),), azure),
        ((("api-key", ""),), (("api-key", ""),), False),
        ((("X-API-Key", "sk-good"),), (), False),
        ((), (("api_key", "sk-good"),), False),
        ((), (("key", "sk-good"),), False),
        ((("api-key", "sk-bad"),), (), False),
        ((("Authorization", "Bearer sk-bad"),), (), False),
        (BEARER, (), True),
    ):
        wanted = "in" if good else away(provider)
        assert door(source, headers, query) == wanted, (headers, query)


@keeps("key-places")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_browser_brings_the_key_in_its_providers_own_subprotocol(provider: str) -> None:
    source = simulator(provider, require_key="sk-good")
    own = {"openai": "openai-insecure-api-key.", "xai": "xai-client-secret."}.get(provider)
    for prefix in ("openai-insecure-api-key.", "xai-client-secret.", "openai-organization."):
        wanted = "in" if prefix == own else away(provider)
        assert door(source, subprotocols=("realtime", prefix + "sk-good")) == wanted, prefix
    anyone = simulator(provider)
    assert door(anyone, subprotocols=("realtime", f"{own}")) == away(provider)
    assert door(simulator(provider, require_key=False)) == "in"


# --- client secrets -------------------------------------------------------------------------------------------------


@keeps("client-secret-key")
@pytest.mark.parametrize("provider", ["openai", "azure", "xai"])
def test_a_client_secret_needs_a_key_as_the_socket_does(provider: str) -> None:
    strict, lax = simulator(provider, require_key="sk-good"), simulator(provider)
    bad: Pairs = (("Authorization", "Bearer sk-bad"),)
    assert mint(strict)[0] == mint(strict, bad)[0] == mint(lax)[0] == 401
    assert mint(lax, (("Authorization", "Bearer "),))[0] == 401
    assert mint(lax, (("X-API-Key", "x"),))[0] == 401
    for source, headers in (
        (strict, BEARER),
        (lax, bad),
        (simulator(provider, require_key=False), ()),
    ):
        status, body = mint(source, headers)
        assert status == 200
        assert door(source, (("Authorization", f"Bearer {body['value']}"),)) == "in"


@keeps("client-secret-key")
def test_what_is_wrong_with_the_key_is_told_in_the_providers_words() -> None:
    bad: Pairs = (("Authorization", "Bearer sk-bad-key-1234"),)
    openai = mint(simulator("openai", require_key="sk-good"), bad)[1]["error"]
    assert (openai["type"], openai["code"], openai["param"]) == (
        "invalid_request_error",
        "invalid_api_key",
        None,
    )
    assert openai["message"].startswith("Incorrect API key provided: sk-")
    assert "bad-key" not in openai["message"]
    assert mint(simulator("openai"))[1]["error"] == {
        "message": "Missing bearer or basic authentication in header",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    azure = mint(simulator("azure", require_key="sk-good"), (("api-key", "bad"),))[1]["error"]
    assert azure["code"] == "401"
    assert azure["message"].startswith("Access denied")
    xai = mint(simulator("xai", require_key="sk-good"), bad)[1]
    assert xai["error"].startswith("Incorrect API key provided: sk***34.")


@keeps("client-secret-key")
def test_the_key_is_looked_at_before_the_body_and_in_the_headers_alone() -> None:
    source = simulator("azure", require_key="sk-good")
    assert mint(source, body={"colour": "blue"})[0] == 401
    assert mint(source, (("api-key", "sk-good"),), {"colour": "blue"})[0] == 400
    assert mint(source, query=(("api-key", "sk-good"),))[0] == 401


@keeps("client-secret-key")
@pytest.mark.parametrize("provider", ["openai", "azure", "xai"])
@pytest.mark.parametrize("keys", [True, "sk-good", False])
def test_a_client_secret_makes_no_other(provider: str, keys: bool | str) -> None:
    source = simulator(provider, require_key=keys)
    status, body = mint(source, BEARER)
    assert status == 200
    assert mint(source, (("Authorization", f"Bearer {body['value']}"),))[0] == 401
    assert mint(source, (("Authorization", "Bearer ek_of_somebody_else"),))[0] == 401
    assert mint(source, BEARER)[0] == 200


@keeps("client-secret-key")
@pytest.mark.parametrize("provider", ["openai", "azure", "xai"])
def test_only_a_client_secret_from_here_opens_a_session_and_not_for_ever(provider: str) -> None:
    source = simulator(provider, require_key="sk-good")
    given = mint(source, BEARER, {"expires_after": {"anchor": "created_at", "seconds": 60}})[1]
    ours: Pairs = (("Authorization", f"Bearer {given['value']}"),)
    assert door(source, (("Authorization", "Bearer ek_of_somebody_else"),)) == away(provider)
    assert door(simulator(provider, require_key="sk-good"), ours) == away(provider)
    assert door(source, ours, at_us=UNIX_US + 59_000_000) == "in"
    assert door(source, ours, at_us=UNIX_US + 60_000_000) == away(provider)


@keeps("client-secret-key")
def test_only_who_has_client_secrets_gives_them() -> None:
    context = SessionContext(0, "0/0", simulator("openai").dialect, unix_us=UNIX_US)
    for provider, gives in (
        ("azure", True),
        ("azure_dated", False),
        ("azure_voice_live", False),
    ):
        source = simulator(provider)
        request = Request("POST", f"{source.dialect.socket_path}/client_secrets", headers=BEARER)
        assert (source.neighbour(request, context) is not None) is gives


@keeps("xai-client-secrets")
def test_xais_client_secrets_hold_no_session() -> None:
    source = simulator("xai")
    asked = {
        "session": {"voice": "Rex"},
        "expires_after": {"anchor": "created_at", "seconds": 60},
    }
    status, body = mint(source, BEARER, asked)
    assert (status, set(body)) == (200, {"value", "expires_at"})
    assert body["expires_at"] == UNIX_US // 1_000_000 + 60
    assert mint(source, BEARER, {"expires_after": {"seconds": 1}})[0] == 400
    hands = Handshake(
        "/v1/realtime",
        (("model", "grok-voice-latest"),),
        (),
        (f"xai-client-secret.{body['value']}",),
    )
    created = Stage(source, hands=hands, check=False).events[0]["session"]
    assert created["voice"] != "Rex"
    # The control: OpenAI's do.
    openai = simulator("openai")
    spoken = {"type": "realtime", "audio": {"output": {"voice": "ash"}}}
    made = mint(openai, BEARER, {"session": spoken})[1]
    hands = Handshake(
        "/v1/realtime",
        (("model", "gpt-realtime"),),
        (),
        (f"openai-insecure-api-key.{made['value']}",),
    )
    session = Stage(openai, hands=hands).events[0]["session"]
    assert session["audio"]["output"]["voice"] == "ash"
