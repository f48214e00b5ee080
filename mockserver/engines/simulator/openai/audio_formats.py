"""Audio as OpenAI's events hold it: base64, in a format that the session names."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from mockserver.engines.simulator.openai import problems
from mockserver.engines.simulator.voice.formats import AudioFormat

G711_RATE = 8_000
_G711 = {"audio/pcmu": AudioFormat("ulaw", G711_RATE), "audio/pcma": AudioFormat("alaw", G711_RATE)}


def audio_format(shown: Mapping[str, Any]) -> AudioFormat:
    """The format that a session or response shows."""
    known = _G711.get(shown["type"])
    return _pcm(int(shown.get("rate", 24_000))) if known is None else known


@lru_cache(maxsize=16)
def _pcm(rate: int) -> AudioFormat:
    return AudioFormat("pcm", rate)


def received(audio: str, place: str, param: str) -> bytes:
    """The bytes of a client's audio. ``place`` and ``param``: where an error says that it is."""
    try:
        data = base64.b64decode(audio, validate=True)
    except ValueError:
        raise problems.bad_audio(place, param, empty=False) from None
    if not data:
        raise problems.bad_audio(place, param, empty=True)
    return data
