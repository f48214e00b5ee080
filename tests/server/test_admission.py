"""Who may spend the key that a relay adds, and who may use the control API: one rule, asked in every form."""

from __future__ import annotations

import logging

import pytest

from mockserver import MockServer, simulator
from mockserver.core.frames import Pairs
from mockserver.dialects.gemini import GEMINI
from mockserver.dialects.openai.lens import OPENAI
from mockserver.errors import UsageError
from mockserver.server.admission import Admission, Asked, cannot_be_rebound, carries, checked_origins, hostname

HERE = ("Host", "127.0.0.1:4000")
PAGE = "http://localhost:3000"


def lending(**options: object) -> Admission:
    """The rule of a relay that adds a key."""
    given: dict[str, object] = {"host": "127.0.0.1", "lends_key": True, **options}
    return Admission(OPENAI, **given)  # type: ignore[arg-type]


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
        ("1.2.3.4.5", True),
        ("1.2.3.4.5a.example", True),
        ("١٢٧.0.0.1", True),
        ("", True),
        ("[::1", True),
    ],
)
def test_a_name_that_can_be_rebound_is_refused_without_an_origin_too(host: str, refused: bool) -> None:
    assert cannot_be_rebound(hostname(host)) is not refused
    refusal = lending().to_upstream(Asked((("Host", host),)))
    assert (refusal is not None and refusal.status == 403) is refused


PAGES: list[tuple[Pairs, bool, bool]] = [
    # headers, refused by a relay that adds a key, refused by the control API
    ((HERE,), False, False),
    ((HERE, ("Origin", "http://127.0.0.1:4000")), False, False),
    ((HERE, ("Origin", "http://127.0.0.1:4000"), ("Sec-Fetch-Site", "same-origin")), False, False),
    ((HERE, ("Sec-Fetch-Site", "same-origin")), False, False),
    ((HERE, ("Sec-Fetch-Mode", "cors")), False, False),  # what Node's fetch sends
    ((HERE, ("Sec-Fetch-Site", "none")), True, False),  # an address that a person typed, or a link in a mail
    ((HERE, ("Sec-Fetch-Site", "cross-site")), True, True),  # <img> and <script> of a foreign page: no Origin
    ((HERE, ("Sec-Fetch-Site", "same-site")), True, True),
    ((HERE, ("Sec-Fetch-Site", "something-new")), True, True),
    ((HERE, ("Origin", "http://127.0.0.1:4000"), ("Sec-Fetch-Site", "cross-site")), True, True),
    ((HERE, ("Origin", PAGE)), True, True),
    ((HERE, ("Origin", "http://127.0.0.1:3000")), True, True),
    ((HERE, ("Origin", "https://127.0.0.1:4000")), True, True),
    ((HERE, ("Origin", "https://evil.example")), True, True),
    ((HERE, ("Origin", "http://127.0.0.1:4000"), ("Origin", "https://evil.example")), True, True),
    ((HERE, ("Origin", "null")), True, True),
    ((HERE, ("Origin", "")), True, True),
    ((HERE, ("Referer", "http://127.0.0.1:4000/a?b")), False, False),
    ((HERE, ("Referer", "https://evil.example/page")), True, True),
    ((HERE, ("Referer", "http://127.0.0.1:4000.evil.example/")), True, True),
    ((("Host", "evil.example"), ("Origin", "http://evil.example")), True, True),
    ((("Host", "evil.example"),), True, True),
    ((HERE, ("Host", "evil.example")), True, True),
    (
        (("Host", "[::1]:4000"), ("Origin", "http://[::1]:4000")),
        False,
        False,
    ),
    ((("Host", "localhost:80"), ("Origin", "http://localhost")), False, False),
]


@pytest.mark.parametrize(("headers", "relayed", "controlled"), PAGES)
def test_one_rule_for_relay_and_control(headers: Pairs, relayed: bool, controlled: bool) -> None:
    refusal = lending().to_upstream(Asked(headers))
    assert (refusal is not None) is relayed, refusal
    assert refusal is None or refusal.status == 403
    refusal = lending().to_control(headers, "127.0.0.1")
    assert (refusal is not None) is controlled, refusal
    # The control: where no key is added there is nothing to spend.
    assert lending(lends_key=False).to_upstream(Asked(headers)) is None


def test_a_page_that_was_named_may_spend_the_key_and_no_other_may() -> None:
    admission = lending(origins=checked_origins([PAGE]))
    headers: Pairs = (HERE, ("Origin", PAGE), ("Sec-Fetch-Site", "same-site"))
    assert admission.to_upstream(Asked(headers)) is None
    assert admission.to_upstream(Asked((HERE, ("Origin", "http://localhost:3001")))) is not None
    assert admission.to_upstream(Asked((HERE, ("Sec-Fetch-Site", "same-site")))) is not None
    assert admission.to_control(headers, "127.0.0.1") is not None, "the control API is for no page"


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "", "localhost:3000", "http://localhost:3000/", "http://*.example", "HTTP://localhost", "http://a b"],
)
def test_an_origin_is_named_exactly(origin: str) -> None:
    with pytest.raises(UsageError, match="expected one origin"):
        MockServer(simulator("openai"), allow_origins=[origin])


def test_where_others_can_connect_the_token_is_asked_for_and_any_name_will_do() -> None:
    admission = lending(host="0.0.0.0", token="t0ken")
    named = (("Host", "build.example"),)
    refusal = admission.to_upstream(Asked(named))
    assert refusal is not None
    assert refusal.status == 401
    assert admission.to_upstream(Asked((*named, ("Authorization", "Bearer t0ken")))) is None
    page = admission.to_upstream(Asked((*named, ("Authorization", "Bearer t0ken"), ("Origin", PAGE))))
    assert page is not None
    assert page.status == 403


def test_refused_pages_are_told_once_and_cannot_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    admission = lending()
    with caplog.at_level(logging.WARNING, "mockserver"):
        for number in range(100):
            for _ in range(2):
                admission.to_upstream(Asked((HERE, ("Origin", f"http://a{number}\x1b[2J"))))
    assert len(caplog.records) == 20
    assert "\x1b" not in caplog.text


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
        ((("Authorization", "Bearer "),), (), (), False),
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
