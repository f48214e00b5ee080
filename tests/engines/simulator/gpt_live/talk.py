"""A client of the simulated GPT-Live: what such clients send, and what came of it."""

from __future__ import annotations

import base64
from typing import Any

from mockserver import speech
from mockserver.core.frames import Handshake
from mockserver.engines.simulator import simulator
from tests.engines.simulator.caller import Caller
from tests.engines.simulator.gpt_live import strict

RATE = 24_000
AUDIO = "session.output_audio.delta"
KEY = ("Authorization", "Bearer test-key")
RESPONSES: dict[str, Any] = {"type": "responses", "responses": {"model": "gpt-5.6-sol", "instructions": ""}}


def handshake(path: str = "/v1/live/sessions", *, key: bool = True) -> Handshake:
    """A handshake as clients make it."""
    return Handshake(path=path, headers=(KEY,) if key else ())


class Talk(Caller):
    """One session. ``start`` None sends no session.start; else fields of its session."""

    def __init__(
        self,
        source: Any = None,
        *,
        hands: Handshake | None = None,
        start: dict[str, Any] | None = {},  # noqa: B006 - never changed
        seed: str = "0/0",
        number: int = 0,
        **settings: Any,
    ) -> None:
        super().__init__(
            source or simulator("gpt_live", **settings),
            hands or handshake(),
            check=strict.faults,
            seed=seed,
            number=number,
        )
        self.rate = RATE
        if start is not None:
            self.begin(**start)

    def begin(self, **session: Any) -> None:
        """session.start, and the time until session.started."""
        self.put({"type": "session.start", "session": {"model": "gpt-live-1", **session}})
        self.wait(30)

    def hear(self, pcm: bytes, *, chunk_ms: int = 100) -> None:
        """Send audio at the pace of speech."""
        size = self.rate * chunk_ms // 1000 * 2
        for place in range(0, len(pcm), size):
            if self.hangup is not None:
                return
            self.burst(pcm[place : place + size])
            self.wait(chunk_ms)

    def burst(self, pcm: bytes) -> None:
        """Send audio at once."""
        self.put({"type": "session.input_audio.append", "audio": base64.b64encode(pcm).decode()})

    def speak(self, text: str, *, silence_ms: int = 1_000) -> None:
        """Speak, then be silent for a while."""
        self.hear(speech.encode(text, self.rate))
        self.listen(silence_ms)

    def listen(self, ms: int) -> None:
        """Silence, which has to be sent as well (gpt_live.md#23)."""
        self.hear(bytes(self.rate * ms // 1000 * 2))

    def append(self, kind: str, content: str, delegation: str | None = None, **fields: Any) -> list[dict[str, Any]]:
        """session.<kind>.append."""
        return self.put({"type": f"session.{kind}.append", "content": content, "delegation_id": delegation, **fields})

    def answer(self, call_id: str, output: str) -> list[dict[str, Any]]:
        """response.item.create with a tool's output."""
        item = {"type": "function_call_output", "call_id": call_id, "output": output}
        return self.put({"type": "response.item.create", "item": item})

    # --- what came ---

    def audio(self) -> bytes:
        """The output so far."""
        return b"".join(base64.b64decode(body["delta"]) for body in self.of(AUDIO))

    def said(self) -> str:
        """The words in it."""
        return str(speech.decode(self.audio(), self.rate))

    def heard(self) -> str:
        """The input's transcript so far."""
        return "".join(body["delta"] for body in self.of("session.input_transcript.delta"))

    def captions(self) -> str:
        """The output's transcript so far."""
        return "".join(body["delta"] for body in self.of("session.output_transcript.delta"))

    def stream(self) -> list[dict[str, Any]]:
        """The backend's events so far."""
        return [body["event"] for body in self.of("response.event")]

    def stream_names(self) -> list[str]:
        """Their types, runs once."""
        found: list[str] = []
        for event in self.stream():
            if not found or found[-1] != event["type"]:
                found.append(event["type"])
        return found

    def calls(self) -> list[dict[str, Any]]:
        """The calls that the backend has made so far."""
        done = [event["item"] for event in self.stream() if event["type"] == "response.output_item.done"]
        return [item for item in done if item["type"] == "function_call"]

    def error(self) -> dict[str, Any]:
        """The last error."""
        found: dict[str, Any] = self.of("error")[-1]["error"]
        return found
