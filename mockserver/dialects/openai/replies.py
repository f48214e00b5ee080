"""The open responses of one connection of the OpenAI family (GA and beta names, OpenAI, Azure, Voice Live, xAI).

``RealtimeReplies`` is fed the frames of one connection and knows the open responses, their items, and what has been
said so far. How one ends early is in ``dialects.openai.endings``. A connection without ``response.created`` has no
responses here, and nothing to end.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from mockserver.core.frames import Frame, Sender, Text
from mockserver.core.ids import Ids
from mockserver.core.json_text import dumps
from mockserver.core.view import Lens, View
from mockserver.dialects.life import Outcome, Status
from mockserver.dialects.openai.course import Opens
from mockserver.dialects.openai.endings import BETA, DELTAS, DONES, OpenItem, OpenPart, OpenResponse, Wording

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
LIMITS = "rate_limits.updated"
OUTPUT = ("response.", "conversation.item.added", "conversation.item.created", "conversation.item.done")
"""Events of an ended response. Others that name its items (truncated, deleted, retrieved) answer the client."""
SILENCE = base64.b64encode(bytes(4_800)).decode()  # 100 ms of 16 bit samples at 24 kHz


class RealtimeReplies:
    """See the head of this module. ``lens`` is needed only to be fed frames instead of views.

    Deltas are most of a session and matter only to a tail, so they are kept as they are until one is asked for.
    """

    def __init__(self, lens: Lens | None = None) -> None:
        self._open: dict[str, OpenResponse] = {}
        self._deltas: list[View | Frame] = []
        self._lens = lens
        self._owner: dict[str, str] = {}  # item id -> response id
        self._wording = Wording()
        self._shape: dict[str, Any] = {"object": "realtime.response", "output_modalities": ["audio"]}
        self._ended: set[str] = set()
        self._last: OpenResponse | None = None  # of those that are over
        self._mute: set[str] = set()  # of those that end has ended, the ones of which nothing had been output
        self._no_limits = False  # the engine has ended one of these too, and will tell what it used

    @property
    def open(self) -> dict[str, OpenResponse]:
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
            self._wording.beta = True
        if name in DELTAS:
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
                self._wording.unfinished.discard(view.item_id or "")
                output = self._output(view)
                if output is not None:
                    output.conversation_done = True
            case "response.content_part.added":
                output = self._output(view)
                if output is not None:
                    index = _int(body.get("content_index"))
                    output.parts[index] = OpenPart(index, _dict(body.get("part")), twice="content" in body)
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

    def outcome(self, view: View) -> Status | None:
        """``response.done`` says it."""
        if view.name != "response.done" or not isinstance(view.body, dict):
            return None
        status = _dict(view.body.get("response")).get("status")
        return status if status in ("cancelled", "failed", "incomplete") else "completed"

    def can_end(self, status: Status) -> bool:
        """``response.done`` has a status for each."""
        return True

    def end(self, reply: str, outcome: Outcome, ids: Ids) -> list[Text]:
        """The events that end an open response (openai.md#113)."""
        response = self._last = self.open[reply]
        del self._open[reply]
        self._ended.add(reply)
        if not response.outputs:
            self._mute.add(reply)
        return self._wording.tail(response, outcome, ids)

    def late(self, view: View) -> bool:
        """What still comes of a response that ``end`` has ended, as its rate limits."""
        if not self._ended:
            return False
        owner = self.owner(view)
        if owner is not None and owner in self._ended and view.name.startswith(OUTPUT):
            if view.name == "response.done":
                self._no_limits = owner in self._mute
            elif view.name == "response.output_item.added":
                # Where the engine had said all at one instant: the conversation's events of this item follow.
                self.see(Sender.SERVER, view, name=view.name)
            return True
        if self._no_limits and view.name == LIMITS:
            self._no_limits = False  # none where nothing was output (openai.md#112)
            return True
        return False

    def speak(self, words: str, ids: Ids) -> tuple[str, list[Text]]:
        """A response in GA names, or in those of the last one."""
        response = ids.mint("resp_")
        fresh: dict[str, Any] = {"status": "in_progress", "output": []}
        fresh |= dict.fromkeys(("status_details", "usage", "metadata"))
        item, begin = self._message(response, 0, ids)
        at = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        text, stem = self._written, "response." if self._beta else "response.output_"
        events: list[dict[str, Any]] = [
            {"type": "response.created", "response": {**self._shape, "id": response, **fresh}},
            *begin,
            {"type": f"{stem}{'text' if text else 'audio_transcript'}.delta", **at, "delta": words},
        ]
        if not text:
            events.append({"type": f"{stem}audio.delta", **at, "delta": SILENCE})
        frames = _frames(events, ids)
        for frame in frames:
            self.see(Sender.SERVER, frame)
        tail = self._wording.tail(self.open[response], Outcome("completed"), ids)
        del self._open[response]
        return response, [*frames, *tail]

    def belated(self, reply: str, ids: Ids) -> list[Text]:
        """A message is announced, and a part of it, as if the response went on."""
        last = self._last
        index = len(last.outputs) if last is not None and last.id == reply else 0
        return _frames(self._message(reply, index, ids)[1], ids)

    @property
    def _beta(self) -> bool:
        return "modalities" in self._shape

    @property
    def _written(self) -> bool:
        """Whether responses are text."""
        return "audio" not in (self._shape.get("modalities") or self._shape.get("output_modalities") or ())

    def _message(self, response: str, index: int, ids: Ids) -> tuple[str, list[dict[str, Any]]]:
        """A message of a response begins: its id, and the events that say so."""
        item = ids.mint("item_")
        message: dict[str, Any] = {"id": item, "object": "realtime.item", "type": "message"}
        message |= {"status": "in_progress", "role": "assistant", "content": []}
        at = {"response_id": response, "item_id": item, "output_index": index, "content_index": 0}
        part = {"type": "text", "text": ""} if self._written else {"type": "audio", "transcript": ""}
        created = f"conversation.item.{'created' if self._beta else 'added'}"
        said: dict[Opens, dict[str, Any]] = {
            "item": {
                "type": "response.output_item.added",
                "response_id": response,
                "output_index": index,
                "item": message,
            },
            "conversation": {"type": created, "previous_item_id": None, "item": message},
            "part": {"type": "response.content_part.added", **at, "part": part},
        }
        return item, [said[what] for what in self._wording.course.opens]

    # --- inside ---

    def _view(self, what: View | Frame) -> View:
        return what if isinstance(what, View) else self._looking().view(what, Sender.SERVER)

    def _peek(self, frame: Frame) -> str:
        return self._looking().peek(frame, Sender.SERVER)

    def _looking(self) -> Lens:
        if self._lens is None:
            raise TypeError(
                "RealtimeReplies was made without a lens: feed it views, or make it with RealtimeReplies(dialect)"
            )
        return self._lens

    def _created(self, view: View, body: dict[str, Any]) -> None:
        if view.response_id is None:
            return
        self._wording.uuids = bool(_UUID.match(view.event_id or ""))
        response = _dict(body.get("response"))
        self._wording.beta = self._wording.beta or "modalities" in response
        self._shape = response or self._shape
        self._open[view.response_id] = OpenResponse(view.response_id, response)

    def _item_added(self, view: View, body: dict[str, Any]) -> None:
        response = self._open.get(view.response_id or "")
        if view.item_id is None or view.response_id is None:
            return
        self._owner[view.item_id] = view.response_id
        if response is not None:
            item = _dict(body.get("item"))
            response.outputs[view.item_id] = OpenItem(
                view.item_id, _int(body.get("output_index")), item, arguments_open=item.get("type") == "function_call"
            )

    def _conversation(self, view: View, body: dict[str, Any]) -> None:
        if view.item_id is None:
            return
        before = body.get("previous_item_id")
        self._wording.before[view.item_id] = before if isinstance(before, str) else None
        if self._wording.first_item is None:
            self._wording.first_item = view.item_id
        output = self._output(view)
        if output is not None:
            output.in_conversation = True
        elif _dict(body.get("item")).get("status") == "completed":
            self._wording.unfinished.add(view.item_id)

    def _output(self, view: View) -> OpenItem | None:
        response = self._open.get(self.owner(view) or "")
        return None if response is None else response.outputs.get(view.item_id or "")

    def _delta(self, view: View) -> None:
        output, body = self._output(view), view.body
        if output is None or not isinstance(body, dict):
            return
        index = _int(body.get("content_index"))
        part = output.parts.setdefault(index, OpenPart(index, {}))
        kind = DELTAS[view.name]
        name = view.name.removesuffix("delta") + "done"
        if name not in part.ended:
            part.streams[kind] = name
        if kind == "audio":
            part.audio_bytes += view.audio.size if view.audio is not None else 0
        else:
            part.said += _str(body.get("delta"))

    def _done(self, view: View, body: dict[str, Any]) -> None:
        if view.name == "response.done":
            ended = self._open.pop(view.response_id or "", None)
            self._last = ended or self._last
            if ended is not None and not self._open:
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
            output.parts.setdefault(index, OpenPart(index, {})).done = True
        elif view.name in DONES:
            part = output.parts.setdefault(index, OpenPart(index, {}))
            part.ended.add(view.name)
            part.streams = {kind: name for kind, name in part.streams.items() if name != view.name}


def _frames(events: list[dict[str, Any]], ids: Ids) -> list[Text]:
    return [Text(dumps({"type": event["type"], "event_id": ids.mint("event_"), **event})) for event in events]


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _int(value: Any) -> int:
    return value if isinstance(value, int) else 0
