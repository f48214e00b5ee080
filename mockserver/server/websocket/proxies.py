"""The proxy that stands between a recorder and the service, as the environment names it.

``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, in capitals or not, as other programs read them: a
socket goes by the proxy of https or http; a proxy without a scheme is one of http; ``NO_PROXY`` names hosts, domains,
hosts with a port, addresses and ranges of addresses (10.0.0.0/8), or ``*``. Where the environment names none, the
settings of the system count (macOS, Windows).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from mockserver.errors import UpstreamError


class Proxy(NamedTuple):
    """Where it is, and what it is told of who asks. No URL: there is none."""

    url: URL | None = None
    headers: Mapping[str, str] | None = None

    def __str__(self) -> str:
        return "" if self.url is None else f" through the proxy {self.url}"


DIRECT = Proxy()


def proxy_of(target: str) -> Proxy:
    """The proxy for a URL of http, https, ws or wss. UpstreamError where it is one that cannot be used."""
    url = URL(target, encoded=True)
    scheme = {"wss": "https", "ws": "http"}.get(url.scheme, url.scheme)
    named = getproxies()
    found = named.get(scheme) or named.get("all")
    if not found or not url.host or _excepted(url, named.get("no", "")):
        return DIRECT
    proxy = _read(found)
    if proxy is None:
        raise UpstreamError(
            f"the proxy {found.rpartition('@')[2]} cannot be used: expected http://HOST:PORT in {scheme.upper()}_PROXY "
            "or ALL_PROXY (SOCKS is not spoken); NO_PROXY excepts hosts"
        )
    if proxy.user is None:
        return Proxy(proxy.origin())
    login = b64encode(f"{proxy.user}:{proxy.password or ''}".encode()).decode()
    return Proxy(proxy.origin(), {"Authorization": f"Basic {login}"})  # aiohttp makes Proxy-Authorization of it


def _read(found: str) -> URL | None:
    try:
        proxy = URL(found if "://" in found else f"http://{found}")
        return proxy if proxy.scheme in ("http", "https") and proxy.host and proxy.port else None
    except ValueError:
        return None


def _excepted(url: URL, names: str) -> bool:
    host = url.host or ""
    if proxy_bypass(f"{host}:{url.port}") or proxy_bypass(host):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any("/" in name and _holds(name.strip(), address) for name in names.split(","))


def _holds(name: str, address: object) -> bool:
    try:
        return address in ip_network(name, strict=False)
    except ValueError:
        return False
