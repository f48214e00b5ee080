"""NVIDIA PersonaPlex: binary frames only, told apart by their first byte; no turns on the wire
(personaplex.md#7, personaplex.md#10).

The audio is one Ogg-Opus stream each way, so its chunks have no duration of their own (personaplex.md#13). The model
speaks on its own clock from the handshake on: replay plays it so, and does not look at the client's audio.
"""

from __future__ import annotations

from mockserver.core.frames import Binary, Frame, Sender
from mockserver.core.view import Audio, Kind, Spoken, View, plain_view
from mockserver.dialects.base import Dialect, MatchRules, shorten, spoken_at
from mockserver.dialects.keys import Keys
from mockserver.dialects.life import Life

AUDIO, TEXT = 1, 2


class PersonaPlex(Dialect):
    """``/api/chat?voice_prompt=...&text_prompt=...``."""

    name = "personaplex"
    title = "NVIDIA PersonaPlex"
    simulator = "personaplex"
    socket_path = "/api/chat"
    paths = ("/api/chat",)
    env_vars = {"PERSONAPLEX_URL": "{ws}"}
    keys = Keys(headers=(), hidden_params=())  # none (personaplex.md#1)
    rules = MatchRules(audio="ignore")
    life = Life(
        opening=("handshake",),
        deltas=(("audio", "audio"), ("text", "transcript")),
        instead="audio has no reply on this wire, so an orphan cannot be told; look with assert_spoken at what came",
    )
    client_events = frozenset({"audio"})
    server_events = frozenset({"handshake", "audio", "text"})
    repeated = ("audio", "text")
    text_prefix = b"\x02"

    def view(self, frame: Frame, sender: Sender) -> View:
        """0x00 handshake, 0x01 Ogg-Opus bytes, 0x02 a piece of text."""
        if not isinstance(frame, Binary) or not frame.data:
            return plain_view(frame)
        match frame.data[0]:
            case 0x00:
                return View(Kind.EVENT, "handshake", extra={"summary": ""})
            case 0x01:
                audio = Audio(len(frame.data) - 1, 48_000, "opus")
                return View(Kind.AUDIO, "audio", audio=audio, extra={"summary": f"{audio.size} bytes of Ogg-Opus"})
            case 0x02:
                text = frame.data[1:].decode(errors="replace")
                return View(Kind.EVENT, "text", {"text": text}, extra={"summary": repr(shorten(text, 60))})
            case _:
                return plain_view(frame)

    def spoken(self, view: View) -> Spoken | None:
        """A piece of the model's text."""
        return spoken_at(view, ("text",), speaker="model") if view.name == "text" else None


PERSONAPLEX = PersonaPlex()
