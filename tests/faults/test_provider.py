"""The provider's errors, word for word where the words are known (openai.md#6, openai.md#12, openai.md#25,
openai.md#107)."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.core.frames import Hangup
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.registry import dialect_named
from mockserver.errors import UsageError
from mockserver.faults import parse
from tests.faults.stage import Stage, simulated, turn

PLAIN = turn()


def test_control_nothing_fails() -> None:
    assert "error" not in PLAIN.names
    assert PLAIN.ends == []


def test_a_rate_limit_fails_the_response() -> None:
    stage = turn("rate limit")
    assert stage.names == ["session.created", "response.created", "response.done"]
    response = stage.bodies("response.done")[0]["response"]
    error = response["status_details"]["error"]
    assert (response["status"], error["type"], error["code"]) == ("failed", "tokens", "rate_limit_exceeded")
    assert error["message"].startswith("Rate limit reached for gpt-realtime")
    assert response["output"] == []


def test_no_money_left() -> None:
    error = turn("insufficient quota").bodies("response.done")[0]["response"]["status_details"]["error"]
    assert (error["type"], error["code"]) == ("insufficient_quota", "insufficient_quota")


def test_a_server_error_names_the_session() -> None:
    error = turn("server error on response.content_part.added").bodies("response.done")[0]["response"]["status_details"]
    assert error["error"]["code"] is None
    assert "session ID in your message: sess_1)" in error["error"]["message"]


def test_between_responses_a_server_error_is_an_event() -> None:
    stage = turn("server error on session.created")
    assert stage.names[:2] == ["session.created", "error"]
    assert stage.names[2:] == PLAIN.names[1:]


def test_a_wrong_key_is_told_after_the_handshake() -> None:
    stage = turn("invalid key")
    assert stage.names == ["error", "close 3000"]
    assert stage.bodies("error")[0]["error"]["code"] == "invalid_api_key"
    assert stage.ends == [Hangup(code=3000, reason="invalid_request_error.invalid_api_key")]


def test_the_beta_shape_is_retired() -> None:
    stage = turn("beta retired")
    assert stage.ends == [Hangup(code=4000, reason="invalid_request_error.beta_api_shape_disabled")]
    assert stage.bodies("error")[0]["error"]["message"] == (
        "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API."
    )


def test_sixty_minutes() -> None:
    stage = turn("session expired after 60min", until_ms=4_000_000)
    assert stage.timeline[-2:] == [(3_600_000.0, "error"), (3_600_000.0, "close 1001")]
    assert stage.ends == [Hangup(code=1001, reason="Your session hit the maximum duration of 60 minutes.")]
    assert turn("session expired after 60min", until_ms=3_599_999).ends == []


def test_another_response_is_active() -> None:
    stage = Stage("active response on 2nd response.create").open()
    stage.send("response.create").send("response.create", at_ms=50, event_id="mine").run(until_ms=5_000)
    error = stage.bodies("error")[0]["error"]
    active = stage.bodies("response.created")[0]["response"]["id"]
    assert error["message"].startswith(f"Conversation already has an active response in progress: {active}. Wait")
    assert error["event_id"] == "mine"
    assert error["code"] == "conversation_already_has_active_response"
    assert stage.names.count("response.created") == 1


def test_no_event_id_where_the_client_gave_none() -> None:
    stage = Stage("active response").open().send("response.create")
    assert stage.bodies("error")[0]["error"]["event_id"] is None
    assert "response.created" not in stage.names


@pytest.mark.parametrize("pace", ["instant", "natural"])
def test_a_simulated_server_really_has_an_active_response(pace: Any) -> None:
    stage = simulated("active response", pace=pace).open().send("response.create", event_id="mine")
    stage.run(until_ms=5_000)
    error = stage.bodies("error")[0]["error"]
    [done] = stage.bodies("response.done")
    assert (error["code"], error["event_id"]) == ("conversation_already_has_active_response", "mine")
    assert done["response"]["id"] in error["message"]  # the one that comes, and ends
    assert done["response"]["status"] == "completed"
    # The next request is answered: the fault names its first one only when it is told so.
    once = simulated("active response on 1st response.create", pace=pace).open().send("response.create")
    once.run(until_ms=5_000).send("response.create").run(until_ms=10_000)
    assert once.names.count("response.created") == once.names.count("response.done") == 2
    # A cancel ends it as any other.
    cut = simulated("active response", pace=pace).open().send("response.create").run(until_ms=100)
    cut.send("response.cancel").run(until_ms=5_000)
    assert [one["response"]["status"] for one in cut.bodies("response.done")] == ["cancelled"]


def test_a_response_that_is_on_its_way_already_is_the_active_one() -> None:
    stage = simulated("active response on 2nd response.create").open().send("response.create")
    stage.run(until_ms=330).send("response.create").run(until_ms=60_000)
    assert stage.names.count("response.created") == 1
    assert stage.bodies("response.created")[0]["response"]["id"] in stage.bodies("error")[0]["error"]["message"]


def test_a_limit_of_tokens_or_of_requests() -> None:
    def failed(fault: str, **more: Any) -> dict[str, Any]:
        return turn(fault).bodies("response.done")[0]["response"]["status_details"]["error"]

    tokens, requests = failed("rate limit"), failed("rate limit of requests")
    assert (tokens["type"], requests["type"]) == ("tokens", "requests")
    assert tokens["code"] == requests["code"] == failed("fail as rate_limit_exceeded")["code"] == "rate_limit_exceeded"
    assert "on tokens per min (TPM): Limit 40000" in tokens["message"]
    assert "on requests per day (RPD): Limit 1000, Used 1000, Requested 1." in requests["message"]  # openai.md#189
    assert failed("fail as rate_limit_exceeded") == tokens
    with pytest.raises(UsageError, match="Azure OpenAI Realtime has no such error"):
        parse("rate limit of requests").arm().check(dialect_named("azure"))
    stage = simulated("rate limit", provider="azure").open().send("response.create").run(until_ms=100)
    error = stage.bodies("response.done")[0]["response"]["status_details"]["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "inference_rate_limit_exceeded")  # azure.md#52


def test_nothing_to_cancel_although_there_is() -> None:
    def cancelled(*faults: str) -> Stage:
        return Stage(*faults).open().send("response.create").send("response.cancel", at_ms=100).run(until_ms=5_000)

    assert cancelled().bodies("response.done")[0]["response"]["status"] == "cancelled"
    stage = cancelled("cancel not active")
    assert stage.bodies("error")[0]["error"]["message"] == "Cancellation failed: no active response found"
    assert stage.bodies("response.done")[0]["response"]["status"] == "completed"


def test_another_provider_says_it_its_own_way() -> None:
    stage = Stage("rate limit on response.create from client", dialect=GENERIC).open().send("response.create")
    [end] = stage.ends
    assert isinstance(end, Hangup)
    assert end.code == 1011
    assert end.reason == "rate_limit_exceeded: Rate limit exceeded."
