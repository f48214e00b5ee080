"""One simulated session: the handshake, the setup, the client's messages by a table, and the clock's due times.

The parts hold the state (settings, conversation, hearing, turns, handles, limits); here they are put together. What a
client does wrong ends the session with a close that says why; there is no error message (gemini.md#55).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.core.frames import (
    Accept,
    Handshake,
    Refuse,
)
from mockserver.engines.base import Inspection, SessionContext
from mockserver.engines.simulator import reading
from mockserver.engines.simulator.desk_engine import DeskEngine
from mockserver.engines.simulator.gemini import problems, seeding
from mockserver.engines.simulator.gemini.conversation import ContextItem, ModelContext, written
from mockserver.engines.simulator.gemini.fields import MESSAGE
from mockserver.engines.simulator.gemini.hearing import Microphone
from mockserver.engines.simulator.gemini.limits import Limits
from mockserver.engines.simulator.gemini.options import GeminiOptions
from mockserver.engines.simulator.gemini.problems import Closing
from mockserver.engines.simulator.gemini.proto import ProtoReader
from mockserver.engines.simulator.gemini.resumption import Handles, Shelf
from mockserver.engines.simulator.gemini.setup import DEFAULT_COMPRESSION_SHARE, Endpoint, Setup, check_tool, checked
from mockserver.engines.simulator.gemini.turns import TurnTaking
from mockserver.engines.simulator.gemini.wire import GeminiWire
from mockserver.engines.simulator.replies.asking import Asking
from mockserver.engines.simulator.replies.reply import Replier
from mockserver.engines.simulator.voice.listening import Ear


@dataclass(frozen=True, slots=True)
class GeminiAdmission:
    """Who may come in. ``refuse``: (status, body) before the upgrade; ``closing``: after it.

    ``locked``: fields of the setup that a token fixes; its own setup replaces them.
    """

    refuse: tuple[int, dict[str, Any]] | None = None
    closing: Closing | None = None
    setup: dict[str, Any] | None = None
    locked: tuple[str, ...] | None = None

    def body(self, given: dict[str, Any]) -> dict[str, Any]:
        """The setup that holds: the token's, and the client's where that does not say (gemini.md#93)."""
        if self.setup is None:
            return given
        if self.locked is None:
            handle = {name: value for name, value in given.items() if name == "sessionResumption"}
            return {**self.setup, **handle}
        made: dict[str, Any] = json.loads(json.dumps(given))
        for path in self.locked:
            _copy(self.setup, made, path.split("."))
        return made


def _copy(source: dict[str, Any], target: dict[str, Any], path: list[str]) -> None:
    head, *rest = path
    if rest:
        inner = source.get(head)
        _copy(inner if isinstance(inner, dict) else {}, target.setdefault(head, {}), rest)
    elif head in source:
        target[head] = source[head]
    else:
        target.pop(head, None)


@dataclass(slots=True)
class Parts:
    """What there is once the setup was taken."""

    setup: Setup
    hearing: Microphone
    turns: TurnTaking
    handles: Handles
    limits: Limits
    seeding: bool  # the announced history has not ended yet
    started: bool = field(default=False)  # a message after the setup has come


class LiveSession(DeskEngine[GeminiWire]):
    """The engine. ``knows``: whether a model exists here."""

    def __init__(
        self,
        *,
        options: GeminiOptions,
        context: SessionContext,
        replier: Replier,
        ear: Ear,
        gate: GeminiAdmission,
        place: Endpoint,
        shelf: Shelf,
        knows: Callable[[str, bool], bool],
        failed: Callable[[str], None],
    ) -> None:
        super().__init__(GeminiWire(context, options, vertex=place.vertex, over=self._finish), ear)
        self.conversation = ModelContext()
        self.parts: Parts | None = None
        self._ear, self._gate, self._place, self._shelf, self._knows = ear, gate, place, shelf, knows
        self._reader = ProtoReader(place.version, place.package)
        self._failed = failed
        self.asking = Asking(self.desk, replier, failed=failed)
        self._handlers: dict[str, Callable[[Parts, dict[str, Any]], None]] = {
            "clientContent": self._content,
            "realtimeInput": self._input,
            "toolResponse": lambda parts, body: parts.turns.results(body.get("functionResponses", [])),
            "contextUpdate": self._update,
        }

    # --- begin and end ---

    def _open(self, handshake: Handshake) -> None:
        if self._gate.refuse is not None:
            status, body = self._gate.refuse
            text = json.dumps(body, indent=2) + "\n"
            self.desk.push(Refuse(status, (("content-type", "application/json; charset=UTF-8"),), text.encode()))
            self._finish()
            return
        self.desk.push(Accept())
        if self._gate.closing is not None:
            self.desk.close(self._gate.closing)

    def _cancel(self, data: Mapping[str, Any]) -> None:
        if self.parts is not None and self.parts.turns.current is not None:
            self.parts.turns.current.abandon()

    def _text(self, data: str) -> None:
        self.desk.guarded(lambda: self._received(data))

    def _binary(self, data: bytes) -> None:
        self._text(data.decode(errors="replace"))

    def _received(self, data: str) -> None:
        body = reading.parse(data)
        if not isinstance(body, dict):
            raise problems.not_json()
        most = self.desk.options.max_array
        if len(data) > 2 * most and reading.too_many(body, most):
            raise problems.invalid()
        message = self._reader.message(MESSAGE, body)
        if not message:
            raise problems.invalid()
        name, inner = next(iter(message.items()))
        if self.parts is None:
            if name != "setup":
                raise problems.invalid()  # gemini.md#10
            self._begin(inner)
            return
        if name == "setup":
            raise problems.invalid()  # one setup a connection (gemini.md#98)
        parts = self.parts
        if not parts.started and parts.setup.model.affective == "refused at first send":
            generation = parts.setup.body.get("generationConfig", {})
            if generation.get("enableAffectiveDialog"):
                raise problems.invalid()
        parts.started = True
        parts.handles.consumed += 1
        self._handlers[name](parts, inner)
        self._measure(parts)

    def _begin(self, given: dict[str, Any]) -> None:
        setup = checked(self._gate.body(given), self._place, self._knows)
        handles = Handles(self.desk, setup, self.conversation, self._shelf)
        limits = Limits(self.desk, setup, handles)
        turns = TurnTaking(
            self.desk,
            setup,
            self.conversation,
            self.asking,
            foreign=lambda: list(self._shelf.others(self.desk.context.number)),
            began=handles.busy,
            ended=handles.idle,
            result=handles.result,
        )
        hearing = Microphone(
            self.desk, setup, self._ear, spoke=turns.speech, turn_over=turns.answer, filmed=limits.filmed
        )
        handle = (setup.resumption or {}).get("handle")
        if handle:
            self._look_for(handle)
            handles.resume(handle)
        self._shelf.enter(self.desk.context.number, self.conversation)
        known = bool(handle) and self.desk.options.resumed_history == "known"
        self.parts = Parts(setup, hearing, turns, handles, limits, seeding=setup.seeded and not known)
        self.desk.say(setupComplete={})
        handles.begun()
        limits.start()

    def _look_for(self, handle: str) -> None:
        """A handle comes when the connection has its process: where another gave it, the test is told which."""
        place = self.desk.context.place
        owner = place.owner(handle)
        if owner != place.index:
            self._failed(
                f"a client resumed the handle {handle[:6]}..., which process {owner} of {place.count} gave; this is "
                f"process {place.index}, and what a session said is in the memory of its own alone"
            )

    # --- the client's messages ---

    def _content(self, parts: Parts, body: dict[str, Any]) -> None:
        """clientContent: it is appended, interrupts, and with turnComplete is answered (gemini.md#13, gemini.md#36)."""
        complete = bool(body.get("turnComplete"))
        if not parts.seeding and parts.setup.model.cut_by_text and self.desk.options.content_on_3 == "refused":
            raise problems.invalid()
        entries: list[ContextItem] = []
        for content in body.get("turns", ()):
            if self._place.vertex and content.get("role") == "system":
                parts.setup.body["systemInstruction"] = content
            else:
                entries += seeding.entries(content, parts.setup, self._ear)
        if parts.seeding:
            parts.seeding = not complete
            self.conversation.add(*entries)
            return
        parts.turns.cut()
        if complete:
            parts.turns.answer(*entries)
        else:
            parts.turns.add(*entries)

    def _input(self, parts: Parts, body: dict[str, Any]) -> None:
        """realtimeInput: audio, images, text and marks, in the order of one message's fields."""
        turn = parts.turns.current
        refuses = parts.setup.model.refuses_input_during_call and self.desk.options.input_during_call == "close"
        if refuses and turn is not None and turn.waiting:
            raise problems.not_implemented()  # gemini.md#46
        hearing = parts.hearing
        if "activityStart" in body:
            hearing.activity_start()
        for blob in (*body.get("mediaChunks", ()), *(body[name] for name in ("audio", "video") if name in body)):
            hearing.blob(blob)
        if body.get("text"):
            parts.turns.text(written("user", body["text"], images=hearing.taken_images()))
        if body.get("audioStreamEnd"):
            hearing.stream_end()
        if "activityEnd" in body:
            hearing.activity_end()

    def _update(self, parts: Parts, body: dict[str, Any]) -> None:
        """contextUpdate: other instructions or tools from here on."""
        if "systemInstruction" in body:
            parts.setup.body["systemInstruction"] = body["systemInstruction"]
        if "tools" in body:
            tools = body["tools"].get("tools", [])
            for tool in tools:
                check_tool(tool, parts.setup.model)
            parts.setup.body["tools"] = tools

    def _measure(self, parts: Parts) -> None:
        """The context has a size; compression makes room (gemini.md#51, gemini.md#54)."""
        size = sum(self.conversation.tokens().values())
        most = self.desk.options.max_context_tokens
        compression = parts.setup.compression
        if compression is not None:
            trigger = compression.get("triggerTokens") or round(most * DEFAULT_COMPRESSION_SHARE)
            if size > trigger:
                target = compression.get("slidingWindow", {}).get("targetTokens") or trigger // 2
                self.conversation.compress(target)
        elif size > most:
            if self._place.vertex:
                raise Closing(1000, problems.CANCELLED)
            raise Closing(self.desk.options.overflow_code, problems.INVALID)

    def let_go(self) -> None:
        """Its context is seen no more by others. What handles were given out for can be gone on with."""
        self._shelf.leave(self.desk.context.number)
        super().let_go()

    def _circles(self) -> Iterable[object]:
        return () if self.parts is None else (self.parts.turns,)

    # --- looking in ---

    def inspect(self) -> Inspection:
        """The session's setup, its context in order, open calls, the running turn, and what the replier saw."""
        parts = self.parts
        turn = parts.turns.current if parts else None
        return Inspection(
            "simulator",
            {
                "provider": "gemini",
                "service": "vertex" if self._place.vertex else "studio",
                "session": parts.setup.body if parts else None,
                "conversation": [entry.shown() for entry in self.conversation.entries],
                "open_calls": [call.id for call in parts.turns.calls.open.values()] if parts else [],
                "active_turn": turn.number if turn else None,
                "handle": parts.handles.newest if parts else None,
                "contexts": list(self.asking.contexts),
                "input_audio_ms": parts.hearing.position_ms if parts else 0,
            },
        )
