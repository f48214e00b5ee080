"""Turns and delegation: what the model is asked, what its voice says, and what it hands on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mockserver.core.frames import MILLISECOND
from mockserver.engines.simulator.gpt_live.backend import Backend
from mockserver.engines.simulator.gpt_live.options import LiveMisbehaviour
from mockserver.engines.simulator.gpt_live.session import SessionResource
from mockserver.engines.simulator.gpt_live.voice import Voice
from mockserver.engines.simulator.gpt_live.wire import LiveDesk
from mockserver.engines.simulator.openai.problems import ClientProblem
from mockserver.engines.simulator.replies.asking import Asking
from mockserver.engines.simulator.replies.reply import Context, Replier, Reply, Seen, ToolCall

COMMENTARY_MS = 700
"""From a commentary, or the backend's message, to the words of it; they are heard some 150 ms later (gpt_live.md#31,
gpt_live.md#55)."""


class Dialogue:
    """``where``: where on the timeline the model is, in ms. ``filtered``: called when a reply is not to be said."""

    def __init__(
        self,
        wire: LiveDesk,
        session: SessionResource,
        items: list[Seen],
        replier: Replier,
        *,
        where: Callable[[], int],
        filtered: Callable[[], None],
        failed: Callable[[str], None],
    ) -> None:
        self.wire = wire
        self.session = session
        self.items = items
        self.where = where
        self.filtered = filtered
        self.asking = Asking(wire, replier, failed=failed)
        self.voice = Voice(wire, session.sound, spoken=self._spoken)
        self.backend = Backend(wire, session, items, ask=self._ask_backend, say=self._say_later)
        self._delegated: dict[str, ToolCall] = {}  # work of the application's, by delegation
        self._count = 0

    def begin(self) -> None:
        """The session has its audio format now."""
        self.voice.sound = self.session.sound

    # --- the user ---

    def user_said(self, words: str, ms: int) -> None:
        """The user's turn is over."""
        self.items.append(Seen(self.wire.mint("item_"), "message", "user", words, origin="audio", audio_ms=ms))
        self._ask("a turn", words, self._answer)

    def overlap(self) -> None:
        """The user speaks while the model does (gpt_live.md#47)."""
        if not self.voice.speaking or self.wire.options.overlap == "talk_on":
            return
        if not self.wire.misbehaves(LiveMisbehaviour.OVERLAP_IGNORED, "the model talks on"):
            self.voice.stop()

    def _spoken(self, text: str) -> None:
        self.items.append(Seen(self.wire.mint("item_"), "message", "assistant", text, origin="response"))

    # --- what is appended ---

    def check_delegation(self, delegation: str | None) -> None:
        """With Responses there is none to be named; else it must be known (gpt_live.md#9)."""
        if delegation is None:
            return
        if self.session.target != "client":
            text = "delegation_id is not supported with Responses delegation."
            raise ClientProblem("invalid_value", text, "delegation_id")
        if delegation not in self._delegated:
            raise ClientProblem("invalid_value", f"Delegation '{delegation}' not found.", "delegation_id")

    def told(self, role: str, content: str, delegation: str | None, *, spoken: bool) -> None:
        """Context: silent, or for the voice to tell in its own words."""
        ident = self.wire.mint("item_")
        call = self._delegated.get(delegation or "")
        if call is not None and spoken:
            seen = Seen(ident, "function_call_output", name=call.name, call_id=delegation or "", output=content)
        else:
            seen = Seen(ident, "message", role, content)
        self.items.append(seen)
        if spoken:
            self._ask("commentary", content, self._tell)

    def _tell(self, reply: Reply) -> None:
        if reply.failure is not None:
            self._failed(reply)
        elif reply.text:
            self._say_later(reply.text)

    # --- the model ---

    def _ask(self, what: str, user: str, then: Callable[[Reply], None], response_id: str = "") -> None:
        self._count += 1
        backend = self.session.backend
        instructions = "\n".join(filter(None, (self.session.instructions, backend.get("instructions"))))
        context = Context(
            instructions=instructions,
            own_instructions=bool(instructions),
            items=tuple(self.items),
            tools=tuple(backend.get("tools", ())),
            tool_choice=backend.get("tool_choice", "auto"),
            turn=self._count,
            user=user,
            response_id=response_id,
        )
        self.asking.ask(context, what, then)

    def _ask_backend(self, response_id: str, then: Callable[[Reply], None]) -> None:
        newest = next((item.text for item in reversed(self.items) if item.role == "user"), "")
        self._ask(response_id, newest, then, response_id)

    def _answer(self, reply: Reply) -> None:
        """What the model does at the end of the user's turn: it speaks, or hands the work on and says so."""
        if reply.failure is not None:
            self._failed(reply)
            return
        if reply.filtered:
            self.filtered()
            return
        calls = reply.tool_calls
        first = self.wire.options.pace.before(None if calls else reply.after_ms)
        if calls and self.backend.active is not None:
            self.wire.note("simulator", "the backend is at work already, so the replier's calls are left out")
            calls = []
        text = reply.text or (self.wire.options.acknowledgement if calls else "")
        silence = reply.silence_ms
        if text or silence:
            self.voice.say(text, silence, round(first * MILLISECOND))
        if not calls:
            return
        if self.session.target == "responses":
            self.backend.delegate(self.where(), Reply(calls=tuple(calls), after_ms=reply.after_ms))
            return
        for call in calls:
            self._hand_over(call)

    def _hand_over(self, call: ToolCall) -> None:
        """Work for the application: it is told that there is some, not what (gpt_live.md#24)."""
        ident = self.wire.mint("item_")
        self._delegated[ident] = call
        made = Seen(ident, "function_call", name=call.name, call_id=ident, arguments=call.json, origin="response")
        self.items.append(made)
        delegation = {"id": ident, "type": "delegation", "target": "client"}
        self.wire.emit("session.delegation.created", offset_ms=self.where(), delegation=delegation)

    def _failed(self, reply: Reply) -> None:
        failure = reply.failure
        assert failure is not None
        text = failure.message or "The model could not answer."
        self.wire.error(ClientProblem(failure.code, text, None, failure.type or "server_error"), None)

    def _say_later(self, text: str) -> None:
        wait = COMMENTARY_MS if self.wire.options.pace.first_ms else 0
        self.voice.say(text, 0, wait * MILLISECOND)

    # --- the backend ---

    def item(self, item: dict[str, Any]) -> None:
        """``response.item.create``."""
        self._needs_responses("response.item.create")
        if item.get("type") == "function_call_output" and self.wire.misbehaves(
            LiveMisbehaviour.TOOL_RESULT_LOST, f"the output of {item.get('call_id')} is lost"
        ):
            item = {**item, "output": ""}
        self.backend.item(item)

    def create(self) -> None:
        """``response.create``."""
        self._needs_responses("response.create")
        idle = self.backend.active is None
        self.backend.create(self.where())
        if idle and self.wire.options.acknowledgement:
            self.voice.say(self.wire.options.acknowledgement, 0, 0)

    def _needs_responses(self, name: str) -> None:
        if self.session.target != "responses":
            raise ClientProblem(None, f"{name} requires Responses delegation.", "type")  # gpt_live.md#29
