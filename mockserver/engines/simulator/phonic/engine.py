"""One conversation's websocket: the client's messages by a table, its voice, and its silence."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mockserver.core.frames import (
    SECOND,
    Accept,
    Close,
    Effect,
    Event,
    Handshake,
    Hangup,
    Lost,
    Micros,
)
from mockserver.engines.base import Inspection, SessionContext
from mockserver.engines.simulator import reading
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.desk_engine import DeskEngine
from mockserver.engines.simulator.phonic.assistant import Assistant, Hooks
from mockserver.engines.simulator.phonic.config import WrongConfig, config_of, tools_of
from mockserver.engines.simulator.phonic.conversation import Talk
from mockserver.engines.simulator.phonic.hearing import ListeningLine
from mockserver.engines.simulator.phonic.options import PhonicMisbehaviour, PhonicOptions
from mockserver.engines.simulator.replies.reply import Replier, Seen
from mockserver.engines.simulator.voice.listening import Ear

LONGEST_MS = 40
"""Of one audio_chunk of the client's (phonic.md#5)."""
SILENCE = "silence"
"""Owner of the tasks that wait for the user to say something."""
TIMEOUT = "timeout"
"""Owner of the task that waits for anything on the socket."""


class PhonicEngine(DeskEngine[Desk[PhonicOptions]]):
    """The engine of one socket. ``again``: it takes up a conversation. ``knows``: whether there is such a model;
    ``left`` is told that it has ended."""

    def __init__(
        self,
        *,
        options: PhonicOptions,
        context: SessionContext,
        talk: Talk,
        again: bool,
        knows: Callable[[str], bool],
        replier: Replier,
        ear: Ear,
        failed: Callable[[str], None],
        left: Callable[[Talk], None],
    ) -> None:
        super().__init__(Desk(context, options), ear)
        self.talk = talk
        talk.holder = self
        self._again = again
        self._told_left = left
        self._knows = knows
        self.assistant = Assistant(
            self.desk, talk, replier, Hooks(ended=self._assistant_ends, quiet=self._quiet, failed=failed)
        )
        self.asking = self.assistant.thinking.asking
        self.voice = ListeningLine(self.desk, ear, self.assistant, spoke=self._user_is_there, said=self._said)
        self._dated = False
        self._poked = False
        self._moved_at: Micros = 0  # when something was last on the socket
        self._handlers: dict[str, Callable[[dict[str, Any]], None]] = {
            "config": self._config,
            "audio_chunk": self._audio,
            "update_system_prompt": self._prompt,
            "add_system_message": self._system_message,
            "set_external_id": self._external_id,
            "tool_call_output": self._tool_output,
            "say": self._say,
            "generate_reply": self._generate_reply,
            "mute": lambda body: self.voice.mute(),
            "unmute": lambda body: self.voice.unmute(),
            "reset": self._reset,
            "update_tools_subset": self._tools_subset,
        }

    # --- the machine ---

    def feed(self, event: Event, now: Micros) -> list[Effect]:
        return self._replaced() or self._saw(super().feed(event, now))

    def wake(self, now: Micros) -> list[Effect]:
        return self._replaced() or self._saw(super().wake(now))

    def _replaced(self) -> list[Effect]:
        """Another socket has taken the conversation up: this one has nothing to say any more."""
        if self.over or self.talk.holder is self:
            return []
        self._finish()
        return [Hangup(code=self.desk.options.close_code, reason="")]

    def _saw(self, effects: list[Effect]) -> list[Effect]:
        if effects and self.desk.options.timeout_counts == "both":
            self._moved_at = self.desk.now
        return effects

    # --- begin and end ---

    def _open(self, handshake: Handshake) -> None:
        self.desk.push(Accept(None))
        self.desk.in_seconds(self.desk.options.max_session_s, self, self._close)
        if self._again:
            # Only the type is known, not whether the event has other fields (phonic.md#19).
            self.desk.send({"type": "conversation_reconnected", "conversation_id": self.talk.id})
            self.voice.begin()
            self._watch()
            self._quiet()
        elif self.desk.options.created == "on_connect":
            self._created()

    def _created(self) -> None:
        self.desk.send({"type": "conversation_created", "conversation_id": self.talk.id})

    def _config(self, body: dict[str, Any]) -> None:
        if self.talk.config is not None:
            self._wrong("The conversation has a config already")
            return
        if not self._configure(body):
            return
        if self.desk.options.created == "on_config":
            self._created()
        self._start(ready=True, welcome=True)

    def _configure(self, body: dict[str, Any]) -> bool:
        model = body.get("model")
        try:
            config = config_of(body, self.desk.options)
            if isinstance(model, str) and not self._knows(model):
                raise WrongConfig({"model": f"there is no model {model[:60]!r}"})
        except WrongConfig as wrong:
            self._wrong(str(wrong), param_errors=wrong.errors)
            return False
        self.talk.config = config
        if not self.talk.external_id:
            self.talk.external_id = (body.get("external_id") or "").strip()
        self.voice.begin()
        self._watch()
        return True

    def _start(self, *, ready: bool, welcome: bool) -> None:
        config = self.assistant.config
        if ready:
            self.desk.send({"type": "ready_to_start_conversation"})
        if welcome and config.welcome_generated:
            self.assistant.answer()
        elif welcome and config.welcome:
            self.assistant.say(config.welcome, interruptible=config.welcome_interruptible)
        else:
            self._quiet()

    def _reset(self, body: dict[str, Any]) -> None:
        config = body.get("config")
        if not isinstance(config, dict):
            self._wrong("config must be an object", param_errors={"config": "must be an object"})
            return
        if not self._configure(config):
            return
        self.assistant.forget()
        if not self.desk.misbehaves(PhonicMisbehaviour.RESET_FORGETS_NOTHING, "what was said stays"):
            self.talk.items.clear()
        options = self.desk.options
        self._start(ready=options.reset_ready, welcome=options.reset_welcomes)

    def _assistant_ends(self) -> None:
        self.desk.send({"type": "assistant_ended_conversation"})
        self._close()

    def _close(self) -> None:
        self.desk.push(Hangup(code=self.desk.options.close_code, reason=""))
        self._leave(lost=False)

    def _left(self, end: Close | Lost) -> None:
        """Of the closes only these do not end the conversation (phonic.md#12)."""
        match end:
            case Close(code, reason):
                self._leave(lost=code == 1012 or (code == 1001 and reason == "restarting"))
            case Lost():
                self._leave(lost=True)

    def _leave(self, *, lost: bool) -> None:
        self.talk.over = not lost
        if lost:
            self.talk.lost_at = self.desk.context.unix_us + self.desk.now
        self._finish()
        self._told_left(self.talk)

    def let_go(self) -> None:
        """Of a conversation that is never taken up again nothing is kept but that."""
        talk = self.talk
        if talk.holder is self:
            talk.holder = None
        if talk.over:
            talk.items.clear()
            talk.open_calls.clear()
        super().let_go()

    def _wrong(self, message: str, **more: Any) -> None:
        """An error, which may end the conversation: that is a setting."""
        self.assistant.error(message, **more)
        if self.desk.options.after_error == "close":
            self._close()

    # --- a client that says nothing ---

    def _watch(self) -> None:
        """``websocket_timeout_sec`` without anything closes the socket (phonic.md#2)."""
        self.desk.drop(TIMEOUT)
        seconds = self.assistant.config.timeout_s
        if seconds is None:
            return
        due = self._moved_at + round(seconds * SECOND)
        if due <= self.desk.now:
            self._close()
        else:
            self.desk.at(due, TIMEOUT, self._watch)

    def _quiet(self) -> None:
        """The assistant waits for the user: it asks after a while, and ends after another. A poke puts off no end."""
        if self._poked:
            return
        self.desk.drop(SILENCE)
        config = self.assistant.config
        if config.poke_s is not None:
            self.desk.in_seconds(config.poke_s, SILENCE, self._poke)
        if config.end_s is not None:
            self.desk.in_seconds(config.end_s, SILENCE, self._assistant_ends)

    def _poke(self) -> None:
        config = self.assistant.config
        self._poked = True
        if config.poke_generated:
            self.assistant.answer()
        elif config.poke_text:
            self.assistant.say(config.poke_text)

    def _user_is_there(self) -> None:
        self._poked = False
        self.desk.drop(SILENCE)

    def _said(self, words: str | None, ms: int) -> None:
        """The user's turn is over. None: it was nothing, and the silence goes on."""
        if words is None:
            if self.assistant.idle:
                self._quiet()
            return
        self.talk.add("user", words, origin="audio", audio_ms=ms)
        self.assistant.answer()

    # --- the client's messages ---

    def _binary(self, data: bytes) -> None:
        self._wrong("Expected a text message")

    def _text(self, data: str) -> None:
        self._moved_at = self.desk.now
        body = reading.parse(data)
        name = body.get("type") if isinstance(body, dict) else None
        handler = self._handlers.get(name) if isinstance(name, str) else None
        if handler is None:
            if self.desk.options.unknown_message_error:
                self._wrong(f"Unknown message type {name!r:.60}" if isinstance(body, dict) else "Invalid JSON")
            else:
                self.desk.note("simulator", f"a message of type {name!r:.60} is ignored")
        elif self.talk.config is None and name not in ("config", "set_external_id"):
            self._wrong(f"{name} before config")
        else:
            handler(body)

    def _string(self, body: dict[str, Any], name: str) -> str | None:
        """A field that must be a text; None where it is none, and the client was told."""
        value = body.get(name)
        if isinstance(value, str):
            return value
        self._wrong(f"{name} must be a string", param_errors={name: "must be a string"})
        return None

    def _audio(self, body: dict[str, Any]) -> None:
        told = self._string(body, "audio")
        if told is None:
            return
        try:
            data = base64.b64decode(told, validate=True)
        except (binascii.Error, ValueError):
            self._wrong("audio must be base64", param_errors={"audio": "must be base64"})
            return
        if not self._dated and body.get("iso_date_time") is None and self.desk.options.iso_date_time == "required":
            self._wrong("iso_date_time is required for the first audio chunk")
            return
        self._dated = True
        ms = self.assistant.config.input.ms(data)
        if ms > LONGEST_MS and not self.desk.misbehaves(
            PhonicMisbehaviour.LONG_CHUNK_TAKEN, f"a chunk of {ms:.0f} ms is heard"
        ):
            self._wrong(f"audio chunk of {ms:.0f} ms is longer than {LONGEST_MS} ms")
            return
        self.voice.append(data)

    def _prompt(self, body: dict[str, Any]) -> None:
        prompt = self._string(body, "system_prompt")
        if prompt is not None:
            self.talk.config = replace(self.assistant.config, prompt=prompt)

    def _system_message(self, body: dict[str, Any]) -> None:
        text = self._string(body, "system_message")
        if text is not None:
            self.talk.add("system", text)

    def _external_id(self, body: dict[str, Any]) -> None:
        told = self._string(body, "external_id")
        if told is not None and told.strip():
            self.talk.external_id = told.strip()
        elif told is not None:
            self._wrong("external_id must not be empty", param_errors={"external_id": "must not be empty"})

    def _tool_output(self, body: dict[str, Any]) -> None:
        ident = self._string(body, "tool_call_id")
        if ident is None:
            return
        if "output" not in body:
            self._wrong("output is required", param_errors={"output": "is required"})
            return
        self._user_is_there()
        if not self.assistant.output(ident, body.get("output")):
            self._wrong(f"there is no open tool call {ident[:60]!r}")

    def _say(self, body: dict[str, Any]) -> None:
        text = self._string(body, "text")
        if text is None:
            return
        if not isinstance(body.get("interruptible"), bool | None):
            self._wrong("interruptible must be a boolean", param_errors={"interruptible": "must be a boolean"})
            return
        self._user_is_there()
        self.assistant.when_free(lambda: self.assistant.say(text, interruptible=body.get("interruptible") is not False))

    def _generate_reply(self, body: dict[str, Any]) -> None:
        told = {role: body.get(f"{role}_message") for role in ("system", "user")}
        for role, text in told.items():
            if text is not None and not isinstance(text, str):
                self._wrong(f"{role}_message must be a string", param_errors={f"{role}_message": "must be a string"})
                return
        self._user_is_there()

        def act() -> None:
            if self.desk.options.reply_messages_kept:
                for role, text in told.items():
                    if text:
                        self.talk.add(role, text)
                self.assistant.answer()
            else:
                extra = (Seen(f"reply {role}", "message", role, text) for role, text in told.items() if text)
                self.assistant.answer(tuple(extra))

        self.assistant.when_free(act)

    def _tools_subset(self, body: dict[str, Any]) -> None:
        """The tools from now on: by name out of the config's, or anew."""
        config = self.assistant.config
        try:
            tools, names = tools_of(body.get("tools"), self.desk.options)
        except WrongConfig as wrong:
            self._wrong("Invalid tools", param_errors=wrong.errors)
            return
        kept = tuple(tool for tool in config.tools if tool.name in names)
        builtin = names - {tool.name for tool in kept}
        self.talk.config = replace(config, tools=(*kept, *tools), builtin=builtin)

    # --- looking in ---

    def inspect(self) -> Inspection:
        """The conversation, open tool calls, and every context that the replier saw."""
        return Inspection(
            "simulator",
            {
                "provider": "phonic",
                "conversation_id": self.talk.id,
                "external_id": self.talk.external_id,
                "speaking": self.assistant.speaking is not None,
                "muted": self.voice.muted,
                "conversation": [
                    {"type": item.type, "role": item.role, "text": item.text or item.output or item.name}
                    for item in self.talk.items
                ],
                "open_tool_calls": sorted(self.talk.open_calls),
                "contexts": list(self.asking.contexts),
                "input_audio_ms": self.voice.position_ms,
            },
        )
