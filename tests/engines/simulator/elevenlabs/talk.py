"""A client of the simulated agent: what such clients send, and what came of it."""

from __future__ import annotations

import base64
from typing import Any

from mockserver import speech
from mockserver.core.frames import Handshake
from mockserver.engines.simulator import simulator
from mockserver.engines.simulator.options import Pace
from tests.engines.simulator.caller import Caller
from tests.engines.simulator.elevenlabs import strict

RATE = 16_000
PING = "ping"
QUIET = Pace(created_ms=20, first_ms=300, text_ms=6, audio_speed=1.0, piece_ms=100, transcription_ms=120)


def handshake(agent: str | None = "agent_1", **query: str) -> Handshake:
    """A handshake as clients make it."""
    pairs = ((("agent_id", agent),) if agent else ()) + tuple(query.items())
    return Handshake(path="/v1/convai/conversation", query=pairs, subprotocols=("convai",))


class Talk(Caller):
    """One conversation. ``start`` None sends no initiation; else these overrides."""

    def __init__(
        self,
        source: Any = None,
        *,
        hands: Handshake | None = None,
        start: dict[str, Any] | None = {},  # noqa: B006 - never changed
        variables: dict[str, Any] | None = None,
        seed: str = "0/0",
        **settings: Any,
    ) -> None:
        made = source or simulator("elevenlabs", **{"pace": QUIET, **settings})
        super().__init__(made, hands or handshake(), check=strict.faults, seed=seed)
        if start is not None and self.hangup is None:
            self.begin(start, variables)

    def begin(self, overrides: dict[str, Any], variables: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """conversation_initiation_client_data."""
        body: dict[str, Any] = {"type": "conversation_initiation_client_data"}
        if overrides:
            body["conversation_config_override"] = overrides
        if variables is not None:
            body["dynamic_variables"] = variables
        return self.put(body)

    def write(self, text: str, **fields: Any) -> list[dict[str, Any]]:
        """user_message."""
        return self.put({"type": "user_message", "text": text, **fields})

    def result(self, call: dict[str, Any], output: Any, *, error: bool = False) -> list[dict[str, Any]]:
        """client_tool_result."""
        ident = call["client_tool_call"]["tool_call_id"]
        return self.put({"type": "client_tool_result", "tool_call_id": ident, "result": output, "is_error": error})

    def hear(self, pcm: bytes, *, chunk_ms: int = 100, width: int = 2, rate: int = RATE) -> None:
        """Send audio at the pace of speech."""
        size = rate * chunk_ms // 1000 * width
        for place in range(0, len(pcm), size):
            self.wait(chunk_ms)
            if self.hangup is None:
                self.put({"user_audio_chunk": base64.b64encode(pcm[place : place + size]).decode()})

    def speak(self, text: str, *, silence_ms: int = 800) -> None:
        """Speak, then be silent for a while."""
        self.hear(speech.encode(text, RATE) + self.silence(silence_ms))

    @staticmethod
    def silence(ms: int) -> bytes:
        """Silence of this length."""
        return bytes(RATE * ms // 1000 * 2)

    def audio(self, number: int | None = None) -> bytes:
        """The agent's audio so far, of one turn or of all."""
        return b"".join(
            base64.b64decode(body["audio_event"]["audio_base_64"])
            for body in self.of("audio")
            if number in (None, body["audio_event"]["event_id"])
        )

    def said(self, number: int | None = None) -> str:
        """The words in that audio."""
        return str(speech.decode(self.audio(number), RATE))

    def responses(self) -> list[str]:
        """The texts of all agent_response."""
        return [body["agent_response_event"]["agent_response"] for body in self.of("agent_response")]
