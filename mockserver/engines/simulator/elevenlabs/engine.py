"""One simulated conversation: the client's frames by a table, pings, timeouts and the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mockserver.core.frames import (
    MILLISECOND,
    SECOND,
    Accept,
    Handshake,
    Hangup,
    Micros,
)
from mockserver.core.json_text import dumps
from mockserver.dialects.base import Dialect, close_reason
from mockserver.engines.base import Inspection, SessionContext
from mockserver.engines.simulator import reading, shapes
from mockserver.engines.simulator.desk_engine import DeskEngine
from mockserver.engines.simulator.elevenlabs import problems
from mockserver.engines.simulator.elevenlabs.agent import Agent, agent_for, sound_of
from mockserver.engines.simulator.elevenlabs.hearing import UserVoice
from mockserver.engines.simulator.elevenlabs.options import AgentMisbehaviour, ElevenLabsOptions
from mockserver.engines.simulator.elevenlabs.problems import AUDIO, MESSAGES, UPDATE, ConversationEnd
from mockserver.engines.simulator.elevenlabs.turns import TIMEOUT, AgentTurns
from mockserver.engines.simulator.elevenlabs.wire import AgentDesk
from mockserver.engines.simulator.replies.reply import Replier
from mockserver.engines.simulator.voice.listening import Ear

CHUNK = "user_audio_chunk"
FIRST_PING_MS = 1_830
PING_MS = 1_700
"""elevenlabs.md#8."""
FIRST_PING = 2
"""Pings are counted from 2 (elevenlabs.md#44)."""


class AgentEngine(DeskEngine[AgentDesk]):
    """The engine. ``gate``: why a client is turned away after the upgrade, or None."""

    def __init__(
        self,
        *,
        dialect: Dialect,
        options: ElevenLabsOptions,
        context: SessionContext,
        replier: Replier,
        ear: Ear,
        model: str,
        gate: ConversationEnd | None,
        failed: Callable[[str], None],
    ) -> None:
        self.dialect = dialect
        super().__init__(AgentDesk(context, options), ear)
        self.id = self.desk.conversation_id()
        self._model = model
        self._gate = gate
        self._begun = False
        self._queued = False
        self._held: list[Callable[[], None]] = []
        self._heard_at: Micros = 0
        self._pings = FIRST_PING
        self._pinged: tuple[int, Micros] = (0, 0)
        self._round_trip_ms: int | None = None
        self.agent = Agent(sound_of(options.agent_audio), model)
        self.turns = AgentTurns(self.desk, self.agent, replier, ended=self._end, failed=failed)
        self.asking = self.turns.asking
        self.hearing = UserVoice(
            self.desk,
            ear,
            sound_of(options.user_audio),
            began=self._began_to_speak,
            spoke=lambda: self.turns.interrupt(self.desk.next),
            said=self._said,
        )
        self._handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            UPDATE: lambda body: None,  # a second one: unknown; it changes nothing here
            "pong": self._pong,
            "user_message": self._user_message,
            "user_activity": lambda body: self.turns.wait_for_user(),
            "contextual_update": self._contextual_update,
            "feedback": lambda body: None,
            "client_tool_result": self._tool_result,
            "mcp_tool_approval_result": lambda body: None,
            "multimodal_message": self._multimodal,
        }

    # --- begin and end ---

    def _open(self, handshake: Handshake) -> None:
        self.desk.push(Accept(self.dialect.subprotocol(handshake.subprotocols)))
        if self._gate is not None:
            self._end(self._gate)
            return
        self._watch_input()

    def _begin(self, body: dict[str, Any]) -> None:
        """The initiation: what the client overrides is checked once the handshake is done (elevenlabs.md#6)."""
        options = self.desk.options
        self._begun = True
        self.agent = self.turns.agent = agent_for(options, self._model, body)
        self.desk.client_events = self.agent.client_events
        self.desk.emit(
            "conversation_initiation_metadata",
            "conversation_initiation_metadata_event",
            conversation_id=self.id,
            agent_output_audio_format=options.agent_audio,
            user_input_audio_format=options.user_audio,
            persistent_session_token=None,
        )
        if options.refusal != "none":
            self._end(problems.FAILURES[options.refusal])
            return
        self.desk.in_seconds(self.agent.max_seconds, self, lambda: self._end(problems.MAX_DURATION))
        self.desk.at(self.desk.now + FIRST_PING_MS * MILLISECOND, self, self._ping)
        if options.queue == "none":
            self._start()
            return
        self._queued = True
        self._queue_status("waiting")
        self.desk.in_seconds(options.queue_s, self, self._queue_over)

    def _queue_status(self, status: str) -> None:
        self.desk.emit("queue_status", "queue_status_event", status=status)

    def _queue_over(self) -> None:
        self._queue_status(self.desk.options.queue)
        if self.desk.options.queue == "timed_out":
            self._end(problems.QUEUE_OVER)
            return
        self._queued = False
        self._start()

    def _start(self) -> None:
        if self.agent.first_message:
            self.turns.greet()
        else:
            self.turns.wait_for_user()
        held, self._held = self._held, []
        for late in held:
            late()

    def _end(self, ending: ConversationEnd) -> None:
        """A close frame, and before it an error event where such are told."""
        kind = self.desk.options.error_event
        if kind != "none" and ending.code != 1000:
            fields = {"code": ending.code, "message": ending.reason, "error_type": ending.kind, "reason": None}
            self.desk.emit(kind, "error_event", **fields)
        self.desk.push(Hangup(code=ending.code, reason=close_reason(ending.reason)))
        self._finish()

    def _watch_input(self) -> None:
        """Nothing from the client for too long ends the conversation (elevenlabs.md#45)."""
        seconds = self.desk.options.input_timeout_s
        if seconds is None:
            return
        due = self._heard_at + round(seconds * SECOND)
        if due <= self.desk.now:
            self._end(problems.NO_INPUT)
        else:
            self.desk.at(due, self, self._watch_input)

    # --- pings ---

    def _ping(self) -> None:
        self._pinged = (self._pings, self.desk.now)
        self.desk.emit("ping", "ping_event", event_id=self._pings, ping_ms=self._round_trip_ms)
        self._pings += 1
        self.desk.at(self.desk.now + PING_MS * MILLISECOND, self, self._ping)

    def _pong(self, body: dict[str, Any]) -> None:
        number, at = self._pinged
        if body["event_id"] == number:
            self._round_trip_ms = (self.desk.now - at) // MILLISECOND

    # --- the client's frames ---

    def _binary(self, data: bytes) -> None:
        self._end(problems.invalid("a binary frame"))

    def _text(self, data: str) -> None:
        body = reading.parse(data)
        try:
            self._dispatch(body)
        except ConversationEnd as ending:
            self._end(ending)

    def _dispatch(self, body: Any) -> None:
        if not isinstance(body, dict):
            raise problems.invalid("no JSON object")
        name = body.get("type")
        if name != "pong":
            self._heard_at = self.desk.now
        if name is None and CHUNK in body:
            shapes.check(AUDIO, body, "", problems)
            self._first(CHUNK)
            self.hearing.append(body[CHUNK])
            return
        if not isinstance(name, str):
            raise problems.missing("type")
        if name not in MESSAGES:
            if self.desk.options.unknown_message == "close":
                raise problems.invalid(f"unknown type {name[:40]!r}")
            self.desk.note("simulator", f"a message of unknown type {name[:40]!r} is ignored")
            return
        shapes.check(MESSAGES[name], body, "", problems)
        if name == UPDATE and not self._begun:
            self._begin(body)
            return
        self._first(name)
        self._handlers[name](body)

    def _first(self, name: str) -> None:
        """The client speaks first, and says how the conversation begins (elevenlabs.md#3). That another first message
        is refused is our choice."""
        if not self._begun:
            raise problems.invalid(f"{name} before {UPDATE}")

    def _cancel(self, data: Mapping[str, Any]) -> None:
        """Cut off as by the user. What the service says of it is said already."""
        self.turns.interrupt(self.desk.next)

    def _user_message(self, body: dict[str, Any]) -> None:
        if body.get("text"):
            self._user_text(body["text"], body.get("id"))

    def _multimodal(self, body: dict[str, Any]) -> None:
        """Its text; files are not simulated."""
        told = body.get("text")
        words = told.get("text") if isinstance(told, dict) else told
        if body.get("file") is not None:
            self.desk.note("simulator", "multimodal_message: its file is not read")
        if words:
            self._user_text(str(words), None)

    def _user_text(self, text: str, ident: str | None) -> None:
        if self._queued:
            self._held.append(lambda: self._user_text(text, ident))
            return
        number = self.desk.next()
        self.turns.interrupt(lambda: number)
        self.turns.user_said(text, ident or self.desk.ids.uuid(), number=number)

    def _contextual_update(self, body: dict[str, Any]) -> None:
        text = body["text"]
        if self.desk.misbehaves(AgentMisbehaviour.CONTEXT_ANSWERED, f"{text!r} is answered"):
            self._user_text(text, None)
        else:
            self.turns.context(text, self.desk.ids.uuid())

    def _tool_result(self, body: dict[str, Any]) -> None:
        value = body["result"]
        output = value if isinstance(value, str) else dumps(value)
        self.turns.result(body["tool_call_id"], output, is_error=body["is_error"])

    # --- the user's voice ---

    def _began_to_speak(self) -> None:
        self.desk.drop(TIMEOUT)

    def _said(self, words: str, ms: int) -> None:
        if self._queued:
            return
        self.desk.after(self.desk.options.pace.transcription_ms, self, lambda: self._transcribed(words, ms))

    def _transcribed(self, words: str, ms: int) -> None:
        self.turns.interrupt(self.desk.next)
        number = self.desk.next()
        self.desk.emit("user_transcript", "user_transcription_event", user_transcript=words, event_id=number)
        self.turns.user_said(words, self.desk.ids.uuid(), number=number, origin="audio", audio_ms=ms)

    # --- looking in ---

    def inspect(self) -> Inspection:
        """The agent as this conversation has it, the conversation in order, and every context that the replier saw."""
        turn = self.turns.active
        return Inspection(
            "simulator",
            {
                "provider": self.dialect.name,
                "conversation_id": self.id,
                "overrides": dict(self.agent.overrides),
                "dynamic_variables": dict(self.agent.variables),
                "text_only": self.agent.text_only,
                "conversation": [
                    {
                        key: value
                        for key in ("id", "type", "role", "text", "name", "call_id", "arguments", "output")
                        if (value := getattr(item, key))
                    }
                    for item in self.turns.items
                ],
                "speaking": self.turns.speaking,
                "waiting_for_tools": sorted(turn.calls) if turn is not None else [],
                "contexts": list(self.asking.contexts),
                "input_audio_ms": self.hearing.position_ms,
            },
        )
