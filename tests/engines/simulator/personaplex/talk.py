"""A client of a simulated PersonaPlex server, on the clock of the test. It speaks and hears Ogg-Opus."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mockserver import simulator, speech
from mockserver.core.frames import Abort, Binary, Effect, Handshake, Send
from mockserver.engines.simulator.personaplex.opus import FRAME_BYTES, OpusIn, OpusOut
from tests.engines.simulator.caller import Caller

QUERY = (("voice_prompt", "NATF2.pt"), ("text_prompt", "Be brief."))


class Talk(Caller):
    """One connection. ``shaken``: wait for the handshake byte."""

    def __init__(self, source: Any = None, *, query: Any = QUERY, shaken: bool = True, **settings: Any) -> None:
        self.frames: list[bytes] = []
        self.out = OpusOut()
        source = source or simulator("personaplex", **settings)
        super().__init__(source, Handshake("/api/chat", tuple(query)), check=lambda body: [])
        if shaken:
            self.wait(1_000)
            assert self.frames[:1] == [b"\x00"]

    def _take(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send) and isinstance(effect.frame, Binary):
                self.frames.append(effect.frame.data)
            elif isinstance(effect, Abort):
                self.effects.append(effect)
            else:
                super()._take([effect])

    def audio(self, pcm: bytes) -> None:
        """PCM16 at 24 kHz, in frames of 80 ms, at the pace of speech."""
        for place in range(0, len(pcm), FRAME_BYTES):
            self.wait(80)
            if self.hangup is None:
                self.binary(b"\x01" + self.out.page(pcm[place : place + FRAME_BYTES].ljust(FRAME_BYTES, b"\x00")))

    def speak(self, text: str, *, silence_ms: int = 800) -> None:
        """Speak, then be silent for a while."""
        self.audio(bytes(2 * FRAME_BYTES) + speech.encode(text, 24_000) + bytes(48 * silence_ms))

    def listen(self, ms: int) -> None:
        """Be silent, and let the model speak."""
        self.audio(bytes(48 * ms))

    def pcm(self) -> bytes:
        """The model's audio so far, decoded."""
        stream = OpusIn()
        return b"".join(stream.pcm(data[1:]) for data in self.frames if data[:1] == b"\x01")

    def heard(self) -> str:
        """The words in it."""
        return str(speech.decode(self.pcm(), 24_000))

    def pieces(self) -> list[str]:
        """The pieces of text."""
        return [data[1:].decode() for data in self.frames if data[:1] == b"\x02"]

    def said(self, role: str) -> list[str]:
        """Messages of one side in the conversation."""
        return [item["text"] for item in self.values["conversation"] if item["role"] == role]
