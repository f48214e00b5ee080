"""A piece of audio whose words the test knows, such as a WAV file, however it is cut, resampled or amplified."""

from __future__ import annotations

import io
from dataclasses import dataclass
from operator import add

from mockserver.errors import UsageError
from mockserver.speech import rms
from mockserver.speech.contour import ALIKE, Contour, contour
from mockserver.speech.tones import RATE, Audio, samples


@dataclass(frozen=True, slots=True)
class KnownSound:
    """``words``: what the model hears in it; None where nobody can make it out. ``shape``: how it is recognised.

    It is compared with one whole utterance, from where speech begins to where it ends: a file with a long pause in it
    is two utterances to a detector of turns.
    """

    words: str | None
    shape: Contour

    @classmethod
    def of(cls, pcm: Audio, words: str | None, *, rate: int = RATE) -> KnownSound:
        """From PCM16 little-endian mono. UsageError for silence."""
        if rms(pcm) == 0:
            raise UsageError(f"KnownSound({words!r}): expected audio that is not silent")
        return cls(words, contour(pcm, rate))

    @classmethod
    def wav(cls, data: bytes, words: str | None) -> KnownSound:
        """From a WAV file of 16 bit PCM, mono or stereo. UsageError for anything else."""
        import wave

        try:
            with wave.open(io.BytesIO(data)) as file:
                channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
                pcm = file.readframes(file.getnframes())
        except (wave.Error, EOFError) as error:
            raise UsageError(f"KnownSound({words!r}): expected a WAV file of 16 bit PCM: {error}") from None
        if width != 2 or channels not in (1, 2):
            raise UsageError(
                f"KnownSound({words!r}): expected a WAV file of 16 bit PCM, mono or stereo, "
                f"not {8 * width} bit and {channels} channels"
            )
        return cls.of(pcm if channels == 1 else _mono(pcm), words, rate=rate)

    def fits(self, shape: Contour) -> float | None:
        """How far an utterance is from it; None where it is another."""
        apart = self.shape.differs(shape)
        return apart if apart < ALIKE else None


def _mono(pcm: bytes) -> bytes:
    both = samples(pcm)
    mixed = type(both)("h", [both_of // 2 for both_of in map(add, both[::2], both[1::2])])
    return mixed.tobytes()
