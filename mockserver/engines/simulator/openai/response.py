"""One response: its settings, its state on the wire, and its performance over time.

A performance is a generator. It yields the time (ms since the model began) at which it wants to go on;
everything between two yields happens at one instant. To cancel it is to drop it and close what is open, which
is the true tail.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from mockserver.core.frames import MILLISECOND, Micros
from mockserver.dialects.life import Outcome, Status
from mockserver.dialects.openai.course import Closes
from mockserver.engines.simulator.openai import mcp
from mockserver.engines.simulator.openai import rate_limits as limits
from mockserver.engines.simulator.openai.audio_formats import audio_format
from mockserver.engines.simulator.openai.conversation import Conversation
from mockserver.engines.simulator.openai.items import Item, Part
from mockserver.engines.simulator.openai.options import Misbehaviour
from mockserver.engines.simulator.openai.usage import OUTPUT_AUDIO_MS, Usage
from mockserver.engines.simulator.openai.wire import Wire
from mockserver.engines.simulator.replies.reply import Context, Failure, McpCall, Reply, Silence, ToolCall
from mockserver.engines.simulator.voice.captions import cues, written_at
from mockserver.engines.simulator.voice.words import each_piece, pieces


@dataclass(frozen=True, slots=True)
class Terms:
    """What a response was asked for, the session's settings filled in."""

    modalities: list[str]
    instructions: str
    tools: list[dict[str, Any]]
    tool_choice: Any
    max_output_tokens: int | str
    format: dict[str, Any]
    voice: Any
    metadata: dict[str, Any] | None
    out_of_band: bool
    extra: dict[str, Any]  # fields of the profile's own
    phased: bool = False  # whether the model's messages say which phase they are of


class _Full(Exception):
    """The response has used up its max_output_tokens."""


@dataclass(slots=True, eq=False)
class _Open:
    """An item that is being generated. ``index`` is its output_index."""

    index: int
    item: Item
    part: Part | None = None


@dataclass(slots=True, eq=False)
class Response:
    """A response, from response.created to response.done. It ends exactly once."""

    wire: Wire
    conversation: Conversation
    id: str
    terms: Terms
    context: Context
    usage: Usage
    ended: Callable[[Response], None]
    failed: Callable[[Failure], dict[str, Any]]  # how the provider tells of a failure
    go_on: Callable[[Response], None] | None = None  # what follows a call of a remote tool in the same response
    status: str = "in_progress"
    details: dict[str, Any] | None = None
    announced: bool = False
    output: list[Item] = field(default_factory=list)
    audio_ms: int = 0
    _open: list[_Open] = field(default_factory=list)
    _base: Micros = 0

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.status != "in_progress"

    def shown(self) -> dict[str, Any]:
        """As in response.created and response.done, with every field that these have (openai.md#101)."""
        metadata = self.terms.metadata
        if metadata and self.wire.misbehaves(Misbehaviour.METADATA_DROPPED, f"{self.id} has metadata {metadata}"):
            metadata = None
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": self.status,
            "status_details": self.details,
            "output": [item.shown() for item in self.output],
            "conversation_id": None if self.terms.out_of_band else self.conversation.id,
            "output_modalities": self.terms.modalities,
            "max_output_tokens": self.terms.max_output_tokens,
            "audio": {"output": {"format": self.terms.format, "voice": self.terms.voice}},
            "usage": self.usage.shown() if self.over else None,
            "metadata": metadata,
            **self.terms.extra,
        }

    @property
    def plays_until(self) -> Micros:
        """When a client that plays its audio as it comes has played all of it."""
        return self._base + self.audio_ms * MILLISECOND

    # --- over time ---

    def announce(self) -> None:
        """response.created."""
        self.announced = True
        self.wire.emit("response.created", response=self.shown())

    def perform(self, reply: Reply) -> None:
        """Begin to output ``reply`` now, at the pace of the simulator."""
        self._base = self.wire.now
        self.wire.play(self, self._as_far_as_allowed(reply), planned=False)

    def _as_far_as_allowed(self, reply: Reply) -> Iterator[float]:
        try:
            yield from self._performance(reply)
        except _Full:
            self.stop(Outcome("incomplete", "max_output_tokens"))  # openai.md#111

    def _performance(self, reply: Reply) -> Iterator[float]:
        pace = self.wire.options.pace
        at = pace.before(reply.after_ms)
        yield at
        message: _Open | None = None
        audible = "audio" in self.terms.modalities or self.wire.profile.speaks_always
        texts = reply.messages or (("",) if reply.silence is not None else ())
        for number, text in enumerate(texts, 1):
            if message is not None:
                self._close(message)  # one message after the other (openai.md#132)
            message = self._open_item("message", phase="commentary" if reply.calls else "final_answer")
            silence = reply.silence if number == len(texts) else None
            at = yield from (self._speak(message, text, silence, at) if audible else self._write(message, text, at))
        for number, call in enumerate(reply.calls):
            if message is not None and not (number == 0 and self.wire.profile.overlapping_calls):
                self._close(message)
                message = None
            opened = self._open_item(self._kind(call), call)
            at = yield from self._call(opened, call, at)
            if message is not None:
                self._close(message)
                message = None
            self._close(opened)
        if reply.failure is not None:
            self.stop(Outcome("failed", error=self.failed(reply.failure)))
            return
        if reply.filtered:
            self.stop(Outcome("incomplete", "content_filter"))
            return
        if message is not None:
            self._close(message)
        if self.go_on is not None and any(item.type == "mcp_call" for item in self.output):
            go_on, self.go_on = self.go_on, None
            go_on(self)
            return
        self.finish(Outcome("completed"))

    def _write(self, opened: _Open, text: str, at: float) -> Generator[float, None, float]:
        part = self._open_part(opened, "output_text")
        begin, step = at, self.wire.options.pace.text_ms
        for number, piece in enumerate(each_piece(text), 1):
            self._spend(text=1)
            part.text = (part.text or "") + piece
            self._emit(opened, "response.output_text.delta", **self.wire.obfuscated(piece))
            at = begin + written_at(number, step)
            yield at
        return at

    def _speak(self, opened: _Open, text: str, silence: Silence | None, at: float) -> Generator[float, None, float]:
        part = self._open_part(opened, "output_audio")
        part.said = text
        sound = audio_format(self.terms.format)
        part.rate = sound.rate
        begin = at
        silence_ms = 0 if silence is None else silence.ms
        pace, profile = self.wire.options.pace, self.wire.profile
        for cue in cues(text, silence_ms, sound, pace, ahead=profile.captions_ahead, lead=profile.captions_lead):
            if begin + cue.at > at:
                at = begin + cue.at
                yield at
            if cue.caption:
                self._spend(text=1)
                part.text = (part.text or "") + cue.caption
                delta = self.wire.obfuscated(cue.caption)
                self._emit(opened, "response.output_audio_transcript.delta", **delta)
            else:
                self._spend(audio_ms=cue.ms)
                part.audio_ms += cue.ms
                self.audio_ms += cue.ms
                audio = base64.b64encode(cue.audio).decode()
                self._emit(opened, "response.output_audio.delta", delta=audio)
        return at

    def _kind(self, call: ToolCall | McpCall) -> str:
        if isinstance(call, ToolCall):
            return "function_call"
        asks = mcp.needs_approval(self.conversation, self.terms.tools, call)
        return "mcp_approval_request" if asks else "mcp_call"

    def _call(self, opened: _Open, call: ToolCall | McpCall, at: float) -> Generator[float, None, float]:
        if opened.item.type == "mcp_approval_request":
            return at
        if isinstance(call, McpCall):
            return (yield from self._mcp_call(opened, call, at))
        begin = at
        for number, piece in enumerate([call.json] if self.wire.profile.whole_arguments else pieces(call.json), 1):
            self._spend(text=1)
            opened.item.arguments += piece
            self.wire.emit(
                "response.function_call_arguments.delta",
                **self._place(opened),
                call_id=opened.item.call_id,
                **self.wire.obfuscated(piece),
            )
            at = begin + written_at(number, self.wire.options.pace.text_ms)
            yield at
        return at

    def _mcp_call(self, opened: _Open, call: McpCall, at: float) -> Generator[float, None, float]:
        """The provider calls the tool itself; its output is part of the item (openai.md#137)."""
        item = opened.item
        begin = at
        for number, piece in enumerate(each_piece(call.json), 1):
            self._spend(text=1)
            item.arguments += piece
            delta = self.wire.obfuscated(piece)
            self.wire.emit("response.mcp_call_arguments.delta", **self._place(opened), **delta)
            at = begin + written_at(number, self.wire.options.pace.text_ms)
            yield at
        self.wire.emit("response.mcp_call_arguments.done", **self._place(opened), arguments=item.arguments)
        place = {"output_index": opened.index, "item_id": item.id}
        self.wire.emit("response.mcp_call.in_progress", **place)
        at += self.wire.options.pace.first_ms
        yield at
        error = None if call.error is None else {"type": "tool_execution_error", "message": call.error}
        item.extra = {**item.extra, "output": None if error else call.output, "error": error}
        self.wire.emit(f"response.mcp_call.{'failed' if error else 'completed'}", **place)
        return at

    def _spend(self, *, text: int = 0, audio_ms: int = 0) -> None:
        """Count tokens; max_output_tokens is never passed."""
        limit = self.terms.max_output_tokens
        audio = -(-(self.usage.audio_out_ms + audio_ms) // OUTPUT_AUDIO_MS)
        if isinstance(limit, int) and self.usage.text_out + text + audio > limit:
            raise _Full
        self.usage.text_out += text
        self.usage.audio_out_ms += audio_ms

    # --- items and parts ---

    def _open_item(self, kind: str, call: ToolCall | McpCall | None = None, *, phase: str = "") -> _Open:
        if not self.output and self.wire.profile.course.limits == "before":
            limits.tell(self.wire, self.usage.total)
        item = Item(self.wire.mint("item"), kind, "response", status="in_progress")
        if call is None:
            item.role = "assistant"
            if self.terms.phased:
                item.extra = {"phase": phase}
        else:
            item.name = call.name
        if isinstance(call, ToolCall):
            item.call_id = call.call_id or self.wire.mint("call")
        elif call is not None and kind == "mcp_call":
            item.extra = {"server_label": call.server, "approval_request_id": None, "output": None, "error": None}
        elif call is not None:
            item.extra, item.arguments = {"server_label": call.server}, call.json
        opened = _Open(len(self.output), item)
        self.output.append(item)
        self._open.append(opened)
        for what in self.wire.profile.course.opens:
            if what == "item":
                place = {"response_id": self.id, "output_index": opened.index}
                self.wire.emit("response.output_item.added", **place, item=item.shown())
            elif what == "conversation" and self._in_conversation(item):
                self.conversation.insert(item)
                self.conversation.announce(item)
            elif what == "conversation" and self.wire.options.announce_out_of_band:
                self.wire.emit("conversation.item.added", previous_item_id=None, item=item.shown())
        return opened

    def _in_conversation(self, item: Item) -> bool:
        return not self.terms.out_of_band or self.wire.misbehaves(
            Misbehaviour.OOB_LEAKS, f"{item.id} of out-of-band {self.id} enters the conversation"
        )

    def _open_part(self, opened: _Open, kind: str) -> Part:
        opened.part = Part(kind, "")
        opened.item.content.append(opened.part)
        self._emit(opened, "response.content_part.added", part=_part(opened.part))
        return opened.part

    def _close(self, opened: _Open, status: str = "completed") -> None:
        """The end of an item: what is open in it is closed first (openai.md#100)."""
        self._open.remove(opened)
        item, part = opened.item, opened.part
        item.status = status
        if item.type == "function_call":
            self.wire.emit(
                "response.function_call_arguments.done",
                **self._place(opened),
                call_id=item.call_id,
                name=item.name,
                arguments=item.arguments,
            )
        elif part is not None:
            done: dict[Closes, tuple[str, dict[str, Any]]] = {
                "part": ("response.content_part.done", {"part": _part(part)})
            }
            if part.type == "output_text":
                done["text"] = "response.output_text.done", {"text": part.text}
            else:
                done["audio"] = "response.output_audio.done", {}
                done["transcript"] = "response.output_audio_transcript.done", {"transcript": part.text}
            for what in self.wire.profile.course.part:
                if what in done:
                    name, fields = done[what]
                    self._emit(opened, name, **fields)
        for end in self.wire.profile.course.ends:
            if end == "item":
                place = {"response_id": self.id, "output_index": opened.index}
                self.wire.emit("response.output_item.done", **place, item=item.shown())
            elif self.conversation.find(item.id) is item:
                self.conversation.finish(item)
            elif self.terms.out_of_band and self.wire.options.announce_out_of_band:
                self.wire.emit("conversation.item.done", previous_item_id=None, item=item.shown())

    def _place(self, opened: _Open) -> dict[str, Any]:
        return {"response_id": self.id, "item_id": opened.item.id, "output_index": opened.index}

    def _emit(self, opened: _Open, name: str, **fields: Any) -> None:
        self.wire.emit(name, **self._place(opened), content_index=0, **fields)

    # --- the end ---

    def stop(self, outcome: Outcome) -> None:
        """End it before its time: close what is open, then response.done (openai.md#113)."""
        self.wire.drop(self)
        for opened in list(self._open):
            self._close(opened, self.wire.profile.course.endings[outcome.status].open_items)
        self.finish(outcome)

    def abandon(self, status: Status) -> None:
        """End it without a word: somebody else has told the client."""
        self.wire.drop(self)
        for opened in self._open:
            opened.item.status = self.wire.profile.course.endings[status].open_items
        self._open.clear()
        self.status = status
        self.ended(self)

    def finish(self, outcome: Outcome) -> None:
        """response.done."""
        self.status = outcome.status
        self.details = self.wire.profile.course.details(outcome)
        if not self.output:
            self.usage = Usage(
                reasons=self.usage.reasons
            )  # all zero (openai.md#112, of cancelled ones; of others unknown, openai.md#174)
        self.wire.emit("response.done", response=self.shown())
        self.ended(self)


def _part(part: Part) -> dict[str, Any]:
    """As in response.content_part.*: there the types are "audio" and "text" (openai.md#99)."""
    if part.type == "output_audio":
        return {"type": "audio", "transcript": part.text}
    return {"type": "text", "text": part.text}
