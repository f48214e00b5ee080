"""The sideband: a second socket to a running session. It hears both sides, is told the events, and may command.

It looks at the session's log in steps of 20 ms, and sends audio in frames of 200 ms (gpt_live.md#13, gpt_live.md#37,
gpt_live.md#40). Here it attaches to any session, also to one over a websocket: there are no calls to attach to.
"""

from __future__ import annotations

import array
import base64
from typing import Any

from mockserver.core.frames import (
    MILLISECOND,
    SECOND,
    Accept,
    Handshake,
    Hangup,
)
from mockserver.dialects.base import Dialect, close_reason
from mockserver.engines.base import Inspection, SessionContext
from mockserver.engines.simulator import reading
from mockserver.engines.simulator.desk_engine import DeskEngine
from mockserver.engines.simulator.gpt_live.engine import LiveEngine
from mockserver.engines.simulator.gpt_live.options import LiveOptions
from mockserver.engines.simulator.gpt_live.schema import EVENTS
from mockserver.engines.simulator.gpt_live.wire import OUTPUT, LiveDesk, Logged
from mockserver.engines.simulator.openai import problems
from mockserver.engines.simulator.openai.problems import ClientProblem

LOOK_MS = 20
FRAME_MS = 200
RATE = 24_000
INPUT = "session.input_audio.append"
DTMF = "transport.dtmf.send"
NOT_HERE = ("session.start", INPUT)
"""What only the primary socket takes."""


class Sideband(DeskEngine[LiveDesk]):
    """The engine. ``session`` None: there is none of that id, or its time is over."""

    def __init__(
        self, *, dialect: Dialect, options: LiveOptions, context: SessionContext, ident: str, session: LiveEngine | None
    ) -> None:
        self.dialect = dialect
        super().__init__(LiveDesk(context, options))
        self.ident = ident
        self.session = session
        self._place = 0
        self._held: dict[bool, list[Logged]] = {False: [], True: []}

    def _open(self, handshake: Handshake) -> None:
        self.desk.push(Accept(self.dialect.subprotocol(handshake.subprotocols)))
        session = self.session
        if session is None or session.over:
            text = f"Session '{self.ident}' not found."
            self.desk.error(ClientProblem("session_id_not_found", text, "session_id"), None)
            self.desk.push(Hangup(code=4000, reason=close_reason("invalid_request_error.session_id_not_found")))
            self._finish()
            return
        self.desk.emit("session.started", session=session.session.shown(sideband=True))
        since = self.desk.server_now - round(self.desk.options.attach_replay_s * SECOND)
        self._place = session.desk.since(since)
        self._look()

    # --- what it is told ---

    def _look(self) -> None:
        """All that was said since the last look."""
        assert self.session is not None
        self._place, new = self.session.desk.logged(self._place)
        for one in new:
            if one.body is None:
                self._hold(one)
            elif one.body["type"] not in ("session.started", "error"):
                self.desk.send(one.body)
                if one.body["type"] == "session.closed":
                    self.desk.push(Hangup(code=self.desk.options.close_code))
                    self._finish()
                    return
        self.desk.at(self.desk.now + LOOK_MS * MILLISECOND, self, self._look)

    def _hold(self, one: Logged) -> None:
        """Audio is joined to frames of 200 ms."""
        assert self.session is not None
        held = self._held[one.input]
        held.append(one)
        rate = self.session.session.sound.rate
        size = sum(len(piece.pcm) for piece in held)
        ms = size // 2 * 1000 // rate
        if ms < FRAME_MS:
            return
        audio = base64.b64encode(resampled(b"".join(piece.pcm for piece in held), rate)).decode()
        if one.input:
            self.desk.send({"type": INPUT, "audio": audio})
        else:
            start = held[0].start_ms
            self.desk.send({"type": OUTPUT, "delta": audio, "start_ms": start, "end_ms": start + ms})
        held.clear()

    # --- what it commands ---

    def _binary(self, data: bytes) -> None:
        self.desk.error(problems.not_text(), None)

    def _text(self, data: str) -> None:
        body = reading.parse(data)
        event_id = body.get("event_id") if isinstance(body, dict) else None
        try:
            self._command(body)
        except ClientProblem as problem:
            self.desk.error(problem, event_id if isinstance(event_id, str) else None)

    def _command(self, body: Any) -> None:
        assert self.session is not None
        if not isinstance(body, dict):
            raise problems.not_json()
        name = body.get("type")
        allowed = [*(one for one in EVENTS if one not in NOT_HERE), DTMF]
        if name not in allowed:
            raise problems.bad_value(name, allowed, "type")
        if name == DTMF:
            raise ClientProblem(None, f"{DTMF} requires a SIP session.", "type")  # words: unknown
        self.session.commands.append((body, self.desk.error))

    def inspect(self) -> Inspection:
        """Whose sideband it is."""
        return Inspection("simulator", {"provider": self.dialect.name, "sideband_of": self.ident})


def resampled(pcm: bytes, rate: int) -> bytes:
    """PCM16 of another rate as PCM16 24 kHz, by straight lines between the samples."""
    if rate == RATE:
        return pcm
    given = array.array("h", pcm[: len(pcm) // 2 * 2])
    wanted = len(given) * RATE // rate
    made = array.array("h", bytes(2 * wanted))
    for place in range(wanted):
        at = place * rate
        left, part = divmod(at, RATE)
        right = given[min(left + 1, len(given) - 1)]
        made[place] = (given[left] * (RATE - part) + right * part) // RATE
    return made.tobytes()
