"""Where keys stand: one account for the relay, redaction, the simulated servers and the server's own token."""

from __future__ import annotations

import pytest

from mockserver.core.frames import Pairs
from mockserver.dialects.base import Dialect
from mockserver.dialects.keys import ANY_PARAMS, Keys
from mockserver.dialects.registry import DIALECTS

KEY = "the-key"
WITH_KEYS = sorted(name for name, one in DIALECTS.items() if one.keys.any)


def test_what_the_relay_puts_in_is_where_the_service_looks() -> None:
    """For each provider; and nothing of what the client brought is left."""
    wrong = []
    for name in WITH_KEYS:
        keys = DIALECTS[name].keys
        theirs: Pairs = tuple((header, "Bearer theirs") for header in keys.headers)
        query = "&".join(f"{one}=theirs" for one in (*keys.params, *keys.hidden_params))
        offered = ("realtime", *(f"{one}theirs" for one in keys.subprotocols))
        headers, url, subprotocols = keys.replaced(theirs, f"wss://host/path?model=m&{query}", offered, KEY)
        pairs = tuple((one.partition("=")[0], one.partition("=")[2]) for one in url.partition("?")[2].split("&"))
        if keys.key(headers, pairs, subprotocols) != KEY or "theirs" in f"{headers}{url}{subprotocols}":
            wrong.append((name, headers, url, subprotocols))
        if ("model", "m") not in pairs or "realtime" not in subprotocols:
            wrong.append((name, "more was taken out than keys"))
    assert wrong == []


@pytest.mark.parametrize(
    ("keys", "headers", "url", "subprotocols"),
    [
        (Keys(headers=(), params=("key",)), (), "wss://host?key=the%2Fkey", ()),
        (Keys(headers=(), subprotocols=("key.",)), (), "wss://host", ("key.the/key",)),
        (Keys(schemes=("token",)), (("authorization", "Token the/key"),), "wss://host", ()),
        (Keys(headers=(), hidden_params=()), (), "wss://host", ()),
    ],
)
def test_the_first_place_that_there_is(keys: Keys, headers: Pairs, url: str, subprotocols: tuple[str, ...]) -> None:
    assert keys.replaced((), "wss://host", (), "the/key") == (headers, url, subprotocols)


def test_a_key_counts_only_where_the_service_looks() -> None:
    openai, azure = DIALECTS["openai"].keys, DIALECTS["azure"].keys
    assert openai.key((("Authorization", "bearer  k"),)) == "k"
    assert openai.key((("Authorization", "Basic k"),)) is None
    assert openai.key((("Authorization", "Bearer "),)) is None
    assert openai.key((("api-key", "k"),)) is None
    assert azure.key((("api-key", "k"),)) == azure.key((), (("api-key", "k"),)) == "k"
    assert openai.key((), (("api_key", "k"),)) is None
    offered = ("realtime", "openai-insecure-api-key.k")
    assert (openai.key((), (), offered), azure.key((), (), offered)) == ("k", None)
    assert openai.key((), (), ("openai-insecure-api-key.",)) is None


def test_what_is_hidden_is_secret_all_the_same() -> None:
    openai = DIALECTS["openai"].keys
    assert openai.secret_header("OpenAI-Organization")
    assert openai.secret_header("Authorization")
    assert not openai.secret_header("openai-version")
    assert all(openai.secret_param(name) for name in ANY_PARAMS)
    assert not openai.secret_param("model")
    assert "openai-project." in openai.secret_subprotocols
    brought = (("api-key", "one"), ("x-other", "no"))
    assert list(openai.all(brought, (("token", "two"),), ("openai-project.three",))) == ["one", "two", "three"]


def test_a_plain_call_that_hands_out_a_key() -> None:
    keys = DIALECTS["openai"].keys
    assert keys.answers("/v1/realtime/client_secrets") == ("value",)
    assert keys.answers("/v1/realtime/calls") == ()


def test_the_names_that_the_docs_once_showed_still_work() -> None:
    with pytest.warns(DeprecationWarning, match=r"say keys = Keys\(headers=\('x-old',\), env='OLD_KEY'\)"):

        class Old(Dialect):
            key_headers = ("x-old",)
            key_env = "OLD_KEY"

    assert Old.keys == Keys(headers=("x-old",), env="OLD_KEY")
    assert Dialect.keys == Keys()
