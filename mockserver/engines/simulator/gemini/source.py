"""Gemini Live as a source: one engine a connection, handles and tokens that outlive them, and the call for tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mockserver.core.frames import Handshake, Refuse
from mockserver.core.ids import Ids
from mockserver.dialects.base import Dialect
from mockserver.engines import base
from mockserver.engines.simulator import reading
from mockserver.engines.simulator.addresses import Astray
from mockserver.engines.simulator.common import Provider, SimulatorSource
from mockserver.engines.simulator.gemini import models, problems
from mockserver.engines.simulator.gemini.keys import TOKEN, Tokens
from mockserver.engines.simulator.gemini.options import GeminiOptions
from mockserver.engines.simulator.gemini.problems import Closing
from mockserver.engines.simulator.gemini.resumption import Shelf
from mockserver.engines.simulator.gemini.session import GeminiAdmission, LiveSession
from mockserver.engines.simulator.gemini.setup import Endpoint
from mockserver.engines.simulator.replies.reply import Replier

if TYPE_CHECKING:
    from mockserver.cassette.model import Connection
    from mockserver.engines.simulator.likeness import Likeness

_STUDIO = "/ws/google.ai.generativelanguage.{}.GenerativeService.BidiGenerateContent{}"
_VERTEX = "/ws/google.cloud.aiplatform.{}.LlmBidiService/BidiGenerateContent"
DOORS: Mapping[str, Endpoint] = {
    **{_STUDIO.format(version, ""): Endpoint(version) for version in ("v1", "v1alpha", "v1beta")},
    _STUDIO.format("v1alpha", "Constrained"): Endpoint("v1alpha", constrained=True),
    **{_VERTEX.format(version): Endpoint(version, vertex=True) for version in ("v1", "v1beta1")},
}
"""Every path of the service, and what is behind it (gemini.md#1 to gemini.md#3)."""
TOKENS = "/v1alpha/auth_tokens"


class GeminiSource(SimulatorSource[GeminiOptions]):
    """Remembers the handles and tokens that it gave out."""

    def __init__(self, dialect: Dialect, options: GeminiOptions, replier: Replier) -> None:
        super().__init__(dialect, options, replier)
        self.shelf = Shelf()
        self.tokens = Tokens()

    @property
    def default_model(self) -> str:
        """What ``model`` stands for where nobody names one. A setup always names its own."""
        return models.DEFAULT

    def knows(self, model: str) -> bool:
        """Whether a model of this name exists on one of the two services."""
        return self._has(model, vertex=False) or self._has(model, vertex=True)

    def _has(self, model: str, vertex: bool) -> bool:
        if self.options.models is not None:
            return model in self.options.models
        return model in (models.VERTEX if vertex else models.STUDIO)

    @property
    def sockets(self) -> tuple[str, ...]:
        """One for each version and kind of key at AI Studio, one for each version at Vertex (gemini.md#1)."""
        return tuple(DOORS)

    def astray(self, handshake: Handshake) -> Astray | None:
        """A path that is none of them."""
        if handshake.path in self.sockets:
            return None
        told = _reply(*_error(404, "NOT_FOUND", "Requested entity was not found."))
        return Astray(Refuse(told.status, told.headers, told.body))

    def begin(self, handshake: Handshake, context: base.SessionContext) -> LiveSession:
        """An engine for one connection."""
        place = DOORS[handshake.path]
        return LiveSession(
            options=self.options,
            context=context,
            replier=self.replier,
            ear=self.new_ear(),
            gate=self._gate(handshake, place, context),
            place=place,
            shelf=self.shelf,
            knows=self._has,
            failed=self.failed,
        )

    def _gate(self, handshake: Handshake, place: Endpoint, context: base.SessionContext) -> GeminiAdmission:
        key = self.key_of(handshake)
        if key is not None and key.startswith(TOKEN):
            token = self.tokens.known.get(key)
            if place.constrained and token is not None and token.opens(context.unix_us):
                return GeminiAdmission(setup=token.setup, locked=token.locked)
            return self._turned_away(problems.BAD_KEY)
        if place.constrained or not self.accepts(key):
            return self._turned_away(problems.NO_KEY if key is None else problems.BAD_KEY)
        return GeminiAdmission()

    def _turned_away(self, message: str) -> GeminiAdmission:
        if self.options.bad_key == "handshake":
            return GeminiAdmission(refuse=_error(401, "UNAUTHENTICATED", message))
        return GeminiAdmission(closing=Closing(1007 if message == problems.BAD_KEY else 1008, message))

    def recalled(self, came: Handshake | base.Request) -> str | None:
        """An ephemeral token. A handle of a session comes in its first message, when the connection has its process."""
        key = self.key_of(came) if isinstance(came, Handshake) else None
        return key if key is not None and key.startswith(TOKEN) else None

    # --- the neighbour ---

    def answer(self, request: base.Request, context: base.SessionContext) -> base.HttpReply | None:
        """POST /v1alpha/auth_tokens: an ephemeral token (gemini.md#93)."""
        if request.method != "POST" or request.path != TOKENS:
            return None
        key = self.dialect.keys.key(request.headers, request.query)
        if not self.accepts(key) or (key or "").startswith(TOKEN):
            missing = key is None
            status, name = (403, "PERMISSION_DENIED") if missing else (400, "INVALID_ARGUMENT")
            return _reply(*_error(status, name, problems.NO_KEY if missing else problems.BAD_KEY))
        body = reading.parse(request.body.decode(errors="replace")) if request.body else {}
        ids = Ids(context.rng(f"tokens {self.tokens.known.made}"))
        try:
            made = self.tokens.make(
                body,
                context.unix_us,
                lambda: context.place.mint(lambda: TOKEN + ids.mint("", 64, "0123456789abcdef")).removeprefix(TOKEN),
                size=len(request.body),
            )
        except Closing as closing:
            return _reply(*_error(400, "INVALID_ARGUMENT", closing.reason))
        return _reply(200, made)


def _error(status: int, name: str, message: str) -> tuple[int, dict[str, Any]]:
    """An error as Google's APIs write it."""
    return status, {"error": {"code": status, "message": message, "status": name}}


def _reply(status: int, body: dict[str, Any]) -> base.HttpReply:
    headers = (("content-type", "application/json; charset=UTF-8"),)
    return base.HttpReply(status, headers, (json.dumps(body, indent=2) + "\n").encode())


def _likeness(dialect: Dialect, connection: Connection) -> Likeness:
    """What recordings tell, loaded when one is compared."""
    from mockserver.engines.simulator.gemini.likeness import GeminiLikeness

    return GeminiLikeness(dialect, connection)


PROVIDERS: Mapping[str, Provider] = {"gemini": Provider("gemini", GeminiOptions, GeminiSource, _likeness)}
