"""What the model has in its context: contents in order, and about how many tokens each is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.engines.simulator.replies.reply import Seen
from mockserver.engines.simulator.voice.words import count

AUDIO_TOKENS_PER_SECOND = 25
"""As the provider's documentation counts audio (gemini.md#96)."""
IMAGE_TOKENS = 258
"""Of one image in a captured session (gemini.md#96)."""


@dataclass(frozen=True, slots=True)
class ContextItem:
    """One thing in the context, by one side."""

    seen: Seen
    images: int = 0
    spoken: bool = False  # its tokens are those of audio

    def tokens(self) -> Mapping[str, int]:
        """About how many tokens of each modality."""
        seen = self.seen
        return {
            "TEXT": 0 if self.spoken else sum(map(count, (seen.text, seen.arguments, seen.output))),
            "AUDIO": seen.audio_ms * AUDIO_TOKENS_PER_SECOND // 1_000 or int(self.spoken),
            "IMAGE": self.images * IMAGE_TOKENS,
        }

    @property
    def is_users(self) -> bool:
        """Whether the user says something with it: a blank text says nothing."""
        return self.seen.role == "user" and (self.spoken or self.images > 0 or bool(self.seen.text.strip()))

    def shown(self) -> dict[str, Any]:
        """For ``inspect``."""
        seen = self.seen
        told: dict[str, Any] = {
            "type": seen.type,
            "role": seen.role,
            "text": seen.text,
            "name": seen.name,
            "origin": seen.origin,
        }
        told |= {"id": seen.call_id, "arguments": seen.arguments, "output": seen.output, "audio_ms": seen.audio_ms}
        return {name: value for name, value in told.items() if value}


@dataclass(slots=True)
class ModelContext:
    """The contents of one session. The list is only ever added to, so that a handle may point at a length of it."""

    entries: list[ContextItem] = field(default_factory=list)
    _total: Counter[str] = field(default_factory=Counter)

    def add(self, *entries: ContextItem) -> None:
        """More, at the end."""
        for entry in entries:
            self.entries.append(entry)
            self._total.update(entry.tokens())

    def tokens(self) -> Counter[str]:
        """All tokens by modality."""
        return Counter(self._total)

    def compress(self, target: int) -> bool:
        """Forget the oldest until no more than so many tokens are left; the first is the user's (gemini.md#95).

        Whether anything was forgotten.
        """
        left = sum(self._total.values())
        gone = 0
        last = len(self.entries) - 1
        while gone < last and (left > target or self.entries[gone].seen.role != "user"):
            left -= sum(self.entries[gone].tokens().values())
            gone += 1
        if gone:
            kept = self.entries[gone:]  # a new list: handles go on pointing at the old one
            self.entries, self._total = [], Counter()
            self.add(*kept)
        return bool(gone)

    def user_words(self) -> str:
        """The newest words of the user. A blank text asks for an answer to what stands before it (gemini.md#102)."""
        return next((entry.seen.text for entry in reversed(self.entries) if entry.is_users), "")


def heard(pcm_ms: int, words: str | None, images: int = 0) -> ContextItem:
    """What the user said aloud."""
    return ContextItem(Seen("", "message", "user", words or "", origin="audio", audio_ms=pcm_ms), images, spoken=True)


def written(role: str, text: str, *, images: int = 0) -> ContextItem:
    """What the client wrote."""
    return ContextItem(Seen("", "message", "assistant" if role == "model" else "user", text), images)


def spoken(text: str, audio_ms: int) -> ContextItem:
    """What the model said; ``audio_ms`` 0: in text."""
    seen = Seen("", "message", "assistant", text, origin="response", audio_ms=audio_ms)
    return ContextItem(seen, spoken=audio_ms > 0)


def called(call_id: str, name: str, arguments: str, origin: str = "response") -> ContextItem:
    """A call of a function."""
    return ContextItem(Seen("", "function_call", name=name, call_id=call_id, arguments=arguments, origin=origin))


def answered(call_id: str, name: str, output: str) -> ContextItem:
    """What a function gave back."""
    return ContextItem(Seen("", "function_call_output", name=name, call_id=call_id, output=output))


def usage(before: Mapping[str, int], produced: Mapping[str, int], thoughts: int | None) -> dict[str, Any]:
    """``usageMetadata`` (gemini.md#24): only the modalities that occur."""
    prompt, response = sum(before.values()), sum(produced.values())
    told: dict[str, Any] = {
        "promptTokenCount": prompt,
        "responseTokenCount": response,
        "totalTokenCount": prompt + response,
        "promptTokensDetails": _details(before.items()),
        "responseTokensDetails": _details(produced.items()),
    }
    if thoughts is not None:
        told["thoughtsTokenCount"] = thoughts
    return {name: value for name, value in told.items() if value}


def _details(counts: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    return [{"modality": name, "tokenCount": number} for name, number in counts if number]
