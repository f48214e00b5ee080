"""One simulated session on its primary socket: the client's events by a table, turns, delegation, the end."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from mockserver.core.frames import (
    MILLISECOND,
    Accept,
    Close,
    Handshake,
    Hangup,
    Lost,
    Refuse,
)
from mockserver.dialects.base import Dialect, close_reason
from mockserver.engines.base import Inspection, SessionContext
from mockserver.engines.simulator import reading, shapes
from mockserver.engines.simulator.desk_engine import DeskEngine
from mockserver.engines.simulator.gpt_live.dialogue import Dialogue
from mockserver.engines.simulator.gpt_live.hearing import LiveEar
from mockserver.engines.simulator.gpt_live.options import LiveMisbehaviour, LiveOptions
from mockserver.engines.simulator.gpt_live.schema import EVENTS, FORK_START, check_append, check_start
from mockserver.engines.simulator.gpt_live.session import SessionResource
from mockserver.engines.simulator.gpt_live.timeline import STEP_MS, Timeline
from mockserver.engines.simulator.gpt_live.wire import LiveDesk
from mockserver.engines.simulator.openai import problems
from mockserver.engines.simulator.openai.problems import ClientProblem
from mockserver.engines.simulator.replies.reply import Replier, Seen
from mockserver.engines.simulator.voice.listening import Ear

USAGE_S = 15
CLOSING_MS = 640
DRAIN_MS = 200
"""After ``session.close`` up to two frames, then ``session.closed`` (gpt_live.md#38)."""
ACK_MS = 600
"""So far on from where the model is, what was appended is in the timeline (gpt_live.md#32, gpt_live.md#63)."""
POLL_S = 0.2
"""How often the session looks for what its sidebands and plain calls ask for."""
KINDS = {"instructions": "developer", "thinking": "developer", "commentary": "system"}


Complain = Callable[[ClientProblem, str | None], None]
"""Takes what is wrong with a client's event, and that event's id."""


class LiveBook:
    """The sessions of one source that can be found by their ids."""

    def __init__(self) -> None:
        self._all: dict[str, LiveEngine] = {}
        self._followed: set[str] = set()

    def add(self, engine: LiveEngine) -> None:
        """It has begun."""
        self._all[engine.session.id] = engine

    def find(self, ident: str, *, follow: bool = False) -> LiveEngine | None:
        """``follow``: a sideband looks at it from now on, or a fork is to go on from it."""
        if follow and ident in self._all:
            self._followed.add(ident)
        return self._all.get(ident)

    def forget(self, engine: LiveEngine) -> bool:
        """It is found no more; returns whether nobody follows it either."""
        ident = engine.session.id
        if self._all.get(ident) is not engine:
            return True
        del self._all[ident]
        followed = ident in self._followed
        self._followed.discard(ident)
        return not followed


class LiveEngine(DeskEngine[LiveDesk]):
    """The engine. ``gate``: why a client is turned away. ``stored``: the session that this one is a fork of."""

    def __init__(
        self,
        *,
        dialect: Dialect,
        options: LiveOptions,
        context: SessionContext,
        replier: Replier,
        ear: Ear,
        knows: Callable[[str], bool],
        gate: ClientProblem | None,
        stored: LiveEngine | None,
        book: LiveBook,
        failed: Callable[[str], None],
    ) -> None:
        self.dialect = dialect
        super().__init__(LiveDesk(context, options))
        self.ear = ear
        minted = context.place.mint(lambda: self.desk.mint(f"live_u{context.number % 2}_"))
        self.session = SessionResource(minted if context.call is None else context.call.id, 0)
        self.items: list[Seen] = []
        self.commands: list[tuple[dict[str, Any], Complain]] = []
        """What sidebands and plain calls ask for, in order, and who is told what is wrong with it."""
        self.hung_up = False
        self.muted = False
        self._gate = gate
        self._stored = stored
        self._knows = knows
        self._book = book
        self._state: Literal["new", "begun", "closing"] = "new"
        self._acks: list[tuple[int, str, str | None]] = []
        self.dialogue = Dialogue(
            self.desk,
            self.session,
            self.items,
            replier,
            where=lambda: self.timeline.now_ms,
            filtered=lambda: self._ended("content", None),
            failed=failed,
        )
        self.asking = self.dialogue.asking
        self.timeline = Timeline(self.desk, step=self._step, frame=self.dialogue.voice.frame)
        self.hearing: LiveEar | None = None
        self._handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "session.start": self._start_again,
            "session.update": self._update,
            "session.close": lambda body: self._close(body.get("event_id")),
            "session.input_audio.append": self._audio,
            "session.input_audio.mute": lambda body: self._mute(body, on=True),
            "session.input_audio.unmute": lambda body: self._mute(body, on=False),
            "session.output_audio.fixture.play": self._no_fixture,
            "session.instructions.append": lambda body: self._append("instructions", body),
            "session.thinking.append": lambda body: self._append("thinking", body),
            "session.commentary.append": lambda body: self._append("commentary", body),
            "decision.create": self._no_decisions,
            "decision.item.create": self._no_decisions,
            "decision.item.delete": self._no_decisions,
            "response.item.create": lambda body: self.dialogue.item(body["item"]),
            "response.create": lambda body: self.dialogue.create(),
        }

    # --- begin ---

    def _open(self, handshake: Handshake) -> None:
        """The client speaks first: nothing is said until it has (gpt_live.md#2). On a call it has, with its offer."""
        called = self.desk.context.call
        if called is not None:
            self._open_call(called.session)
            return
        self.desk.push(Accept(self.dialect.subprotocol(handshake.subprotocols)))
        if self._gate is not None:
            self.desk.error(self._gate, None)
            reason = ".".join(filter(None, (self._gate.kind, self._gate.code)))
            self.desk.push(Hangup(code=3000, reason=close_reason(reason)))
            self._finish()

    def _open_call(self, given: Any) -> None:
        """What is wrong is told in the answer to the offer (gpt_live.md#66)."""
        problem = self._gate
        status = 400 if problem is None else 401
        try:
            if problem is None:
                body = {"type": "session.start", "session": given}
                shapes.check(EVENTS["session.start"], body, "", problems)
                self.desk.push(Accept())
                self._start(body)
                return
        except ClientProblem as wrong:
            self.desk.taken()
            problem = wrong
        assert problem is not None
        told = json.dumps({"error": problem.body()}).encode()
        self.desk.push(Refuse(status, (("content-type", "application/json"),), told))
        self._finish()

    def _start(self, body: dict[str, Any]) -> None:
        given = body["session"]
        if self._stored is None:
            check_start(given)
            if not self._knows(given["model"]):
                text = f"The model `{given['model']}` does not exist or you do not have access to it."
                raise ClientProblem("model_not_found", text, "session.model")
            if (given.get("delegation") or {}).get("type") == "decisions":
                raise ClientProblem(None, "Decisions delegation is not simulated.", "session.delegation.type")
            self.session.start(given)
        else:
            self.session.fork(self._stored.session, given)
            self.items += self._stored.items
            self._stored = None  # forks of forks would hold all that were before
        limit = self.desk.options.max_session_s
        self.session.expires_at = self.desk.seconds() + round(limit)
        self._seed()
        self._state = "begun"
        self.dialogue.begin()
        self.hearing = LiveEar(
            self.desk, self.ear, self.session.sound.rate, said=self.dialogue.user_said, spoke=self.dialogue.overlap
        )
        self._book.add(self)
        self.desk.in_seconds(limit, self, lambda: self._ended("expired", None))
        self.desk.in_seconds(USAGE_S, self, self._usage)
        self.desk.in_seconds(POLL_S, self, self._poll)
        event_id = body.get("event_id")
        self.desk.after(self.desk.options.pace.created_ms, self, lambda: self._tell(event_id))

    def _seed(self) -> None:
        """The history that a client brings, for a new session or one in place of another that broke off."""
        lost = bool(self.session.input) and self.desk.misbehaves(
            LiveMisbehaviour.HISTORY_DROPPED, f"{len(self.session.input)} messages are not known to the model"
        )
        for item in [] if lost else self.session.input:
            text = item["content"][0]["text"]
            self.items.append(Seen(item.get("id") or self.desk.mint("item_"), "message", item["role"], text))

    def _tell(self, event_id: str | None) -> None:
        self.desk.emit("session.started", event_id, session=self.session.shown())
        if self.desk.options.greets_with_instructions:
            self._acks.append((0, "instructions", None))

    # --- the end ---

    def _close(self, event_id: str | None) -> None:
        if self._state == "closing":
            return
        self._state = "closing"
        self.desk.at(self.desk.now + DRAIN_MS * MILLISECOND, self, self.timeline.stop)
        self.desk.at(self.desk.now + CLOSING_MS * MILLISECOND, self, lambda: self._ended("close_requested", event_id))

    def _ended(self, reason: str, event_id: str | None) -> None:
        """``session.closed``, then the socket. A last second that has begun is counted (gpt_live.md#48)."""
        self._last_word(reason, event_id)
        self.desk.push(Hangup(code=self.desk.options.close_code))
        self._finish()

    def _last_word(self, reason: str, event_id: str | None) -> None:
        seconds = float(int(self.timeline.position_ms // 1000) + bool(self.timeline.position_ms))
        shown = self.session.shown()
        self.desk.emit("session.closed", event_id, reason=reason, session=shown, usage={"seconds": seconds})

    def _left(self, end: Close | Lost) -> None:
        """The client has left; sidebands are told."""
        if self._state != "new":
            self._last_word("remote_hangup" if isinstance(end, Close) else "connection_lost", None)
            self.desk.taken()
        self._finish()

    def let_go(self) -> None:
        """It is found no more. Whoever found it before may look at it still."""
        if self._book.forget(self):
            super().let_go()

    def _circles(self) -> Iterable[object]:
        return (self.dialogue,)

    def _usage(self) -> None:
        seconds = float(self.timeline.position_ms // 1000)
        ratio = round(0.005 + 0.0003 * self.timeline.position_ms / 1000, 6)
        self.desk.emit("session.usage.updated", usage={"seconds": seconds}, context_window={"usage_ratio": ratio})
        self.desk.in_seconds(USAGE_S, self, self._usage)

    def _cancel(self, data: Mapping[str, Any]) -> None:
        """Of what was delegated. What is being said has no name that a fault could say."""
        self.dialogue.backend.drop(str(data.get("response_id")))

    # --- the clock ---

    def _step(self, start_ms: int) -> None:
        """One step of the model's: what it heard, what has reached it, what it says."""
        if self.hearing is not None:
            self.hearing.step(start_ms)
        due = [ack for ack in self._acks if ack[0] <= start_ms]
        self._acks = [ack for ack in self._acks if ack[0] > start_ms]
        self.dialogue.voice.step(start_ms)
        for _, kind, event_id in due:
            self.desk.emit(f"session.{kind}.appended", event_id, start_ms=start_ms, end_ms=start_ms + STEP_MS)

    # --- the client's events ---

    def _binary(self, data: bytes) -> None:
        self.desk.error(problems.not_text(), None)

    def _text(self, data: str) -> None:
        body = reading.parse(data)
        self.handle(body, FORK_START if self._stored is not None else EVENTS)

    def _poll(self) -> None:
        """What came in by another door."""
        waiting, self.commands[:] = list(self.commands), []
        for body, complain in waiting:
            self.handle(body, EVENTS, complain)
        self.desk.in_seconds(POLL_S, self, self._poll)

    def handle(self, body: Any, events: Any, complain: Complain | None = None) -> None:
        """One event of a client's; what is wrong is told to whoever sent it, and changes nothing."""
        if self.over:
            return
        event_id = body.get("event_id") if isinstance(body, dict) else None
        try:
            self._dispatch(body, events)
        except ClientProblem as problem:
            (complain or self.desk.error)(problem, event_id if isinstance(event_id, str) else None)

    def _dispatch(self, body: Any, events: Any) -> None:
        if not isinstance(body, dict):
            raise problems.not_json()
        name = body.get("type")
        if name is None:
            raise problems.missing("type")
        if not isinstance(name, str) or name not in self._handlers:
            raise problems.bad_value(name, self._handlers, "type")  # the supported ones are listed (gpt_live.md#11)
        shapes.check(events[name], body, "", problems)
        if name == "session.start" and self._state == "new":
            self._start(body)
            return
        if self._state == "new":
            # Unknown: code and words (gpt_live.md#46).
            raise ClientProblem(None, f"{name} requires a started session. Send session.start first.", "type")
        if self._state == "closing" and name != "session.close":
            return
        self._handlers[name](body)

    def _start_again(self, body: dict[str, Any]) -> None:
        raise ClientProblem(None, "The session has already started.", "type")

    def _update(self, body: dict[str, Any]) -> None:
        self.session.update(body["session"])
        self.desk.emit("session.updated", body.get("event_id"), session=self.session.shown())

    def _audio(self, body: dict[str, Any]) -> None:
        try:
            data = base64.b64decode(body["audio"], validate=True)
        except (binascii.Error, ValueError):
            raise ClientProblem("invalid_value", "Invalid 'audio': expected base64-encoded audio.", "audio") from None
        sound = self.session.sound
        pcm = sound.to_pcm(data)
        if not pcm or self.hearing is None:
            return
        self.desk.heard(pcm, round(self.timeline.position_ms))
        deaf = self.muted and not self.desk.misbehaves(LiveMisbehaviour.MUTE_IGNORED, "muted audio is heard")
        self.hearing.append(bytes(len(pcm)) if deaf else pcm)
        self.timeline.append(len(pcm) / 2 * 1000 / sound.rate)

    def _mute(self, body: dict[str, Any], *, on: bool) -> None:
        self.muted = on
        self.desk.emit(f"session.input_audio.{'muted' if on else 'unmuted'}", body.get("event_id"))

    def _append(self, kind: str, body: dict[str, Any]) -> None:
        """Context while the session runs. It is acknowledged on the timeline, so only while audio flows
        (gpt_live.md#30)."""
        content, delegation = body["content"], body["delegation_id"]
        check_append(content)
        self.dialogue.check_delegation(delegation)
        self._acks.append((self.timeline.now_ms + ACK_MS, kind, body.get("event_id")))
        spoken = kind == "commentary" or (
            kind == "thinking" and self.desk.misbehaves(LiveMisbehaviour.THINKING_SPOKEN, f"{content!r} is said")
        )
        self.dialogue.told(KINDS[kind], content, delegation, spoken=spoken)

    def _no_fixture(self, body: dict[str, Any]) -> None:
        raise ClientProblem(None, "session.output_audio.fixture.play: no fixture is known to this server.", "type")

    def _no_decisions(self, body: dict[str, Any]) -> None:
        raise ClientProblem(None, f"{body['type']} requires Decisions delegation.", "type")

    # --- looking in ---

    def inspect(self) -> Inspection:
        """The session, the conversation as the model has it, and every context that the replier saw."""
        backend = self.dialogue.backend.active
        return Inspection(
            "simulator",
            {
                "provider": self.dialect.name,
                "session": self.session.shown(),
                "conversation": [
                    {
                        key: value
                        for key in ("id", "type", "role", "text", "name", "call_id", "arguments", "output")
                        if (value := getattr(item, key))
                    }
                    for item in self.items
                ],
                "contexts": list(self.asking.contexts),
                "speaking": self.dialogue.voice.speaking,
                "pending": self.dialogue.voice.pending or bool(self._acks),
                "muted": self.muted,
                "input_audio_ms": self.timeline.position_ms,
                "timeline_ms": self.timeline.now_ms,
                "delegation": None if backend is None else backend.delegation,
                "waiting_for_tools": [] if backend is None else [c for c in backend.calls if c not in backend.answered],
            },
        )
