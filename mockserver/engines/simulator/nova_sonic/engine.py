"""One stream: the client's events by a table, its voice, its silence, and how it ends."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any

from mockserver.core.frames import Accept, Handshake, Hangup
from mockserver.engines.base import Inspection, SessionContext
from mockserver.engines.simulator import reading
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.desk_engine import DeskEngine
from mockserver.engines.simulator.nova_sonic.assistant import SonicModel
from mockserver.engines.simulator.nova_sonic.hearing import SpeechInput
from mockserver.engines.simulator.nova_sonic.options import NovaSonicOptions, SonicMisbehaviour
from mockserver.engines.simulator.nova_sonic.problems import TOO_LONG, TOOL_RESULT, WrongInput, no_input
from mockserver.engines.simulator.nova_sonic.prompt import ContentBlock, Prompt
from mockserver.engines.simulator.nova_sonic.wire import FINAL, SonicWire
from mockserver.engines.simulator.replies.reply import Replier
from mockserver.engines.simulator.voice.listening import Ear
from mockserver.engines.simulator.voice.words import count

SILENCE = "silence"
"""Owner of the task that waits for input."""


class NovaSonicEngine(DeskEngine[Desk[NovaSonicOptions]]):
    """The engine of one stream. ``counted``: told 1 when it begins, -1 when it is over. ``model``: of the address."""

    def __init__(
        self,
        *,
        options: NovaSonicOptions,
        context: SessionContext,
        model: str,
        first_generation: bool,
        replier: Replier,
        ear: Ear,
        failed: Callable[[str], None],
        counted: Callable[[int], None],
    ) -> None:
        super().__init__(Desk(context, options), ear)
        self.model_name = model
        self.prompt = Prompt(first_generation, options)
        self.wire = SonicWire(self.desk, self.prompt)
        self.model = SonicModel(self.desk, self.prompt, self.wire, replier, ended=self._fail, failed=failed)
        self.voice = SpeechInput(self.desk, self.prompt, ear, spoke=self.model.interrupt, said=self._said)
        self.asking = self.model.thinking.asking
        self._counted = counted
        self._handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "sessionStart": self.prompt.session_start,
            "promptStart": self._prompt_start,
            "contentStart": self._content_start,
            "textInput": self._text_input,
            "audioInput": self._audio,
            "toolResult": self._tool_result,
            "contentEnd": self._content_end,
            "promptEnd": self._prompt_end,
            "sessionEnd": self._session_end,
        }

    # --- begin and end ---

    def _open(self, handshake: Handshake) -> None:
        self.desk.push(Accept(None))
        self._counted(1)
        limit = self.desk.options.max_session_s
        self.desk.in_seconds(limit, self, lambda: self._fail("modelTimeoutException", TOO_LONG))
        self._watch()

    def _cancel(self, data: Mapping[str, Any]) -> None:
        self.model.cancelled()

    def _fail(self, kind: str, message: str) -> None:
        """An exception is the last of a stream (nova_sonic.md#19)."""
        self.desk.send({kind: {"message": message}})
        self._end()

    def _end(self) -> None:
        self.desk.push(Hangup(code=1000))
        self._finish()

    def _finish(self) -> None:
        super()._finish()
        self._counted(-1)

    def _input_ended(self) -> None:
        """The client sends nothing more, and did not say sessionEnd. What the service does is unknown: here what is on
        its way is said, and the stream ends.
        """
        self.desk.drop(SILENCE)
        self._when_idle(self._end)

    def _when_idle(self, act: Callable[[], None]) -> None:
        self.model.when_idle = act
        if self.model.idle:
            act()

    def _watch(self) -> None:
        """Begin to wait for input (nova_sonic.md#42)."""
        seconds = self.desk.options.silence_timeout_s
        self.desk.drop(SILENCE)
        self.desk.in_seconds(seconds, SILENCE, lambda: self._fail("validationException", no_input(seconds)))

    # --- the client's events ---

    def _binary(self, data: bytes) -> None:
        self._text("")

    def _text(self, data: str) -> None:
        body = reading.parse(data)
        inside = body.get("event") if isinstance(body, dict) else None
        name = next(iter(inside), "") if isinstance(inside, dict) and len(inside) == 1 else ""
        told = inside.get(name) if isinstance(inside, dict) else None
        handler = self._handlers.get(name)
        try:
            if handler is None or not isinstance(told, dict):
                raise WrongInput(f"{name or 'this'!r:.60} is no event of a client's")
            handler(told)
        except WrongInput as wrong:
            self.desk.note("simulator", f"the client's input is refused: {wrong}")
            self._fail(wrong.kind, wrong.message)

    def _prompt_start(self, body: dict[str, Any]) -> None:
        self.prompt.prompt_start(body)
        if self.desk.options.completion_start == "prompt":
            self.wire.begin()

    def _content_start(self, body: dict[str, Any]) -> None:
        block = self.prompt.content_start(body)
        if block.type == "TOOL" and block.tool_use_id not in self.model.open_calls:
            raise WrongInput(f"no tool call {block.tool_use_id!r:.60} is open")

    def _text_input(self, body: dict[str, Any]) -> None:
        self.prompt.piece(body, "TEXT", self.desk)

    def _audio(self, body: dict[str, Any]) -> None:
        block, content = self.prompt.piece(body, "AUDIO", self.desk)
        try:
            data = base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError):
            raise WrongInput("audioInput.content must be base64") from None
        if block.ignored:
            return
        self._watch()
        self.voice.append(data)

    def _tool_result(self, body: dict[str, Any]) -> None:
        self.prompt.piece(body, "TOOL", self.desk)

    def _content_end(self, body: dict[str, Any]) -> None:
        block = self.prompt.content_end(body)
        match block.type:
            case "TEXT":
                self._text_ended(block)
            case "AUDIO":
                if not block.ignored:
                    self.voice.rest()
            case _:
                self._result(block)

    def _text_ended(self, block: ContentBlock) -> None:
        if block.role in ("SYSTEM", "SYSTEM_SPEECH"):
            return
        role = block.role.lower()
        if block.interactive and role == "user":
            self._watch()
            # The first generation never answers text (nova_sonic.md#39).
            if self.prompt.first_generation:
                self.desk.note("simulator", "this model never answers text; it hears it only")
                self.model.add(role, block.text)
                return
            self.model.interrupt()
            self.model.add(role, block.text)
            self.wire.usage(read=count(block.text))
            self.model.answer()
        elif not self.desk.misbehaves(SonicMisbehaviour.HISTORY_LOST, "a message of the history is lost"):
            self.model.add(role, block.text)

    def _result(self, block: ContentBlock) -> None:
        self._watch()
        try:
            json.loads(block.text)
        except (ValueError, RecursionError):
            if self.desk.options.tool_error == "goes_on":
                self.desk.send({"validationException": {"message": TOOL_RESULT}})
                return
            raise WrongInput("the result of a tool is no JSON", TOOL_RESULT) from None
        if block.tool_use_id not in self.model.open_calls:
            raise WrongInput(f"a second result of {block.tool_use_id!r:.60}")
        self.model.result(block.tool_use_id, block.text)

    def _prompt_end(self, body: dict[str, Any]) -> None:
        self.prompt.prompt_end(body)
        self.desk.drop(SILENCE)
        if self.desk.options.prompt_end == "cuts":
            self.desk.drop(self.voice)
            self.model.drop()
        self._when_idle(self._completed)

    def _session_end(self, body: dict[str, Any]) -> None:
        self.prompt.session_end()
        self._end()

    def _completed(self) -> None:
        self.model.when_idle = None
        self.wire.end()

    def _said(self, words: str, ms: int) -> None:
        """The user's turn is over. Sound without a word is none."""
        if not words:
            return
        self.wire.text("USER", FINAL, words, "PARTIAL_TURN")
        self.wire.usage(heard_ms=ms)
        self.model.add("user", words, origin="audio", audio_ms=ms)
        self.model.answer()

    # --- looking in ---

    def inspect(self) -> Inspection:
        """The conversation, open tool calls, and every context that the replier saw."""
        return Inspection(
            "simulator",
            {
                "provider": "nova_sonic",
                "model": self.model_name,
                "session_id": self.wire.session_id,
                "prompt": self.prompt.name,
                "speaking": self.model.speaking is not None,
                "conversation": [
                    {"type": item.type, "role": item.role, "text": item.text or item.output or item.name}
                    for item in self.model.items
                ],
                "open_tool_calls": sorted(self.model.open_calls),
                "contexts": list(self.asking.contexts),
                "input_audio_ms": self.voice.position_ms,
            },
        )
