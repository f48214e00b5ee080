"""GPT-Live as a source: sessions, sidebands that attach to them, forks of stored ones, and the call that hangs up."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mockserver.core.frames import Handshake, Pairs
from mockserver.dialects.base import Dialect
from mockserver.engines import base
from mockserver.engines.simulator.addresses import Astray
from mockserver.engines.simulator.common import Provider, SimulatorSource
from mockserver.engines.simulator.gpt_live.engine import LiveBook, LiveEngine
from mockserver.engines.simulator.gpt_live.options import MODELS, LiveOptions
from mockserver.engines.simulator.gpt_live.sideband import Sideband
from mockserver.engines.simulator.openai.problems import ClientProblem, bad_key, no_key
from mockserver.engines.simulator.replies.reply import Replier

if TYPE_CHECKING:
    from mockserver.cassette.model import Connection
    from mockserver.engines.simulator.likeness import Likeness

_BELOW = re.compile(r"(?:/openai)?/v1/live/sessions/(?P<id>[^/]+)/(?P<what>attach|fork|hangup)")


class GPTLiveSource(SimulatorSource[LiveOptions]):
    """Remembers its sessions by id: sidebands attach to those that run, forks go on from those that were stored."""

    def __init__(self, dialect: Dialect, options: LiveOptions, replier: Replier) -> None:
        super().__init__(dialect, options, replier)
        self._book = LiveBook()

    @property
    def default_model(self) -> str:
        """The first model."""
        return MODELS[0]

    @property
    def sockets(self) -> tuple[str, ...]:
        """OpenAI's address and Azure's (gpt_live.md#1)."""
        return (self.dialect.socket_path, "/openai/v1/live/sessions")

    def astray(self, handshake: Handshake) -> Astray | None:
        """Sidebands and forks are below a session (gpt_live.md#61)."""
        found = _BELOW.fullmatch(handshake.path)
        return None if found is not None and found["what"] != "hangup" else super().astray(handshake)

    def begin(self, handshake: Handshake, context: base.SessionContext) -> LiveEngine | Sideband:
        """A session, or a sideband of one."""
        found = _BELOW.fullmatch(handshake.path)
        ident, what = (found["id"], found["what"]) if found else ("", "")
        known = self._book.find(ident, follow=what in ("attach", "fork"))
        key = self.key_of(handshake)
        gate = None if self.accepts(key) else _refused(key)
        if what == "attach" and gate is None:
            return Sideband(dialect=self.dialect, options=self.options, context=context, ident=ident, session=known)
        if what == "fork" and gate is None and (known is None or not known.session.store):
            # Code and words of a session that was not stored are unknown (gpt_live.md#39).
            gate = ClientProblem("session_id_not_found", f"Session '{ident}' not found.", "session_id")
        return LiveEngine(
            dialect=self.dialect,
            options=self.options,
            context=context,
            replier=self.replier,
            ear=self.new_ear(),
            knows=self.knows,
            gate=gate,
            stored=known if what == "fork" else None,
            book=self._book,
            failed=self.failed,
        )

    def recalled(self, came: Handshake | base.Request) -> str | None:
        """The session to which a sideband attaches, or that is gone on with or ended."""
        found = _BELOW.fullmatch(came.path)
        return found["id"] if found else None

    def call_refusal(self, headers: Pairs, subprotocols: tuple[str, ...] = ()) -> base.HttpReply | None:
        """A key is wanted, as on the socket."""
        key = self.dialect.keys.key(headers, (), subprotocols)
        return None if self.accepts(key) else _json(401, {"error": _refused(key).body()})

    def answer(self, request: base.Request, context: base.SessionContext) -> base.HttpReply | None:
        """POST .../{id}/hangup ends a session; a second time it is not found (gpt_live.md#41)."""
        found = _BELOW.fullmatch(request.path)
        if request.method != "POST" or found is None or found["what"] != "hangup":
            return None
        key = self.dialect.keys.key(request.headers)
        if not self.accepts(key):
            return _json(401, {"error": _refused(key).body()})
        session = self._book.find(found["id"])
        if session is None or session.over or session.hung_up:
            problem = ClientProblem("session_id_not_found", f"Session '{found['id']}' not found.", "session_id")
            return _json(404, {"error": problem.body()})
        session.hung_up = True
        session.commands.append(({"type": "session.close"}, session.desk.error))
        return base.HttpReply(200)


def _refused(key: str | None) -> ClientProblem:
    return no_key() if key is None else bad_key(key)


def _json(status: int, body: dict[str, Any]) -> base.HttpReply:
    return base.HttpReply(status, (("content-type", "application/json"),), json.dumps(body).encode())


def _likeness(dialect: Dialect, connection: Connection) -> Likeness:
    """What recordings tell, loaded when one is compared."""
    from mockserver.engines.simulator.gpt_live.likeness import GPTLiveLikeness

    return GPTLiveLikeness(dialect, connection)


PROVIDERS: Mapping[str, Provider] = {"gpt_live": Provider("gpt_live", LiveOptions, GPTLiveSource, likeness=_likeness)}
