"""Who speaks when: one turn at a time, what cuts it, what waits for its end, and the results of tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mockserver.engines.simulator.gemini import calls as open_calls
from mockserver.engines.simulator.gemini.calls import Call, Calls
from mockserver.engines.simulator.gemini.conversation import ContextItem, ModelContext, answered
from mockserver.engines.simulator.gemini.options import Switch
from mockserver.engines.simulator.gemini.setup import Setup
from mockserver.engines.simulator.gemini.turn import ModelTurn
from mockserver.engines.simulator.gemini.wire import GeminiWire
from mockserver.engines.simulator.replies.asking import Asking
from mockserver.engines.simulator.replies.reply import Context


class TurnTaking:
    """``foreign``: what other sessions said, for a switch. ``began`` and ``ended``: told of each turn.

    ``result``: told when a result has been taken.
    """

    def __init__(
        self,
        wire: GeminiWire,
        setup: Setup,
        conversation: ModelContext,
        asking: Asking,
        *,
        foreign: Callable[[], list[ContextItem]],
        began: Callable[[], None],
        ended: Callable[[], None],
        result: Callable[[], None],
    ) -> None:
        self.wire = wire
        self.setup = setup
        self.conversation = conversation
        self.asking = asking
        self.calls = Calls()
        self.current: ModelTurn | None = None
        self._foreign = foreign
        self._began, self._ended, self._result = began, ended, result
        self._waiting: list[ContextItem] | None = None  # what the next turn answers, once this one is over
        self._count = 0

    # --- what starts a turn ---

    def answer(self, *entries: ContextItem) -> None:
        """A turn that answers these; after the running one, if there is one."""
        if self.current is None:
            self.conversation.add(*entries)
            self._start()
        else:
            self._waiting = [*(self._waiting or ()), *entries]

    def add(self, *entries: ContextItem) -> None:
        """Context that nothing answers yet."""
        if self.current is None or self._waiting is None:
            self.conversation.add(*entries)
        else:
            self._waiting += entries

    def _start(self) -> None:
        self._count += 1
        turn = ModelTurn(self.wire, self.setup, self.conversation, self._count, self)
        self.current = turn
        self._began()
        self.wire.after(self.wire.options.pace.created_ms, turn, lambda: self._ask(turn))

    def _ask(self, turn: ModelTurn) -> None:
        self.asking.ask(self._context(turn), f"turn {turn.number}", turn.perform, lambda: not turn.over)

    def _context(self, turn: ModelTurn) -> Context:
        entries = list(self.conversation.entries)
        others = self._foreign() if Switch.SESSION_LEAKS in self.wire.options.misbehave else []
        if others and self.wire.misbehaves(
            Switch.SESSION_LEAKS, f"turn {turn.number} sees {len(others)} foreign items"
        ):
            entries = [*others, *entries]
        tools = tuple({"type": "function", **function} for function in self.setup.functions)
        return Context(
            instructions=self.setup.instructions,
            own_instructions=bool(self.setup.instructions),
            items=tuple(entry.seen for entry in entries),
            tools=tools,
            turn=turn.number,
            user=self.conversation.user_words(),
            modalities=("audio",) if self.setup.speaks else ("text",),
        )

    # --- what the turn tells (Owner) ---

    def over(self, turn: ModelTurn) -> None:
        """``turnComplete`` was sent."""
        if turn is not self.current:
            return
        self.current = None
        self._ended()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self.answer(*waiting)

    def opened(self, call: Call) -> None:
        """The model has called a function."""
        self.calls.ask(call)

    @property
    def unfinished(self) -> bool:
        """Whether the client still has a call to answer."""
        return bool(self.calls.open)

    # --- what cuts a turn ---

    def speech(self) -> None:
        """The user began to speak (gemini.md#33, gemini.md#35)."""
        if self.setup.interruptible:
            self.cut()

    def cut(self) -> bool:
        """End the running turn. Open calls that it waits for are cancelled (gemini.md#42, gemini.md#43)."""
        turn = self.current
        if turn is None:
            return False
        if self.wire.misbehaves(Switch.INTERRUPT_IGNORED, f"turn {turn.number} goes on"):
            return False
        gone = self.calls.close(self.calls.blocking)
        if gone and not self.wire.misbehaves(Switch.CANCELLATION_DROPPED, f"{len(gone)} calls are dropped silently"):
            self.wire.say(toolCallCancellation={"ids": gone})
        waiting, self._waiting = self._waiting, None
        turn.interrupt()
        self.conversation.add(*(waiting or ()))
        return True

    def text(self, entry: ContextItem) -> None:
        """Realtime text: 3.x cuts a reply for it, 2.5 finishes it first (gemini.md#37)."""
        if self.setup.model.cut_by_text:
            self.cut()
        self.answer(entry)

    # --- results ---

    def results(self, responses: list[Mapping[str, Any]]) -> None:
        """A ``toolResponse``."""
        for response in responses:
            open_calls.check_response(response, self.setup.model)
        known = [response for response in responses if response["id"] in self.calls.open]
        if not known:
            # A result for a lost call: 2.5 ignores it, 3.8 closes the turn without a word (gemini.md#49).
            if self.setup.model.generation == "3.8" and self.current is None:
                self.wire.content(turnComplete=True)
            return
        waited = any(self.calls.open[response["id"]].blocking for response in known)
        silent, interrupts = True, False
        entries = []
        for response in known:
            call = self.calls.open[response["id"]]
            output = open_calls.output_of(response)
            if not self.wire.misbehaves(Switch.RESULT_IGNORED, f"what {call.name} gave back is lost", call_id=call.id):
                entries.append(answered(call.id, call.name, output))
            if not response.get("willContinue"):
                self.calls.close([call])
            scheduling = response.get("scheduling", "SCHEDULING_UNSPECIFIED")
            silent = silent and scheduling == "SILENT" and not call.blocking
            cuts = scheduling == "SCHEDULING_UNSPECIFIED" and self.setup.model.cut_by_text
            interrupts = interrupts or scheduling == "INTERRUPT" or cuts
        turn = self.current
        if turn is not None and turn.waiting and waited:
            self.conversation.add(*entries)
            self._result()
            if not self.calls.blocking:
                turn.waiting = False
                self._ask(turn)
            return
        self._result()
        if silent or (waited and self.calls.blocking):
            self.add(*entries)
            return
        if interrupts:
            self.cut()
        self.answer(*entries)
