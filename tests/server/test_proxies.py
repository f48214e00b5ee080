"""Which proxy a recorder takes, as the environment names it."""

from __future__ import annotations

import pytest

from mockserver.errors import UpstreamError
from mockserver.server.websocket.proxies import DIRECT, proxy_of

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "REQUEST_METHOD")


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


TAKEN = [
    ({}, "wss://service.test/v1", None),
    ({"HTTPS_PROXY": "http://p.test:3128"}, "wss://service.test/v1", "http://p.test:3128"),
    ({"HTTPS_PROXY": "http://p.test:3128"}, "https://service.test/v1", "http://p.test:3128"),
    ({"HTTPS_PROXY": "http://p.test:3128"}, "ws://service.test/v1", None),
    ({"HTTP_PROXY": "http://p.test:3128"}, "ws://service.test/v1", "http://p.test:3128"),
    ({"https_proxy": "http://p.test:3128"}, "wss://service.test/v1", "http://p.test:3128"),
    ({"HTTPS_PROXY": "p.test:3128"}, "wss://service.test/v1", "http://p.test:3128"),
    ({"HTTPS_PROXY": "http://p.test"}, "wss://service.test/v1", "http://p.test"),
    ({"HTTPS_PROXY": "https://p.test:443/"}, "wss://service.test/v1", "https://p.test"),
    ({"ALL_PROXY": "http://p.test:1"}, "wss://service.test/v1", "http://p.test:1"),
    ({"ALL_PROXY": "http://p.test:1", "HTTPS_PROXY": "http://q.test:2"}, "wss://service.test", "http://q.test:2"),
    ({"HTTPS_PROXY": ""}, "wss://service.test/v1", None),
    ({"HTTPS_PROXY": "http://[::1]:3128"}, "wss://service.test/v1", "http://[::1]:3128"),
]


@pytest.mark.parametrize(("named", "target", "taken"), TAKEN)
def test_which_proxy(named: dict[str, str], target: str, taken: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    found = proxy_of(target)
    assert (None if found.url is None else str(found.url)) == taken
    assert (found == DIRECT) is (taken is None)


EXCEPTED = [
    ("near.test", "wss://near.test/v1", True),
    ("near.test", "wss://a.near.test/v1", True),
    (".near.test", "wss://a.near.test/v1", True),
    ("near.test", "wss://nonnear.test/v1", False),
    ("other.test, near.test", "wss://near.test:8443/v1", True),
    ("near.test:8443", "wss://near.test:8443/v1", True),
    ("near.test:8443", "wss://near.test/v1", False),
    ("*", "wss://service.test/v1", True),
    ("10.0.0.0/8", "wss://10.1.2.3/v1", True),
    ("10.0.0.0/8", "wss://11.1.2.3/v1", False),
    ("10.0.0.0/8", "wss://ten.test/v1", False),
    ("127.0.0.1", "ws://127.0.0.1:4000/v1", True),
    ("fd00::/8", "ws://[fd00::1]:4000/v1", True),
    ("nonsense/99", "ws://10.1.2.3/v1", False),
]


@pytest.mark.parametrize(("names", "target", "excepted"), EXCEPTED)
def test_what_no_proxy_excepts(names: str, target: str, excepted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://p.test:3128")
    monkeypatch.setenv("NO_PROXY", names)
    assert (proxy_of(target) == DIRECT) is excepted


def test_a_login_is_the_proxys_and_in_no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:w%40rd@p.test:3128")
    found = proxy_of("wss://service.test/v1")
    assert found.headers == {"Authorization": "Basic dXNlcjp3QHJk"}  # user:w@rd
    assert str(found) == " through the proxy http://p.test:3128"


@pytest.mark.parametrize("proxy", ["socks5://u:word@p.test:1080", "ftp://p.test", "http://p.test:x", "http://"])
def test_a_proxy_that_cannot_be_used_is_an_error_that_says_so(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(UpstreamError, match=r"cannot be used: expected http://HOST:PORT in HTTPS_PROXY") as error:
        proxy_of("wss://service.test/v1")
    assert "word" not in str(error.value)
