"""xAI's voice agent API: OpenAI GA with habits of its own (xai.md#5, xai.md#18 to xai.md#28)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mockserver.core.frames import Handshake, Sender
from mockserver.core.view import Kind, View
from mockserver.dialects.openai.lens import OpenAI, session_shape


class XAI(OpenAI):
    """``voice`` and ``turn_detection`` stand at the top of the session, ids are UUIDs, the server sends ``ping``."""

    name = "xai"
    calls = None
    title = "xAI Grok Voice"
    upstream = "https://api.x.ai/v1"
    env_vars = {"XAI_API_KEY": "{key}"}  # its clients take the address as an argument only (clients.md#1)
    keys = replace(
        OpenAI.keys,
        subprotocols=("xai-client-secret.",),  # xai.md#2
        hidden_headers=(),
        hidden_subprotocols=(),
        begins=(("xai-", 20),),
        env="XAI_API_KEY",
    )
    # Of the others it is not known, or known to be otherwise: a second response takes the place of the first.
    does = {"cancel midway": "xai.md#30", "cancel not active": "xai.md#31"}
    server_events = OpenAI.server_events | {"ping"}
    of_pieces = ("rid", "latency", "audio_duration_ms", "ts", "start_time")  # xai.md#23

    def shows(self, said: Sequence[tuple[Sender, Any]]) -> bool | None:
        """By the name of its model."""
        return session_shape(said) == "xai"

    def recognises(self, handshake: Handshake) -> bool:
        """By the model: path and headers are OpenAI's."""
        return super().recognises(handshake) and (handshake.param("model") or "").startswith("grok")

    def read(self, body: Any, sender: Sender) -> View:
        """As OpenAI; a ``ping`` is a keep-alive."""
        view = super().read(body, sender)
        return View(Kind.KEEPALIVE, view.name, body, event_id=view.event_id) if view.name in ("ping", "pong") else view


XAI_VOICE = XAI()
