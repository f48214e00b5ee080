"""What is played to the client of a call, and how far: pieces of audio one behind the other, in real time.

A service makes audio faster than anybody can hear it. Over WebRTC it plays the audio itself, so it knows what was heard
when somebody interrupts.
"""

from __future__ import annotations

from dataclasses import dataclass

from mockserver.core.frames import MILLISECOND, Micros

STEP_MS = 20
"""What is heard is told in whole packets (openai.md#115)."""


@dataclass(slots=True)
class Stretch:
    """Audio of one part of an item without a gap. ``start`` and ``end``: when it is played."""

    item_id: str
    content_index: int
    start: Micros
    end: Micros


@dataclass(frozen=True, slots=True)
class PlayedPart:
    """How much of an item's part was played, in whole packets."""

    item_id: str
    content_index: int
    audio_end_ms: int


class Playing:
    """The queue of one call. A response is ``announced`` once its first audio is played."""

    def __init__(self) -> None:
        self._responses: dict[str, list[Stretch]] = {}
        self._end: Micros = 0
        self._announced: set[str] = set()
        self._spoken: set[str] = set()

    @property
    def order(self) -> list[str]:
        """The responses in the queue."""
        return list(self._responses)

    def add(self, response_id: str, item_id: str, content_index: int, micros: Micros, now: Micros) -> None:
        """More audio, played behind what there is."""
        own = self._responses.setdefault(response_id, [])
        last = own[-1] if own else None
        start = max(now, self._end)
        self._end = start + micros
        if last is not None and (last.end, last.item_id, last.content_index) == (start, item_id, content_index):
            last.end = self._end
        else:
            own.append(Stretch(item_id, content_index, start, self._end))

    def spoken(self, response_id: str) -> None:
        """A response has ended. A fault may have held back some of its audio, which is played when it comes."""
        self._spoken.add(response_id)

    def due(self) -> tuple[Micros, str, str] | None:
        """The next thing to tell: (when, "started" or "stopped", response). None: nothing."""
        for response_id, own in self._responses.items():
            if response_id not in self._announced:
                return own[0].start, "started", response_id
            if response_id in self._spoken:
                return own[-1].end, "stopped", response_id
            break
        return None

    def tell(self, what: str, response_id: str) -> None:
        """It has been told."""
        if what == "started":
            self._announced.add(response_id)
        else:
            self._forget(response_id)

    def stop(self, now: Micros) -> tuple[str | None, list[PlayedPart]]:
        """Play no more. The response that was being played, and of each item that was not played whole how much was.

        (None, []) where nothing was left to be played.
        """
        if self._end <= now:
            return None, []
        left: dict[tuple[str, int], Micros] = {}
        played: dict[tuple[str, int], Micros] = {}
        for one in (stretch for own in self._responses.values() for stretch in own):
            key = (one.item_id, one.content_index)
            heard = min(one.end, max(one.start, now)) - one.start
            played[key] = played.get(key, 0) + heard
            left[key] = left.get(key, 0) + one.end - one.start - heard
        current = next(response_id for response_id, own in self._responses.items() if own[-1].end > now)
        for response_id in self.order:
            self._forget(response_id)
        self._end = now
        step = STEP_MS * MILLISECOND
        return current, [PlayedPart(*key, played[key] // step * STEP_MS) for key in played if left[key]]

    def _forget(self, response_id: str) -> None:
        del self._responses[response_id]
        self._announced.discard(response_id)
        self._spoken.discard(response_id)
