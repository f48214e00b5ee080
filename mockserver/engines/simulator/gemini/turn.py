"""One turn of the model: from what started it to ``turnComplete``, over any tool calls that it waits for.

    asked -> generating -> (waiting for results -> asked ...) -> played -> over

Generation outruns playback (gemini.md#21), and ``turnComplete`` waits until the audio could have been heard: so there
are two forms of an interruption, before and after ``generationComplete`` (gemini.md#33, gemini.md#34).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Protocol

from mockserver.core.frames import MILLISECOND, Micros
from mockserver.core.peekable import Peekable
from mockserver.dialects.gemini import GEMINI
from mockserver.engines.simulator.gemini import problems
from mockserver.engines.simulator.gemini.calls import Call
from mockserver.engines.simulator.gemini.conversation import ModelContext, called, spoken, usage
from mockserver.engines.simulator.gemini.options import Switch
from mockserver.engines.simulator.gemini.pieces import Piece, parts, spoken_pieces, written_pieces
from mockserver.engines.simulator.gemini.problems import Closing
from mockserver.engines.simulator.gemini.setup import Setup
from mockserver.engines.simulator.gemini.wire import GeminiWire
from mockserver.engines.simulator.replies.reply import Failure, McpCall, Reply, ToolCall
from mockserver.engines.simulator.voice.words import count

CLOSINGS = {
    "server_error": (1011, problems.INTERNAL),
    "unavailable": (1011, problems.UNAVAILABLE),
    "quota": (1011, problems.QUOTA),
    "deadline": (1011, problems.DEADLINE),
    "invalid": (1007, problems.INVALID),
    "not_implemented": (1008, problems.NOT_IMPLEMENTED),
}
"""How the session ends where a replier gives ``Failure``, by its code or type (gemini.md#66, gemini.md#89)."""
GENERATED, COMPLETE = (body["serverContent"] for body in GEMINI.life.endings["completed"])
CUT = GEMINI.life.endings["cancelled"][0]["serverContent"]
"""What ends a turn, by the dialect's table, to which faults and replay keep too. One that is cut is completed then."""
LATE = 3
"""So many messages of audio come too late where a switch says so."""


class Owner(Protocol):
    """What a turn asks of those that keep it."""

    def over(self, turn: ModelTurn) -> None: ...
    def opened(self, call: Call) -> None: ...

    @property
    def unfinished(self) -> bool: ...


class ModelTurn:
    """One turn, as the head of this module tells. ``prompt``: the tokens of the context that it began with."""

    def __init__(self, wire: GeminiWire, setup: Setup, conversation: ModelContext, number: int, owner: Owner) -> None:
        self.wire = wire
        self.setup = setup
        self.conversation = conversation
        self.number = number
        self.owner = owner
        self.over = False
        self.begun = False  # something of it was sent
        self.waiting = False  # for results of calls
        self.generated = False
        self.prompt = conversation.tokens()
        self._produced: Counter[str] = Counter()
        self._thoughts: int | None = None
        self._words = ""  # said since the last call, and sent
        self._audio_ms = 0
        self._played_from: Micros | None = None
        self._played_ms = 0
        self._left: Peekable[Piece] = Peekable()  # planned and not sent

    # --- the answer ---

    def perform(self, reply: Reply) -> None:
        """What the replier said."""
        self.waiting = False
        delay = self.wire.options.pace.before(reply.after_ms)
        self._later(delay, lambda: self._begin(reply))

    def _begin(self, reply: Reply) -> None:
        self.begun = True
        if self.setup.model.beats:
            self.wire.say()
        for _ in range(self.setup.model.opening):
            self.wire.content()
        if reply.failure is not None:
            self._fail(reply.failure)
            return
        calls = [one for one in reply.calls if isinstance(one, ToolCall)]
        if any(isinstance(one, McpCall) for one in reply.calls):
            self.wire.note("simulator", f"turn {self.number}: this provider has no MCP calls, so they are left out")
        blocking = [one for one in calls if self.setup.blocking(one.name)]
        first = [one for one in calls if not self.setup.blocking(one.name)]
        reason = "RESPONSE_REJECTED" if reply.filtered else None
        try:
            if first:
                self._call(first, blocking=False)
        except ValueError:
            self._malformed()
            return
        self._plan(reply)
        self.wire.play(self, self._show(blocking, reason))

    def _plan(self, reply: Reply) -> None:
        silence, pace = reply.silence_ms, self.wire.options.pace
        text = reply.text or ""
        if not text and not silence:
            return
        self._think(text)
        setup = self.setup
        self._left = Peekable(
            spoken_pieces(text, silence, setup, pace) if setup.speaks else written_pieces(text, setup, pace)
        )

    def _show(self, blocking: list[ToolCall], reason: str | None) -> Iterator[float]:
        at = 0.0
        while (piece := self._left.first) is not None:
            at = piece.at
            yield at
            next(self._left)
            self._say(piece)
        yield at
        self._spoken(blocking, reason)

    def _think(self, text: str) -> None:
        """A thought before the first words (gemini.md#22), where the model thinks aloud or was asked to."""
        model, wanted = self.setup.model, self.wire.options.thoughts
        if model.counts_thoughts:
            self._thoughts = (self._thoughts or 0) + count(text)
        if wanted == "never" or self._words or not self.setup.thinks:
            return
        aloud = model.thinks_aloud and (wanted == "always" or not self.setup.functions)
        if not aloud and not self.setup.asks_thoughts:
            return
        thought = f"**Answering turn {self.number}**\n\nI've decided what to say."
        self._thoughts = (self._thoughts or 0) + count(thought)
        self.wire.content(modelTurn=parts(self.setup, {"text": thought, "thought": True}))

    def _say(self, piece: Piece) -> None:
        if piece.audio_ms and self._played_from is None:
            self._played_from = self.wire.now
        self._words += piece.words
        self._audio_ms += piece.audio_ms
        self._played_ms += piece.audio_ms
        if piece.fields:
            if self.setup.model.beats and piece.audio_ms and self._left:
                self.wire.say()
            self.wire.content(**piece.fields)

    def _spoken(self, blocking: list[ToolCall], reason: str | None) -> None:
        """All has been sent; then what the model waits for, or the end."""
        if not blocking:
            self._generated(reason)
            return
        try:
            self._call(blocking, blocking=True)
        except ValueError:
            self._malformed()
            return
        if self.setup.model.call_ends_generation:
            self._generated(None)
        else:
            self.waiting = True

    # --- calls ---

    def _call(self, calls: list[ToolCall], *, blocking: bool) -> None:
        """A ``toolCall`` with all of them. ValueError where the replier's arguments are no JSON object."""
        told: list[dict[str, Any]] = []
        for one in calls:
            arguments = json.loads(one.json)
            if not isinstance(arguments, dict):
                raise ValueError(f"{one.name}: arguments are an object")
            digits = str(self.wire.ids.mint("", 19, "0123456789"))
            told.append({"name": one.name, "args": arguments, "id": one.call_id or self.setup.model.call_id + digits})
        self._keep()
        for call in told:
            text = json.dumps(call["args"], ensure_ascii=False)
            entry = called(call["id"], call["name"], text)
            self.conversation.add(entry)
            self._produced.update(entry.tokens())
            self.owner.opened(Call(call["id"], call["name"], blocking))
        self.wire.say(toolCall={"functionCalls": told})

    def _malformed(self) -> None:
        self._generated("MALFORMED_FUNCTION_CALL")

    # --- the end ---

    def _generated(self, reason: str | None) -> None:
        self.generated = True
        self.wire.content(**GENERATED)
        rest = 0.0
        if self._played_from is not None and self.wire.options.pace.audio_speed is not None:
            rest = self._played_ms - (self.wire.now - self._played_from) / MILLISECOND
        self._later(rest, lambda: self.complete(reason))

    def complete(self, reason: str | None = None) -> None:
        """``turnComplete`` with what the turn cost, in one message (gemini.md#22)."""
        self._keep()
        self.over = True
        self.wire.drop(self)
        if not self.wire.misbehaves(Switch.TURN_COMPLETE_DROPPED, f"turn {self.number} ends without turnComplete"):
            content: dict[str, Any] = dict(COMPLETE)
            if reason is not None:
                content["turnCompleteReason"] = reason
            if self.setup.model.tells_status:
                content["interactionStatus"] = "REQUIRES_ACTION" if self.owner.unfinished else "IDLE"
            told = usage(self.prompt, self._produced, self._thoughts)
            self.wire.say(serverContent=content, **({"usageMetadata": told} if told else {}))
        self.owner.over(self)

    def interrupt(self) -> None:
        """It is cut: ``interrupted``, then ``turnComplete`` (gemini.md#33, gemini.md#34)."""
        late = islice((piece for piece in self._left if piece.audio_ms), LATE)
        self.wire.drop(self)
        if not self.wire.misbehaves(Switch.INTERRUPTED_DROPPED, f"turn {self.number} is cut without a word"):
            self.wire.content(**CUT)
        self.complete()
        left = list(late) if Switch.LATE_AUDIO in self.wire.options.misbehave else []
        if left and self.wire.misbehaves(Switch.LATE_AUDIO, f"audio of turn {self.number} comes after its end"):
            for piece in left:
                self.wire.content(**piece.fields)

    def abandon(self) -> None:
        """It was ended on the wire by somebody else: only the state is changed."""
        self._keep()
        self.over = True
        self.wire.drop(self)
        self.owner.over(self)

    def _keep(self) -> None:
        """What was sent goes into the context; what was not, does not (gemini.md#94)."""
        if self._words or self._audio_ms:
            entry = spoken(self._words, self._audio_ms)
            self.conversation.add(entry)
            self._produced.update(entry.tokens())
        self._words, self._audio_ms = "", 0

    def _fail(self, failure: Failure) -> None:
        wanted = failure.code or failure.type or "server_error"
        if wanted.isupper():
            self._generated(wanted)  # a turnCompleteReason (gemini.md#28)
            return
        code, reason = CLOSINGS.get(wanted, CLOSINGS["server_error"])
        self.wire.close(Closing(code, reason))

    def _later(self, delay_ms: float, run: Callable[[], None]) -> None:
        self.wire.after(delay_ms, self, run)
