"""The real provider answers; everything goes through unchanged, both ways, until either side ends it.

    client Opened -> Dial the upstream -> its answer -> Accept or Refuse with the same -> frames both ways

Where the dialect says that a plain reply names the socket's address, that reply alone is changed: the client gets an
address of this server instead, and the named one is dialled when the client comes to it (``engines.relay.named``).

Close frames go through with code and reason, a lost connection becomes a reset on the other side. A refusal reaches
the client with the upstream's status, headers and body. Nothing here reads a frame.

With a ``key`` the relay adds the user's key on the way to the upstream, and there only: it is in no journal, because
the journal holds what crosses the client's wire. Who may use such a relay is the server's decision.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlsplit

from mockserver.core.frames import (
    Abort,
    Accept,
    Answer,
    Close,
    Dial,
    Dialled,
    Effect,
    Event,
    Frame,
    Handshake,
    Hangup,
    Lost,
    Micros,
    Note,
    Opened,
    Pairs,
    Peer,
    Received,
    Refuse,
    Send,
    Tell,
)
from mockserver.core.machine import Untimed
from mockserver.core.timeline import safe
from mockserver.dialects.base import Dialect
from mockserver.engines.base import Engine, HttpReply, Inspection, Request, SessionContext
from mockserver.engines.relay.named import Named
from mockserver.errors import ExpectationFailed, UpstreamError, UsageError

HOP = frozenset(
    {"connection", "host", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te",
     "trailer", "transfer-encoding", "upgrade", "content-length", "sec-websocket-key", "sec-websocket-version",
     "sec-websocket-protocol", "sec-websocket-accept"}
)  # fmt: skip
"""Headers of one hop (RFC 9110 section 7.6.1) or of one handshake. All others go through."""

LAST = (Close, Lost)
_HOST = re.compile(r"[\w.-]+|[0-9a-f:.]+(?:%[\w.-]+)?")


@dataclass(frozen=True, slots=True)
class Forward:
    """A plain HTTP request to the upstream. ``url`` is absolute."""

    method: str
    url: str
    headers: Pairs
    body: bytes


class Relay:
    """The source. ``upstream`` is the base URL that clients of the real service take, or its socket's URL."""

    kind = "relay"

    def __init__(self, upstream: str, dialect: Dialect, *, key: str | None = None) -> None:
        checked_upstream(upstream)
        if dialect.transport != "websocket":
            raise UsageError(
                f"{dialect.title} cannot be recorded: each message is signed for the host it goes to, and a recorder "
                "would have to sign anew with your credentials, which is not built; import a log (mockserver import), "
                f'or record a simulated one (mockserver.server.record.Recording of simulator("{dialect.name}"))'
            )
        self.upstream = upstream
        self.dialect = dialect
        self.failures: list[UpstreamError] = []
        self._key = key
        self._named = Named(dialect)

    def open(self, handshake: Handshake, context: SessionContext) -> Engine:
        """One relayed connection."""
        return RelayEngine(self, context)

    def neighbour(self, request: Request, context: SessionContext) -> HttpReply | None:
        """None: everything is for the shell to forward (``forward``)."""
        return None

    @property
    def lends_key(self) -> bool:
        """Whether whoever may connect here spends the user's key."""
        return self._key is not None

    def forward(self, request: Request, target: str) -> Forward:
        """Where a plain request goes. ``target`` is the request target as sent."""
        url = joined(self.upstream, self.dialect, target).replace("ws", "http", 1)
        headers = request.headers
        if self._key is not None:
            headers, url, _ = self.dialect.keys.replaced(headers, url, (), self._key)
        # What is compressed could neither be redacted nor be read here.
        readable = (("Accept-Encoding", "identity") if one[0].lower() == "accept-encoding" else one for one in headers)
        return Forward(request.method, url, end_to_end(tuple(readable)), request.body)

    def forwarded(self, reply: HttpReply, context: SessionContext) -> HttpReply:
        """The upstream's reply as the client gets it: the sockets that it names are at this server."""
        origin = context.base_url.removesuffix(self.dialect.base_path)
        return self._named.take(reply, "ws" + origin.removeprefix("http"))

    def names(self, handshake: Handshake) -> bool:
        """Whether a reply has named this address. Then neither the upstream nor the user's key has a part in it."""
        return self._named.find(handshake) is not None

    def problems(self) -> Sequence[ExpectationFailed]:
        """None: what the upstream does is no fault of the client. ``failures`` has what went wrong there."""
        return ()

    def dialling(self, handshake: Handshake) -> Handshake:
        """The handshake for the upstream, or for an address that it named. Its ``target`` is the absolute URL."""
        address = self._named.find(handshake)
        if address is not None:
            bare = self._named.dialling(handshake, address)
            return replace(bare, headers=end_to_end(bare.headers))
        url = joined(self.upstream, self.dialect, handshake.target or handshake.path)
        headers, subprotocols = handshake.headers, handshake.subprotocols
        if self._key is not None:
            headers, url, subprotocols = self.dialect.keys.replaced(headers, url, subprotocols, self._key)
        parts = urlsplit(url)
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        return Handshake(parts.path, query, end_to_end(headers), subprotocols, url)

    def refuses(self, handshake: Handshake) -> Refuse | None:
        """The refusal of an address that nobody named."""
        if self.dialect.socket_at_upstream or self.names(handshake) or urlsplit(self.upstream).scheme[:2] == "ws":
            return None  # a ws or wss upstream is the socket's service itself: the user named it
        failure = (
            f"no reply of {shown(self.upstream)} named {handshake.path!r:.200} as a socket, so nothing was dialled; "
            "let the client make its REST call through this server too"
        )
        self.failures.append(UpstreamError(failure))
        return Refuse(404, (("Content-Type", "application/json"),), _told(failure))


OVERSIZED = "a message over the limit of 64 MiB"
"""How a connection was lost to a message that is too large to be passed on."""


class RelayEngine(Untimed):
    """One connection."""

    relays = True

    def __init__(self, source: Relay, context: SessionContext) -> None:
        self._source = source
        self._context = context
        self._client = self._upstream = False  # whether that side is open
        self._where = shown(source.upstream)

    def feed(self, item: Event, now: Micros) -> list[Effect]:
        """A frame of either side, or word of the handshake."""
        if type(item) is Received:
            return self._through(item.peer, item.frame)
        match item:
            case Opened(handshake):
                refusal = self._source.refuses(handshake)
                if refusal is not None:
                    return [refusal]
                dialled = self._source.dialling(handshake)
                self._where = shown(dialled.target) if self._source.names(handshake) else self._where
                return [Dial(dialled)]
            case Dialled(answer, failure):
                return self._answered(answer, failure)
            case Tell("cancel", data):
                # A fault has ended a response on the client's wire. Where the dialect knows how, the upstream is told,
                # so that it does not go on to speak (and bill) into nothing.
                frame = self._source.dialect.cancel(data) if self._upstream else None
                return [] if frame is None else [Send(Peer.UPSTREAM, frame)]
            case _:
                return []

    @property
    def passes(self) -> bool:
        """Whether what the upstream says goes to the client."""
        return self._client and self._upstream

    def inspect(self) -> Inspection:
        """Which sides are open. Never the key."""
        sides = {"client_open": self._client, "upstream_open": self._upstream}
        return Inspection("relay", {"upstream": self._where, **sides})

    def _through(self, peer: Peer, frame: Frame) -> list[Effect]:
        from_client = peer is Peer.CLIENT
        if isinstance(frame, LAST):
            other_open = self._upstream if from_client else self._client
            if from_client:
                self._client = False
            else:
                self._upstream = False
            other = Peer.UPSTREAM if from_client else Peer.CLIENT
            if from_client and not self._client and isinstance(frame, Lost) and not other_open:
                return [Abort(Peer.UPSTREAM)]  # the client gave up while the upstream was being dialled
            if not other_open:
                return []
            if isinstance(frame, Close):
                return [Hangup(other, frame.code, frame.reason)]
            if frame.reason == OVERSIZED:
                self._source.failures.append(
                    UpstreamError(f"{self._where}: {OVERSIZED}; the connection was closed (1009)")
                )
                return [Note("relay", f"{peer} sent {OVERSIZED}"), Hangup(other, 1009, OVERSIZED)]
            return [Note("relay", f"{peer} lost: {frame.reason}"), Abort(other)]
        if from_client:
            return [Send(Peer.UPSTREAM, frame)] if self._upstream else []
        return [Send(Peer.CLIENT, frame)] if self._client else []

    def _answered(self, answer: Answer, failure: str | None) -> list[Effect]:
        if failure is not None:
            self._source.failures.append(UpstreamError(failure))
            status = 504 if "did not answer" in failure else 502
            return [Note("relay", failure), Refuse(status, (("Content-Type", "application/json"),), _told(failure))]
        headers = end_to_end(answer.headers)
        if answer.status != 101:
            text = f"upstream {self._where} refused the connection with HTTP {answer.status}"
            self._source.failures.append(UpstreamError(text))
            return [Note("relay", text), Refuse(answer.status, headers, answer.body)]
        self._client = self._upstream = True
        return [Accept(answer.subprotocol, headers)]


def _told(failure: str) -> bytes:
    return json.dumps({"error": {"message": failure}}).encode() + b"\n"


def end_to_end(headers: Pairs) -> Pairs:
    """The headers that are not of one hop; those that ``Connection`` names are of one hop too."""
    named = {word.strip().lower() for key, value in headers if key.lower() == "connection" for word in value.split(",")}
    return tuple((key, value) for key, value in headers if key.lower() not in HOP and key.lower() not in named)


def joined(upstream: str, dialect: Dialect, target: str) -> str:
    """The websocket URL at the upstream for a client's request target; path and query as sent.

    The client's path begins with the base path that it was given (``server.base_url``), which stands for ``upstream``.
    """
    parts = urlsplit(upstream)
    path, _, query = target.partition("?")
    while "//" in path:
        path = path.replace("//", "/")
    rest = path.removeprefix(dialect.base_path) if f"{path}/".startswith(f"{dialect.base_path}/") else path
    socket = dialect.socket_path.removeprefix(dialect.base_path)
    base = parts.path.rstrip("/")
    if socket != "/" and base.endswith(socket):
        base = base.removesuffix(socket)  # the URL of the socket itself was given
    if rest == "/" and base:
        rest = ""
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    host = parts.netloc.rpartition("@")[2]
    whole = "&".join(piece for piece in (parts.query, query) if piece)
    return f"{scheme}://{host}{base}{rest or ('' if base else '/')}{'?' + whole if whole else ''}"


def checked_upstream(url: str) -> None:
    """UsageError for what is no URL of a server. What is wrong is said without what may be a secret in it."""
    try:
        parts = urlsplit(url)
        fit = parts.scheme in ("http", "https", "ws", "wss") and parts.port != 0
        fit = fit and _HOST.fullmatch(parts.hostname or "") is not None
    except ValueError:  # brackets without an address, a port above 65535
        fit = False
    if not fit or not url.isprintable() or " " in url:
        raise UsageError(f"upstream {safe(shown(url))!r}: expected a URL such as wss://HOST/v1")


def shown(url: str) -> str:
    """A URL as it may be printed: no user, no password, no query."""
    scheme, mark, rest = url.partition("://")
    authority, slash, path = rest.partition("?")[0].partition("#")[0].partition("/")
    return f"{scheme}{mark}{authority.rpartition('@')[2]}{slash}{path}"
