"""The backend of a session with Responses delegation: its responses, told event by event, and rounds of tool calls.

A response ends a moment after its last item, whatever the client does meanwhile. One that calls tools is followed by
another under the same delegation, when the client has answered the calls and asks for more (gpt_live.md#25,
gpt_live.md#64).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mockserver.core.frames import MILLISECOND
from mockserver.engines.simulator import shapes
from mockserver.engines.simulator.gpt_live.backend_items import ITEM, OTHERS
from mockserver.engines.simulator.gpt_live.session import SessionResource
from mockserver.engines.simulator.gpt_live.wire import LiveDesk
from mockserver.engines.simulator.openai import problems
from mockserver.engines.simulator.openai.problems import ClientProblem
from mockserver.engines.simulator.replies.reply import Failure, Reply, Seen, ToolCall
from mockserver.engines.simulator.voice.captions import written_at
from mockserver.engines.simulator.voice.words import count, pieces

COMPLETED_MS = 190
"""From the last item of a response to ``response.completed`` (gpt_live.md#64)."""


@dataclass(slots=True, eq=False)
class BackendResponse:
    """One response of the backend's. ``told``: its calls are told. ``over``: it is completed. ``asked``: more was
    asked for before that."""

    id: str
    delegation: str
    previous: str
    created_at: int
    calls: dict[str, ToolCall] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)
    told: bool = False
    over: bool = False
    asked: bool = False
    sequence: int = 0
    outputs: int = 0
    tokens: int = 0


class Backend:
    """``ask``: asks the model for what a response says. ``say``: has the voice say it. ``items``: the conversation."""

    def __init__(
        self,
        wire: LiveDesk,
        session: SessionResource,
        items: list[Seen],
        *,
        ask: Callable[[str, Callable[[Reply], None]], None],
        say: Callable[[str], None],
    ) -> None:
        self.wire = wire
        self.session = session
        self.items = items
        self.ask = ask
        self.say = say
        self.active: BackendResponse | None = None
        self._last = ""
        self._cache = ""
        self._user = ""

    # --- a delegation begins ---

    def delegate(self, offset_ms: int, reply: Reply | None = None) -> None:
        """Work for the backend: what ``reply`` says, or what the model says when it is asked."""
        if not self._last:
            self._last = self.wire.object_id("resp_")
            self._cache = "live:" + self.wire.letters(59, "0123456789abcdef")
            self._user = "user-" + self.wire.letters(24, "abcdefghijklmnopqrstuvwxyz0123456789")
        delegation = self.wire.mint("item_")
        response = self._new(delegation)
        self.wire.emit(
            "session.delegation.created",
            offset_ms=offset_ms,
            delegation={"id": delegation, "type": "delegation", "response_id": response.id, "target": "responses"},
        )
        self._open(response, reply)

    def _new(self, delegation: str) -> BackendResponse:
        self.active = BackendResponse(self.wire.object_id("resp_"), delegation, self._last, self.wire.seconds())
        self._last = self.active.id
        return self.active

    def _open(self, response: BackendResponse, reply: Reply | None) -> None:
        self._event(response, "response.created", response=self._shown(response, "in_progress"))
        self._event(response, "response.in_progress", response=self._shown(response, "in_progress"))
        if reply is not None:
            self._perform(response, reply)
        else:
            self.ask(response.id, lambda said: self._perform(response, said))

    # --- the client's part ---

    def item(self, item: dict[str, Any]) -> None:
        """``response.item.create``: a message, or a tool's output."""
        shapes.check(ITEM, item, "item", problems)
        kind = item.get("type", "message")
        if kind in OTHERS:
            self.wire.note("simulator", f"response.item.create: an item of type {kind} is taken, and not read")
            return
        if kind != "function_call_output":
            self.items.append(_message(item, self.wire.mint("item_")))
            return
        ident = item.get("call_id")
        response = self.active
        if response is None or ident not in response.calls:
            text = f"No tool call found for function call output with call_id {ident}."
            raise ClientProblem(None, text, "input")
        response.answered.add(ident)
        output = _words(item["output"])
        name = response.calls[ident].name
        self.items.append(
            Seen(self.wire.mint("item_"), "function_call_output", name=name, call_id=ident, output=output)
        )

    def create(self, offset_ms: int) -> None:
        """``response.create``: go on after the outputs of all calls, or answer what was added."""
        response = self.active
        if response is None:
            self.delegate(offset_ms)
            return
        if not response.told or response.asked:
            text = f"Conversation already has an active response in progress: {response.id}."
            raise ClientProblem("conversation_already_has_active_response", text)
        open_calls = [ident for ident in response.calls if ident not in response.answered]
        if open_calls:
            raise ClientProblem(None, f"No tool output found for function call {open_calls[0]}.", "input")
        response.asked = True
        if response.over:
            self._open(self._new(response.delegation), None)

    # --- what a response says ---

    def _perform(self, response: BackendResponse, reply: Reply) -> None:
        if response is not self.active:
            return  # it was ended meanwhile
        pace = self.wire.options.pace
        wait = pace.before(reply.after_ms)
        at = self.wire.now + round(wait * MILLISECOND)
        if reply.failure is not None:
            self.wire.at(at, response, partial(self._fail, response, reply.failure))
            return
        short = self._stops_short(reply)
        if short is not None:
            text, reason = short
            at = self._write(response, text, at, status="incomplete")
            self.wire.at(at + self._moment(), response, partial(self._break_off, response, reason))
            return
        for call in reply.calls:
            if isinstance(call, ToolCall):
                at = self._call(response, call, at)
        if response.calls:
            self.wire.at(at, response, partial(self._tell, response))
            self.wire.at(at + self._moment(), response, partial(self._called, response))
            return
        at = self._write(response, reply.text or "", at)
        self.wire.at(at + self._moment(), response, partial(self._done, response, reply.text or ""))

    def _stops_short(self, reply: Reply) -> tuple[str, str] | None:
        """What is said of a reply that is not said to its end, and why. A call that does not fit is not made."""
        if reply.filtered:
            return reply.text or "", "content_filter"
        most = self.session.backend.get("max_output_tokens")
        words = pieces(reply.text or "")
        made = sum(map(count, words)) + sum(count(call.json) for call in reply.tool_calls)
        if most is None or made <= most:
            return None
        said, left = "", int(most)
        for piece in words:
            left -= count(piece)
            if left < 0:
                break
            said += piece
        return said, "max_output_tokens"

    def _moment(self) -> int:
        return COMPLETED_MS * MILLISECOND if self.wire.options.pace.first_ms else 0

    def _call(self, response: BackendResponse, call: ToolCall, at: int) -> int:
        ident = call.call_id or self.wire.mint("call_")
        response.calls[ident] = call
        place = {"item_id": self.wire.object_id("fc_"), "output_index": response.outputs}
        item = {
            "id": place["item_id"],
            "type": "function_call",
            "status": "in_progress",
            "arguments": "",
            "call_id": ident,
            "name": call.name,
        }
        response.outputs += 1
        index = {"output_index": place["output_index"]}
        full = {**item, "status": "completed", "arguments": call.json}
        seen = Seen(ident, "function_call", name=call.name, call_id=ident, arguments=call.json, origin="response")
        deltas = pieces(call.json)
        step = self.wire.options.pace.text_ms
        end = written_at(len(deltas), step)

        def telling() -> Iterator[float]:
            yield 0.0
            self._event(response, "response.output_item.added", item=dict(item), **index)
            for number, delta in enumerate(deltas):
                yield written_at(number, step)
                self._event(response, "response.function_call_arguments.delta", delta=delta, **place)
            yield end
            self._event(response, "response.function_call_arguments.done", arguments=call.json, **place)
            self._event(response, "response.output_item.done", item=full, **index)
            self.items.append(seen)

        self.wire.play(response, telling(), begin=at)
        response.tokens += count(call.json)
        return at + round(end * MILLISECOND)

    def _write(self, response: BackendResponse, text: str, at: int, status: str = "completed") -> int:
        ident = self.wire.object_id("msg_")
        index = {"output_index": response.outputs}
        place: dict[str, Any] = {"content_index": 0, "item_id": ident, **index}
        item = {"id": ident, "type": "message", "status": "in_progress", "content": []}
        item |= {"phase": "final_answer", "role": "assistant"}
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
        deltas = pieces(text)
        step = self.wire.options.pace.text_ms
        end = written_at(len(deltas), step)

        def writing() -> Iterator[float]:
            yield 0.0
            self._event(response, "response.output_item.added", item=dict(item), **index)
            self._event(response, "response.content_part.added", part=dict(part), **place)
            for number, delta in enumerate(deltas):
                yield written_at(number, step)
                self._event(response, "response.output_text.delta", delta=delta, logprobs=[], **place)
            yield end
            whole = {**part, "text": text}
            self._event(response, "response.output_text.done", text=text, logprobs=[], **place)
            self._event(response, "response.content_part.done", part=whole, **place)
            full = {**item, "status": status, "content": [whole]}
            self._event(response, "response.output_item.done", item=full, **index)

        self.wire.play(response, writing(), begin=at)
        response.tokens += count(text)
        return at + round(end * MILLISECOND)

    def _tell(self, response: BackendResponse) -> None:
        response.told = True

    def _called(self, response: BackendResponse) -> None:
        """The response with calls is over; the delegation is not."""
        self._complete(response)
        if response.asked:
            self._open(self._new(response.delegation), None)

    def _done(self, response: BackendResponse, text: str) -> None:
        self._complete(response)
        self.active = None
        if text:
            self.say(text)

    def _fail(self, response: BackendResponse, failure: Failure) -> None:
        """A response that fails: its calls are gone with it (gpt_live.md#67)."""
        code, message = failure.code or "server_error", failure.message or "The server had an error."
        error = {"code": code, "message": message}
        self._give_up(response, failure, "failed", error=error)

    def _break_off(self, response: BackendResponse, reason: str) -> None:
        """A response that stops short: the backend's limit, or its filter."""
        response.over = True
        self._give_up(response, Failure(), "incomplete", incomplete_details={"reason": reason})

    def _give_up(self, response: BackendResponse, failure: Failure, status: str, **details: Any) -> None:
        """Live tells some of these by an error alone, without a delegation's id (gpt_live.md#36)."""
        self.active = None
        if self.wire.options.delegation_failure == "error":
            text = " ".join(filter(None, ("Responses handoff incomplete.", failure.message)))
            self.wire.error(ClientProblem(failure.code, text, None, failure.type or "server_error"), None)
            return
        shown = {**self._shown(response, status), **details}
        self._event(response, f"response.{status}", response=shown)

    def drop(self, response_id: str) -> None:
        """A fault has ended this response: nothing more comes of it."""
        if self.active is not None and self.active.id == response_id:
            self.wire.drop(self.active)
            self.active = None

    def _complete(self, response: BackendResponse) -> None:
        response.over = True
        self._event(response, "response.completed", response=self._shown(response, "completed"))

    # --- events ---

    def _event(self, response: BackendResponse, name: str, /, **fields: Any) -> None:
        """An event of the stream; each response counts its own (gpt_live.md#54)."""
        if "delta" in fields:
            fields |= self.wire.obfuscated(fields["delta"])
        inner = {"type": name, **fields, "sequence_number": response.sequence}
        response.sequence += 1
        self.wire.emit("response.event", delegation_id=response.delegation, event=inner)

    def _shown(self, response: BackendResponse, status: str) -> dict[str, Any]:
        """A snapshot: instructions, tools and output are left out (gpt_live.md#26, gpt_live.md#56)."""
        over = status in ("completed", "incomplete")
        backend = self.session.backend
        spent = count(backend.get("instructions") or "") + sum(count(item.text + item.output) for item in self.items)
        return {
            "id": response.id,
            "object": "response",
            "created_at": response.created_at,
            "status": status,
            "access_programs": {"cyber": "daybreak_blue"},
            "background": False,
            "completed_at": self.wire.seconds() if status == "completed" else None,
            "error": None,
            "frequency_penalty": 0.0,
            "incomplete_details": None,
            "instructions": None,
            "max_output_tokens": backend.get("max_output_tokens"),
            "max_tool_calls": None,
            "model": backend["model"],
            "moderation": None,
            "output": [],
            "parallel_tool_calls": True,
            "presence_penalty": 0.0,
            "previous_response_id": response.previous,
            "prompt_cache_key": self._cache,
            "prompt_cache_retention": "24h",
            "reasoning": {"context": "all_turns", "effort": "medium", "mode": "standard", "summary": None},
            "safety_identifier": None,
            "service_tier": "default" if over else "auto",
            "store": True,
            "temperature": 1.0,
            "text": {"format": {"type": "text"}, "verbosity": "medium"},
            "tool_choice": backend.get("tool_choice", "auto"),
            "tool_usage": {
                "image_gen": {**_NO_IMAGES, "total_tokens": 0},
                "web_search": {"num_requests": 0},
            },
            "tools": [],
            "top_logprobs": 0,
            "top_p": 0.98,
            "truncation": "disabled",
            "usage": _usage(spent, response.tokens) if over else None,
            "user": self._user,
            "metadata": {},
        }


_NO_TOKENS = {"image_tokens": 0, "text_tokens": 0}
_NO_IMAGES = {
    "input_tokens": 0,
    "input_tokens_details": _NO_TOKENS,
    "output_tokens": 0,
    "output_tokens_details": _NO_TOKENS,
}


def _usage(spent: int, made: int) -> dict[str, Any]:
    return {
        "input_tokens": spent,
        "input_tokens_details": {"cache_write_tokens": spent, "cached_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": spent + made,
    }


def _message(item: dict[str, Any], ident: str) -> Seen:
    """A message for the backend."""
    return Seen(ident, "message", item["role"], _words(item["content"]))


def _words(content: str | list[dict[str, Any]]) -> str:
    """What is written in it. An image is a line that says how large it is: nothing here looks at it."""
    if isinstance(content, str):
        return content
    words = []
    for part in content:
        if part["type"] == "input_image":
            words.append(f"an image of {len(str(part.get('image_url') or part.get('file_id') or ''))} characters")
        elif part["type"] == "input_file":
            words.append(f"a file {part.get('filename') or part.get('file_id') or ''}".rstrip())
        else:
            words.append(part.get("text") or part.get("refusal") or "")
    return " ".join(words)
