"""Where a running server is: the URLs that clients are given, and the variables that hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mockserver.core.frames import Handshake
from mockserver.dialects.base import Dialect
from mockserver.engines.base import House, Housing, Source
from mockserver.errors import ServerError


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """``authority``: host and port. ``houses``: the providers on it; the first is the one that a base URL means."""

    authority: str
    tls: bool
    houses: Sequence[House]

    @property
    def url(self) -> str:
        """The origin: ``http://127.0.0.1:PORT``."""
        return f"{'https' if self.tls else 'http'}://{self.authority}"

    @property
    def base_url(self) -> str:
        """What clients take as a base URL: the origin and the provider's base path."""
        return f"{self.url}{self.houses[0].at}{self.houses[0].dialect.base_path}"

    @property
    def socket_path(self) -> str:
        """The path of the websocket."""
        return self.houses[0].at + self.houses[0].dialect.socket_path

    @property
    def ws_url(self) -> str:
        """The websocket itself."""
        return self._ws_origin + self.socket_path

    @property
    def _ws_origin(self) -> str:
        return f"{'wss' if self.tls else 'ws'}://{self.authority}"

    def env(self) -> dict[str, str]:
        """Variables that point clients here; where two providers share one, it is that of the first.

        ``MOCKSERVER_URL`` (the origin), ``MOCKSERVER_BASE_URL`` and ``MOCKSERVER_WS_URL`` are there for every provider.
        """
        found: dict[str, str] = {}
        for house in self.houses:
            told = house.dialect.env(http=self.url + house.at, ws=self._ws_origin + house.at)
            found |= {name: value for name, value in told.items() if name not in found}
        found["MOCKSERVER_URL"] = self.url
        found["MOCKSERVER_BASE_URL"] = self.base_url
        found["MOCKSERVER_WS_URL"] = self.ws_url
        return found


class Trusted(Protocol):
    """A certificate of the server's own."""

    def env(self) -> dict[str, str]:
        """Variables that make clients trust it."""
        ...


class Reachable:
    """What says where it is. ``whereabouts`` raises ServerError where it is nowhere yet."""

    certificate: Trusted | None

    @property
    def whereabouts(self) -> Whereabouts:
        """Every address of it."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """The origin: ``http://127.0.0.1:PORT``."""
        return self.whereabouts.url

    @property
    def base_url(self) -> str:
        """What clients take as a base URL: the origin and the provider's base path."""
        return self.whereabouts.base_url

    @property
    def ws_url(self) -> str:
        """The websocket itself."""
        return self.whereabouts.ws_url

    def env(self) -> dict[str, str]:
        """Variables that point clients at this server and, with TLS, make them trust it."""
        found = self.whereabouts.env()
        return found if self.certificate is None else {**found, **self.certificate.env()}


class Located(Reachable):
    """A server with one port."""

    def __init__(self, source: Source, host: str, *, tls: bool) -> None:
        self.source = source
        self._host = host
        self._tls = tls
        self._port: int | None = None
        self.certificate = None

    @property
    def port(self) -> int:
        """The port that clients connect to."""
        if self._port is None:
            raise ServerError("the server is not running: enter it with `async with` or `with ....in_thread()`")
        return self._port

    @property
    def whereabouts(self) -> Whereabouts:
        """Every address of it."""
        return Whereabouts(authority(self._host, self.port), self._tls, houses_of(self.source))


def authority(host: str, port: int) -> str:
    """Host and port as clients on this machine reach them. An address that means all of them is no place to go to."""
    named = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"[{named}]:{port}" if ":" in named else f"{named}:{port}"


def houses_of(source: Source) -> Sequence[House]:
    """The providers of a source, and where they are."""
    return tuple(source.houses) if isinstance(source, Housing) else (House(source.dialect),)


def spoken_at(source: Source, handshake: Handshake) -> Dialect:
    """What a client speaks that came to this address."""
    return source.dialect_at(handshake) if isinstance(source, Housing) else source.dialect
