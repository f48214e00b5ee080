"""The words in events of the OpenAI family: pieces under ``delta``, whole transcripts of the user's audio."""

from __future__ import annotations

from mockserver.core.view import Spoken, View
from mockserver.dialects.base import spoken_at

HEARD = "input_audio_transcription"


def spoken(view: View) -> Spoken | None:
    """What an event is sent for. The ``done`` of a text repeats its pieces, so it counts for none."""
    if HEARD not in view.name:
        return spoken_at(view, ("delta",), speaker="model")
    if view.name.endswith(".completed"):
        return spoken_at(view, ("transcript",), speaker="user", whole=True)
    return spoken_at(view, ("delta",), speaker="user")
