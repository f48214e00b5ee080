"""Handles of sessions, which outlive their connections: they are kept in the source (gemini.md#47 to gemini.md#50)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.core.frames import SECOND
from mockserver.engines.simulator.gemini.conversation import ContextItem, ModelContext
from mockserver.engines.simulator.gemini.options import Switch
from mockserver.engines.simulator.gemini.problems import Closing
from mockserver.engines.simulator.gemini.setup import Setup
from mockserver.engines.simulator.gemini.wire import GeminiWire
from mockserver.engines.simulator.resumable import Resumable

KEPT = 1_000
"""Handles that are remembered; the oldest is forgotten first. Each holds the context of its session."""


@dataclass(frozen=True, slots=True)
class Saved:
    """Session ``number`` at one moment: the first ``upto`` of ``entries``. ``until_us``: since 1970. ``used_us``: its
    age.
    """

    number: int
    entries: list[ContextItem]
    upto: int
    until_us: int
    used_us: int
    filmed: bool


class Shelf:
    """All handles that this service has given out, and what its sessions have in their contexts."""

    def __init__(self) -> None:
        self._saved: dict[str, Saved] = {}
        self._talks: dict[int, ModelContext] = {}
        self._over: Resumable[int] = Resumable()

    def keep(self, handle: str, saved: Saved) -> None:
        """One more."""
        self._saved[handle] = saved
        if len(self._saved) > KEPT:
            del self._saved[next(iter(self._saved))]

    def find(self, handle: str, now_us: int) -> Saved:
        """What a handle stands for. Closing where it is none, or none any more (gemini.md#90)."""
        saved = self._saved.get(handle)
        if saved is None:
            raise Closing(1007, "Invalid session handle")
        if now_us >= saved.until_us:
            raise Closing(1008, "BidiGenerateContent session not found")
        return saved

    def enter(self, number: int, conversation: ModelContext) -> None:
        """A session's context, which other sessions must not see."""
        self._talks[number] = conversation

    def leave(self, number: int) -> None:
        """A session is over, and its server keeps it no more. Its handles stay, as long as there is room."""
        self._talks.pop(number, None)
        kept = {id(saved.entries): saved.entries for saved in self._saved.values() if saved.number == number}
        if kept:
            gone = self._over.left(number, [entry.seen for entries in kept.values() for entry in entries])
            self._saved = {handle: saved for handle, saved in self._saved.items() if saved.number not in gone}

    def others(self, number: int) -> Iterator[ContextItem]:
        """What is in the contexts of the other sessions."""
        for other, conversation in self._talks.items():
            if other != number:
                yield from conversation.entries


class Handles:
    """Gives out handles in one connection."""

    def __init__(self, wire: GeminiWire, setup: Setup, conversation: ModelContext, shelf: Shelf) -> None:
        self.wire = wire
        self.setup = setup
        self.conversation = conversation
        self.shelf = shelf
        self.newest: str | None = None
        self.consumed = -1  # client messages after the setup, less one: the index of the last
        self.used_us = 0  # by earlier connections
        self.filmed = False
        self._told_busy = False

    @property
    def asked(self) -> bool:
        """Whether the setup asks for them."""
        return self.setup.resumption is not None

    def resume(self, handle: str) -> None:
        """Go on where a handle was given out; what was under way then is not gone on with (gemini.md#49)."""
        saved = self.shelf.find(handle, self._unix_us())
        self.used_us, self.filmed = saved.used_us, saved.filmed
        if not self.wire.misbehaves(Switch.RESUMPTION_FORGETS, "the resumed session has an empty context"):
            self.conversation.add(*saved.entries[: saved.upto])

    def begun(self) -> None:
        """After ``setupComplete``; 3.8 gives one unasked (gemini.md#32)."""
        if self.asked or self.setup.model.handle_at_setup:
            self._give()

    def busy(self) -> None:
        """The model generates: a session cannot be resumed here. 3.8 says nothing of it (gemini.md#48)."""
        if self.asked and self.setup.model.generation != "3.8" and not self._told_busy:
            self._told_busy = True
            self.wire.say(sessionResumptionUpdate={})  # resumable: false, which JSON of protobuf leaves out

    def idle(self) -> None:
        """A turn is over."""
        self._told_busy = False
        if self.asked:
            self._give()

    def result(self) -> None:
        """A result was taken; 3.x gives one then, asked or not (gemini.md#31)."""
        if self.setup.model.handle_after_result:
            self._give()

    def _give(self) -> None:
        handle = self.wire.context.place.mint(self.wire.ids.uuid)
        self.newest = handle
        until = self._unix_us() + round(self.wire.options.handle_s * SECOND)
        entries = self.conversation.entries
        saved = Saved(self.wire.context.number, entries, len(entries), until, self.used_us + self.wire.now, self.filmed)
        self.shelf.keep(handle, saved)
        told: dict[str, Any] = {"newHandle": handle, "resumable": True}
        if self.transparent and self.consumed >= 0:
            told["lastConsumedClientMessageIndex"] = str(self.consumed)
        self.wire.say(sessionResumptionUpdate=told)

    @property
    def transparent(self) -> bool:
        """Whether the client wants to know which of its messages is in the handle."""
        asked: Mapping[str, Any] = self.setup.resumption or {}
        return bool(asked.get("transparent"))

    def _unix_us(self) -> int:
        return self.wire.context.unix_us + self.wire.now
