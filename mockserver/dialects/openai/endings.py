"""Responses that are on their way, and how the provider ends one early.

``Turns`` is fed the frames of one connection of the OpenAI family (GA and beta names, OpenAI, Azure, Voice Live, xAI)
and knows the open responses, their items, and what has been said so far. From that it makes the *tail*: the events by
which the provider itself would end a response that is cancelled, fails or stays incomplete, in the names that the
connection has used so far. It learns the names from the frames, so it asks no dialect for its name. A connection
without ``response.created`` has no responses here, and nothing to end.

Sources: openai.md#100 (what is closed, in which order, also when a response is interrupted, incomplete or cancelled),
openai.md#111 to openai.md#113.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mockserver.core.frames import Frame, Sender, Text
from mockserver.core.ids import Ids
from mockserver.core.json_text import dumps
from mockserver.core.view import Lens, View

Status = Literal["completed", "cancelled", "failed", "incomplete"]
REASONS: Mapping[Status, tuple[str, ...]] = {
    "cancelled": ("turn_detected", "client_cancelled"),
    "incomplete": ("max_output_tokens", "content_filter"),
}
"""The reasons there are (openai.md#111). A failed response has an error instead of a reason (openai.md#117)."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_DELTAS = {
    "response.output_audio.delta": "audio",
    "response.audio.delta": "audio",
    "response.output_audio_transcript.delta": "transcript",
    "response.audio_transcript.delta": "transcript",
    "response.output_text.delta": "text",
    "response.text.delta": "text",
}
_DONES = {name.removesuffix("delta") + "done": kind for name, kind in _DELTAS.items()}
_GA_DONES = {kind: name for name, kind in _DONES.items() if name.startswith("response.output_")}
_BETA_DONES = {kind: name for name, kind in _DONES.items() if not name.startswith("response.output_")}
BETA = frozenset(
    {"conversation.item.created", "response.audio.delta", "response.audio_transcript.delta", "response.text.delta"}
)


@dataclass(slots=True)
class Part:
    """A content part. ``said`` is the text or transcript so far."""

    index: int
    body: dict[str, Any]
    said: str = ""
    audio_bytes: int = 0
    twice: bool = False  # Azure says the part once more, as "content" (azure.md#11)
    streams: dict[str, str] = field(default_factory=dict)  # "audio" | "transcript" | "text" -> name of its done event
    ended: set[str] = field(default_factory=set)  # names of done events
    done: bool = False


@dataclass(slots=True)
class Output:
    """An output item of a response, as far as it is known."""

    id: str
    index: int
    body: dict[str, Any]
    parts: dict[int, Part] = field(default_factory=dict)
    arguments: str = ""
    arguments_open: bool = False
    in_conversation: bool = False  # an event of the conversation named it
    conversation_done: bool = False
    done: bool = False


@dataclass(slots=True)
class Response:
    """A response that was created and is not done. ``body`` is the object that ``response.created`` held."""

    id: str
    body: dict[str, Any]
    outputs: dict[str, Output] = field(default_factory=dict)

    @property
    def audio_bytes(self) -> int:
        """Bytes of audio sent so far."""
        return sum(part.audio_bytes for output in self.outputs.values() for part in output.parts.values())

    @property
    def said(self) -> str:
        """Text and transcript so far."""
        return "".join(part.said for output in self.outputs.values() for part in output.parts.values())


class Turns:
    """The open responses of one connection. ``lens`` is needed only to be fed frames instead of views.

    Deltas are most of a session and matter only to a tail, so they are kept as they are until one is asked for.
    """

    def __init__(self, lens: Lens | None = None) -> None:
        self._open: dict[str, Response] = {}
        self._deltas: list[View | Frame] = []
        self._lens = lens
        self._owner: dict[str, str] = {}  # item id -> response id
        self._before: dict[str, str | None] = {}  # item id -> previous_item_id, as the conversation stated it
        self._first_item: str | None = None
        self._beta = False
        self._uuids = False
        self._unfinished: set[str] = set()  # completed items that were added and not (yet) said to be done

    @property
    def open(self) -> dict[str, Response]:
        """The open responses by id, oldest first."""
        deltas, self._deltas = self._deltas, []
        for what in deltas:
            self._delta(self._view(what))
        return self._open

    def see(self, sender: Sender, what: View | Frame, *, name: str | None = None) -> None:
        """One frame of the connection, in wire order. ``name`` saves a look at it. Client frames change nothing."""
        if sender is not Sender.SERVER:
            return
        if name is None:
            name = what.name if isinstance(what, View) else self._peek(what)
        if name in BETA:
            self._beta = True
        if name in _DELTAS:
            if self._open:
                self._deltas.append(what)
            return
        view = self._view(what)
        body = view.body
        if not isinstance(body, dict):
            return
        match view.name:
            case "response.created":
                self._created(view, body)
            case "response.output_item.added":
                self._item_added(view, body)
            case "conversation.item.added" | "conversation.item.created":
                self._conversation(view, body)
            case "conversation.item.done":
                self._unfinished.discard(view.item_id or "")
                output = self._output(view)
                if output is not None:
                    output.conversation_done = True
            case "response.content_part.added":
                output = self._output(view)
                if output is not None:
                    index = _int(body.get("content_index"))
                    output.parts[index] = Part(index, _dict(body.get("part")), twice="content" in body)
            case "response.function_call_arguments.delta":
                output = self._output(view)
                if output is not None:
                    output.arguments += _str(body.get("delta"))
                    output.arguments_open = True
            case name if name.startswith("response.") and name.endswith(".done"):
                self._done(view, body)

    def owner(self, view: View) -> str | None:
        """The id of the response that a server frame belongs to; also of responses that are over."""
        return view.response_id or self._owner.get(view.item_id or "")

    # --- tails ---

    def cancelled_tail(self, response_id: str, reason: str, ids: Ids) -> list[Text]:
        """The events that end an open response as cancelled (openai.md#113). KeyError where it is not open.

        ``reason``: "turn_detected" or "client_cancelled". The response is not open any more afterwards.
        """
        return self.tail(response_id, "cancelled", {"type": "cancelled", "reason": reason}, ids)

    def incomplete_tail(self, response_id: str, reason: str, ids: Ids) -> list[Text]:
        """The same for "max_output_tokens" or "content_filter"."""
        return self.tail(response_id, "incomplete", {"type": "incomplete", "reason": reason}, ids)

    def failed_tail(self, response_id: str, error: Mapping[str, Any], ids: Ids) -> list[Text]:
        """The same for a failure. ``error``: type, code, and the message that real failures carry beside the schema."""
        return self.tail(response_id, "failed", {"type": "failed", "error": dict(error)}, ids)

    def completed_tail(self, response_id: str, ids: Ids) -> list[Text]:
        """The same for a response that ends in order, with what has been said so far."""
        return self.tail(response_id, "completed", None, ids)

    def tail(self, response_id: str, status: Status, details: Mapping[str, Any] | None, ids: Ids) -> list[Text]:
        """The events that end an open response."""
        response = self.open[response_id]
        del self._open[response_id]
        out: list[dict[str, Any]] = []
        for output in response.outputs.values():
            if not output.done:
                out += self._end_output(response, output, "completed" if status == "completed" else "incomplete")
        body = dict(response.body)
        body["status"] = status
        body["status_details"] = None if details is None else dict(details)
        body["output"] = [output.body for output in response.outputs.values()]
        # Counts of a response that was cut off are not known; of one cancelled before its output
        # they are 0 (openai.md#112).
        body["usage"] = _no_usage(self._beta)
        out.append({"type": "response.done", "response": body})
        return [self._frame(event, ids) for event in out]

    # --- inside ---

    def _view(self, what: View | Frame) -> View:
        return what if isinstance(what, View) else self._looking().view(what, Sender.SERVER)

    def _peek(self, frame: Frame) -> str:
        return self._looking().peek(frame, Sender.SERVER)

    def _looking(self) -> Lens:
        if self._lens is None:
            raise TypeError("Turns was made without a lens: feed it views, or make it with Turns(dialect)")
        return self._lens

    def _created(self, view: View, body: dict[str, Any]) -> None:
        if view.response_id is None:
            return
        self._uuids = bool(_UUID.match(view.event_id or ""))
        response = _dict(body.get("response"))
        self._beta = self._beta or "modalities" in response
        self._open[view.response_id] = Response(view.response_id, response)

    def _item_added(self, view: View, body: dict[str, Any]) -> None:
        response = self._open.get(view.response_id or "")
        if view.item_id is None or view.response_id is None:
            return
        self._owner[view.item_id] = view.response_id
        if response is not None:
            item = _dict(body.get("item"))
            response.outputs[view.item_id] = Output(
                view.item_id, _int(body.get("output_index")), item, arguments_open=item.get("type") == "function_call"
            )

    def _conversation(self, view: View, body: dict[str, Any]) -> None:
        if view.item_id is None:
            return
        before = body.get("previous_item_id")
        self._before[view.item_id] = before if isinstance(before, str) else None
        if self._first_item is None:
            self._first_item = view.item_id
        output = self._output(view)
        if output is not None:
            output.in_conversation = True
        elif _dict(body.get("item")).get("status") == "completed":
            self._unfinished.add(view.item_id)

    def _output(self, view: View) -> Output | None:
        response = self._open.get(self.owner(view) or "")
        return None if response is None else response.outputs.get(view.item_id or "")

    def _delta(self, view: View) -> None:
        output, body = self._output(view), view.body
        if output is None or not isinstance(body, dict):
            return
        index = _int(body.get("content_index"))
        part = output.parts.setdefault(index, Part(index, {}))
        kind = _DELTAS[view.name]
        name = view.name.removesuffix("delta") + "done"
        if name not in part.ended:
            part.streams[kind] = name
        if kind == "audio":
            part.audio_bytes += view.audio.size if view.audio is not None else 0
        else:
            part.said += _str(body.get("delta"))

    def _done(self, view: View, body: dict[str, Any]) -> None:
        if view.name == "response.done":
            if self._open.pop(view.response_id or "", None) is not None and not self._open:
                self._deltas.clear()  # no response is open any more that they could belong to
            return
        output = self._output(view)
        if output is None:
            return
        index = _int(body.get("content_index"))
        if view.name == "response.output_item.done":
            output.done = True
            output.body = _dict(body.get("item")) or output.body
        elif view.name == "response.function_call_arguments.done":
            output.arguments_open = False
            output.arguments = _str(body.get("arguments")) or output.arguments
        elif view.name == "response.content_part.done":
            output.parts.setdefault(index, Part(index, {})).done = True
        elif view.name in _DONES:
            part = output.parts.setdefault(index, Part(index, {}))
            part.ended.add(view.name)
            part.streams = {kind: name for kind, name in part.streams.items() if name != view.name}

    def _end_output(self, response: Response, output: Output, status: str) -> list[dict[str, Any]]:
        at: dict[str, Any] = {"response_id": response.id, "item_id": output.id, "output_index": output.index}
        out: list[dict[str, Any]] = []
        for part in output.parts.values():
            if part.done:
                continue
            place = {**at, "content_index": part.index}
            streams = self._open_streams(part)
            closed = [self._stream_done(kind, name, place, part) for kind, name in streams]
            # xAI ends the audio last (xai.md#22).
            first = 1 if self._uuids and streams and streams[0][0] == "audio" else 0
            said = _said(part, part.body)
            twice = {"content": said} if part.twice else {}
            out += closed[first:]
            out.append({"type": "response.content_part.done", **place, "part": said, **twice})
            out += closed[:first]
        if output.body.get("type") == "function_call" and output.arguments_open:
            call: dict[str, Any] = {key: output.body[key] for key in ("call_id", "name") if key in output.body}
            out.append({"type": "response.function_call_arguments.done", **at, **call, "arguments": output.arguments})
        output.body = self._cut(output, status)
        if output.in_conversation and not output.conversation_done and self._says_item_done():
            before = self._before.get(output.id)
            # It is null where the predecessor is the first item (openai.md#61).
            before = None if before == self._first_item else before
            out.append({"type": "conversation.item.done", "previous_item_id": before, "item": output.body})
        output.done = True
        out.append(
            {
                "type": "response.output_item.done",
                "response_id": response.id,
                "output_index": output.index,
                "item": output.body,
            }
        )
        return out

    def _open_streams(self, part: Part) -> list[tuple[str, str]]:
        """What of a part is not done, in the order of the provider: audio, transcript, text (openai.md#100).

        A part has the streams of its type, also those of which no delta has come yet: both of its audio's are closed
        wherever it is cut (openai.md#113).
        """
        kind = _str(part.body.get("type"))
        if "audio" in kind or "transcript" in part.streams or "audio" in part.streams:
            kinds: tuple[str, ...] = ("audio", "transcript")
        else:
            kinds = ("text",) if "text" in kind else ()
        ended = {_DONES[name] for name in part.ended}
        names = _BETA_DONES if self._beta else _GA_DONES
        streams = {kind: names[kind] for kind in kinds if kind not in ended} | part.streams
        return sorted(streams.items(), key=lambda pair: ("audio", "transcript", "text").index(pair[0]))

    def _stream_done(self, kind: str, name: str, place: dict[str, Any], part: Part) -> dict[str, Any]:
        return {"type": name, **place} if kind == "audio" else {"type": name, **place, kind: part.said}

    def _cut(self, output: Output, status: str) -> dict[str, Any]:
        """The item as it stands at the end of its response."""
        item = {**output.body, "status": status}
        if item.get("type") == "function_call":
            item["arguments"] = output.arguments
        elif output.parts or "content" in item:
            item["content"] = [
                _said(part, {**part.body, "type": self._content_type(part)}) for _, part in sorted(output.parts.items())
            ]
        return item

    def _content_type(self, part: Part) -> str:
        """GA calls a part "audio" and the item's same content "output_audio" (openai.md#99); beta calls both
        "audio" (openai.md#159)."""
        kind = _str(part.body.get("type")) or "audio"
        return kind if self._beta or kind.startswith("output_") else f"output_{kind}"

    def _says_item_done(self) -> bool:
        """GA says ``conversation.item.done``; beta and xAI do not (openai.md#155, xai.md#19): their items
        are never said to be done.

        Whether GA says it of an item that was cut off is unknown (openai.md#173); the schema's text does not except it.
        """
        return not (self._beta or self._uuids or self._unfinished)

    def _frame(self, event: dict[str, Any], ids: Ids) -> Text:
        minted = ids.uuid() if self._uuids else ids.mint("event_")
        ordered = {"type": event["type"], "event_id": minted, **event}
        return Text(dumps(ordered))


def _said(part: Part, body: dict[str, Any]) -> dict[str, Any]:
    key = "text" if "text" in _str(body.get("type")) or "text" in part.streams else "transcript"
    return {**body, key: part.said}


def _no_usage(beta: bool) -> dict[str, Any]:
    kinds = {"text_tokens": 0, "audio_tokens": 0, **({} if beta else {"image_tokens": 0})}
    inputs = {**kinds, "cached_tokens": 0, "cached_tokens_details": kinds}
    totals = dict.fromkeys(("total_tokens", "input_tokens", "output_tokens"), 0)
    outputs = {"text_tokens": 0, "audio_tokens": 0}
    return {**totals, "input_token_details": inputs, "output_token_details": outputs}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _int(value: Any) -> int:
    return value if isinstance(value, int) else 0
