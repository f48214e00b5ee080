"""What a response is said to have used.

Rough where the provider is exact.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mockserver.engines.simulator.openai.items import Item
from mockserver.engines.simulator.voice.words import count

INPUT_AUDIO_MS = 100
"""Input audio: one token per 100 ms (openai.md#123)."""
OUTPUT_AUDIO_MS = 50
"""Output audio: one token per 50 ms (openai.md#123)."""
CACHED_BLOCK = 64
"""Cached tokens come in whole blocks (openai.md#122)."""


@dataclass(slots=True)
class Usage:
    """What one response used."""

    text_in: int = 0
    audio_in: int = 0
    cached: int = 0
    text_out: int = 0
    audio_out_ms: int = 0
    reasons: bool = False  # whether reasoning is counted

    @property
    def audio_out(self) -> int:
        """Output audio tokens."""
        return -(-self.audio_out_ms // OUTPUT_AUDIO_MS)

    @property
    def spent(self) -> int:
        """Output tokens, which max_output_tokens limits."""
        return self.text_out + self.audio_out

    @property
    def total(self) -> int:
        """Input and output tokens together."""
        return self.text_in + self.audio_in + self.spent

    def shown(self) -> dict[str, Any]:
        """As in response.done, with every field (openai.md#122)."""
        cached_text = min(self.cached, self.text_in)
        return {
            "total_tokens": self.total,
            "input_tokens": self.text_in + self.audio_in,
            "output_tokens": self.spent,
            "input_token_details": {
                "text_tokens": self.text_in,
                "audio_tokens": self.audio_in,
                "image_tokens": 0,
                "cached_tokens": self.cached,
                "cached_tokens_details": {
                    "text_tokens": cached_text,
                    "audio_tokens": self.cached - cached_text,
                    "image_tokens": 0,
                },
            },
            "output_token_details": {
                "text_tokens": self.text_out,
                "audio_tokens": self.audio_out,
                **({"reasoning_tokens": 0} if self.reasons else {}),
            },
        }


def usage_of(items: Iterable[Item], instructions: str, before: int) -> Usage:
    """The input side. ``before``: all tokens of the response before this one; whole blocks of them are cached."""
    usage = Usage(text_in=count(instructions))
    for item in items:
        if item.type != "message":
            usage.text_in += count(item.name) + count(item.arguments) + count(item.output)
        for part in item.content:
            if part.audio_ms:
                usage.audio_in += part.audio_ms // INPUT_AUDIO_MS
            else:
                usage.text_in += count(part.text or "")
    usage.cached = min(before, usage.text_in + usage.audio_in) // CACHED_BLOCK * CACHED_BLOCK
    return usage
