"""ElevenLabs Agents as a source: one conversation a connection, and the call that gives a signed address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mockserver.core.frames import Handshake, first
from mockserver.core.ids import Ids
from mockserver.dialects.base import Dialect
from mockserver.engines import base
from mockserver.engines.simulator.common import Provider, SimulatorSource
from mockserver.engines.simulator.elevenlabs import problems
from mockserver.engines.simulator.elevenlabs.engine import AgentEngine
from mockserver.engines.simulator.elevenlabs.options import ElevenLabsOptions
from mockserver.engines.simulator.elevenlabs.problems import ConversationEnd
from mockserver.engines.simulator.replies.reply import Replier

if TYPE_CHECKING:
    from mockserver.cassette.model import Connection
    from mockserver.engines.simulator.likeness import Likeness

SIGNED = ("/v1/convai/conversation/get-signed-url", "/v1/convai/conversation/get_signed_url")
SIGNATURE = "conversation_signature"


class ElevenLabsSource(SimulatorSource[ElevenLabsOptions]):
    """Remembers the signatures that it gave, and until when each opens a conversation (seconds since 1970)."""

    def __init__(self, dialect: Dialect, options: ElevenLabsOptions, replier: Replier) -> None:
        super().__init__(dialect, options, replier)
        self._signed: dict[str, tuple[str, float]] = {}

    @property
    def default_model(self) -> str:
        """The language model of the recorded agents."""
        return "gemini-2.5-flash"

    def begin(self, handshake: Handshake, context: base.SessionContext) -> AgentEngine:
        """One conversation."""
        return AgentEngine(
            dialect=self.dialect,
            options=self.options,
            context=context,
            replier=self.replier,
            ear=self.new_ear(),
            model=self.model,
            gate=self._gate(handshake, context),
            failed=self.failed,
        )

    def _gate(self, handshake: Handshake, context: base.SessionContext) -> ConversationEnd | None:
        """Why this client is turned away: a private agent wants a signature, and a key is none (elevenlabs.md#2)."""
        agent, signature = handshake.param("agent_id"), handshake.param(SIGNATURE)
        if signature is not None:
            signed_for, until = self._signed.get(signature, ("", 0.0))
            good = _seconds(context) < until and agent in (None, signed_for)
            return None if good else problems.UNSIGNED
        if not agent:
            return problems.NO_AGENT
        return problems.UNSIGNED if self.options.private else None

    def recalled(self, came: Handshake | base.Request) -> str | None:
        """The signature of an address."""
        return first(came.query, SIGNATURE)

    def answer(self, request: base.Request, context: base.SessionContext) -> base.HttpReply | None:
        """GET /v1/convai/conversation/get-signed-url: this server's own address, signed (elevenlabs.md#1)."""
        if request.method != "GET" or request.path not in SIGNED:
            return None
        key = self.dialect.keys.key(request.headers)
        if not self.accepts(key):
            # The words of a REST call without a good key: elevenlabs.md#55.
            status = "needs_authorization" if key is None else "invalid_api_key"
            message = (
                "Neither authorization header nor xi-api-key received, please provide one."
                if key is None
                else "Invalid API key"
            )
            return _json(401, {"detail": {"status": status, "message": message}})
        agent = first(request.query, "agent_id")
        if not agent:
            lacking = {"type": "missing", "loc": ["query", "agent_id"], "msg": "Field required", "input": None}
            return _json(422, {"detail": [lacking]})
        ids = Ids(context.rng(f"signatures {len(self._signed)}"))
        signature = context.place.mint(lambda: ids.mint("cvtkn_", 28, "0123456789abcdefghjkmnpqrstvwxyz"))
        self._signed[signature] = (agent, _seconds(context) + self.options.signature_s)
        scheme, _, rest = context.base_url.partition("://")
        socket = "wss" if scheme in ("https", "wss") else "ws"
        origin = f"{socket}://{rest.partition('/')[0]}"
        url = f"{origin}{self.at}{self.dialect.socket_path}?agent_id={_quoted(agent)}&{SIGNATURE}={signature}"
        return _json(200, {"signed_url": url})


def _seconds(context: base.SessionContext) -> float:
    return context.unix_us / 1_000_000


def _quoted(text: str) -> str:
    """Percent-encoded, as for a query."""
    plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    return "".join(char if char in plain else "".join(f"%{byte:02X}" for byte in char.encode()) for char in text)


def _json(status: int, body: dict[str, Any]) -> base.HttpReply:
    return base.HttpReply(status, (("content-type", "application/json"),), json.dumps(body).encode())


def _likeness(dialect: Dialect, connection: Connection) -> Likeness:
    """What recordings tell, loaded when one is compared."""
    from mockserver.engines.simulator.elevenlabs.likeness import ElevenLabsLikeness

    return ElevenLabsLikeness(dialect, connection)


PROVIDERS: Mapping[str, Provider] = {
    "elevenlabs": Provider("elevenlabs", ElevenLabsOptions, ElevenLabsSource, _likeness)
}
