"""Who may use a server: one rule for relayed sockets, for plain requests through a relay, and for the control API.

Programs on this machine may. A web page may not, unless this server served it or its origin was named with
``allow_origins``: a browser sends a page's requests to any address, and a relay would add the user's key to them. Other
machines may with the token. What tells a page (Fetch Metadata, W3C; RFC 6454; RFC 9110 section 10.1.3):

- ``Origin``, with every websocket handshake, every request of a script to another origin, and every POST;
- ``Sec-Fetch-Site``, with every request to loopback, ``<img>``, links and forms included;
- ``Referer``, in browsers that are too old for that;
- a ``Host`` that somebody can register: a page that rebinds its own name to this machine is same-origin to its browser.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from mockserver.core.frames import Pairs
from mockserver.core.timeline import safe
from mockserver.dialects.base import Dialect
from mockserver.errors import UsageError
from mockserver.server.local import loopback

LOG = logging.getLogger("mockserver")
MOST_WARNINGS = 20
"""Refused pages that are told in the log, each origin once."""
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)
_PORTS = {"http": ":80", "https": ":443"}
WANTS_TOKEN = "this relay adds a key and is open to other machines: give its token as your API key"


class Refusal(NamedTuple):
    """Why a request is not served."""

    status: int
    message: str


def checked_origins(origins: Iterable[str]) -> frozenset[str]:
    """Origins as browsers write them. UsageError for anything else, ``*`` and ``null`` above all."""
    given = (origins,) if isinstance(origins, str) else tuple(origins)
    for one in given:
        if _ORIGIN.fullmatch(one) is None:
            raise UsageError(
                f"allowed origin {one!r:.100}: expected one origin as a browser sends it, in small letters and "
                "without a path, such as http://localhost:3000"
            )
    return frozenset(map(_with_port, given))


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a request says who sends it."""

    headers: Pairs
    query: Pairs = ()
    subprotocols: tuple[str, ...] = ()


class Admission:
    """The rule of one server.

    ``host``: the address that it listens on. ``lends_key``: whether a relay adds the user's key to what comes.
    """

    def __init__(
        self,
        dialect: Dialect,
        *,
        host: str,
        token: str | None = None,
        origins: frozenset[str] = frozenset(),
        lends_key: bool = False,
        secure: bool = False,
    ) -> None:
        self._dialect = dialect
        self._token = token
        self._origins = origins
        self._lends_key = lends_key
        self._scheme = "https" if secure else "http"
        self._host = host
        self.local = loopback(host)
        self._told: set[str] = set()

    @property
    def exposes_key(self) -> bool:
        """Whether other machines can reach a key."""
        return self._lends_key and not self.local

    def check(self) -> None:
        """UsageError for a server that would lend the user's key to other machines."""
        if self.exposes_key and self._token is None:
            raise UsageError(
                f"this relay adds your key, and {self._host or 'every address'} is open to other machines: they would "
                "spend it. Listen on 127.0.0.1, or set a token (--token) that clients give as their API key"
            )

    def warn_if_open(self) -> None:
        """A warning where other machines can connect and no token is asked for."""
        if self._token is None and not self.local:
            LOG.warning(
                "mockserver listens on %s, where other machines can reach it, without a token: "
                "its control API is off (set a token to use it)",
                self._host or "all addresses",
            )

    def to_upstream(self, asked: Asked, *, spends: bool = True) -> Refusal | None:
        """Why a request may not go on, or None. ``spends`` False: it goes where the key is not added."""
        if not self._lends_key:
            return None
        trusted = self._token is not None and carries(
            self._token, self._dialect, asked.headers, asked.query, asked.subprotocols
        )
        if self.exposes_key and spends and not trusted:
            return Refusal(401, WANTS_TOKEN)
        page = self._page(asked.headers, ("same-origin",), self._origins) or (
            None if trusted or _named_safely(asked.headers) else "a name that anybody can register"
        )
        if page is None:
            return None
        self._warn(page)
        return Refusal(
            403, f"this relay adds a key, so web pages are refused; this came from {page}; --allow-origin names a page"
        )

    def to_control(self, headers: Pairs, peer: str | None) -> Refusal | None:
        """Why a request to the control API is refused, or None. ``peer`` is the client's address."""
        page = self._page(headers, ("same-origin", "none"), frozenset())
        if page is not None:
            return Refusal(403, f"the control API answers no page of another origin or site; this came from {page}")
        if self._token is not None:
            given = given_token(headers).encode(errors="replace")
            if not hmac.compare_digest(given, self._token.encode()):
                return Refusal(401, "the control API wants 'Authorization: Bearer TOKEN' or X-Mockserver-Token: TOKEN")
            return None
        if not self.local or peer is None or not loopback(peer):
            return Refusal(403, "without a token the control API answers on loopback only; start it with --token")
        hosts = _all(headers, "host")
        if not hosts or not all(loopback(hostname(host)) for host in hosts):
            return Refusal(403, "the Host header does not name this machine; use 127.0.0.1 or localhost")
        return None

    # --- inside ---

    def _page(self, headers: Pairs, sites: tuple[str, ...], origins: frozenset[str]) -> str | None:
        """The page that sent a request and may not have, in words; None where no page did or it may."""
        here = {_with_port(f"{self._scheme}://{host.lower()}") for host in _all(headers, "host")}
        mine = here if len(here) == 1 else frozenset[str]()
        found = [_with_port(one.lower()) for one in _all(headers, "origin")]
        for one in found:
            if one not in mine and one not in origins:
                return f"a page of {safe(one, 100)}"
        if found and not mine.issuperset(found):
            return None  # an origin that was named; its browser calls it another site, and it is one
        for site in _all(headers, "sec-fetch-site"):
            if site.strip().lower() not in sites:
                return f"a page of another site (Sec-Fetch-Site: {safe(site, 40)})"
        for referer in _all(headers, "referer"):
            if _with_port("/".join(referer.lower().split("/", 3)[:3])) not in mine:
                return f"a page of {safe(referer, 100)} (Referer)"
        return None

    def _warn(self, page: str) -> None:
        if page not in self._told and len(self._told) < MOST_WARNINGS:
            self._told.add(page)
            LOG.warning("refused a request from %s: this relay adds your key", page)


def carries(token: str, dialect: Dialect, headers: Pairs, query: Pairs, subprotocols: tuple[str, ...] = ()) -> bool:
    """Whether a client carries the server's token where it would carry its key."""
    wanted = token.encode()
    found = [*_all(headers, "x-mockserver-token"), *dialect.keys.all(headers, query, subprotocols)]
    return sum(hmac.compare_digest(one.encode(errors="replace"), wanted) for one in found) > 0


def given_token(headers: Pairs) -> str:
    """The token of a request to the control API, or ""."""
    for value in _all(headers, "authorization"):
        scheme, _, rest = value.partition(" ")
        if scheme.lower() == "bearer":
            return rest.strip()
    return next(iter(_all(headers, "x-mockserver-token")), "").strip()


def hostname(authority: str) -> str:
    """The name in ``name:port``; "" where there is none."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def cannot_be_rebound(name: str) -> bool:
    """Addresses, names without a domain, and two domains that no one can register (RFC 6761; ICANN)."""
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return bool(name) and name.isascii() and ("." not in name or name.endswith((".localhost", ".internal")))
    return True


def _named_safely(headers: Pairs) -> bool:
    return all(cannot_be_rebound(hostname(host)) for host in _all(headers, "host"))


def _all(headers: Pairs, name: str) -> list[str]:
    return [value for key, value in headers if key.lower() == name]


def _with_port(origin: str) -> str:
    """An origin with its default port left out, as browsers write it (RFC 6454 section 6.2)."""
    scheme, _, _ = origin.partition("://")
    return origin.removesuffix(_PORTS.get(scheme, "\0"))
