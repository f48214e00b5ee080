"""Who may spend the key that a relay adds: names of this machine, and where a client carries the token."""

from __future__ import annotations

import pytest

from mockserver.core.frames import Pairs
from mockserver.dialects.gemini import GEMINI
from mockserver.dialects.openai.lens import OPENAI
from mockserver.engines.relay.source import foreign
from mockserver.server.local import carries


@pytest.mark.parametrize(
    ("host", "refused"),
    [
        ("127.0.0.1:4000", False),
        ("[::1]:4000", False),
        ("localhost", False),
        ("app.localhost:1", False),
        ("recorder:4000", False),
        ("host.docker.internal:4000", False),
        ("192.168.0.7:4000", False),
        ("evil.example", True),
        ("localhost.evil.example", True),
        ("127.0.0.1.evil.example", True),
        ("1.2.3.4.5a.example", True),
        ("", True),
        ("[::1", True),
    ],
)
def test_a_name_that_can_be_rebound_is_refused_without_an_origin_too(host: str, refused: bool) -> None:
    assert foreign((("Host", host),)) is refused


@pytest.mark.parametrize(
    ("headers", "query", "subprotocols", "expected"),
    [
        ((("Authorization", "Bearer t0ken"),), (), (), True),
        ((("authorization", "bearer t0ken"),), (), (), True),
        ((("api-key", "t0ken"),), (), (), True),
        ((("X-Mockserver-Token", "t0ken"),), (), (), True),
        ((), (("api_key", "t0ken"),), (), True),
        ((), (), ("realtime", "openai-insecure-api-key.t0ken"), True),
        ((("Authorization", "Bearer t0ken "),), (), (), True),
        ((("Authorization", "Bearer T0KEN"),), (), (), False),
        ((("Authorization", "Basic t0ken"),), (), (), False),
        ((("X-Other", "t0ken"),), (), (), False),
        ((), (("q", "t0ken"),), (), False),
        ((), (), ("t0ken",), False),
        ((), (), (), False),
    ],
)
def test_the_token_counts_where_a_key_would(
    headers: Pairs, query: Pairs, subprotocols: tuple[str, ...], expected: bool
) -> None:
    assert carries("t0ken", OPENAI, headers, query, subprotocols) is expected


def test_each_provider_has_a_place_of_its_own() -> None:
    assert carries("t", GEMINI, (("x-goog-api-key", "t"),), ())
    assert not carries("t", OPENAI, (("x-goog-api-key", "t"),), ())
