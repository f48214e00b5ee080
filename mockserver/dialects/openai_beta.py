"""OpenAI Realtime in the retired beta shape: flat session, ``response.audio.*``,
``conversation.item.created``.

OpenAI itself refuses it in 2026 (openai.md#12). Old recordings, and the services that still speak
it, are what it is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mockserver.core.frames import Handshake, Sender
from mockserver.dialects.openai.lens import OpenAI, session_shape

BETA_SUBPROTOCOL = "openai-beta.realtime-v1"


class OpenAIBeta(OpenAI):
    """Names and session of the beta: openai.md#155, openai.md#156."""

    name = "openai_beta"
    calls = None
    title = "OpenAI Realtime (beta shape)"
    simulator = ""  # retired: no server speaks it any more

    def shows(self, said: Sequence[tuple[Sender, Any]]) -> bool | None:
        """By the flat session."""
        return session_shape(said) == "beta"

    def recognises(self, handshake: Handshake) -> bool:
        """By its header, or by the subprotocol that browsers send instead."""
        asked = "realtime=v1" in (handshake.header("openai-beta") or "")
        return super().recognises(handshake) and (asked or BETA_SUBPROTOCOL in handshake.subprotocols)


OPENAI_BETA = OpenAIBeta()
