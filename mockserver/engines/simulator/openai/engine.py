"""One simulated session: the handshake, the client's events by a table, and the clock's due times.

The parts hold the state (settings, conversation, audio buffer, responses); here they are put together. What a
client sends wrong is answered with an error event and changes nothing (openai.md#140).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mockserver.core.frames import (
    Accept,
    Handshake,
    Hangup,
    Refuse,
)
from mockserver.dialects.base import Dialect, close_reason
from mockserver.engines.base import Inspection, SessionContext
from mockserver.engines.simulator import reading, shapes
from mockserver.engines.simulator.desk_engine import DeskEngine
from mockserver.engines.simulator.openai import mcp, problems, schema
from mockserver.engines.simulator.openai import rate_limits as limits
from mockserver.engines.simulator.openai.appends import Appends
from mockserver.engines.simulator.openai.audio_buffer import MOST_BYTES, AudioIn
from mockserver.engines.simulator.openai.conversation import Conversation
from mockserver.engines.simulator.openai.gate import ShutGate, of_model
from mockserver.engines.simulator.openai.options import OpenAIOptions
from mockserver.engines.simulator.openai.problems import ClientProblem
from mockserver.engines.simulator.openai.profile import Profile
from mockserver.engines.simulator.openai.response import Response
from mockserver.engines.simulator.openai.responses import Responses
from mockserver.engines.simulator.openai.settings import SessionSettings
from mockserver.engines.simulator.openai.wire import Wire
from mockserver.engines.simulator.replies.reply import Replier, Reply
from mockserver.engines.simulator.voice.listening import Ear

APPEND = "input_audio_buffer.append"
IDLE = "idle"
"""Owner of the idle timeout's task."""


class Simulator(DeskEngine[Wire]):
    """The engine. ``gate``: why a client is turned away, or None.

    ``unwanted_model``: what the query of a transcription session names, though such a session takes no model there.
    ``earlier``: the conversation that goes on here. ``called``: over WebRTC.
    """

    obeys = frozenset({"respond"})

    def __init__(
        self,
        *,
        dialect: Dialect,
        profile: Profile,
        options: OpenAIOptions,
        context: SessionContext,
        replier: Replier,
        ear: Ear,
        gate: ShutGate | None,
        settings: SessionSettings,
        failed: Callable[[str], None],
        unwanted_model: str | None = None,
        earlier: Conversation | None = None,
        called: bool = False,
    ) -> None:
        self.dialect = dialect
        self._called = called
        super().__init__(Wire(context, profile, options, dialect.problems), ear)
        self.settings = settings
        self._gate = gate
        self._unwanted_model = unwanted_model
        self._deaf_for: Response | None = None
        self._appends = Appends()
        self.conversation = Conversation(self.desk, ear)
        if earlier is not None:
            self.conversation.id = earlier.id
        self._earlier = earlier
        self.conversation.twice = profile.twice(settings.config.get("model") or "")
        self.responses = Responses(
            self.desk, settings, self.conversation, replier, ended=self._response_ended, failed=failed
        )
        self.asking = self.responses.asking
        self.audio = AudioIn(self.desk, settings, self.conversation, ear, spoke=self._spoke, turn_over=self._turn_over)
        self._handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "session.update": self._session_update,
            APPEND: self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": lambda body: self.audio.clear(),
            "conversation.item.create": self._item_create,
            "conversation.item.retrieve": lambda body: self.conversation.retrieve(body["item_id"]),
            "conversation.item.truncate": lambda body: self.conversation.truncate(
                body["item_id"], body["content_index"], body["audio_end_ms"]
            ),
            "conversation.item.delete": lambda body: self.conversation.delete(body["item_id"]),
            "response.create": lambda body: self._response_create(body.get("response")),
            "response.cancel": lambda body: self.responses.cancel(body.get("response_id")),
        }

    # --- begin and end ---

    def _open(self, handshake: Handshake) -> None:
        if self._gate is not None:
            self._turn_away(handshake, self._gate)
            return
        self.desk.push(Accept(self.dialect.subprotocol(handshake.subprotocols)))
        self.settings.config["id"] = self.desk.mint("called session" if self._called else "session")
        limit = self.desk.options.max_session_s
        self.settings.config["expires_at"] = self.desk.seconds() + round(limit)
        self.desk.in_seconds(limit, self, self._expire)
        self.desk.begun = True
        self.desk.emit("session.created", session=self.settings.shown("session.created"))
        for name, fields in self.desk.profile.start(self.desk, self.conversation.id):
            self.desk.emit(name, **fields)
        if self._earlier is not None:
            self.conversation.resume(self._earlier)
        self._ping_later()

    def _ping_later(self) -> None:
        seconds = self.desk.profile.ping_s
        if seconds is not None:
            self.desk.in_seconds(seconds, self, self._ping)

    def _ping(self) -> None:
        self.desk.emit("ping", timestamp=self.desk.milliseconds())
        self._ping_later()

    def _turn_away(self, handshake: Handshake, gate: ShutGate) -> None:
        """Before the upgrade, or after it with an error event and a close (openai.md#5)."""
        refusal = self.desk.profile.refusals.get(gate.about)
        if self._called:  # a plain request, answered before anything is connected (openai.md#220)
            body = json.dumps({"error": gate.problem.body()}).encode()
            status = 401 if gate.about == "key" else 400
            self.desk.push(Refuse(status, (("content-type", "application/json"),), body))
        elif refusal is not None:
            status, name, message = refusal
            body = json.dumps({"error": {"code": name, "message": message}}).encode()
            self.desk.push(Refuse(status, (("content-type", "application/json"),), body))
        else:
            self.desk.push(Accept(self.dialect.subprotocol(handshake.subprotocols)))
            self._hang_up(gate)
        self._finish()

    def _hang_up(self, gate: ShutGate) -> None:
        self.desk.error(gate.problem)
        self.desk.push(Hangup(code=gate.close, reason=close_reason(gate.reason)))
        self._finish()

    def _expire(self) -> None:
        """60 minutes are over; nothing warns of it (openai.md#25)."""
        problem = problems.expired(self.desk.options.max_session_s)
        self.desk.error(problem)
        self.desk.push(Hangup(code=1001, reason=close_reason(problem.message)))
        self._finish()

    def _cancel(self, data: Mapping[str, Any]) -> None:
        self.responses.drop(str(data.get("response_id")))

    # --- the client's events ---

    def _binary(self, data: bytes) -> None:
        self.desk.error(problems.not_text())

    def _text(self, data: str) -> None:
        audio = self._appends.audio(data)
        if audio is not None and self._deaf_for is None and len(audio) <= MOST_BYTES:
            self.audio.take(audio)
            return
        body = reading.parse(data)
        event_id = body.get("event_id") if isinstance(body, dict) else None
        try:
            self._dispatch(body, len(data))
            if body["type"] == APPEND:
                self._appends.learn(data, body)
        except ClientProblem as problem:
            self._complain(problem, event_id if isinstance(event_id, str) else None)

    def _complain(self, problem: ClientProblem, event_id: str | None) -> None:
        """An error event; that of an empty commit comes late, after what the client did next (openai.md#77)."""
        empty = problem.code == "input_audio_buffer_commit_empty"
        late = self.desk.options.pace.late_error_ms if empty else 0
        self.desk.after(late, self, lambda: self.desk.error(problem, event_id))

    def _dispatch(self, body: Any, size: int) -> None:
        if not isinstance(body, dict):
            raise problems.not_json()
        name = body.get("type")
        if name is None:
            raise ClientProblem("invalid_event", "The 'type' field is missing.", None)  # openai.md#145
        if not isinstance(name, str) or name not in self._handlers:
            raise problems.bad_value(name, self.desk.profile.event_names, "type")
        most = self.desk.options.max_array
        found = reading.too_many(body, most) if size > 2 * most else None  # an element is two characters at the least
        if found is not None:
            raise problems.too_many(found[1], most, found[0])
        shapes.check(self.desk.profile.events[name], body, "", problems)
        try:
            self._handlers[name](self.desk.profile.incoming(body))
        except ClientProblem as problem:
            problem.of_conversation = name.startswith("conversation.")
            raise

    def _session_update(self, body: dict[str, Any]) -> None:
        if self._unwanted_model is not None:  # openai.md#206
            self._hang_up(of_model(problems.model_for_transcription(self._unwanted_model, "update")))
            return
        self.settings.update(body["session"], spoken=self.responses.spoken, responding=bool(self.responses.running))
        self.desk.emit("session.updated", session=self.settings.shown())
        mcp.list_tools(self.desk, self.conversation, self.settings.config.get("tools", ()))

    def _item_create(self, body: dict[str, Any]) -> None:
        item = body["item"]
        if item["type"] in schema.MCP_ITEMS and self.desk.options.mcp_items == "refused":
            kinds = [kind for kind in schema.item_kinds() if kind not in schema.MCP_ITEMS]
            raise problems.bad_value(item["type"], kinds, "item.type")
        if item["type"] not in self.desk.profile.said_verbatim:
            self.conversation.create(body, self.settings.input_format)
            return
        # It is a turn of the model's like any other, but nothing is asked of the model (xai.md#33).
        words = " ".join(part["text"] for part in item["content"])
        response = self.responses.create(said=Reply(words))
        if item.get("interruptible") is False:
            self._deaf_for = response
        self.desk.drop(IDLE)

    def _commit(self, body: dict[str, Any]) -> None:
        self.audio.commit()
        if self.desk.profile.commit_answers:
            self._respond()

    def _append(self, body: dict[str, Any]) -> None:
        """Audio; dropped while what may not be interrupted is played (xai.md#33)."""
        if self._deaf_for is not None:
            if not self._deaf_for.over or self.desk.now < self._deaf_for.plays_until:
                return
            self._deaf_for = None
        self.audio.append(body["audio"])

    def _response_create(self, asked: dict[str, Any] | None) -> None:
        self.responses.create(asked)
        self.desk.drop(IDLE)

    # --- turns ---

    def _spoke(self) -> None:
        self.desk.drop(IDLE)
        detection = self.settings.turn_detection
        if detection is not None and detection["interrupt_response"]:
            self.responses.interrupt()

    def _turn_over(self) -> None:
        detection = self.settings.turn_detection
        if self.settings.transcribing or detection is None or not detection["create_response"]:
            return
        self._respond()

    def _respond(self) -> None:
        try:
            self.responses.create()
        except ClientProblem as problem:  # still responding, and not to be interrupted (openai.md#84)
            self.desk.error(problem)

    def _unasked(self, data: Mapping[str, Any]) -> None:
        """A response like any other, which a request of the client's may meet."""
        try:
            self.responses.create(said=Reply(str(data["words"]), after_ms=data["after_ms"]), unasked=True)
        except ClientProblem as problem:
            self.desk.note("unasked", f"no response begins unasked: {problem.message}")

    def _response_ended(self, response: Response) -> None:
        pace = self.desk.options.pace
        # None for a response that was cancelled before its output (openai.md#102), and none here for others without
        # output, of which nothing is known (openai.md#172).
        if self.desk.profile.course.limits == "after" and response.output:
            self.desk.after(pace.rate_limits_ms, self, lambda: limits.tell(self.desk, response.usage.total))
        detection = self.settings.turn_detection
        idle_ms = detection.get("idle_timeout_ms") if detection else None
        if idle_ms is not None and not response.terms.out_of_band and response.status != "cancelled":
            since = self.audio.position_ms
            self.desk.drop(IDLE)
            self.desk.after(response.audio_ms + idle_ms, IDLE, lambda: self._idle(since + response.audio_ms))

    def _idle(self, since_ms: float) -> None:
        """Nobody has spoken for too long since the answer was played (openai.md#86)."""
        if self.responses.active is None and self.audio.pending_item is None:
            self.audio.time_out(min(since_ms, self.audio.position_ms))
            self._respond()

    def _circles(self) -> Iterable[object]:
        return (self.responses,)

    # --- looking in ---

    def inspect(self) -> Inspection:
        """The session's settings, items in order, running responses, and every context that the replier saw."""
        return Inspection(
            "simulator",
            {
                "provider": self.desk.profile.name,
                "session": copy.deepcopy(self.settings.shown()),
                "conversation_id": self.conversation.id,
                "conversation": [item.shown() for item in self.conversation.items],
                "active_responses": [response.shown() for response in self.responses.running],
                "contexts": list(self.asking.contexts),
                "input_audio_ms": self.audio.position_ms,
                "uncommitted_audio_ms": self.audio.fresh_ms,
            },
        )
