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
LOOK_MS = 100
"""How often a client that can be replaced looks whether it was."""
URGENCIES = ("immediate", "soon", "later")
REACTIONS = ("speaks", "listens", "speaks-once")
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
        super().__init__(Desk(context, options), ear)
        self.call = call
        self.ear = ear
        self.agent = CallAgent(
            self.desk, call, replier, ended=lambda: self._end("agent_hangup"), quiet=self._quiet, failed=failed
        )
        self.asking = self.agent.thinking.asking
        call.said = self.agent.said
        self._audio = self.ear.follow(InputAudio(call.terms.rate_in))
        self._format = AudioFormat("pcm", call.terms.rate_in)
        self._since_ms = 0
        self._cut = False
        self._asked = 0
        self._handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "ping": self._ping,
            "user_text_message": self._user_text,
            "forced_agent_message": self._forced,
            "set_output_medium": self._medium,
            "client_tool_result": self._tool_result,
            "hang_up": self._hang_up,
        }

    # --- begin and end ---

    def _open(self, handshake: Handshake) -> None:
        self.desk.push(Accept(None))
        self.desk.send({"type": "call_started", "callId": self.call.id})
        self.agent.tell_state("idle")
        self.desk.in_seconds(self.call.terms.most_s, self, self._time_over)
        self.call.holder = self
        self._hold()
        if not self.call.terms.greets:
            self.agent.tell_state("listening")
            self._quiet()
        elif self.call.terms.greeting is not None:
            self.agent.say(self.call.terms.greeting)
        else:
            self.agent.answer()

    def _hold(self) -> None:
        """One call has one client: where a second one replaces it, the first is hung up."""
        if self.call.holder is not self:
            self.desk.push(Hangup(code=self.desk.options.close_code, reason=close_reason("")))
            self._finish()
        elif self.desk.options.second_join == "replaces":
            self.desk.after(LOOK_MS, self, self._hold)

    def _time_over(self) -> None:
        if self.call.terms.farewell:
            self.agent.interrupt(always=True)
            self.agent.say(self.call.terms.farewell, uninterruptible=True, then=lambda: self._end("timeout"))
        else:
            self._end("timeout")

    def _end(self, reason: EndReason) -> None:
        self.desk.push(Hangup(code=self.desk.options.close_code, reason=close_reason("")))
        self._call_over(reason)

    def _left(self, end: Close | Lost) -> None:
        self._call_over("hangup" if isinstance(end, Close) else "connection_error")

    def _call_over(self, reason: EndReason) -> None:
        if self.call.holder is self:
            self.call.over(self.desk.seconds(), reason)
        self._finish()

    def let_go(self) -> None:
        """The call is remembered, not what was said in it."""
        call = self.call
        if call.holder is self:
            call.holder = None
        if call.said == self.agent.said:
            call.said = None
        super().let_go()

    # --- a user who says nothing ---

    def _quiet(self) -> None:
        """The agent waits for the user: the next of the inactivity messages is due after its time."""
        self.desk.drop(SILENCE)
        if self._asked < len(self.call.terms.inactivity):
            one = self.call.terms.inactivity[self._asked]
            self.desk.in_seconds(one.seconds, SILENCE, self._ask_again)

    def _ask_again(self) -> None:
        one = self.call.terms.inactivity[self._asked]
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
        at = body.get("timestamp")
        if not isinstance(at, int | float) or isinstance(at, bool):
            self._unknown("a ping without a timestamp")
            return
        self.desk.send({"type": "pong", "timestamp": at})

    def _hang_up(self, body: dict[str, Any]) -> None:
        """At once, or with a farewell (ultravox.md#25)."""
        message = body.get("message")
        if not message:
            self._end("hangup")
        elif isinstance(message, str):
            self.agent.interrupt(always=True)
            self.agent.say(message, uninterruptible=True, then=lambda: self._end("hangup"))
        else:
            self._unknown("a hang_up whose message is no text")

    def _user_text(self, body: dict[str, Any]) -> None:
        text, urgency = body.get("text"), body.get("urgency")
        urgency = "soon" if urgency is None else urgency  # ultravox.md#25
        if not isinstance(text, str) or urgency not in URGENCIES:
            self._unknown("a user_text_message without a text, or of another urgency")
            return
        self._user_is_there()
        deferred = bool(body.get("deferResponse")) and not self.desk.misbehaves(
            CallMisbehaviour.DEFERRED_ANSWERED, f"{text!r:.80} is answered"
        )
        if urgency == "immediate" and not text and self.desk.options.urgent_empty_text == "interrupts":
            deferred = True

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
            case "immediate":  # nothing else interrupts (ultravox.md#25)
                self.agent.interrupt()
                act()
            case _ if deferred:
                act()
            case _:
                self.agent.soon(act)

    def _forced(self, body: dict[str, Any]) -> None:
        content, urgency, firm = body.get("content"), body.get("urgency"), body.get("uninterruptible")
        if not isinstance(content, str) or urgency not in (None, *URGENCIES) or not isinstance(firm, bool | None):
            self._unknown("a forced_agent_message without a content, or with a field of another type")
            return
        self._user_is_there()

        def act() -> None:
            self.agent.say(content, uninterruptible=firm is True)

        if urgency == "soon":
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
        ident, reaction, error = body.get("invocationId"), body.get("agentReaction"), body.get("errorType")
        texts = (body.get("result"), body.get("errorMessage"), error)
        if not isinstance(ident, str) or not all(isinstance(one, str | None) for one in texts):
            self._unknown("a client_tool_result without an invocationId, or whose result is no text")
            return
        if reaction not in (None, *REACTIONS):
            self._unknown(f"a client_tool_result with the reaction {reaction!r:.40}")
            return
        self._user_is_there()
        output = body.get("errorMessage") or error if error else body.get("result")
        self.agent.result(ident, output or "", reaction or "speaks")

    # --- the user's voice ---

    def _binary(self, data: bytes) -> None:
        pcm = self._format.to_pcm(data)
        self._audio.append(pcm, self.call.terms.rate_in)
        level = self.call.terms.threshold * self.desk.options.vad_full_scale
        for turn in self._audio.edges(pcm, level, PREFIX_MS, lambda silent: silent >= self.call.terms.silence_ms):
            if turn.edge == "start":
                self._since_ms, self._cut = turn.at_ms, False
                self._user_is_there()
            else:
                self._spoken(turn.at_ms)
        lasted = self._audio.position_ms - self._since_ms - PREFIX_MS
        if self._audio.speaking and not self._cut and lasted >= self.call.terms.interruption_ms:
            self._cut = True
            self.agent.interrupt()

    def _spoken(self, end_ms: int) -> None:
        pcm = self._audio.take(self._since_ms, end_ms)
        ms = len(pcm) // 2 * 1000 // self.call.terms.rate_in
        short = end_ms - self._since_ms - PREFIX_MS < self.call.terms.shortest_ms
        words = "" if short else self.ear.hear(pcm, self.call.terms.rate_in)
        if not words:
            self.desk.note("simulator", f"{ms} ms of sound, too short or without a word: no turn of the user's")
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
