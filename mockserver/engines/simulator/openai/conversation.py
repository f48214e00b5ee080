"""The default conversation: its items in order, and the events that tell of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

from mockserver.engines.simulator.openai import problems
from mockserver.engines.simulator.openai.audio_formats import audio_format, received
from mockserver.engines.simulator.openai.items import Item, item_from
from mockserver.engines.simulator.openai.options import Misbehaviour
from mockserver.engines.simulator.openai.wire import Wire
from mockserver.engines.simulator.voice.listening import Ear
from mockserver.engines.simulator.voice.words import words_until

_CALL_ID = re.compile(r"[a-zA-Z0-9_-]+")


class Conversation:
    """Items by position. ``create`` and its siblings check first and change nothing where they raise."""

    def __init__(self, wire: Wire, ear: Ear) -> None:
        self.wire = wire
        self.ear = ear
        self.id = wire.context.place.mint(lambda: wire.mint("conversation"))
        self.items: list[Item] = []  # changed by ``_put`` and ``delete`` alone
        self._ids: Counter[str] = Counter()
        self.asked: set[str] = set()  # labels of MCP servers whose tools are about to be listed
        self.twice: Literal["refused", "appended", "echoed"] = "refused"  # what an id means that is used already

    # --- lookups ---

    def find(self, item_id: str) -> Item | None:
        """The item with this id, or None."""
        if item_id not in self._ids:  # nearly always: a new item, and of others there may be very many
            return None
        return next((item for item in self.items if item.id == item_id), None)

    def before(self, item: Item) -> str | None:
        """The id of the item before this one, or None."""
        # It is nearly always the last, and a session may have very many.
        place = len(self.items) - 1 if self.items[-1] is item else self.items.index(item)
        return self.items[place - 1].id if place else None

    @property
    def last_id(self) -> str | None:
        """The id of the last item, or None."""
        return self.items[-1].id if self.items else None

    # --- changes ---

    def resume(self, earlier: Conversation) -> None:
        """Take up an earlier conversation: its items are told again, with calls that have no arguments (xai.md#17)."""
        self.id = earlier.id
        for item in earlier.items:
            if item.status != "completed":
                continue
            self._put(item)
            shown = item.shown() | ({"arguments": ""} if item.type == "function_call" else {})
            self.wire.emit("conversation.item.added", previous_item_id=self.before(item), item=shown)

    def insert(self, item: Item, after: str | None = None) -> None:
        """Put an item behind another; at the end for None, first for "root" (openai.md#56)."""
        if after == "root":
            self._put(item, 0)
        elif not after:  # "" counts as left out (openai.md#56)
            self._put(item)
        else:
            known = self.find(after)
            if known is None:
                raise problems.no_such_predecessor(after)
            self._put(item, self.items.index(known) + 1)

    def _put(self, item: Item, place: int | None = None) -> None:
        self.items.insert(len(self.items) if place is None else place, item)
        self._ids[item.id] += 1

    def announce(self, item: Item) -> None:
        """conversation.item.added."""
        self.wire.emit("conversation.item.added", previous_item_id=self.before(item), item=item.shown())

    def finish(self, item: Item) -> None:
        """conversation.item.done.

        Of the model's own item whose predecessor is the first item, previous_item_id is null although .added had
        the id. Of an item that a client made it is right (openai.md#61).
        """
        previous = self.before(item)
        if item.origin == "response" and self.wire.profile.done_forgets_first and previous == self.items[0].id:
            previous = None
        self.wire.emit("conversation.item.done", previous_item_id=previous, item=item.shown())

    # --- the client's events ---

    def create(self, body: dict[str, Any], sound: dict[str, Any]) -> None:
        """conversation.item.create. ``sound``: the session's input audio format."""
        given = body["item"]
        item = self.made(given, sound)
        known = self.find(item.id)
        if known is not None:
            self._again(item, known)
            return
        self.insert(item, body.get("previous_item_id"))
        self.listen(item)
        self.announce(item)
        self.finish(item)

    def _again(self, item: Item, known: Item) -> None:
        """An id that is used already, where the model takes it: a second item at the end, or nothing but the echo.

        The second names itself as its predecessor (openai.md#59).
        """
        if self.twice == "appended":
            self._put(item)
            self.listen(item)
        for name in ("conversation.item.added", "conversation.item.done"):
            previous = item.id if self.twice == "appended" else self.before(known)
            self.wire.emit(name, previous_item_id=previous, item=item.shown())

    def made(self, given: dict[str, Any], sound: dict[str, Any]) -> Item:
        """An item of the client's, checked against the conversation. Nobody has listened to its audio yet."""
        wanted = given.get("id")
        if wanted is not None and self.find(wanted) is not None and self.twice == "refused":
            raise problems.duplicate_item(wanted)
        check_call_id(given, "item")
        checks = self.wire.profile.checks_call_id and given["type"] == "function_call_output"
        if checks and not self._knows_call(given["call_id"]):
            raise problems.no_such_call(given["call_id"])
        item = item_from(given, wanted or self.wire.mint("item"))
        if item.type == "function_call" and not item.call_id:
            item.call_id = self.wire.mint("call")
        self.load(item, given, sound, "item")
        return item

    def _knows_call(self, call_id: str) -> bool:
        return any(item.type == "function_call" and item.call_id == call_id for item in self.items)

    def load(self, item: Item, given: dict[str, Any], sound: dict[str, Any], path: str) -> None:
        """The audio of a client's item. ``path``: where an error says that the item is."""
        for index, part in enumerate(item.content):
            if part.type != "input_audio":
                continue
            place = f"{path}.content[{index}].audio"
            data = received(given["content"][index]["audio"], place, place)
            heard = audio_format(sound)
            part.pcm, part.rate = heard.to_pcm(data), heard.rate
            part.audio_ms = len(part.pcm) // 2 * 1000 // part.rate

    def listen(self, item: Item) -> None:
        """What is said in the audio of a client's item. Only once nothing can refuse it: a transcript of the
        test's is used up by it."""
        for part in item.content:
            if part.type == "input_audio":
                part.heard = self.ear.hear(part.pcm, part.rate) or ""

    def retrieve(self, item_id: str) -> None:
        """conversation.item.retrieve: the item with its audio."""
        item = self.find(item_id)
        if item is None:
            raise self.wire.profile.no_such_item(problems.no_such_item("retrieve", item_id))
        self.wire.emit("conversation.item.retrieved", item=item.shown(audio=True))

    def delete(self, item_id: str) -> None:
        """conversation.item.delete."""
        item = self.find(item_id)
        if item is None:
            raise self.wire.profile.no_such_item(problems.no_such_item("delete", item_id))
        self.items.remove(item)
        self._ids[item_id] -= 1
        if not self._ids[item_id]:
            del self._ids[item_id]
        self.wire.drop(item)
        self.wire.emit("conversation.item.deleted", item_id=item_id)

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """conversation.item.truncate: what is cut was never heard, so it leaves the transcript too (openai.md#66)."""
        item = self.find(item_id)
        if item is None:
            code = self.wire.options.unknown_truncate_code
            raise self.wire.profile.no_such_item(problems.nothing_to_truncate(item_id, code))
        part = item.content[content_index] if content_index < len(item.content) else None
        if item.role != "assistant" or part is None or part.type != "output_audio":
            raise problems.not_truncatable()
        if audio_end_ms > part.audio_ms:
            raise problems.already_shorter(part.audio_ms, audio_end_ms)
        if not self.wire.misbehaves(
            Misbehaviour.TRUNCATE_IGNORED, f"{item_id} keeps all its words", item_id=item_id, audio_end_ms=audio_end_ms
        ):
            part.heard = words_until(part.said, audio_end_ms)
            part.text = part.heard if self.wire.options.truncated_transcript == "cut" else None
            part.audio_ms = audio_end_ms
        self.wire.emit(
            "conversation.item.truncated", item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms
        )


def check_call_id(given: Mapping[str, Any], path: str) -> None:
    """The call id of a client's item."""
    call_id = given.get("call_id")
    if call_id is not None and not _CALL_ID.fullmatch(call_id):
        raise problems.bad_call_id(f"{path}.call_id")
