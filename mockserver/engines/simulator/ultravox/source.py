"""Ultravox as a source: the REST calls that make and show calls, and one engine for each that is joined."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.core.frames import Accept, Handshake, Hangup, Refuse, first
from mockserver.core.ids import Ids
from mockserver.dialects.base import Dialect, parse
from mockserver.engines import base
from mockserver.engines.answered import Answered
from mockserver.engines.simulator.addresses import Astray
from mockserver.engines.simulator.common import Provider, SimulatorSource
from mockserver.engines.simulator.kept import MOST_BYTES
from mockserver.engines.simulator.replies.reply import Replier
from mockserver.engines.simulator.ultravox.call import UltravoxCall, WrongCall, bare_terms, terms_of
from mockserver.engines.simulator.ultravox.engine import CallEngine
from mockserver.engines.simulator.ultravox.options import UltravoxOptions

CALLS = "/api/calls"
JOIN = "/calls/{}/server_web_socket"
"""Where a joined call's socket is. That the service's address looks so is unknown; clients take it as it is."""
_JOINED = re.compile(re.escape(JOIN).replace(r"\{\}", "([^/]+)"))
MOST_CALLS = 10_000
"""Calls that are remembered; the oldest that has ended makes room."""


class UltravoxSource(SimulatorSource[UltravoxOptions]):
    """Remembers the calls that were made. The path ``/calls/mock`` joins one that nobody had to make."""

    def __init__(self, dialect: Dialect, options: UltravoxOptions, replier: Replier) -> None:
        super().__init__(dialect, options, replier)
        self.calls: dict[str, UltravoxCall] = {}
        self._sizes: dict[str, int] = {}
        self._bytes = 0  # of the bodies that made the calls
        self._count = 0

    @property
    def default_model(self) -> str:
        """Where a call names none."""
        return "ultravox-v0.7"

    # --- REST ---

    def answer(self, request: base.Request, context: base.SessionContext) -> base.HttpReply | None:
        """``POST /api/calls`` makes a call (201), ``GET /api/calls/ID`` shows one with its end (ultravox.md#12)."""
        parts = [part for part in request.path.removeprefix(CALLS).split("/") if part]
        if not f"{request.path}/".startswith(f"{CALLS}/") or len(parts) > 1:
            return None
        key = self.dialect.keys.key(request.headers)
        if not self.accepts(key):
            # Unknown words; the status is what every REST API of this make answers.
            return _json(401 if key is None else 403, {"detail": "Authentication credentials were not provided."})
        now = context.unix_us / 1_000_000
        match request.method, parts:
            case "POST", []:
                return self._make(request, context, now)
            case "GET", [ident] if ident in self.calls:
                call = self.calls[ident]
                self._expire(call, now)
                return _json(200, call.shown(self._join_url(call, context)))
            case "GET", [_]:
                return _json(404, {"detail": "Not found."})
            case _:
                return _json(405, {"detail": f'Method "{request.method}" not allowed.'})

    def _make(self, request: base.Request, context: base.SessionContext, now: float) -> base.HttpReply:
        body = parse(request.body.decode(errors="replace")) if request.body else {}
        if not isinstance(body, dict):
            return _json(400, {"detail": "JSON parse error"})
        greets = first(request.query, "enableGreetingPrompt") != "false"
        self._count += 1
        ident = context.place.mint(Ids(context.rng(f"call {self._count}")).uuid)
        try:
            body, earlier = self._continued(body, first(request.query, "priorCallId"))
            call = UltravoxCall(ident, now, terms_of(body, self.options, greets=greets, earlier=earlier), dict(body))
            asked = body.get("model")
            if isinstance(asked, str) and not self.knows(asked):
                raise WrongCall("model", f"there is no model {asked!r:.60}")
        except WrongCall as wrong:
            return _json(400, {wrong.field: [wrong.message]})
        self._kept(call, len(request.body))
        return _json(201, call.shown(self._join_url(call, context)))

    def _kept(self, call: UltravoxCall, size: int = 0) -> UltravoxCall:
        self._bytes += size
        while self.calls and (len(self.calls) >= MOST_CALLS or self._bytes > MOST_BYTES):
            oldest = next((one for one in self.calls.values() if one.ended is not None), None)
            gone = next(iter(self.calls)) if oldest is None else oldest.id
            del self.calls[gone]
            self._bytes -= self._sizes.pop(gone)
        self.calls[call.id], self._sizes[call.id] = call, size
        return call

    def _continued(self, body: dict[str, Any], prior: str | None) -> tuple[dict[str, Any], Sequence[tuple[str, str]]]:
        """A definition over that of an earlier call, and what was said there (ultravox.md#28)."""
        if prior is None:
            return body, ()
        call = self.calls.get(prior)
        if call is None:
            raise WrongCall("priorCallId", f"there is no call {prior!r:.60}")
        if body.get("initialMessages"):
            raise WrongCall("initialMessages", "a call that goes on from another has its messages")
        if call.said is None:
            raise WrongCall("priorCallId", f"what was said in call {prior:.60} is not kept any more")
        kept = {name: value for name, value in call.definition.items() if name != "initialMessages"}
        return {**kept, **body}, call.said()

    def _join_url(self, call: UltravoxCall, context: base.SessionContext) -> str:
        scheme, _, rest = context.base_url.partition("://")
        socket = "wss" if scheme in ("https", "wss") else "ws"
        return f"{socket}://{rest.partition('/')[0]}{self.at}{JOIN.format(call.id)}"

    def _expire(self, call: UltravoxCall, now: float) -> None:
        if call.joined is None and now >= call.made + call.terms.join_s:
            call.over(call.made + call.terms.join_s, "unjoined")

    def recalled(self, came: Handshake | base.Request) -> str | None:
        """The call that is joined, or asked for."""
        parts = [part for part in came.path.removeprefix("/api").split("/") if part]
        return parts[1] if len(parts) > 1 and parts[0] == "calls" else None

    # --- the socket ---

    def astray(self, handshake: Handshake) -> Astray | None:
        """Only an address that a REST call gave, or the one that needs none."""
        if handshake.path in self.sockets or self._called(handshake.path) is not None:
            return None
        return Astray(Refuse(404))

    def _refused(self) -> base.Engine:
        """A join address that opens nothing (any more): what the service does then is unknown (ultravox.md#20)."""
        if self.options.refused_join == "not_found":
            return Answered(Refuse(404))
        return Answered(Accept(None), Hangup(code=self.options.close_code))

    def _called(self, path: str) -> UltravoxCall | None:
        found = _JOINED.fullmatch(path)
        return None if found is None else self.calls.get(found[1])

    def begin(self, handshake: Handshake, context: base.SessionContext) -> base.Engine:
        """A call is joined."""
        now = context.unix_us / 1_000_000
        call = self._called(handshake.path)
        if call is None:
            greets = self.options.first_speaker == "agent"
            ident = Ids(context.rng("call")).uuid()
            call = self._kept(UltravoxCall(ident, now, bare_terms(self.options, greets=greets)))
        else:
            self._expire(call, now)
            taken = call.joined is not None and self.options.second_join == "refused"
            if call.ended is not None or taken:
                return self._refused()
        call.joined = now
        return CallEngine(
            options=self.options,
            context=context,
            call=call,
            replier=self.replier,
            ear=self.new_ear(),
            failed=self.failed,
        )


def _json(status: int, body: dict[str, Any]) -> base.HttpReply:
    return base.HttpReply(status, (("content-type", "application/json"),), json.dumps(body).encode())


PROVIDERS: Mapping[str, Provider] = {"ultravox": Provider("ultravox", UltravoxOptions, UltravoxSource)}
