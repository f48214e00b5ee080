"""How loud audio is, and whether it is louder than so much."""

from __future__ import annotations

import math
from functools import cache
from operator import mul

from mockserver.speech.tones import Audio, raw_audio, samples


def rms(pcm: Audio) -> float:
    """The level of audio from 0.0 to 1.0 of full scale (root mean square about the mean); 0.0 for none."""
    level = Loudness()
    level.feed(raw_audio(pcm))
    return level.rms


class Loudness:
    """The level of audio that comes in pieces of whole samples. Its sums are whole numbers, so nothing is rounded."""

    def __init__(self) -> None:
        self._count = self._sum = self._squares = 0

    def feed(self, pcm: bytes) -> None:
        """More of it."""
        numbers = samples(pcm)
        self._count += len(numbers)
        self._sum += sum(numbers)
        self._squares += sum(map(mul, numbers, numbers))

    @property
    def rms(self) -> float:
        """The level of all that has come."""
        if not self._count:
            return 0.0
        spread = self._squares / self._count - (self._sum / self._count) ** 2
        return math.sqrt(max(0.0, spread)) / 32_768


_NEAR_ZERO = b"\0\xff"
"""High bytes of samples from -256 to 255."""
_SOME = 8
"""One sample in so many can be enough to tell that a sound is loud."""
_FEW, _MUCH = 4, 8
"""The high byte of one sample in so many tells it sooner where many are so much louder than is asked."""


@cache
def _beyond(high: int) -> tuple[bytes, bytes]:
    """The high bytes of samples from 256 times ``high`` on, and of those below minus that."""
    return bytes(range(high, 128)), bytes(range(128, 256 - high))


def reaches(pcm: bytes, level: float) -> bool:
    """Whether `rms(pcm) >= level`, exactly, and nearly always without looking at every sample."""
    want = level * 32_768
    few = pcm[1 :: 2 * _FEW]
    if few.strip(_NEAR_ZERO):
        high = int(_MUCH * want) // 256 + 1
        if 0 < high < 128:
            # The squared differences of all pairs of samples add up to the variance times the square of their number.
            # Those of one above and one below differ by twice the bound at least. A wide margin, as below.
            above, below = _beyond(high)
            of = len(few)
            pairs = (of - len(few.translate(None, above))) * (of - len(few.translate(None, below)))
            if pairs * (512 * high) ** 2 > 1.01 * (len(pcm) // 2 * want) ** 2:
                return True
    elif want > 257 and not pcm[1::2].strip(_NEAR_ZERO):
        return False  # no sample is further from zero than 256
    numbers = samples(pcm)
    count = len(numbers)
    if not count:
        return level <= 0
    # The variance of all is at least that of some about their own mean, times their share. Whole numbers and a wide
    # margin: near the edge the level itself decides.
    some = numbers[::_SOME]
    of = len(some)
    if (sum(map(mul, some, some)) * of - sum(some) ** 2) * 0.99 / (of * count) > want * want:
        return True
    if math.hypot(*numbers) ** 2 * 1.01 / count < want * want:
        return False
    return rms(pcm) >= level
