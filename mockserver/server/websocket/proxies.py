"""The proxy that stands between a recorder and the service, as the environment names it.

``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, in capitals or not, as other programs read them: a
socket goes by the proxy of https or http; a proxy without a scheme is one of http; ``NO_PROXY`` names hosts, domains,
hosts with a port, addresses and ranges of addresses (10.0.0.0/8), or ``*``. Where the environment names none, the
settings of the system count (macOS, Windows).

A socket that is not encrypted is asked for with CONNECT too (RFC 6455 section 4.1): a proxy passes no upgrade on.
aiohttp does so for encrypted ones alone.
"""

from __future__ import annotations

from asyncio import IncompleteReadError, LimitOverrunError, StreamReader, StreamReaderProtocol, Transport
from base64 import b64encode
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple, cast
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp import hdrs
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


class TunnelConnector(aiohttp.TCPConnector):
    """Connections for sockets alone: through a proxy each is a tunnel."""

    async def _create_proxy_connection(self, req: Any, *arguments: Any) -> Any:
        transport, protocol = await super()._create_proxy_connection(req, *arguments)
        if req.url.scheme != "ws":
            return transport, protocol
        login = req.headers.pop(hdrs.PROXY_AUTHORIZATION, None)
        try:
            await _connected(cast(Transport, transport), f"{req.url.raw_host}:{req.url.port}", login)
        except BaseException:
            transport.close()
            raise
        transport.set_protocol(protocol)
        req.proxy = None  # what follows is asked of the service itself
        return transport, protocol


async def _connected(transport: Transport, address: str, login: str | None) -> None:
    """Ask a proxy for a tunnel. ClientConnectionError where it gives none."""
    reader = StreamReader()
    asking = StreamReaderProtocol(reader)
    transport.set_protocol(asking)
    asking.connection_made(transport)
    told = f"Proxy-Authorization: {login}\r\n" if login else ""
    transport.write(f"CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n{told}\r\n".encode("latin-1"))
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (IncompleteReadError, LimitOverrunError):
        raise aiohttp.ClientConnectionError("it gave no answer to CONNECT that can be read") from None
    first = head.split(b"\r\n", 1)[0].decode("latin-1")
    if first.split(" ")[1:2] != ["200"]:
        raise aiohttp.ClientConnectionError(f"it answered CONNECT with {first[:100]!r}")
