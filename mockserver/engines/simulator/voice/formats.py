"""Audio of the wire: its encoding and rate, and PCM16 to and from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from mockserver import speech
from mockserver.speech.tones import spoken

Encoding = Literal["pcm", "ulaw", "alaw"]
_TO_PCM: Mapping[str, Callable[[bytes], bytes]] = {"ulaw": speech.ulaw_decode, "alaw": speech.alaw_decode}
_FROM_PCM: Mapping[str, Callable[[bytes], bytes]] = {"ulaw": speech.ulaw_encode, "alaw": speech.alaw_encode}


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One channel of samples. ``rate``: samples a second. "pcm" is signed, 16 bit, little endian; the others 8 bit."""

    encoding: Encoding = "pcm"
    rate: int = 24_000

    @property
    def bytes_per_ms(self) -> int:
        """Bytes of a millisecond."""
        return self.rate * (2 if self.encoding == "pcm" else 1) // 1000

    def ms(self, data: bytes) -> float:
        """How long so many bytes last."""
        return len(data) * 1000 / (self.rate * (2 if self.encoding == "pcm" else 1))

    def to_pcm(self, data: bytes) -> bytes:
        """Audio of the wire as PCM16 of the same rate. A byte that is half a sample is left out."""
        convert = _TO_PCM.get(self.encoding)
        return data[: len(data) // 2 * 2] if convert is None else convert(data)

    def from_pcm(self, pcm: bytes) -> bytes:
        """PCM16 of this rate as audio of the wire."""
        convert = _FROM_PCM.get(self.encoding)
        return pcm if convert is None else convert(pcm)

    def spoken(self, text: str) -> Iterator[bytes]:
        """``text`` in our own speech, which ``mockserver.speech`` reads, in small pieces."""
        return map(self.from_pcm, spoken(text, self.rate))

    def silence(self, ms: int) -> bytes:
        """Silence of this length."""
        return self.from_pcm(bytes(2 * (self.rate * ms // 1000)))
