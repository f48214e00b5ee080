"""Faults that leave parts of a response out or add what nobody asked for: no beginning, no end, another response."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Unpack

from mockserver.core.frames import Item, Micros, Sender, Text, to_client
from mockserver.core.typed import checked
from mockserver.dialects.base import parse
from mockserver.errors import UsageError
from mockserver.faults.base import Action, Aims, Body, Fault, Moment, Run, Sight, register
from mockserver.faults.life import Living
from mockserver.faults.options import On, Options, make
from mockserver.faults.values import dump

CREATED = ("response.created",)
KEPT = 64  # deltas that are remembered; enough to find one of a response beside others that speak at the same time


@register
@dataclass(frozen=True, slots=True)
class Headless(Action):
    """A response of which only the end is told: seen during interruptions (openai.md#116)."""

    syntax: ClassVar[str] = "done without created"
    about: ClassVar[str] = "Of a response nothing comes but its response.done."
    example: ClassVar[str] = "done without created on 2nd response.created"
    group: ClassVar[str] = "response"
    on: ClassVar[tuple[str, ...]] = CREATED

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Muting(run, created=False)


@register
@dataclass(frozen=True, slots=True)
class Endless(Action):
    """A response of which only the beginning is told."""

    syntax: ClassVar[str] = "created without done"
    about: ClassVar[str] = "Of a response nothing comes but its response.created."
    example: ClassVar[str] = "created without done on 2nd response.created"
    group: ClassVar[str] = "response"
    on: ClassVar[tuple[str, ...]] = CREATED

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Muting(run, created=True)


class Muting(Body):
    """Lets nothing of a response go on but its first or its last event."""

    screens = True

    def __init__(self, run: Run, *, created: bool) -> None:
        super().__init__(run)
        self.created = created
        self._muted: set[str] = set()
        self._items: set[str] = set()

    def screen(self, sight: Sight, now: Micros) -> Iterable[Item] | None:
        """Keep what belongs to a muted response from going on."""
        if not self._muted or sight.sender is not Sender.SERVER:
            return None
        view = sight.view
        if view.response_id in self._muted and view.item_id is not None:
            self._items.add(view.item_id)
        if view.response_id not in self._muted and view.item_id not in self._items:
            return None
        return None if sight.name == "response.done" and not self.created else ()

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """The response is muted from here on."""
        response = sight.view.response_id
        if response is None:
            return (sight.item,)
        self._muted.add(response)
        if self.created:
            return (self.run.fire("let through nothing after", sight), sight.item)
        return (self.run.fire("let through nothing but the end of", sight),)


@register
@dataclass(frozen=True, slots=True)
class Unrequested(Action):
    """``sentence`` is what it says. Its shape is that of the last response of the session, if there was one."""

    syntax: ClassVar[str] = "unrequested response [saying <sentence:text>]"
    about: ClassVar[str] = "A whole response comes that nobody asked for."
    example: ClassVar[str] = "unrequested response on session.updated"
    group: ClassVar[str] = "response"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = ("response.done",)

    sentence: str = "Nobody asked for this."

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Talking(run, self.sentence, second=False)


@register
@dataclass(frozen=True, slots=True)
class Second(Action):
    """As ``Unrequested``, but only while another response is on its way."""

    syntax: ClassVar[str] = "second response [saying <sentence:text>]"
    about: ClassVar[str] = "A whole other response comes in the middle of one that is on its way."
    example: ClassVar[str] = "second response on 1st response.output_audio.delta"
    group: ClassVar[str] = "response"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = ("response.content_part.added",)

    sentence: str = "I speak at the same time."

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Talking(run, self.sentence, second=True)


SILENCE = base64.b64encode(bytes(4_800)).decode()  # 100 ms of 16 bit samples at 24 kHz


class Talking(Living):
    """Makes up a response, in GA names or in those of the last one."""

    def __init__(self, run: Run, words: str, *, second: bool) -> None:
        super().__init__(run)
        self.words = words
        self.second = second
        self._last: dict[str, Any] = {"object": "realtime.response", "output_modalities": ["audio"]}

    def settle(self) -> None:
        """Remembers the shape of the last response."""
        sight = self._at_hand
        super().settle()
        if sight is not None and sight.name == "response.created" and isinstance(sight.view.body, dict):
            response = sight.view.body.get("response")
            self._last = response if isinstance(response, dict) else self._last

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """All events of the made-up response at once."""
        if self.second and not self.turns.open:
            return ()
        ids = self.run.ids
        response, item = ids.mint("resp_"), ids.mint("item_")
        beta = "modalities" in self._last
        text = "audio" not in (self._last.get("modalities") or self._last.get("output_modalities") or ())
        stem = "response." if beta else "response.output_"
        body = {
            **self._last,
            "id": response,
            "status": "in_progress",
            "status_details": None,
            "output": [],
            "usage": None,
            "metadata": None,
        }
        message = {
            "id": item,
            "object": "realtime.item",
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }
        at = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        part = {"type": "text", "text": ""} if text else {"type": "audio", "transcript": ""}
        events: list[dict[str, Any]] = [
            {"type": "response.created", "response": body},
            {"type": "response.output_item.added", "response_id": response, "output_index": 0, "item": message},
            {"type": f"conversation.item.{'created' if beta else 'added'}", "previous_item_id": None, "item": message},
            {"type": "response.content_part.added", **at, "part": part},
            {"type": f"{stem}{'text' if text else 'audio_transcript'}.delta", **at, "delta": self.words},
        ]
        if not text:
            events.append({"type": f"{stem}audio.delta", **at, "delta": SILENCE})
        frames = [Text(dump({"type": event["type"], "event_id": ids.mint("event_"), **event})) for event in events]
        for frame in frames:
            self.turns.see(Sender.SERVER, frame)
        frames += self.turns.completed_tail(response, ids)
        return [self.run.fire("spoke unasked at", sight, response_id=response), *map(to_client, frames)]


@register
@dataclass(frozen=True, slots=True)
class DeltasAfter(Action):
    """``count``: how many."""

    syntax: ClassVar[str] = "deltas after cancel [<count:count> times]"
    about: ClassVar[str] = (
        "After a response was cancelled, its last delta keeps coming, with new event ids: three "
        "times, or as often as said."
    )
    example: ClassVar[str] = "deltas after cancel 5 times"
    group: ClassVar[str] = "response"
    aims: ClassVar[Aims] = "moment"
    on: ClassVar[tuple[str, ...]] = ("response.done",)

    count: int = 3

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(f"deltas after cancel: expected 1 or more, got {self.count}")

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Lingering(run, self)


class Lingering(Moment):
    """Keeps the last deltas, unread: which response they are of is asked when one was cancelled."""

    screens = True

    def __init__(self, run: Run, action: DeltasAfter) -> None:
        super().__init__(run)
        self.count = action.count
        self._last: deque[Sight] = deque(maxlen=KEPT)

    def screen(self, sight: Sight, now: Micros) -> Iterable[Item] | None:
        """Remember the delta for later."""
        if sight.name.endswith(".delta") and sight.name.startswith("response.") and isinstance(sight.frame, Text):
            self._last.append(sight)
        return None

    def strike(self, sight: Sight | None, now: Micros) -> Iterable[Item]:
        """After the end of a cancelled response."""
        if sight is None:
            return ()
        view = sight.view
        response = view.body.get("response") if isinstance(view.body, dict) else None
        status = response.get("status") if isinstance(response, dict) else None
        if status != "cancelled":
            return ()
        last = next((kept for kept in reversed(self._last) if kept.view.response_id == view.response_id), None)
        if last is None or not isinstance(last.frame, Text):
            return ()
        out: list[Item] = [self.run.fire("sent deltas after", sight, count=self.count)]
        for _ in range(self.count):
            body = parse(last.frame.data)
            body["event_id"] = self.run.ids.mint("event_")
            out.append(to_client(Text(dump(body))))
        return out


# --- constructors ---------------------------------------------------------------------------------------------------


@checked("faults.done_without_created")
def done_without_created(on: On = (), **options: Unpack[Options]) -> Fault:
    """Only the end of a response comes."""
    return make(Headless(), on, options)


@checked("faults.created_without_done")
def created_without_done(on: On = (), **options: Unpack[Options]) -> Fault:
    """Only the beginning of a response comes."""
    return make(Endless(), on, options)


@checked("faults.unrequested_response")
def unrequested_response(on: On = (), *, words: str | None = None, **options: Unpack[Options]) -> Fault:
    """A response that nobody asked for; by default after each response.done."""
    return make(Unrequested() if words is None else Unrequested(words), on, options)


@checked("faults.second_response")
def second_response(on: On = (), *, words: str | None = None, **options: Unpack[Options]) -> Fault:
    """Another response in the middle of one."""
    return make(Second() if words is None else Second(words), on, options)


@checked("faults.deltas_after_cancel")
def deltas_after_cancel(on: On = (), *, count: int = 3, **options: Unpack[Options]) -> Fault:
    """Deltas that keep coming after a cancel."""
    return make(DeltasAfter(count), on, options)
