"""How a simulated model hears: words in our own speech, or what the test says is in other audio."""

from __future__ import annotations

from mockserver import speech
from mockserver.engines.simulator.options import Transcripts

SILENT = 0.001
"""Below this rms there is nothing to make out, and no transcript of the test's is used up."""


class Ear:
    """Hears utterances in turn. Speech of ours is read; for other audio the test says what is in it (or nothing is)."""

    def __init__(self, transcripts: Transcripts = ()) -> None:
        self._given = iter(()) if callable(transcripts) else iter(transcripts)
        self._ask = transcripts if callable(transcripts) else None

    def read(self, pcm: bytes, rate: int) -> str:
        """The words of our own speech in the audio."""
        return " ".join(word.text for word in speech.heard(pcm, rate))

    def hear(self, pcm: bytes, rate: int) -> str | None:
        """The words of one utterance; an empty text where there are none (openai.md#78), None if the test says so."""
        words = self.read(pcm, rate)
        if words or speech.rms(pcm) < SILENT:
            return words
        if self._ask is not None:
            return self._ask(pcm)
        return next(self._given, "")
