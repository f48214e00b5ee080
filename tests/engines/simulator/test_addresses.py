"""A simulated provider answers at its own paths and nowhere else; the test is told of a client that went astray."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver import errors
from mockserver.core.frames import Accept, Handshake, Note, Opened, Refuse
from mockserver.dialects.gemini import GEMINI
from mockserver.engines.base import House, Request, SessionContext
from mockserver.engines.simulator import simulator, together
from tests.engines.simulator.fidelity import keeps

KEYS = (("Authorization", "Bearer k"), ("api-key", "k"))
DATED = (("api-version", "2025-04-01-preview"), ("deployment", "d"))
GA = (("model", "gpt-realtime"),)


def came(source: Any, path: str, *query: tuple[str, str]) -> Accept | Refuse:
    """What a client is answered at a path."""
    hands = Handshake(path, query, KEYS)
    dialect = source.dialect_at(hands)
    context = SessionContext(0, "0/0", dialect, base_url="http://127.0.0.1:4000/v1")
    effects = [one for one in source.open(hands, context).feed(Opened(hands), 0) if not isinstance(one, Note)]
    assert isinstance(effects[0], Accept | Refuse)
    return effects[0]


@keeps("own-paths")
@pytest.mark.parametrize(
    ("provider", "path", "query"),
    [
        ("openai", "/v1/realtime", GA),
        ("azure", "/openai/v1/realtime", GA),
        ("azure_dated", "/openai/realtime", DATED),
        ("azure_voice_live", "/voice-live/realtime", GA),
        ("xai", "/v1/realtime", (("model", "grok-voice-latest"),)),
        ("gemini", GEMINI.socket_path, ()),
    ],
)
def test_a_provider_answers_at_its_own_address(provider: str, path: str, query: tuple[tuple[str, str], ...]) -> None:
    source = simulator(provider)
    assert isinstance(came(source, path, *query), Accept)
    assert source.problems() == []


@keeps("own-paths")
@pytest.mark.parametrize(
    ("provider", "path", "query", "status"),
    [
        ("openai", "/foo", GA, 404),
        ("openai", "/realtime", GA, 404),
        ("openai", "/", GA, 404),
        ("openai", "/v1/realtime/", GA, 404),
        ("openai", "/v1/live/sessions", (), 404),
        ("openai", "/v1/realtime", (("call_id", "rtc_1"),), 404),
        ("openai", "/v1/realtime/transcription_sessions", (), 403),
        ("openai", "/openai/v1/realtime", GA, 404),
        ("azure", "/openai/realtime", DATED, 404),
        ("azure", "/v1/realtime", GA, 404),
        ("azure", "/openai/v1/realtime", (*GA, ("api-version", "2025-04-01-preview")), 401),
        ("azure_dated", "/openai/v1/realtime", GA, 404),
        ("azure_dated", "/openai/realtime", (("deployment", "d"),), 404),
        ("azure_voice_live", "/openai/v1/realtime", GA, 404),
        ("xai", "/v1/foo", (), 404),
        ("gemini", "/v1/realtime", (), 404),
    ],
)
def test_a_wrong_address_is_refused_and_the_test_fails(
    provider: str, path: str, query: tuple[tuple[str, str], ...], status: int
) -> None:
    source = simulator(provider)
    answer = came(source, path, *query)
    assert isinstance(answer, Refuse)
    assert answer.status == status
    (problem,) = source.problems()
    assert f"a client connected to {path}" in str(problem)
    assert f"HTTP {status}" in str(problem)
    assert source.dialect.socket_path in str(problem)  # the right one
    assert f"http://127.0.0.1:4000{source.dialect.base_path}" in str(problem)  # what the client should be given
    came(source, path, *query)
    assert len(source.problems()) == 1  # a client that tries again says nothing new


@keeps("own-paths")
def test_the_words_of_a_wrong_path_and_of_a_call_that_is_gone() -> None:
    source = simulator("openai")
    answer = came(source, "/v1/foo")
    assert isinstance(answer, Refuse)
    assert json.loads(answer.body) == {
        "error": {"message": "Invalid URL (GET /v1/foo)", "type": "invalid_request_error", "param": None, "code": None}
    }  # openai.md#205
    assert came(source, "/v1/realtime", ("call_id", "rtc_1")) == Refuse(404)  # openai.md#16: an empty body
    assert "there is no such call here" in str(source.problems()[-1])


def test_a_prefix_stands_before_all_paths() -> None:
    source = simulator("openai", at="/gateway/a")
    assert isinstance(came(source, "/gateway/a/v1/realtime", *GA), Accept)
    assert isinstance(came(source, "/v1/realtime", *GA), Refuse)
    assert isinstance(came(source, "/gateway/ab/v1/realtime", *GA), Refuse)
    problem = str(source.problems()[0])
    assert "/gateway/a/v1/realtime and /gateway/a/v1/realtime/translations" in problem, problem
    assert "(base URL for its clients: http://127.0.0.1:4000/gateway/a/v1)" in problem
    request = Request("POST", "/gateway/a/v1/realtime/client_secrets", headers=KEYS)
    context = SessionContext(0, "0/0", source.dialect)
    assert source.neighbour(request, context) is not None
    assert source.neighbour(Request("POST", "/v1/realtime/client_secrets", headers=KEYS), context) is None


@pytest.mark.parametrize("at", ["gateway", "/gateway/", "/a?b", "/a b", 3])
def test_a_prefix_that_is_none_fails_where_it_is_written(at: Any) -> None:
    with pytest.raises(errors.UsageError, match="at="):
        simulator("openai", at=at)


def test_several_providers_answer_each_at_its_own_paths() -> None:
    source = together(simulator("openai"), simulator("azure"), simulator("azure_dated"), simulator("xai", at="/xai"))
    for path, query, provider in (
        ("/v1/realtime", GA, "openai"),
        ("/openai/v1/realtime", GA, "azure"),
        ("/openai/realtime", DATED, "azure_dated"),
        ("/xai/v1/realtime", (("model", "grok-voice-latest"),), "xai"),
    ):
        assert isinstance(came(source, path, *query), Accept)
        assert source.dialect_at(Handshake(path, query)).name == provider
    assert [house.at for house in source.houses] == ["", "", "", "/xai"]
    assert source.houses[0] == House(source.dialect)
    assert source.problems() == []
    wrong = came(source, "/grok/v1/realtime")
    assert isinstance(wrong, Refuse)
    (problem,) = source.problems()
    for named in ("/v1/realtime", "/openai/v1/realtime", "/openai/realtime", "/xai/v1/realtime"):
        assert named in str(problem)
    secret = Request("POST", "/openai/v1/realtime/client_secrets", headers=KEYS)
    assert source.neighbour(secret, SessionContext(0, "0/0", source.dialect)) is not None
    assert source.neighbour(Request("POST", "/nothing", headers=KEYS), SessionContext(0, "0/0", source.dialect)) is None


def test_two_providers_on_one_path_are_refused_unless_one_is_below_a_prefix() -> None:
    with pytest.raises(errors.UsageError, match=r'openai and xai both answer at /v1/realtime.*at="/xai"'):
        together(simulator("openai"), simulator("xai"))
    with pytest.raises(errors.UsageError, match="openai and openai both"):
        together(simulator("openai", at="/a"), simulator("openai", at="/a"))
    together(simulator("openai", at="/a"), simulator("openai", at="/b"))
    with pytest.raises(errors.UsageError, match="expected simulated providers"):
        together()


@keeps("model-needed", "azure-address")
@pytest.mark.parametrize("query", [(), (("model", ""),), (("Model", "gpt-realtime"),)])
@pytest.mark.parametrize("provider", ["openai", "azure", "azure_dated"])
def test_a_client_that_names_no_model_is_turned_away(provider: str, query: tuple[tuple[str, str], ...]) -> None:
    """Also where the parameter is empty, or is another one because of its case; a test's own model is a default."""
    version = (("api-version", "2025-04-01-preview"),) if provider == "azure_dated" else ()

    def let_in(source: Any) -> bool:
        hands = Handshake(source.dialect.socket_path, (*query, *version), KEYS)
        effects = list(source.open(hands, SessionContext(0, "0/0", source.dialect)).feed(Opened(hands), 0))
        return not any(isinstance(one, Refuse) or "missing_model" in str(one) for one in effects)

    assert not let_in(simulator(provider))
    assert let_in(simulator(provider, model="gpt-realtime"))
