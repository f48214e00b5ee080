"""What the assistant does: asks the replier, speaks, calls tools, is interrupted."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from mockserver.core.frames import MILLISECOND, Micros
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.phonic.config import TalkConfig
from mockserver.engines.simulator.phonic.conversation import Talk
from mockserver.engines.simulator.phonic.options import PhonicMisbehaviour, PhonicOptions
from mockserver.engines.simulator.replies.reply import Context, Replier, Reply, Seen, ToolCall
from mockserver.engines.simulator.thinking import Thinking
from mockserver.engines.simulator.voice.captions import SpeechCue, cues
from mockserver.engines.simulator.voice.words import words_until

END, KEYPAD, NOTHING = "natural_conversation_ending", "keypad_input", "choose_not_to_respond"
"""Tools of the service's own, where the config names them (phonic.md#21)."""


@dataclass(slots=True, eq=False)
class SpokenTurn:
    """What the assistant says at one go. ``begun_at``: when its first audio went out; ``sent_ms``: audio so far."""

    text: str
    interruptible: bool = True
    begun_at: Micros | None = None
    sent_ms: float = 0
    calls: list[ToolCall] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Hooks:
    """``ended``: the assistant ends the conversation. ``quiet``: it waits. ``failed``: told what a replier raised."""

    ended: Callable[[], None]
    quiet: Callable[[], None]
    failed: Callable[[str], None]


class Assistant:
    """Works on the conversation that it is given; its socket is the desk's."""

    def __init__(self, desk: Desk[PhonicOptions], talk: Talk, replier: Replier, hooks: Hooks) -> None:
        self.desk = desk
        self.talk = talk
        self.hooks = hooks
        self.thinking = Thinking(desk, replier, failed=hooks.failed)
        self.speaking: SpokenTurn | None = None
        self._busy = False  # thinking of an answer
        self._answers = True  # whether the outputs that are awaited are answered
        self._called_at: dict[str, Micros] = {}
        self._later: list[Callable[[], None]] = []

    @property
    def config(self) -> TalkConfig:
        """As the client set it. Nothing here runs before."""
        assert self.talk.config is not None
        return self.talk.config

    @property
    def idle(self) -> bool:
        """Whether it waits for the user."""
        return self.speaking is None and not self._busy and not self.talk.open_calls

    # --- thinking ---

    def answer(self, extra: tuple[Seen, ...] = ()) -> None:
        """It is the assistant's turn. ``extra``: what this reply alone is told."""
        self.talk.turns += 1
        self._busy = True
        items = (*self.talk.items, *extra)
        context = Context(
            instructions=self.config.prompt,
            own_instructions=bool(self.config.prompt),
            items=items,
            tools=tuple(tool.definition for tool in self.config.tools),
            turn=self.talk.turns,
            user=next((item.text for item in reversed(items) if item.role == "user"), ""),
            response_id=f"turn {self.talk.turns}",
        )
        self.thinking.about(context, self._begin)

    def _begin(self, reply: Reply) -> None:
        self._busy = False
        if reply.failure is not None:
            # Unknown: how a model that fails is told. An error is the only event that could.
            self.error(reply.failure.message or "The assistant could not respond", reply.failure.code)
            self._rest()
            return
        calls = reply.tool_calls
        if len(calls) < len(reply.calls):
            self.desk.note("simulator", "MCP calls are made by the service itself and are not on the wire; left out")
        silence = reply.silence_ms
        if reply.text or silence:
            self.say(reply.text or "", silence_ms=silence, calls=calls)
        elif calls:
            self._call(calls)
        else:
            self.desk.send({"type": "assistant_chose_not_to_respond"})
            self._rest()

    def error(self, message: str, code: str | None = None, **more: Any) -> None:
        """An ``error`` event (phonic.md#11)."""
        told = {"message": message, "code": code or self.desk.options.error_code}
        self.desk.send({"type": "error", "error": told, **more})

    # --- speaking ---

    def say(
        self, text: str, *, silence_ms: int = 0, calls: list[ToolCall] | None = None, interruptible: bool = True
    ) -> None:
        """Speak a text, then make calls."""
        self.thinking.over()
        self._busy = False
        one = self.speaking = SpokenTurn(text, interruptible, calls=calls or [])
        self.desk.send({"type": "assistant_started_speaking"})
        self.desk.play(one, self._speech(one, silence_ms))

    def _speech(self, one: SpokenTurn, silence_ms: int) -> Iterator[float]:
        options = self.desk.options
        speed = options.pace.audio_speed if self.config.ahead or options.pace.audio_speed is None else 1.0
        pace = replace(options.pace, audio_speed=speed, piece_ms=max(20, options.chunk_ms))
        words, end_ms, played_ms = "", 0.0, 0
        for cue in cues(one.text, silence_ms, self.config.output, pace):
            if cue.caption:
                words += cue.caption
                continue
            played_ms += cue.ms
            end_ms = cue.at if speed is None else cue.at + cue.ms / speed
            yield cue.at
            self._sound(one, cue, words)
            words = ""
        if options.finished == "played" and speed is not None:
            end_ms = max(end_ms, played_ms)
        yield end_ms
        self._spoken(one, words)

    def _sound(self, one: SpokenTurn, cue: SpeechCue, words: str) -> None:
        body: dict[str, Any] = {"type": "audio_chunk", "audio": base64.b64encode(cue.audio).decode(), "text": words}
        if one.begun_at is None:
            one.begun_at = self.desk.now
            # Which durations the service names is unknown; an object of numbers is what the SDK's type says.
            body["timings"] = {}
        one.sent_ms += cue.ms
        self.desk.send(body)

    def _spoken(self, one: SpokenTurn, rest: str) -> None:
        if rest:  # words behind the last audio
            self.desk.send({"type": "audio_chunk", "audio": "", "text": rest})
        self.speaking = None
        self.talk.add("assistant", one.text, origin="response")
        after = self.desk.options.tool_call_after or any(self._own(call) for call in one.calls)
        if one.calls and not after:
            self._call(one.calls)
        self.desk.send({"type": "assistant_finished_speaking"})
        if one.calls and after:
            self._call(one.calls)
        if not one.calls:
            self._rest()

    def _rest(self) -> None:
        later, self._later = self._later, []
        for one in later:
            one()
        if not later:
            self.hooks.quiet()

    def when_free(self, act: Callable[[], None]) -> None:
        """What ``say`` and ``generate_reply`` ask for: at once, or behind what is being said."""
        if self.speaking is not None and self.desk.options.request_while_speaking == "queue":
            self._later.append(act)
            return
        self.interrupt(always=True)
        act()

    # --- interruption ---

    def would_interrupt(self) -> bool:
        """Whether the user's voice has something to cut."""
        return bool(self._busy or self.talk.open_calls or (self.speaking is not None and self.speaking.interruptible))

    def interrupt(self, *, always: bool = False, thinking: bool = True) -> None:
        """The user cuts in (phonic.md#8, phonic.md#9), or a request takes the place of what is said.

        ``thinking``: what the assistant was about to say is not said either. Voice alone does not stop that: it may
        be noise.
        """
        one = self.speaking
        if one is not None and not one.interruptible and not always:
            return
        if one is not None and self.desk.misbehaves(PhonicMisbehaviour.INTERRUPTION_IGNORED, "the assistant goes on"):
            return
        if thinking:
            self.thinking.over()
            self._busy = False
        for ident, call in self.talk.open_calls.items():
            self.desk.send({"type": "tool_call_interrupted", "tool_call_id": ident, "tool_name": call.name})
            self.desk.drop(call)
        self.talk.open_calls.clear()
        if one is None:
            return
        self.desk.drop(one)
        self.speaking = None
        spoken = self._heard_of(one)
        self.talk.add("assistant", spoken, origin="response")
        self.desk.send({"type": "interrupted_response", "text": spoken})
        if self.desk.options.finished_after_interruption:
            self.desk.send({"type": "assistant_finished_speaking"})

    def _heard_of(self, one: SpokenTurn) -> str:
        """The words that the user can have heard, at the pace of speech."""
        if one.begun_at is None:
            return ""
        return words_until(one.text, min((self.desk.now - one.begun_at) / MILLISECOND, one.sent_ms))

    def forget(self) -> None:
        """A reset: nothing of what was going on goes on."""
        self.interrupt(always=True)
        self._later.clear()

    # --- tools ---

    def _own(self, call: ToolCall) -> bool:
        """Whether the service runs this tool itself."""
        return self.config.tool(call.name) is None and call.name in self.config.builtin

    def _call(self, calls: list[ToolCall]) -> None:
        self._answers = True
        ends = False
        sent = 0
        for call in calls:
            if self._own(call):
                if call.name == KEYPAD:
                    self.desk.send({"type": "dtmf", "digits": str(call.object.get("digits", ""))})
                elif call.name == NOTHING:
                    self.desk.send({"type": "assistant_chose_not_to_respond"})
                elif call.name == END:
                    ends = True
                else:
                    self.desk.note("simulator", f"the tool {call.name!r} is the service's own; it is not simulated")
                continue
            sent += 1
            self._call_client(call)
        if ends:
            self.hooks.ended()
        elif not sent:
            self._rest()

    def _call_client(self, call: ToolCall) -> None:
        ident = call.call_id or self.desk.ids.uuid()
        tool = self.config.tool(call.name)
        if tool is None:
            self.desk.note("simulator", f"the replier calls {call.name!r}, which the config does not offer")
        elif tool.silent:
            self._answers = False
        self.talk.open_calls[ident] = call
        self._called_at[ident] = self.desk.now
        self.talk.items.append(
            Seen(ident, "function_call", name=call.name, call_id=ident, arguments=call.json, origin="response")
        )
        self.desk.send(
            {
                "type": "tool_call",
                "tool_call_id": ident,
                "tool_name": call.name,
                "parameters": call.object,
            }
        )
        timeout = self.desk.options.tool_timeout_ms if tool is None else tool.timeout_ms
        due = self.desk.now + round(timeout * MILLISECOND)
        self.desk.at(due, call, partial(self._processed, ident, None, timed_out=True))

    def output(self, ident: str, output: Any) -> bool:
        """``tool_call_output``. False where there is no such call."""
        if ident not in self.talk.open_calls:
            return False
        self._processed(ident, output)
        return True

    def _processed(self, ident: str, output: Any, *, timed_out: bool = False) -> None:
        call = self.talk.open_calls.pop(ident)
        self.desk.drop(call)
        lost = self.desk.misbehaves(PhonicMisbehaviour.TOOL_OUTPUT_LOST, f"the output of {ident} is lost")
        told = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
        told = "" if lost or timed_out else told
        self.talk.items.append(Seen(f"{ident} output", "function_call_output", call_id=ident, output=told))
        webhook = ("endpoint_method", "endpoint_url", "endpoint_timeout_ms", "endpoint_called_at", "query_params")
        self.desk.send(
            {
                "type": "tool_call_output_processed",
                "tool_call_id": ident,
                "tool": {"id": f"tool_{call.name}", "name": call.name},
                **dict.fromkeys((*webhook, "request_body", "response_body", "response_status_code")),
                "parameters": call.object,
                "output": output,
                "duration_ms": (self.desk.now - self._called_at.pop(ident, self.desk.now)) / MILLISECOND,
                "timed_out": timed_out,
                "error_message": "The tool call timed out" if timed_out else None,
                "conversation_item_role": "assistant",
            }
        )
        if self.talk.open_calls:
            return
        if self._answers:
            self.answer()
        else:
            self._rest()
