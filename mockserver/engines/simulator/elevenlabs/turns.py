"""The agent's turns: what the model says, how it is sent and played, how it is cut off, and its tools.

A turn has one number and may hold several messages: a text before a tool call, then the answer to its result. The
service reckons with a client that plays audio as it comes: what has not been played by then was not heard.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from mockserver.core.frames import MILLISECOND, SECOND, Micros
from mockserver.core.peekable import Peekable
from mockserver.engines.simulator.elevenlabs import problems
from mockserver.engines.simulator.elevenlabs.agent import Agent
from mockserver.engines.simulator.elevenlabs.options import AgentMisbehaviour
from mockserver.engines.simulator.elevenlabs.problems import ConversationEnd
from mockserver.engines.simulator.elevenlabs.turn import AgentMessage, AgentTurn
from mockserver.engines.simulator.elevenlabs.wire import AgentDesk
from mockserver.engines.simulator.replies.asking import Asking
from mockserver.engines.simulator.replies.reply import Context, Replier, Reply, Seen, ToolCall
from mockserver.engines.simulator.voice.captions import cues, written_at
from mockserver.engines.simulator.voice.words import count, pieces

CUT = "..."
"""What a text that was cut off ends in (elevenlabs.md#17)."""
TOOL_ANSWER_MS = 125
"""From a tool's result to ``agent_tool_response`` (elevenlabs.md#22)."""
CONTEXT_LIMIT = 1_048_576
TIMEOUT = "timeout"
"""Owner of the task that lets the agent speak again."""


class AgentTurns:
    """``ended``: called with the end that a failure of the model brings."""

    def __init__(
        self,
        wire: AgentDesk,
        agent: Agent,
        replier: Replier,
        *,
        ended: Callable[[ConversationEnd], None],
        failed: Callable[[str], None],
    ) -> None:
        self.wire = wire
        self.agent = agent
        self.ended = ended
        self.asking = Asking(wire, replier, failed=failed)
        self.items: list[Seen] = []
        self.active: AgentTurn | None = None
        self._called: dict[str, tuple[AgentTurn, ToolCall]] = {}
        self._unanswered: list[str] = []
        self._count = 0

    @property
    def speaking(self) -> bool:
        """Whether there is something of the agent's that could be interrupted."""
        turn = self.active
        return turn is not None and (not turn.sent or self.wire.now < turn.plays_until)

    # --- begin ---

    def greet(self) -> None:
        """The first message: nobody asked for it (elevenlabs.md#51)."""
        turn = self._begin(self.wire.next(), [])
        self._perform(turn, Reply(self.agent.first_message))

    def user_said(self, text: str, ident: str, *, number: int, origin: str = "client", audio_ms: int = 0) -> None:
        """The user's turn is over: the agent's begins."""
        seen = Seen(ident, "message", "user", text, origin=origin, audio_ms=audio_ms)
        self.items.append(seen)
        self._unanswered.append(ident)
        answers, self._unanswered = self._unanswered, []
        turn = self._begin(number, answers)
        self.wire.after(self.wire.options.pace.created_ms, turn, lambda: self._ask(turn))

    def speak_again(self) -> None:
        """The user has been silent for too long."""
        if not self.speaking:
            turn = self._begin(self.wire.next(), [])
            self._ask(turn)

    def context(self, text: str, ident: str) -> None:
        """Background for the model: it neither interrupts nor is answered (elevenlabs.md#15)."""
        self.items.append(Seen(ident, "message", "system", text))

    def _begin(self, number: int, answers: list[str]) -> AgentTurn:
        self.wire.drop(TIMEOUT)
        self.active = AgentTurn(number, answers)
        return self.active

    # --- the model ---

    def _ask(self, turn: AgentTurn) -> None:
        self._count += 1
        asked = turn.thinking = self._count
        late = self.wire.now + round(self.wire.options.llm_timeout_s * SECOND) + 1
        self.wire.at(late, turn, lambda: self._too_late(turn, asked))
        newest = next((item.text for item in reversed(self.items) if item.role == "user"), "")
        context = Context(
            instructions=self.agent.prompt,
            own_instructions=bool(self.agent.prompt),
            items=tuple(self.items),
            tools=tuple({"type": "function", **tool} for tool in self.wire.options.tools),
            metadata=self.agent.variables,
            turn=self._count,
            user=newest,
            modalities=("text",) if self.agent.text_only else ("audio",),
            response_id=f"turn {turn.number}",
        )
        self.asking.ask(
            context,
            f"turn {turn.number}",
            lambda reply: self._perform(turn, reply),
            lambda: self.active is turn and turn.generating,
        )

    def _too_late(self, turn: AgentTurn, asked: int) -> None:
        """A model that thinks for too long (elevenlabs.md#45)."""
        if turn.thinking == asked:
            self.ended(problems.LLM_TIMEOUT)

    def _begun(self, turn: AgentTurn) -> None:
        turn.thinking = 0

    def _perform(self, turn: AgentTurn, reply: Reply) -> None:
        pace = self.wire.options.pace
        at = self.wire.now + _us(pace.before(reply.after_ms))
        self.wire.at(at, turn, lambda: self._begun(turn))
        if reply.text or reply.silence is not None:
            message = AgentMessage(self.wire.ids.uuid(), reply.text or "")
            turn.messages.append(message)
            silence = reply.silence_ms
            at = self._write(turn, message, at) if self.agent.text_only else self._speak(turn, message, silence, at)
        calls = tuple(call for call in reply.calls if isinstance(call, ToolCall))
        if len(calls) < len(reply.calls):
            self._broken(f"turn {turn.number}: an agent has no McpCall here; its MCP tools are not simulated")
        if reply.failure is not None:
            ending = problems.FAILURES.get(reply.failure.code or "", problems.LLM_ERROR)
            self.wire.at(at, turn, lambda: self.ended(ending))
        elif reply.filtered:
            self.wire.at(at, turn, lambda: self.ended(problems.FAILURES["filtered"]))
        elif calls:
            self.wire.at(at, turn, lambda: self._call(turn, calls))
        else:
            self.wire.at(at, turn, lambda: self._generated(turn))

    def _broken(self, text: str) -> None:
        self.wire.note("simulator", text)
        self.asking.failed(text)

    # --- what is sent ---

    def _speak(self, turn: AgentTurn, message: AgentMessage, silence_ms: int, at: Micros) -> Micros:
        """Audio in pieces; the text whole, once the model is done with it and the first audio is out."""
        pace = self.wire.options.pace
        made = cues(message.text, silence_ms, self.agent.sound, pace)
        message.unsent = Peekable(cue for cue in made if cue.audio)
        self.wire.play(message, self._speech(turn, message), begin=at)
        done = at + (_us(pace.text_ms * len(pieces(message.text))) if pace.text_ms else 0)
        self.wire.at(done, turn, lambda: self._tell(turn, message))
        return done

    def _speech(self, turn: AgentTurn, message: AgentMessage) -> Iterator[float]:
        while (cue := message.unsent.first) is not None:
            yield cue.at
            next(message.unsent)
            self._audio(turn, message, cue.audio, cue.ms)

    def _audio(self, turn: AgentTurn, message: AgentMessage, audio: bytes, ms: int) -> None:
        now = self.wire.now
        begins = max(now, turn.plays_until)
        if message.starts is None:
            message.starts = begins
        turn.plays_until = begins + ms * MILLISECOND
        message.sent_ms += ms
        turn.begun = True
        data = base64.b64encode(audio).decode()
        self.wire.emit("audio", "audio_event", audio_base_64=data, event_id=turn.number, is_final=False)
        self._sent(turn)

    def _write(self, turn: AgentTurn, message: AgentMessage, at: Micros) -> Micros:
        """Text mode: the parts, then the whole text (elevenlabs.md#14)."""
        step = self.wire.options.pace.text_ms
        parts = pieces(message.text)
        end = written_at(len(parts), step)

        def writing() -> Iterator[float]:
            yield 0.0
            self._part(turn, message, "start")
            for number, part in enumerate(parts):
                yield written_at(number, step)
                self._part(turn, message, "delta", part)
            yield end
            self._part(turn, message, "stop")
            yield end
            self._tell(turn, message)

        self.wire.play(turn, writing(), begin=at)
        return at + _us(end)

    def _part(self, turn: AgentTurn, message: AgentMessage, kind: str, text: str = "") -> None:
        turn.begun = True
        message.written += text
        self.wire.emit(
            "agent_chat_response_part",
            "text_response_part",
            text=text,
            type=kind,
            response_id=message.id,
            event_id=turn.number,
        )

    def _tell(self, turn: AgentTurn, message: AgentMessage) -> None:
        if message.text:
            self._say(turn, message, message.text)

    def _say(self, turn: AgentTurn, message: AgentMessage, text: str) -> None:
        turn.begun = message.told = True
        self.items.append(Seen(message.id, "message", "assistant", text, origin="response"))
        self.wire.emit(
            "agent_response",
            "agent_response_event",
            agent_response=text,
            event_id=turn.number,
            response_id=message.id,
            in_response_to_ids=turn.answers,
            response_type="text",
            attachments=[],
        )

    def _generated(self, turn: AgentTurn) -> None:
        turn.generating = False
        self._sent(turn)

    def _sent(self, turn: AgentTurn) -> None:
        """With the last audio the usage; once it has been played, the end of the turn (elevenlabs.md#13)."""
        if not turn.sent or turn is not self.active:
            return
        if turn.begun:
            seen = [self.agent.prompt, *(item.text + item.arguments + item.output for item in self.items)]
            self.wire.emit(
                "context_usage",
                "context_usage_event",
                event_id=turn.number,
                model=self.agent.model,
                context_tokens=sum(map(count, seen)),
                context_limit_tokens=CONTEXT_LIMIT,
            )
        self.wire.at(max(self.wire.now, turn.plays_until), turn, lambda: self._played(turn))

    def _played(self, turn: AgentTurn) -> None:
        if turn.begun:
            self.wire.emit("agent_response_complete", "agent_response_complete_event", event_id=turn.number)
        self.wait_for_user()

    def wait_for_user(self) -> None:
        """From now on the user may be silent for ``turn_timeout_s``, then the agent speaks again."""
        self.wire.drop(TIMEOUT)
        seconds = self.wire.options.turn_timeout_s
        if seconds is not None and not self.speaking:
            self.wire.in_seconds(seconds, TIMEOUT, self.speak_again)

    # --- tools ---

    def _call(self, turn: AgentTurn, calls: tuple[ToolCall, ...]) -> None:
        if self.agent.text_only and not turn.messages:
            empty = AgentMessage(self.wire.ids.uuid(), "")
            self._part(turn, empty, "start")
            self._part(turn, empty, "stop")
        turn.begun = True
        expects = {tool["name"]: tool.get("expects_response", True) for tool in self.wire.options.tools}
        for call in calls:
            ident = call.call_id or self.wire.call_id(call.name)
            awaited = bool(expects.get(call.name, True))
            made = Seen(ident, "function_call", name=call.name, call_id=ident, arguments=call.json, origin="response")
            self.items.append(made)
            self._called[ident] = (turn, call)
            if awaited:
                turn.calls[ident] = call
            else:
                self._output(ident, call, "")
            self.wire.emit(
                "client_tool_call",
                "client_tool_call",
                tool_name=call.name,
                tool_call_id=ident,
                parameters=call.object,
                event_id=turn.number,
                expects_response=awaited,
            )
            if awaited:
                seconds = self.wire.options.tool_timeout_s
                late = partial(self.result, ident, "Tool timed out.", is_error=True)
                self.wire.in_seconds(seconds, turn, late)
        if not turn.calls:
            self._ask(turn)

    def result(self, ident: str, output: str, *, is_error: bool) -> None:
        """A tool's result. One that nobody waits for is taken without a word (elevenlabs.md#52)."""
        turn, call = self._called.get(ident, (None, None))
        if turn is None or call is None or turn.calls.pop(ident, None) is None:
            self.wire.note("simulator", f"client_tool_result: no call {ident!r} is waiting for one")
            return
        lost = self.wire.misbehaves(
            AgentMisbehaviour.TOOL_RESULT_LOST, f"the result of {ident} does not reach the model"
        )
        self._output(ident, call, "" if lost else output)
        turn.answering += 1
        self.wire.after(
            TOOL_ANSWER_MS if self.wire.options.pace.first_ms else 0,
            turn,
            lambda: self._answered(turn, ident, call, is_error),
        )

    def _output(self, ident: str, call: ToolCall, output: str) -> None:
        self.items.append(Seen(f"{ident} output", "function_call_output", name=call.name, call_id=ident, output=output))

    def _answered(self, turn: AgentTurn, ident: str, call: ToolCall, is_error: bool) -> None:
        self.wire.emit(
            "agent_tool_response",
            "agent_tool_response",
            tool_name=call.name,
            tool_call_id=ident,
            tool_type="client",
            is_error=is_error,
            is_blocked=False,
            event_id=turn.number,
            is_called=True,
            status="error" if is_error else "success",
        )
        turn.answering -= 1
        if not turn.calls and not turn.answering and turn is self.active:
            self._ask(turn)

    # --- the user interrupts ---

    def interrupt(self, number: Callable[[], int]) -> None:
        """Cut off what the agent is saying. ``number``: of the interruption, asked for only where there is one.

        While the reply is generated the text comes already cut; once it was told it is corrected (elevenlabs.md#17,
        elevenlabs.md#18). A turn of which nothing was sent yet goes without a word; that is our choice.
        """
        turn = self.active
        if turn is None or not self.speaking:
            return
        if turn.begun and self.wire.misbehaves(AgentMisbehaviour.INTERRUPTION_IGNORED, f"turn {turn.number} goes on"):
            return
        self.active = None
        self.wire.drop(turn)
        turn.generating = False
        stale = any(one.unsent for one in turn.messages) and self.wire.misbehaves(
            AgentMisbehaviour.STALE_AUDIO, f"audio of turn {turn.number} goes on", event_id=turn.number
        )
        if not stale:
            for message in turn.messages:
                self.wire.drop(message)
        if not turn.begun:
            self._unanswered += turn.answers
            return
        self.wire.emit("interruption", "interruption_event", event_id=number())
        cut_already = False
        for message in turn.messages:
            heard = message.heard(self.wire.now, text_only=self.agent.text_only)
            if heard == message.text:
                if not message.told:
                    self._tell(turn, message)
                continue
            cut = "" if cut_already else heard + CUT
            cut_already = True
            if not message.told:
                self._say(turn, message, cut)
            else:
                self._correct(turn, message, cut)

    def _correct(self, turn: AgentTurn, message: AgentMessage, cut: str) -> None:
        if self.wire.misbehaves(AgentMisbehaviour.CORRECTION_MISSING, f"{message.id} keeps all its words"):
            return
        self.items = [replace(item, text=cut) if item.id == message.id else item for item in self.items]
        self.wire.emit(
            "agent_response_correction",
            "agent_response_correction_event",
            original_agent_response=message.text,
            corrected_agent_response=cut,
            event_id=turn.number,
            response_id=message.id,
        )


def _us(ms: float) -> Micros:
    return round(ms * MILLISECOND)
