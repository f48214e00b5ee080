"""How the OpenAI family ends a response early: the events that close what is open, in the order of the provider.

``OpenResponse`` and its items and parts are what a tracker has seen of a response (``dialects.openai.replies``).
``Wording`` turns that into the *tail*: the events by which the provider itself would end it, in the names that the
connection has used so far. It learns the names from the frames, so it asks no dialect for its name.

Sources: openai.md#100 (what is closed, in which order, also when a response is interrupted, incomplete or cancelled),
openai.md#111 to openai.md#113.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mockserver.core.frames import Text
from mockserver.core.ids import Ids
from mockserver.core.json_text import dumps
from mockserver.dialects.life import Outcome
from mockserver.dialects.openai import course as courses
from mockserver.dialects.openai.course import ResponseCourse

DELTAS = {
    "response.output_audio.delta": "audio",
    "response.audio.delta": "audio",
    "response.output_audio_transcript.delta": "transcript",
    "response.audio_transcript.delta": "transcript",
    "response.output_text.delta": "text",
    "response.text.delta": "text",
}
DONES = {name.removesuffix("delta") + "done": kind for name, kind in DELTAS.items()}
GA_DONES = {kind: name for name, kind in DONES.items() if name.startswith("response.output_")}
BETA_DONES = {kind: name for name, kind in DONES.items() if not name.startswith("response.output_")}
BETA = frozenset(
    {"conversation.item.created", "response.audio.delta", "response.audio_transcript.delta", "response.text.delta"}
)


@dataclass(slots=True)
class OpenPart:
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
class OpenItem:
    """An output item of a response, as far as it is known."""

    id: str
    index: int
    body: dict[str, Any]
    parts: dict[int, OpenPart] = field(default_factory=dict)
    arguments: str = ""
    arguments_open: bool = False
    in_conversation: bool = False  # an event of the conversation named it
    conversation_done: bool = False
    done: bool = False


@dataclass(slots=True)
class OpenResponse:
    """A response that was created and is not done. ``body`` is the object that ``response.created`` held."""

    id: str
    body: dict[str, Any]
    outputs: dict[str, OpenItem] = field(default_factory=dict)

    @property
    def audio_bytes(self) -> int:
        """Bytes of audio sent so far."""
        return sum(part.audio_bytes for output in self.outputs.values() for part in output.parts.values())

    @property
    def said(self) -> str:
        """Text and transcript so far."""
        return "".join(part.said for output in self.outputs.values() for part in output.parts.values())


@dataclass(slots=True)
class Wording:
    """What one connection has shown of its provider's habits, and the events that follow from them."""

    beta: bool = False
    uuids: bool = False  # xAI: ids are UUIDs
    first_item: str | None = None
    before: dict[str, str | None] = field(default_factory=dict)  # item id -> previous_item_id, as stated
    unfinished: set[str] = field(default_factory=set)  # completed items that were added and not (yet) said to be done

    def tail(self, response: OpenResponse, outcome: Outcome, ids: Ids) -> list[Text]:
        """The events that end an open response (openai.md#113)."""
        status, course = outcome.status, self.course
        out: list[dict[str, Any]] = []
        for output in response.outputs.values():
            if not output.done:
                out += self._end_output(response, output, course.endings[status].open_items)
        body = dict(response.body)
        body["status"] = status
        body["status_details"] = course.details(outcome)
        body["output"] = [output.body for output in response.outputs.values()]
        # Counts of a response that was cut off are not known; of one cancelled before its output
        # they are 0 (openai.md#112).
        body["usage"] = _no_usage(self.beta)
        out.append({"type": "response.done", "response": body})
        return [self.frame(event, ids) for event in out]

    def frame(self, event: dict[str, Any], ids: Ids) -> Text:
        """An event with an id of its own."""
        minted = ids.uuid() if self.uuids else ids.mint("event_")
        return Text(dumps({"type": event["type"], "event_id": minted, **event}))

    def _end_output(self, response: OpenResponse, output: OpenItem, status: str) -> list[dict[str, Any]]:
        at: dict[str, Any] = {"response_id": response.id, "item_id": output.id, "output_index": output.index}
        out: list[dict[str, Any]] = []
        for part in output.parts.values():
            if part.done:
                continue
            place = {**at, "content_index": part.index}
            said = _said(part, part.body)
            twice = {"content": said} if part.twice else {}
            streams = self._open_streams(part)
            for what in self.course.part:
                if what == "part":
                    out.append({"type": "response.content_part.done", **place, "part": said, **twice})
                elif what in streams:
                    out.append(self._stream_done(what, streams[what], place, part))
        if output.body.get("type") == "function_call" and output.arguments_open:
            call: dict[str, Any] = {key: output.body[key] for key in ("call_id", "name") if key in output.body}
            out.append({"type": "response.function_call_arguments.done", **at, **call, "arguments": output.arguments})
        output.body = self._cut(output, status)
        # Whether GA says it of an item that was cut off is unknown (openai.md#173); the schema does not except it.
        known = output.in_conversation and not output.conversation_done and not self.unfinished
        for end in self.course.ends:
            if end == "item":
                place = {"response_id": response.id, "output_index": output.index}
                out.append({"type": "response.output_item.done", **place, "item": output.body})
            elif known:
                before = self.before.get(output.id)
                # It is null where the predecessor is the first item (openai.md#61).
                before = None if before == self.first_item else before
                out.append({"type": "conversation.item.done", "previous_item_id": before, "item": output.body})
        output.done = True
        return out

    @property
    def course(self) -> ResponseCourse:
        """The table of the provider that speaks so."""
        return courses.XAI if self.uuids else courses.BETA if self.beta else courses.GA

    def _open_streams(self, part: OpenPart) -> dict[str, str]:
        """What of a part is not done, and the event that says so.

        A part has the streams of its type, also those of which no delta has come yet: both of its audio's are closed
        wherever it is cut (openai.md#113).
        """
        kind = _str(part.body.get("type"))
        if "audio" in kind or "transcript" in part.streams or "audio" in part.streams:
            kinds: tuple[str, ...] = ("audio", "transcript")
        else:
            kinds = ("text",) if "text" in kind else ()
        ended = {DONES[name] for name in part.ended}
        names = BETA_DONES if self.beta else GA_DONES
        return {kind: names[kind] for kind in kinds if kind not in ended} | part.streams

    def _stream_done(self, kind: str, name: str, place: dict[str, Any], part: OpenPart) -> dict[str, Any]:
        return {"type": name, **place} if kind == "audio" else {"type": name, **place, kind: part.said}

    def _cut(self, output: OpenItem, status: str) -> dict[str, Any]:
        """The item as it stands at the end of its response."""
        item = {**output.body, "status": status}
        if item.get("type") == "function_call":
            item["arguments"] = output.arguments
        elif output.parts or "content" in item:
            item["content"] = [
                _said(part, {**part.body, "type": self._content_type(part)}) for _, part in sorted(output.parts.items())
            ]
        return item

    def _content_type(self, part: OpenPart) -> str:
        """GA calls a part "audio" and the item's same content "output_audio" (openai.md#99); beta calls both
        "audio" (openai.md#159)."""
        kind = _str(part.body.get("type")) or "audio"
        return kind if self.beta or kind.startswith("output_") else f"output_{kind}"


def _said(part: OpenPart, body: dict[str, Any]) -> dict[str, Any]:
    key = "text" if "text" in _str(body.get("type")) or "text" in part.streams else "transcript"
    return {**body, key: part.said}


def _no_usage(beta: bool) -> dict[str, Any]:
    kinds = {"text_tokens": 0, "audio_tokens": 0, **({} if beta else {"image_tokens": 0})}
    inputs = {**kinds, "cached_tokens": 0, "cached_tokens_details": kinds}
    totals = dict.fromkeys(("total_tokens", "input_tokens", "output_tokens"), 0)
    outputs = {"text_tokens": 0, "audio_tokens": 0}
    return {**totals, "input_token_details": inputs, "output_token_details": outputs}


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""
