"""The formats of audio in the OpenAI family's sessions: nested in GA, flat in the beta shape."""

from __future__ import annotations

from typing import Any

from mockserver.dialects.base import SampleFormat

G711 = ("audio/pcmu", "audio/pcma", "g711_ulaw", "g711_alaw")


def input_format(body: Any, current: SampleFormat) -> SampleFormat:
    """The input audio's format after a ``session.update``: ``audio.input.format`` (GA) or
    ``input_audio_format`` (beta).
    """
    session = body.get("session") if isinstance(body, dict) else None
    if not isinstance(session, dict):
        return current
    audio = session.get("audio")
    heard = audio.get("input") if isinstance(audio, dict) else None
    named: Any = heard.get("format") if isinstance(heard, dict) else None
    named = named or session.get("input_audio_format")
    rate = session.get("input_audio_sampling_rate")  # Voice Live
    if isinstance(named, dict):
        named, rate = named.get("type"), named.get("rate")
    if not isinstance(named, str):
        return current
    if named in G711:
        return SampleFormat(8_000, 1)
    return SampleFormat(rate if isinstance(rate, int) and rate > 0 else 24_000)


def output_format(body: Any) -> tuple[int, str] | None:
    """(rate, encoding) of the output audio that a session event of the OpenAI family states (GA or beta), or None."""
    session = body.get("session") if isinstance(body, dict) else None
    if not isinstance(session, dict):
        return None
    beta = session.get("output_audio_format")
    audio = session.get("audio")
    output = audio.get("output") if isinstance(audio, dict) else None
    stated = output.get("format") if isinstance(output, dict) else None
    kind = stated.get("type") if isinstance(stated, dict) else beta
    match kind:
        case "audio/pcmu" | "g711_ulaw":
            return 8_000, "ulaw"
        case "audio/pcma" | "g711_alaw":
            return 8_000, "alaw"
        case "audio/pcm" | "pcm16":
            rate = stated.get("rate") if isinstance(stated, dict) else None
            return (rate if isinstance(rate, int) else 24_000), "pcm"
        case _:
            return None
