"""What the agent does: asks the replier, speaks or writes, calls tools, is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from mockserver.core.frames import MILLISECOND, Binary, Micros, to_client
from mockserver.dialects.ultravox import ULTRAVOX
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.replies.reply import Context, Replier, Reply, Seen, ToolCall
from mockserver.engines.simulator.thinking import Thinking
from mockserver.engines.simulator.ultravox.call import UltravoxCall
from mockserver.engines.simulator.ultravox.options import CallMisbehaviour, UltravoxOptions
from mockserver.engines.simulator.voice.captions import cues, written_at
from mockserver.engines.simulator.voice.formats import AudioFormat
from mockserver.engines.simulator.voice.words import complete_until, each_piece

CLEARED, LISTENING = ULTRAVOX.life.endings["cancelled"]
"""What an interruption says, by the dialect's table, to which faults and replay keep too."""
HANG_UP = "hangUp"
"""The tool of the service's own by which an agent ends a call."""


@dataclass(slots=True, eq=False)
class Utterance:
    """What the agent says at one go. ``begun_at``: when its first audio went out; ``sent_ms``: audio sent so far."""

    ordinal: int
    medium: str
    text: str = ""
    told: str = ""
    begun_at: Micros | None = None
    sent_ms: int = 0
    uninterruptible: bool = False
    then: Callable[[], None] | None = None
    calls: list[ToolCall] = field(default_factory=list)


class CallAgent:
    """``ended``: called where the agent hangs up."""

    def __init__(
        self,
        desk: Desk[UltravoxOptions],
        call: UltravoxCall,
        replier: Replier,
        *,
        ended: Callable[[], None],
        quiet: Callable[[], None],
        failed: Callable[[str], None],
    ) -> None:
        self.desk = desk
        self.call = call
        self.ended = ended
        self.quiet = quiet  # the agent has said what it had to say and waits for the user
        self.thinking = Thinking(desk, replier, failed=failed)
        self.medium = call.terms.medium
        self.state = ""
        self.ordinal = 0
        self.items: list[Seen] = [
            Seen(f"m{n}", "message", role, text) for n, (role, text) in enumerate(call.terms.history)
        ]
        self.turns = 0
        self.speaking: Utterance | None = None
        self.open_calls: dict[str, ToolCall] = {}
        self._answers = True  # whether a result that comes is answered
        self._later: list[Callable[[], None]] = []

    # --- what goes out ---

    def tell_state(self, state: str) -> None:
        """``state``, where it changes."""
        if state != self.state:
            self.state = state
            self.desk.send({"type": "state", "state": state})

    def transcript(self, role: str, medium: str, ordinal: int, **words: Any) -> None:
        """``transcript``: ``text`` with ``final``, or a ``delta``."""
        self.desk.send({"type": "transcript", "role": role, "medium": medium, **words, "ordinal": ordinal})

    def said(self) -> list[tuple[str, str]]:
        """The messages of both sides, role and text."""
        return [(item.role, item.text) for item in self.items if item.type == "message" and item.role]

    def next_ordinal(self) -> int:
        """Utterances are counted over both sides."""
        self.ordinal += 1
        return self.ordinal - 1

    # --- the user's turn ---

    def heard(self, text: str, *, audio_ms: int = 0, voice: bool = True, shown: bool = True) -> None:
        """The user has said something that is to be part of the conversation."""
        origin = "audio" if voice else "client"
        self.items.append(Seen(f"m{len(self.items)}", "message", "user", text, origin=origin, audio_ms=audio_ms))
        if shown:
            self.transcript("user", "voice" if voice else "text", self.next_ordinal(), text=text, final=True)

    def answer(self, *, calls_allowed: bool = True) -> None:
        """It is the agent's turn."""
        self.turns += 1
        self.tell_state("thinking")
        context = Context(
            instructions=self.call.terms.prompt,
            own_instructions=bool(self.call.terms.prompt),
            items=tuple(self.items),
            tools=self.call.terms.tools if calls_allowed else (),
            turn=self.turns,
            user=next((item.text for item in reversed(self.items) if item.role == "user"), ""),
            modalities=("audio",) if self.medium == "voice" else ("text",),
            response_id=f"turn {self.turns}",
        )
        self.thinking.about(context, self._begin)

    def _begin(self, reply: Reply) -> None:
        if reply.failure is not None:
            # Unknown: how a model that fails is told. Nothing is said, and it is the user's turn again.
            self.desk.note("simulator", f"the reply failed ({reply.failure.type}); nothing of it is sent")
            self._rest()
            return
        calls = reply.tool_calls
        if len(calls) < len(reply.calls):
            self.desk.note("simulator", "MCP calls are no part of this wire; they are left out")
        silence = reply.silence_ms
        if reply.text or silence:
            self.say(reply.text or "", silence_ms=silence, calls=calls)
        elif calls:
            self._invoke(calls)
        else:
            self._rest()

    # --- speaking ---

    def say(
        self,
        text: str,
        *,
        silence_ms: int = 0,
        calls: list[ToolCall] | None = None,
        uninterruptible: bool = False,
        then: Callable[[], None] | None = None,
    ) -> None:
        """Speak or write a text, then make calls."""
        self.thinking.over()
        one = self.speaking = Utterance(
            self.next_ordinal(), self.medium, text, uninterruptible=uninterruptible, then=then, calls=calls or []
        )
        self.tell_state("speaking")
        self.desk.play(one, self._writing(one) if one.medium == "text" else self._speech(one, silence_ms))

    def _writing(self, one: Utterance) -> Iterator[float]:
        at = 0.0
        for number, piece in enumerate(each_piece(one.text), 1):
            at = written_at(number, self.desk.options.pace.text_ms)
            yield at
            self._caption(one, piece)
        yield at
        self._spoken(one)

    def _speech(self, one: Utterance, silence_ms: int) -> Iterator[float]:
        pace = self.desk.options.pace
        sound = AudioFormat("pcm", self.call.terms.rate_out)
        realtime = pace.audio_speed is not None
        steady = replace(pace, audio_speed=1.0 if realtime else None, piece_ms=max(20, self.desk.options.frame_ms))
        one.begun_at = self.desk.now
        last = 0.0
        for cue in cues(one.text, silence_ms, sound, steady):
            # Audio may be ahead of its time by what the client can hold (ultravox.md#5).
            at = max(0.0, cue.at - self.call.terms.buffer_ms) if realtime else cue.at
            last = max(last, cue.at + cue.ms) if realtime else cue.at
            yield at
            if cue.caption:
                self._caption(one, cue.caption)
            else:
                self._sound(one, cue.audio, cue.ms)
        yield last
        self._spoken(one)

    def _caption(self, one: Utterance, piece: str) -> None:
        one.told += piece
        self.transcript("agent", one.medium, one.ordinal, delta=piece, final=False)

    def _sound(self, one: Utterance, audio: bytes, ms: int) -> None:
        one.sent_ms += ms
        self.desk.push(to_client(Binary(audio)))

    def _spoken(self, one: Utterance) -> None:
        """All of it was heard: the whole text, then what comes next."""
        self.speaking = None
        self._close(one, one.text)
        if one.then is not None:
            one.then()
        if one.calls:
            self._invoke(one.calls)
        elif one.then is None:
            self._rest()

    def _close(self, one: Utterance, text: str) -> None:
        self.transcript("agent", one.medium, one.ordinal, text=text, final=True)
        self.items.append(Seen(f"m{len(self.items)}", "message", "assistant", text, origin="response"))

    def _rest(self) -> None:
        self.tell_state("listening")
        later, self._later = self._later, []
        for one in later:
            one()
        if not later:
            self.quiet()

    def interrupt(self, *, always: bool = False) -> bool:
        """The user cuts in (ultravox.md#9). Whether there was something to cut."""
        one = self.speaking
        if one is None:
            if self.state == "thinking" and not self.open_calls:
                self.thinking.over()  # what the model was about to say is not said
            return False
        if one.uninterruptible and not always:
            return False
        if self.desk.misbehaves(CallMisbehaviour.INTERRUPTION_IGNORED, f"utterance {one.ordinal} goes on"):
            return False
        self.desk.drop(one)
        self.speaking = None
        if one.medium == "voice" and not self.desk.misbehaves(
            CallMisbehaviour.BUFFER_KEPT, f"utterance {one.ordinal} is heard to its end"
        ):
            self.desk.send(CLEARED)
        self._close(one, self._heard_of(one))
        self.tell_state(LISTENING["state"])
        return True

    def _heard_of(self, one: Utterance) -> str:
        """The words that the user can have heard, at the pace of speech."""
        if one.medium == "text" or one.begun_at is None:
            return one.told.strip()
        ms = min((self.desk.now - one.begun_at) / MILLISECOND, one.sent_ms)
        return " ".join(word.text for word in complete_until(one.text, ms))

    def soon(self, act: Callable[[], None]) -> None:
        """Do something when the agent has finished what it is at; now where it is at nothing."""
        if self.speaking is None and not self.open_calls and self.state != "thinking":
            act()
        else:
            self._later.append(act)

    # --- tools ---

    def _invoke(self, calls: list[ToolCall]) -> None:
        if any(call.name == HANG_UP for call in calls):
            self.ended()
            return
        self.tell_state("thinking")
        self._answers = True
        for call in calls:
            ident = call.call_id or self.desk.ids.uuid()
            self.open_calls[ident] = call
            self.items.append(
                Seen(ident, "function_call", name=call.name, call_id=ident, arguments=call.json, origin="response")
            )
            self.desk.send(
                {
                    "type": "client_tool_invocation",
                    "toolName": call.name,
                    "invocationId": ident,
                    "parameters": call.object,
                }
            )

    def result(self, ident: str, output: str, reaction: str) -> None:
        """``client_tool_result``. An unknown invocation is told in the journal; what the service does is unknown."""
        call = self.open_calls.pop(ident, None)
        if call is None:
            self.desk.note("simulator", f"a result for {ident!r:.60}, which is no open invocation, is ignored")
            return
        lost = self.desk.misbehaves(CallMisbehaviour.TOOL_RESULT_LOST, f"the result of {ident} is lost")
        told = "" if lost else output
        self.items.append(Seen(f"{ident}r", "function_call_output", call_id=ident, output=told))
        if reaction == "listens":
            self._answers = False
        if self.open_calls:
            return
        if self._answers:
            self.answer(calls_allowed=reaction != "speaks-once")
        else:
            self._rest()
