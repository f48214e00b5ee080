"""How the simulated model hears: formats of the wire to PCM, and words in our own audio or from the test."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from mockserver import speech
from mockserver.engines.simulator.openai import problems
from mockserver.engines.simulator.options import Transcripts

SILENT = 0.001
"""Below this rms there is nothing to make out, and no transcript of the test's is used up."""
_TO_PCM = {"audio/pcmu": speech.ulaw_decode, "audio/pcma": speech.alaw_decode}
_FROM_PCM = {"audio/pcmu": speech.ulaw_encode, "audio/pcma": speech.alaw_encode}


def rate_of(sound: Mapping[str, Any]) -> int:
    """The sampling rate of a format."""
    return int(sound.get("rate", 24_000)) if sound["type"] == "audio/pcm" else 8_000


def received(audio: str, param: str) -> bytes:
    """The bytes of a client's audio. ``param``: where an error says that it is."""
    try:
        return base64.b64decode(audio, validate=True)
    except ValueError:
        raise problems.bad_audio(param) from None


class Ear:
    """Hears utterances in turn. Speech of ours is read; for other audio the test says what is in it (or nothing is)."""

    def __init__(self, transcripts: Transcripts = ()) -> None:
        self._given = iter(()) if callable(transcripts) else iter(transcripts)
        self._ask = transcripts if callable(transcripts) else None

    def decode(self, data: bytes, sound: dict[str, Any]) -> tuple[bytes, int]:
        """Audio of the wire as PCM16 and its rate. ``sound`` is the session's format."""
        kind = sound["type"]
        convert = _TO_PCM.get(kind)
        return (data[: len(data) // 2 * 2] if convert is None else convert(data)), rate_of(sound)

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


def spoken(text: str, sound: Mapping[str, Any]) -> tuple[bytes, int, int]:
    """``text`` as audio of the wire, with its rate and the bytes of one millisecond."""
    kind = sound["type"]
    rate = rate_of(sound)
    pcm = speech.encode(text, rate)
    convert = _FROM_PCM.get(kind)
    return (pcm, rate, 2 * rate // 1000) if convert is None else (convert(pcm), rate, rate // 1000)


def silence(ms: int, sound: Mapping[str, Any]) -> bytes:
    """Silence as audio of the wire."""
    kind = sound["type"]
    pcm = bytes(2 * (rate_of(sound) * ms // 1000))
    convert = _FROM_PCM.get(kind)
    return pcm if convert is None else convert(pcm)
