"""How loud tones are in a window, quickly: the sum of products is told by three lengths.

    2 x.w = |x|^2 + |w|^2 - |x - w|^2

Python multiplies lists of floats one object at a time; `math.dist` and `math.hypot` run through them in C, ten times as
fast and as precise. What is lost is lost in the subtraction, 1e-16 of the squares: far less than a millionth of a tone
that is loud enough to be heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import dist, hypot
from typing import Final

from mockserver.core.yielding import yielding

RoughTone = tuple[tuple[float, ...], float, tuple[float, ...], float]
"""A tone's even and odd wave, each with its square."""
SURELY: Final = 1 - 1e-6
"""Far more than a rough level can be off: what one is under by that much, the level itself is under too."""
_SCALE: Final = 1000.0
"""A wave is made as large as usual samples are: the closer the squares are to each other, the less is lost."""
_BACK: Final = (0.5 / _SCALE) ** 2


def rough_tone(even: Iterable[float], odd: Iterable[float]) -> RoughTone:
    """A tone to be looked for."""
    one, other = tuple(_SCALE * value for value in even), tuple(_SCALE * value for value in odd)
    return one, hypot(*one) ** 2, other, hypot(*other) ** 2


def rough_levels(even: Sequence[float], odd: Sequence[float], tones: Iterable[RoughTone]) -> list[float]:
    """The energy of each tone in a window whose even and odd part these are."""
    one, other = tuple(even), tuple(odd)
    square, square_2 = hypot(*one) ** 2, hypot(*other) ** 2
    return [
        ((square + size - dist(one, wave) ** 2) ** 2 + (square_2 + size_2 - dist(other, wave_2) ** 2) ** 2) * _BACK
        for wave, size, wave_2, size_2 in tones
    ]


def passed(samples: Sequence[float], places: Sequence[int], tone: RoughTone, share: float) -> int:
    """How many windows, which begin at these places, have surely less than such a share of their energy in a tone.

    It stops before the first that may have more. The tone is as long as a window; direct current is no energy.
    """
    even, size, odd, size_2 = tone
    count = len(even)
    least = share * SURELY * count / (2 * _BACK)
    for number, place in enumerate(yielding(places)):
        whole = tuple(samples[place : place + count])
        square = hypot(*whole) ** 2
        level = (square + size - dist(whole, even) ** 2) ** 2 + (square + size_2 - dist(whole, odd) ** 2) ** 2
        energy = square - sum(whole) ** 2 / count
        if energy > 0 and level >= least * energy:
            return number
    return len(places)
