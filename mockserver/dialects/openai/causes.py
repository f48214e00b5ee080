"""Which client frame a server frame of the OpenAI family answers (clients.md#23 to clients.md#29).

Shared by OpenAI, Azure, Voice Live and xAI, in GA and beta names. Deltas are told apart by their name and their
``response_id`` alone, without parsing them: they are most of a recording.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mockserver.core.frames import Frame, Text
from mockserver.core.view import View
from mockserver.dialects.base import parse
from mockserver.dialects.causes import BEFORE, TURNS, Ahead, Cause, On, Role
from mockserver.dialects.openai.order import aside

_RESPONSE_ID = re.compile(r'"response_id"\s*:\s*"([^"\\]+)"')
_ITEM_ID = re.compile(r'"item_id"\s*:\s*"([^"\\]+)"')

OPENING = ("session.created", "conversation.created", "ping")
"""Sent unasked. xAI's ``ping`` is kept at its time after the connection (xai.md#6)."""
HEARD = (
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.timeout_triggered",
    "input_audio_buffer.dtmf_event_received",
)
ITEM_ECHO = ("conversation.item.added", "conversation.item.done", "conversation.item.created")
ANSWERS = {
    "session.updated": "session.update",
    "transcription_session.updated": "transcription_session.update",
    "input_audio_buffer.cleared": "input_audio_buffer.clear",
    "output_audio_buffer.cleared": "output_audio_buffer.clear",
    "conversation.item.truncated": "conversation.item.truncate",
    "conversation.item.deleted": "conversation.item.delete",
    "conversation.item.retrieved": "conversation.item.retrieve",
}
"""What answers what, in order, by item id where there is one."""
ACKNOWLEDGED = {
    **{asked: (answer,) for answer, asked in ANSWERS.items()},
    "conversation.item.create": ("conversation.item.added", "conversation.item.created"),
    "input_audio_buffer.commit": ("input_audio_buffer.committed",),
}
"""What the service says to each request that it answers at once."""
BLAMED = {
    "conversation_already_has_active_response": "response.create",
    "response_cancel_not_active": "response.cancel",
    "input_audio_buffer_commit_empty": "input_audio_buffer.commit",
    "item_create_duplicate_item_id": "conversation.item.create",
    "item_retrieve_invalid_item_id": "conversation.item.retrieve",
    "item_truncate_invalid_item_id": "conversation.item.truncate",
    "item_delete_invalid_item_id": "conversation.item.delete",
}
"""Which request an error is about where it names none (error.event_id null)."""
NAMED = (
    ("session.", ("session.update", "transcription_session.update")),
    ("response.", ("response.create",)),
    ("item.", ("conversation.item.create",)),
)
"""The same, by how ``error.param`` begins."""
SILENT = ("response.cancel",)
"""Requests that the service does not answer, so that they are always the oldest without an answer."""


@dataclass(slots=True)
class _Asked:
    """A client frame that has not been answered yet."""

    step: int
    name: str
    body: dict[str, Any]

    @property
    def item_id(self) -> str | None:
        item = self.body.get("item")
        found = item.get("id") if isinstance(item, dict) else self.body.get("item_id")
        return found if isinstance(found, str) else None


class RealtimeCauses:
    """What each server frame of one recorded connection waits for."""

    def __init__(self) -> None:
        self._asked: dict[str, deque[_Asked]] = {}
        self._by_event: dict[str, _Asked] = {}
        self._items: dict[str, str] = {}  # item id -> label of the last frame about it
        self._chains: dict[str, str] = {}  # response id -> chain
        self._cuts: dict[str, Cause] = {}  # response id -> what its end waits for
        self._deltas: dict[str, Cause] = {}
        self._running: list[str] = []
        self._last_response = ""
        self._speaker = ""  # label of the last committed user audio, for the response that follows by itself
        self._idle = ""  # label of a timeout whose audio has not been committed yet

    # --- the client's side ---

    def client(self, step: int, view: View, ahead: Ahead) -> str:
        """Remember a request."""
        body = view.body if isinstance(view.body, dict) else {}
        asked = _Asked(step, view.name, body)
        self._asked.setdefault(view.name, deque()).append(asked)
        if view.event_id:
            self._by_event[view.event_id] = asked
        if view.name != "response.cancel":
            return ""
        target = view.response_id or (self._running[-1] if self._running else "")
        if target in self._running and target not in self._cuts:
            if _end_of(target, ahead) == "cancelled":
                self._cuts[target] = Cause(On.STEPS, steps=(step,), closing=True)
            return target
        return ""

    def audio(self) -> None:
        """How much audio there was is counted elsewhere."""

    # --- the server's side ---

    def server(self, name: str, frame: Frame, ahead: Ahead) -> Cause:
        """What a server frame answers."""
        if name.endswith(".delta") and isinstance(frame, Text):
            found = _RESPONSE_ID.search(frame.data)
            cause = self._deltas.get(found[1]) if found else None
            if cause is not None:
                return cause
        if name.startswith(("response.", "output_audio_buffer.")) and name not in ANSWERS:
            return self._of_response(name, frame)
        if name in OPENING:
            return Cause(On.OPENING, chain="opening", prompt=True)
        if name in HEARD:
            return self._heard(name, frame, ahead)
        if name.startswith("conversation.item.input_audio_transcription."):
            item = _found(_ITEM_ID, frame)
            like = self._items.get(item, "")
            return Cause(On.LIKE, chain=f"transcript {item}", like=like) if like else BEFORE
        if name == "rate_limits.updated" and self._last_response:
            response = self._last_response
            return Cause(
                On.LIKE, self._chains[response], like=f"response {response}", response=response, role=Role.PART
            )
        cause = self._of_request(name, _body(frame))
        return cause if cause.response else replace(cause, prompt=True)

    def _of_request(self, name: str, body: dict[str, Any]) -> Cause:
        if name in ITEM_ECHO:
            return self._echo(name, body)
        if name == "input_audio_buffer.committed":
            return self._committed(body)
        if name == "error":
            asked = self._blamed(body.get("error"))
            return Cause(On.STEPS, f"step {asked.step}", (asked.step,)) if asked else BEFORE
        if name in ANSWERS:
            asked = self._answered(
                ANSWERS[name], _text(body.get("item_id")) or _text(_dict(body.get("item")).get("id"))
            )
            if name == "conversation.item.deleted":
                self._items.pop(_text(body.get("item_id")) or "", None)  # its id may come again
            if asked:
                return Cause(On.STEPS, f"step {asked.step}", (asked.step,))
        return BEFORE

    def _of_response(self, name: str, frame: Frame) -> Cause:
        if name == "response.created":
            return self._created(_body(frame))
        if name == "response.done":
            response = _text(_dict(_body(frame).get("response")).get("id")) or ""
        else:
            response = _found(_RESPONSE_ID, frame)
        if response not in self._chains:
            if name != "response.done":
                return BEFORE
            # It was never said to have begun (openai.md#116); its request is answered all the same.
            asked = self._creator(_dict(_body(frame).get("response")))
            done = Cause(On.BEFORE, chain=TURNS)
            return replace(done, on=On.STEPS, steps=(asked.step,)) if asked else done
        chain, like = self._chains[response], f"response {response}"
        if name.endswith(".delta"):
            # The same object for all of them: replay then knows that nothing has
            # changed between two.
            cause = Cause(On.LIKE, chain, like=like, response=response, role=Role.DELTA)
            self._deltas[response] = cause
            return cause
        if name == "response.output_item.added":
            item = _text(_dict(_body(frame).get("item")).get("id"))
            if item:
                self._items[item] = like
        role = Role.PART
        if name == "response.done":
            role = Role.ENDS
            self._last_response = response
            if response in self._running:
                self._running.remove(response)
        cut = self._cuts.get(response)
        if cut is None:
            return Cause(On.LIKE, chain, like=like, response=response, role=role)
        return replace(cut, chain=chain, response=response, role=role, prompt=True)

    def _created(self, body: dict[str, Any]) -> Cause:
        described = _dict(body.get("response"))
        response = _text(described.get("id")) or ""
        label = f"response {response}"
        asked = self._creator(described)
        apart = aside(_dict(asked.body.get("response"))) if asked else False
        speaker = self._speaker
        if not apart:
            self._speaker = ""
        chain = label if apart else TURNS
        self._chains[response] = chain
        self._running.append(response)
        self._last_response = response
        begins = Cause(On.BEFORE, chain, label=label, response=response, role=Role.BEGINS, prompt=True)
        if asked:
            return replace(begins, on=On.STEPS, steps=(asked.step,))
        if speaker:
            return replace(begins, on=On.LIKE, like=speaker)
        return begins

    def _creator(self, described: dict[str, Any]) -> _Asked | None:
        """The request of a response: the one with the same metadata, else the oldest one without any."""
        waiting = self._asked.get("response.create")
        metadata = described.get("metadata") or None
        for asked in waiting or ():
            if (_dict(asked.body.get("response")).get("metadata") or None) == metadata:
                waiting.remove(asked)  # type: ignore[union-attr]  # the loop ran, so there is a queue
                return asked
        # A server that does not echo metadata (xAI, some Azure versions): order is all there is.
        if waiting and metadata is None and not self._speaker:
            return waiting.popleft()
        return None

    def _heard(self, name: str, frame: Frame, ahead: Ahead) -> Cause:
        item = _found(_ITEM_ID, frame)
        label = f"item {item}"
        self._items[item] = label
        if name == "input_audio_buffer.timeout_triggered":
            self._idle = label
        if name == "input_audio_buffer.speech_started":
            for response in self._running:
                if response not in self._cuts and _end_of(response, ahead, until=HEARD[0]) == "cancelled":
                    self._cuts[response] = Cause(On.LIKE, like=label)
        # Without turn detection xAI tells of speech when the client commits (xai.md#26).
        asked = self._asked.get("input_audio_buffer.commit")
        return Cause(On.BOTH if asked else On.AUDIO, chain="ears", label=label)

    def _committed(self, body: dict[str, Any]) -> Cause:
        item = _text(body.get("item_id")) or ""
        asked = self._answered("input_audio_buffer.commit", None)
        label = self._items[item] = f"item {item}"
        self._idle = ""
        if asked:
            return Cause(On.STEPS, chain="ears", steps=(asked.step,), label=label)
        self._speaker = label
        return Cause(On.AUDIO, chain="ears", label=label)

    def _echo(self, name: str, body: dict[str, Any]) -> Cause:
        item = _dict(body.get("item"))
        item_id = _text(item.get("id")) or ""
        label = self._items.get(item_id, "")
        if label.startswith("response "):
            response = label.removeprefix("response ")
            cut = self._cuts.get(response) if name == "conversation.item.done" else None
            if cut:
                return replace(cut, chain=self._chains[response], response=response, role=Role.PART, prompt=True)
            return Cause(On.LIKE, self._chains[response], like=label, response=response, role=Role.PART)
        if label:
            return Cause(On.LIKE, "ears" if label.startswith("item ") else label, like=label)
        asked = self._asker(item)
        if asked is None and self._idle:
            # The idle timeout puts a system message before the audio that it commits (openai.md#87).
            self._items[item_id] = self._idle
            return Cause(On.LIKE, "ears", like=self._idle)
        if asked is None:
            return BEFORE
        label = self._items[item_id] = f"asked {asked.step}"
        return Cause(On.STEPS, label, (asked.step,), label=label)

    def _asker(self, item: dict[str, Any]) -> _Asked | None:
        """The item.create that an item came from: by id, by call id, by what it says, by order."""
        waiting = self._asked.get("conversation.item.create")
        if not waiting:
            return None
        asked = next((one for one in waiting if one.item_id and one.item_id == item.get("id")), None)
        if asked is None:
            nameless = [one for one in waiting if one.item_id is None and _same_item(_dict(one.body.get("item")), item)]
            asked = next(iter(nameless), None)
        if asked is not None:
            waiting.remove(asked)
        return asked

    def _answered(self, name: str, item_id: str | None) -> _Asked | None:
        waiting = self._asked.get(name)
        if not waiting:
            return None
        asked = next((one for one in waiting if item_id and one.item_id == item_id), waiting[0])
        waiting.remove(asked)
        return asked

    def _blamed(self, error: Any) -> _Asked | None:
        """The request that an error is about: named by ``error.event_id``, else the kind's latest, else the oldest that
        may be meant.
        """
        error = _dict(error)
        event_id = _text(error.get("event_id"))
        asked = self._by_event.pop(event_id, None) if event_id else None
        if asked is None and not event_id:
            asked = self._refused(str(error.get("code")), _text(error.get("param")) or "", error.get("type"))
        if asked and asked in self._asked.get(asked.name, ()):
            self._asked[asked.name].remove(asked)
        return asked

    def _refused(self, code: str, param: str, kind: object) -> _Asked | None:
        waiting = self._asked.get(BLAMED.get(code, ""))
        if waiting:
            return waiting[-1]
        if kind != "invalid_request_error":
            return None  # trouble of the service's own
        named = next((names for begin, names in NAMED if param.startswith(begin)), ())
        left = [
            one
            for name, asked in self._asked.items()
            for one in asked
            if name not in SILENT and (not named or name in named)
        ]
        return min(left, key=lambda one: one.step, default=None)


def parts(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The content parts of an item; none where something else stands in their place."""
    content = item.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _same_item(sent: dict[str, Any], shown: dict[str, Any]) -> bool:
    for key in ("type", "role", "call_id"):
        if key in sent and key in shown and sent[key] != shown[key]:
            return False
    words = [[part.get("text") for part in parts(one)] for one in (sent, shown)]
    return words[0] == words[1] or not any(words[1]) or not any(words[0])


def _end_of(response: str, ahead: Ahead, *, until: str = "") -> str:
    """How a response ends in the recording: its status, or "" where it does not end, or not before ``until``."""
    for name, frame in ahead():
        if name == until:
            return ""
        if name == "response.done" and isinstance(frame, Text) and response in frame.data:
            described = _dict(_body(frame).get("response"))
            if described.get("id") == response:
                return str(described.get("status"))
    return ""


def _body(frame: Frame) -> dict[str, Any]:
    return _dict(parse(frame.data)) if isinstance(frame, Text) else {}


def _found(pattern: re.Pattern[str], frame: Frame) -> str:
    found = pattern.search(frame.data) if isinstance(frame, Text) else None
    return found[1] if found else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
