"""One call's websocket: the client's messages by a table, its voice, and the limits of the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mockserver.core.frames import (
    Accept,
    Close,
    Handshake,
    Hangup,
    Lost,
)
from mockserver.dialects.base import close_reason
from mockserver.engines.base import Inspection, SessionContext
from mockserver.engines.simulator import reading
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.desk_engine import DeskEngine
from mockserver.engines.simulator.replies.reply import Replier
from mockserver.engines.simulator.ultravox.agent import CallAgent
from mockserver.engines.simulator.ultravox.call import EndReason, UltravoxCall
from mockserver.engines.simulator.ultravox.options import CallMisbehaviour, UltravoxOptions
from mockserver.engines.simulator.voice.formats import AudioFormat
from mockserver.engines.simulator.voice.listening import Ear
from mockserver.engines.simulator.voice.utterance import InputAudio

PREFIX_MS = 200
THRESHOLD = 0.5
SILENCE = "silence"
"""Owner of the tasks that wait for the user to say something."""


class CallEngine(DeskEngine[Desk[UltravoxOptions]]):
    """The engine of one joined call."""

    def __init__(
        self,
        *,
        options: UltravoxOptions,
        context: SessionContext,
        call: UltravoxCall,
        replier: Replier,
        ear: Ear,
        failed: Callable[[str], None],
    ) -> None:
        super().__init__(Desk(context, options))
        self.call = call
        self.ear = ear
        self.agent = CallAgent(
            self.desk, call, replier, ended=lambda: self._end("agent_hangup"), quiet=self._quiet, failed=failed
        )
        self.asking = self.agent.thinking.asking
        self._audio = InputAudio(call.rate_in)
        self._format = AudioFormat("pcm", call.rate_in)
        self._since_ms = 0
        self._cut = False
        self._asked = 0
        self._handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "ping": self._ping,
            "user_text_message": self._user_text,
            "forced_agent_message": self._forced,
            "set_output_medium": self._medium,
            "client_tool_result": self._tool_result,
            "hang_up": lambda body: self._end("hangup"),
        }

    # --- begin and end ---

    def _open(self, handshake: Handshake) -> None:
        self.desk.push(Accept(None))
        self.desk.send({"type": "call_started", "callId": self.call.id})
        self.agent.tell_state("idle")
        self.desk.in_seconds(self.call.most_s, self, self._time_over)
        if not self.call.greets:
            self.agent.tell_state("listening")
            self._quiet()
        elif self.call.greeting is not None:
            self.agent.say(self.call.greeting)
        else:
            self.agent.answer()

    def _time_over(self) -> None:
        if self.call.farewell:
            self.agent.interrupt(always=True)
            self.agent.say(self.call.farewell, uninterruptible=True, then=lambda: self._end("timeout"))
        else:
            self._end("timeout")

    def _end(self, reason: EndReason) -> None:
        self.desk.push(Hangup(code=self.desk.options.close_code, reason=close_reason("")))
        self._call_over(reason)

    def _left(self, end: Close | Lost) -> None:
        self._call_over("hangup" if isinstance(end, Close) else "connection_error")

    def _call_over(self, reason: EndReason) -> None:
        self.call.over(self.desk.seconds(), reason)
        self._finish()

    # --- a user who says nothing ---

    def _quiet(self) -> None:
        """The agent waits for the user: the next of the inactivity messages is due after its time."""
        self.desk.drop(SILENCE)
        if self._asked < len(self.call.inactivity):
            one = self.call.inactivity[self._asked]
            self.desk.in_seconds(one.seconds, SILENCE, self._ask_again)

    def _ask_again(self) -> None:
        one = self.call.inactivity[self._asked]
        self._asked += 1
        if one.ends == "END_BEHAVIOR_UNSPECIFIED":
            self.agent.say(one.message)
            return
        # A strict end is not put off by the user's voice; a soft one is.
        strict = one.ends == "END_BEHAVIOR_HANG_UP_STRICT"
        self.agent.say(one.message, uninterruptible=strict, then=lambda: self._end("timeout"))

    def _user_is_there(self) -> None:
        self._asked = 0
        self.desk.drop(SILENCE)

    # --- the client's messages ---

    def _text(self, data: str) -> None:
        body = reading.parse(data)
        name = body.get("type") if isinstance(body, dict) else None
        handler = self._handlers.get(name) if isinstance(name, str) else None
        if handler is None:
            self._unknown(f"a message of type {name!r:.60}" if isinstance(body, dict) else "no JSON object")
            return
        handler(body)

    def _unknown(self, what: str) -> None:
        if self.desk.options.unknown_message == "close":
            self._end("system_error")
        else:
            self.desk.note("simulator", f"{what} is ignored")

    def _ping(self, body: dict[str, Any]) -> None:
        self.desk.send({"type": "pong", "timestamp": body.get("timestamp")})

    def _user_text(self, body: dict[str, Any]) -> None:
        text, urgency = body.get("text"), body.get("urgency")
        if not isinstance(text, str):
            self._unknown("a user_text_message without a text")
            return
        self._user_is_there()
        deferred = bool(body.get("deferResponse")) and not self.desk.misbehaves(
            CallMisbehaviour.DEFERRED_ANSWERED, f"{text!r:.80} is answered"
        )

        def act() -> None:
            if text:
                self.agent.heard(text, voice=False, shown=self.desk.options.user_text_transcript)
            if not deferred:
                self.agent.answer()
            elif self.agent.state == "listening":
                self._quiet()

        match urgency:
            case "later":  # context for whatever comes next
                if text:
                    self.agent.heard(text, voice=False, shown=self.desk.options.user_text_transcript)
            case "soon" if not deferred:
                self.agent.soon(act)
            case _:
                # An empty text that is urgent and deferred is how clients interrupt.
                if urgency == "immediate" or not deferred:
                    self.agent.interrupt()
                act()

    def _forced(self, body: dict[str, Any]) -> None:
        content = body.get("content")
        if not isinstance(content, str):
            self._unknown("a forced_agent_message without a content")
            return
        self._user_is_there()

        def act() -> None:
            self.agent.say(content, uninterruptible=bool(body.get("uninterruptible")))

        if body.get("urgency") == "soon":
            self.agent.soon(act)
        else:
            self.agent.interrupt()
            act()

    def _medium(self, body: dict[str, Any]) -> None:
        medium = body.get("medium")
        if medium not in ("voice", "text"):
            self._unknown(f"the output medium {medium!r:.40}")
            return
        self.agent.medium = medium

    def _tool_result(self, body: dict[str, Any]) -> None:
        ident = body.get("invocationId")
        if not isinstance(ident, str):
            self._unknown("a client_tool_result without an invocationId")
            return
        self._user_is_there()
        error = body.get("errorType")
        output = str(body.get("errorMessage") or error) if error else str(body.get("result") or "")
        self.agent.result(ident, output, str(body.get("agentReaction") or "speaks"))

    # --- the user's voice ---

    def _binary(self, data: bytes) -> None:
        pcm = self._format.to_pcm(data)
        self._audio.append(pcm, self.call.rate_in)
        level = THRESHOLD * self.desk.options.vad_full_scale
        for turn in self._audio.edges(pcm, level, PREFIX_MS, lambda silent: silent >= self.call.silence_ms):
            if turn.edge == "start":
                self._since_ms, self._cut = turn.at_ms, False
                self._user_is_there()
            else:
                self._spoken(turn.at_ms)
        lasted = self._audio.position_ms - self._since_ms - PREFIX_MS
        if self._audio.speaking and not self._cut and lasted >= self.desk.options.interruption_ms:
            self._cut = True
            self.agent.interrupt()

    def _spoken(self, end_ms: int) -> None:
        pcm = self._audio.take(self._since_ms, end_ms)
        words = self.ear.hear(pcm, self.call.rate_in)
        ms = len(pcm) // 2 * 1000 // self.call.rate_in
        if not words:
            self.desk.note("simulator", f"{ms} ms of sound without a word in it: no turn of the user's")
            if self.agent.state == "listening":
                self._quiet()
            return

        def transcribed() -> None:
            self.agent.interrupt()
            self.agent.heard(words, audio_ms=ms)
            self.agent.answer()

        self.desk.after(self.desk.options.pace.transcription_ms, self, transcribed)

    # --- looking in ---

    def inspect(self) -> Inspection:
        """The call, what was said, open tool calls, and every context that the replier saw."""
        return Inspection(
            "simulator",
            {
                "provider": "ultravox",
                "call_id": self.call.id,
                "state": self.agent.state,
                "medium": self.agent.medium,
                "conversation": [
                    {"type": item.type, "role": item.role, "text": item.text or item.output or item.name}
                    for item in self.agent.items
                ],
                "open_tool_calls": sorted(self.agent.open_calls),
                "contexts": list(self.asking.contexts),
                "input_audio_ms": self._audio.position_ms,
                "end_reason": self.call.reason,
            },
        )
