"""The constructor, the door (keys, models, the retired beta), client secrets, mistakes in repliers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.core.frames import Accept, Handshake
from mockserver.engines.base import Request, SessionContext
from mockserver.engines.simulator import Rules, Scripted, simulator
from mockserver.errors import UsageError
from tests import typed_simulator
from tests.engines.simulator.caller import UNIX_US
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import ELSEWHERE, KEY, Stage, handshake


def turned_away(stage: Stage) -> tuple[str | None, int | None, str]:
    assert isinstance(stage.effects[0], Accept)
    assert [body["type"] for body in stage.events] == ["error"]
    assert stage.hangup is not None
    assert stage.send("response.create") == []
    assert stage.wait(10_000_000) == []
    return stage.error()["code"], stage.hangup.code, stage.hangup.reason


@keeps("key-after-upgrade")
def test_no_key_and_a_wrong_key_are_told_after_the_upgrade() -> None:
    none = Stage(hands=handshake(key=False))
    assert turned_away(none) == (None, 3000, "invalid_request_error")  # openai.md#7
    assert none.error()["message"] == "Missing bearer or basic authentication in header"
    wrong = Stage(
        hands=Handshake(ELSEWHERE, (), (("Authorization", "Bearer sk-12345-abcd-wxyz"),)), require_key="sk-good"
    )
    assert turned_away(wrong) == ("invalid_api_key", 3000, "invalid_request_error.invalid_api_key")
    assert wrong.error()["message"] == (
        "Incorrect API key provided: sk-12345***…wxyz. You can find your API key at "
        "https://platform.openai.com/account/api-keys."
    )  # openai.md#6
    assert Stage(require_key=["test-key", "other"]).names() == ["session.created"]
    assert Stage(hands=handshake(key=False), require_key=False).names() == ["session.created"]


@keeps("key-after-upgrade")
def test_a_browsers_key_is_in_a_subprotocol() -> None:
    hands = Handshake(
        "/v1/realtime",
        (("model", "gpt-realtime"),),
        (),
        ("realtime", "openai-insecure-api-key.sk-b"),
    )
    stage = Stage(hands=hands, require_key="sk-b")
    assert stage.effects[0] == Accept("realtime")
    assert stage.names() == ["session.created"]


@keeps("model-after-upgrade")
def test_a_model_that_does_not_exist_is_told_after_the_upgrade() -> None:
    wanted = ("invalid_model", 4000, "invalid_request_error.invalid_model")
    wrong = Stage(hands=handshake("gpt-4"))
    assert turned_away(wrong) == wanted
    assert wrong.error()["message"] == (
        'Model "gpt-4" is not supported in realtime mode. See https://platform.openai.com/docs/models for a list of '
        "supported models."
    )  # openai.md#8
    assert turned_away(Stage(hands=handshake("gpt-live-1"))) == wanted  # openai.md#11
    assert turned_away(Stage(hands=handshake("gpt-realtime"), models=["mine"])) == wanted
    assert Stage(hands=handshake("mine"), models=["mine"]).names() == ["session.created"]
    hears = Stage(hands=handshake("gpt-realtime-whisper"))
    assert turned_away(hears) == wanted
    assert "is a transcription model and cannot be used" in hears.error()["message"]  # openai.md#194


@keeps("model-needed")
def test_no_model_is_told_too_unless_the_test_or_a_client_secret_names_one() -> None:
    none = Stage(hands=handshake(None))
    assert turned_away(none) == ("missing_model", 4000, "invalid_request_error.missing_model")
    assert none.error()["message"] == (
        "You must provide a model parameter, for example wss://api.openai.com/v1/realtime?model=gpt-realtime-1.5"
    )  # openai.md#9
    assert Stage(hands=handshake(None), model="gpt-realtime-2").names() == ["session.created"]
    xai = simulator("xai")
    assert Stage(xai, hands=handshake(None), check=False).names()[0] == "session.created"  # xai.md#3


@keeps("transcription-model")
def test_a_transcription_session_takes_no_model_in_its_address() -> None:
    stage = Stage(hands=handshake("gpt-4o-transcribe", intent="transcription"))
    assert stage.names() == ["session.created"]
    stage.send("session.update", session={"type": "transcription"})
    error = stage.error()
    assert (error["code"], error["message"]) == (
        "invalid_model",
        'Model "gpt-4o-transcribe" is not supported in transcription mode.',
    )  # openai.md#206
    assert stage.hangup is not None
    assert (stage.hangup.code, stage.hangup.reason) == (4000, "invalid_request_error.invalid_model")
    early = Stage(hands=handshake("x", intent="transcription"), transcription_model_refused="start")
    assert turned_away(early) == ("invalid_model", 4000, "invalid_request_error.invalid_model")
    assert early.error()["message"] == "You must not provide a model parameter for transcription sessions."
    assert Stage(hands=handshake(None, intent="transcription")).names() == ["session.created"]


@keeps("beta-retired")
def test_the_beta_shape_is_switched_off() -> None:
    beta = Handshake("/v1/realtime", (("model", "gpt-realtime"),), (KEY, ("OpenAI-Beta", "realtime=v1")))
    browser = Handshake(
        "/v1/realtime",
        (("model", "gpt-realtime"),),
        (KEY,),
        ("realtime", "openai-beta.realtime-v1"),
    )
    for hands in (beta, browser):
        stage = Stage(hands=hands)
        wanted = ("beta_api_shape_disabled", 4000, "invalid_request_error.beta_api_shape_disabled")
        assert turned_away(stage) == wanted
        assert stage.error()["message"] == (
            "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API."
        )


def secret(source: Any, body: Any, *, at_us: int = UNIX_US) -> tuple[int, dict[str, Any]]:
    request = Request("POST", "/v1/realtime/client_secrets", (), (KEY,), json.dumps(body).encode())
    reply = source.neighbour(request, SessionContext(0, "0/0", source.dialect, unix_us=at_us))
    return reply.status, json.loads(reply.body)


@keeps("client-secrets")
def test_a_client_secret_opens_a_session_with_its_settings() -> None:
    source = simulator("openai", require_key="test-key")
    given = {"type": "realtime", "model": "gpt-realtime", "instructions": "From the secret."}
    status, body = secret(source, {"session": given, "expires_after": {"anchor": "created_at", "seconds": 60}})
    assert status == 200
    assert body["value"].startswith("ek_")
    assert body["expires_at"] == UNIX_US // 1_000_000 + 60
    assert body["session"]["instructions"] == "From the secret."
    hands = Handshake("/v1/realtime", (), (("Authorization", f"Bearer {body['value']}"),))
    assert Stage(source, hands=hands).events[0]["session"]["instructions"] == "From the secret."
    late = Stage(source, hands=hands, open=False)
    late.context = SessionContext(0, "0/1", source.dialect, unix_us=UNIX_US + 60_000_000)
    late.engine = source.open(hands, late.context)
    from mockserver.core.frames import Opened

    late.feed(Opened(hands))
    assert late.error()["code"] == "invalid_api_key"


@keeps("client-secrets")
def test_a_wrong_request_for_a_secret_is_a_400() -> None:
    source = simulator("openai")
    status, body = secret(source, {"session": {"type": "realtime", "colour": "blue"}})
    assert (status, body["error"]["code"], body["error"]["param"]) == (
        400,
        "unknown_parameter",
        "session.colour",
    )
    assert secret(source, {"expires_after": {"seconds": 1}})[0] == 400
    assert secret(source, [])[0] == 400
    assert secret(source, {})[0] == 200
    context = SessionContext(0, "0/0", source.dialect)
    assert source.neighbour(Request("GET", "/v1/realtime/client_secrets"), context) is None
    assert source.neighbour(Request("POST", "/v1/other"), context) is None


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"provider": "acme"}, "acme"),
        ({"pace": "slow"}, "slow"),
        ({"misbehave": "everything"}, "everything"),
        ({"misbehave": ["oob_leaks", "nothing"]}, "nothing"),
        ({"colour": "blue"}, "colour"),
        ({"replier": "hello"}, "hello"),
        ({"max_session_s": 0}, "max_session_s"),
        ({"semantic_pause_ms": "long"}, "semantic_pause_ms"),
        ({"truncated_transcript": "gone"}, "truncated_transcript"),
        ({"transcripts": "one text"}, "transcripts"),
        ({"model": "gpt-4"}, "gpt-4"),
        ({"session": {"colour": "blue"}}, "session.colour"),
        ({"session": {"output_modalities": ["text", "audio"]}}, "Invalid modalities"),
    ],
)
def test_a_wrong_argument_fails_at_construction(settings: dict[str, Any], named: str) -> None:
    provider = settings.pop("provider", "openai")
    with pytest.raises(UsageError, match=named):
        simulator(provider, **settings)


def test_a_replier_that_raises_fails_the_response_and_the_test() -> None:
    source = simulator("openai", replier=Scripted(["only one"]))
    stage = Stage(source)
    assert stage.ask()["status"] == "completed"
    assert source.problems() == []
    failed = stage.ask()
    assert failed["status"] == "failed"
    (problem,) = source.problems()
    assert "response 2 has no reply: 1 were given" in str(problem)
    assert any("response 2 has no reply" in note.text for note in stage.notes)


def test_a_replier_that_returns_nonsense_is_a_problem_too() -> None:
    source = simulator("openai", replier=lambda context: 7)  # type: ignore[arg-type,return-value]
    assert Stage(source).ask()["status"] == "failed"
    assert "returned int" in str(source.problems()[0])


def test_a_session_may_begin_with_settings_of_the_tests() -> None:
    stage = Stage(session={"output_modalities": ["text"]}, instructions="House rules.")
    assert stage.events[0]["session"]["output_modalities"] == ["text"]
    assert stage.events[0]["session"]["instructions"] == "House rules."
    stage.ask("hello")
    assert not stage.contexts[0].own_instructions


def test_every_connection_has_its_own_conversation() -> None:
    source = simulator("openai", replier=Rules({}))
    one, two = Stage(source), Stage(source, seed="0/1")
    one.say("mine")
    assert two.conversation == []
    assert one.events[0]["session"]["id"] != two.events[0]["session"]["id"]


async def test_the_constructors_as_a_user_types_them() -> None:
    assert len(typed_simulator.SOURCES) == 10
    assert await typed_simulator.serve() == []
