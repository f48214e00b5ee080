"""What the model does: asks the replier, speaks in blocks that never overlap, calls tools, is interrupted
(nova_sonic.md#35, nova_sonic.md#36).
"""

from __future__ import annotations

import base64
import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from mockserver.core.frames import MILLISECOND, Micros
from mockserver.dialects.nova_sonic import INTERRUPTED, NOVA_SONIC
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.nova_sonic.options import NovaSonicOptions, SonicMisbehaviour
from mockserver.engines.simulator.nova_sonic.problems import FILTERED
from mockserver.engines.simulator.nova_sonic.prompt import Prompt
from mockserver.engines.simulator.nova_sonic.wire import FINAL, SPECULATIVE, SonicWire
from mockserver.engines.simulator.replies.reply import Context, Replier, Reply, Seen, ToolCall
from mockserver.engines.simulator.thinking import Thinking
from mockserver.engines.simulator.voice.captions import cues
from mockserver.engines.simulator.voice.words import count, words_until

CUT = NOVA_SONIC.life.endings["cancelled"][0]["event"]["contentEnd"]
"""How the block of text ends that says of an interruption, by the dialect's table, to which faults and replay keep."""
_SENTENCE = re.compile(r"\S.*?[.!?](?=\s|$)|\S.*$", re.DOTALL)


@dataclass(slots=True, eq=False)
class SpokenReply:
    """What the model says at one go. ``begun_at``: when its first audio went out; ``told``: sentences whose text has
    come as spoken; ``waiting``: those that have to wait until the block of audio at hand has ended.
    """

    text: str
    sentences: list[str]
    calls: list[ToolCall]
    begun_at: Micros | None = None
    sent_ms: float = 0
    block: str = ""  # the block of audio that is open
    told: int = 0
    waiting: int = 0
    sent: bool = False  # all of it is
    lengths: list[float] = field(default_factory=list)  # milliseconds of each sentence that is sent


class SonicModel:
    """``ended``: told the kind and the message of what ends the stream. ``failed``: what a replier raised."""

    def __init__(
        self,
        desk: Desk[NovaSonicOptions],
        prompt: Prompt,
        wire: SonicWire,
        replier: Replier,
        *,
        ended: Callable[[str, str], None],
        failed: Callable[[str], None],
    ) -> None:
        self.desk = desk
        self.prompt = prompt
        self.wire = wire
        self.ended = ended
        self.thinking = Thinking(desk, replier, failed=failed)
        self.items: list[Seen] = []
        self.open_calls: dict[str, ToolCall] = {}
        self.speaking: SpokenReply | None = None
        self.when_idle: Callable[[], None] | None = None
        self._turn = 0
        self._busy = False
        self._next: deque[tuple[str, list[ToolCall], int]] = deque()  # replies that wait for the one at hand

    def add(self, role: str, text: str, *, origin: str = "client", audio_ms: int = 0) -> None:
        """A message of the conversation."""
        self.items.append(Seen(f"i{len(self.items)}", "message", role, text, origin=origin, audio_ms=audio_ms))

    # --- thinking ---

    def answer(self) -> None:
        """It is the model's turn."""
        self._turn += 1
        self._busy = True
        context = Context(
            instructions=self.prompt.system,
            own_instructions=bool(self.prompt.system),
            items=tuple(self.items),
            tools=self.prompt.tools,
            tool_choice=self.prompt.tool_choice,
            turn=self._turn,
            user=next((item.text for item in reversed(self.items) if item.role == "user"), ""),
            response_id=f"turn {self._turn}",
        )
        self.thinking.about(context, self._begin)

    def _begin(self, reply: Reply) -> None:
        self._busy = False
        if reply.failure is not None:
            # Of the model's own errors this is the one for the stream (nova_sonic.md#61); its words are unknown.
            self.ended("modelStreamErrorException", reply.failure.message or "The model could not respond")
            return
        if reply.filtered:
            self.ended("validationException", FILTERED)
            return
        calls = reply.tool_calls
        if len(calls) < len(reply.calls):
            self.desk.note("simulator", "there are no MCP calls on this wire; left out")
        self.say(reply.text or "", calls, reply.silence_ms)

    # --- speaking ---

    def say(self, text: str, calls: list[ToolCall], silence_ms: int = 0) -> None:
        """Speak, a sentence at a time, then call tools. A reply without either says nothing.

        Blocks never overlap: what is still being sent is sent first, and the text of what was spoken comes before.
        """
        before = self.speaking
        if before is not None and not before.sent:
            self._next.append((text, calls, silence_ms))
            return
        if before is not None:
            self.desk.drop(before)
            self.speaking = None
            while before.told < len(before.sentences):
                self._tell(before)
        sentences = _SENTENCE.findall(text) or ([""] if silence_ms else [])
        one = SpokenReply(text, sentences, calls)
        self.speaking = one
        if sentences:
            # At one time the text of what was spoken comes before the next audio.
            self.desk.play(one, self._speech(one, silence_ms, self.desk.plan.place()))
        else:
            self._sent(one)

    def _speech(self, one: SpokenReply, silence_ms: int, first: int) -> Iterator[float]:
        options, begin = self.desk.options, self.desk.now
        speed, sound = options.pace.audio_speed, self.prompt.output
        at = played = 0.0
        made = 0
        for place, sentence in enumerate(one.sentences):
            last = place == len(one.sentences) - 1
            yield at
            self._sentence(one, sentence)
            length, sent = 0.0, at
            begun = 0.0 if speed is None else at
            for cue in cues(sentence, silence_ms if last else 0, sound, options.pace, before=made):
                made += speed is None
                if cue.audio:
                    length, sent = length + cue.ms, begun + cue.at
                    yield sent
                    self._sound(one, cue.audio, cue.ms)
            one.lengths.append(length)
            played += length
            at = sent if speed is None else at + length / speed
            yield at
            self._silent(one, last=last)
            yield at
            late = at if speed is None or options.final_text == "sent" else max(at, played)
            if late > at:
                self.desk.at(begin + round(late * MILLISECOND), one, partial(self._spoken, one), first)
            else:
                self._spoken(one)

    def _sentence(self, one: SpokenReply, sentence: str) -> None:
        if sentence:
            self.wire.text("ASSISTANT", SPECULATIVE, sentence, "PARTIAL_TURN")
        one.block = self.wire.block("AUDIO", "ASSISTANT")

    def _sound(self, one: SpokenReply, audio: bytes, ms: float) -> None:
        if one.begun_at is None:
            one.begun_at = self.desk.now
        one.sent_ms += ms
        self.wire.event("audioOutput", contentId=one.block, content=base64.b64encode(audio).decode())

    def _silent(self, one: SpokenReply, *, last: bool) -> None:
        """The audio of a sentence is sent."""
        self.wire.close(one.block, "AUDIO", "END_TURN" if last and not one.calls else "PARTIAL_TURN")
        one.block = ""
        while one.waiting:
            one.waiting -= 1
            self._tell(one)
        if last:
            self._sent(one)

    def _sent(self, one: SpokenReply) -> None:
        one.sent = True
        if one.text:
            self.wire.usage(spoken_ms=one.sent_ms, written=count(one.text))
        for call in one.calls:
            self._call(call)
        self._rest(one)

    def _spoken(self, one: SpokenReply) -> None:
        """A sentence has been heard. Blocks never overlap, so its text may have to wait."""
        if one.block:
            one.waiting += 1
        else:
            self._tell(one)

    def _tell(self, one: SpokenReply) -> None:
        sentence = one.sentences[one.told]
        one.told += 1
        last = one.told == len(one.sentences) and not one.calls
        if sentence:
            self.wire.text("ASSISTANT", FINAL, sentence, "END_TURN" if last else "PARTIAL_TURN")
            self.add("assistant", sentence, origin="response")
        self._rest(one)

    def _rest(self, one: SpokenReply) -> None:
        """Whether a reply is over: all of it is sent, and the text of what was spoken is told."""
        if one is self.speaking and one.sent and one.told == len(one.sentences):
            self.speaking = None
            self._go_on()

    def _go_on(self) -> None:
        if self._next:
            self.say(*self._next.popleft())
        elif self.when_idle is not None and self.idle:
            self.when_idle()

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way."""
        return self.speaking is None and not self._busy and not self._next

    # --- interruption ---

    def interrupt(self) -> None:
        """The user's voice cuts in on what is being said."""
        one = self.speaking
        if one is None or self.desk.misbehaves(SonicMisbehaviour.INTERRUPTION_IGNORED, "the model goes on"):
            return
        self.desk.drop(one)
        self.speaking = None
        options = self.desk.options
        if one.block:
            self.wire.close(one.block, "AUDIO", options.cut_audio)
        spoken = self._heard_of(one)
        if spoken:
            self.add("assistant", spoken, origin="response")
            if options.cut_text == "spoken":
                self.wire.text("ASSISTANT", FINAL, spoken, "PARTIAL_TURN")
        self.wire.text("ASSISTANT", FINAL, INTERRUPTED, CUT["stopReason"])
        if self.desk.misbehaves(SonicMisbehaviour.REPLY_BEGUN_OVER, "what was cut is said again"):
            self.say(one.text, [])
        else:
            self._go_on()

    def _heard_of(self, one: SpokenReply) -> str:
        """The words, after the sentences that were told, that the user can have heard at the pace of speech."""
        if one.begun_at is None:
            return ""
        ms = min((self.desk.now - one.begun_at) / MILLISECOND, one.sent_ms)
        words = []
        for place, sentence in enumerate(one.sentences):
            if place >= one.told and ms > 0:
                words.append(words_until(sentence, ms))
            if place >= len(one.lengths):
                break  # of this one not all is sent, and of those behind it nothing
            ms -= one.lengths[place]
        return " ".join(part for part in words if part)

    def drop(self) -> None:
        """Nothing that is on its way is said any more."""
        self.thinking.over()
        self._busy = False
        self._next.clear()
        if self.speaking is not None:
            self.desk.drop(self.speaking)
            if self.speaking.block:
                self.wire.close(self.speaking.block, "AUDIO", self.desk.options.cut_audio)
            self.speaking = None

    def cancelled(self) -> None:
        """A fault has ended the reply on the wire: the model knows what was heard of it, and says no more."""
        one = self.speaking
        if one is not None:
            one.block = ""
            spoken = self._heard_of(one)
            if spoken:
                self.add("assistant", spoken, origin="response")
        self.drop()

    # --- tools ---

    def _call(self, call: ToolCall) -> None:
        ident = call.call_id or self.desk.ids.uuid()
        if not any(tool["name"] == call.name for tool in self.prompt.tools):
            self.desk.note("simulator", f"the replier calls {call.name!r}, which the prompt does not offer")
        self.open_calls[ident] = call
        self.items.append(
            Seen(ident, "function_call", name=call.name, call_id=ident, arguments=call.json, origin="response")
        )
        content = json.dumps(call.json) if self.desk.options.arguments_encoded == "twice" else call.json
        block = self.wire.block("TOOL", "TOOL")
        self.wire.event("toolUse", contentId=block, toolName=call.name, toolUseId=ident, content=content)
        self.wire.close(block, "TOOL", "TOOL_USE")

    def result(self, ident: str, output: str) -> None:
        """A tool's result; the last one that is waited for is answered."""
        del self.open_calls[ident]
        lost = self.desk.misbehaves(SonicMisbehaviour.TOOL_RESULT_LOST, f"the result of {ident} is lost")
        told = "" if lost else output
        self.items.append(Seen(f"{ident} output", "function_call_output", call_id=ident, output=told))
        if not self.open_calls:
            self.answer()
