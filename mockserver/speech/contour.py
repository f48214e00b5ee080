"""The contour of a sound: how loud and how bright it is from moment to moment, whatever the gain and the sample rate.

It tells whether two recordings are of one utterance (``differs``), and whether a sound varies as speech does
(``varied``). It is no recogniser: nothing here knows a word.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from operator import add, sub

from mockserver.core.yielding import yielding
from mockserver.speech.tones import RATE, Audio, checked_rate, raw_audio, samples

FRAME_MS = 20
RANGE_DB = 30.0
"""What is fainter than the loudest frame by more than this is silence."""
WORKING_RATE = 8_000
ALIKE = 0.15
"""Two contours that differ by less are of one utterance: another gain, rate or codec makes 0.00 to 0.09, another
utterance of the same length 0.25 and more."""
SLIDE = 5
"""Frames by which two contours may be apart where one has been cut a little earlier: 100 ms."""
SPEECH_FRAMES = 5
"""So much sound is the least that can be speech: 100 ms."""
LEVELS_DB = 2.0
"""Speech swells and fades: its levels spread by some 6 to 8 dB, those of a tone or a hiss by less than 1."""
SYLLABLE_MS = 110
HUES_HZ = (240, 1_900, 420, 1_100)
COLOURS = 0.15
"""Vowels and consonants differ in brightness: by half of the mean, that of a tone or a hiss by less than a tenth."""


@dataclass(frozen=True, slots=True)
class Contour:
    """Frames of 20 ms from the first that is no silence to the last.

    ``levels``: from 0 (30 dB below the loudest frame, or less) to 1. ``colours``: the mean step from sample to sample
    as a share of the mean sample, at 8 kHz: 0 for a hum, about 1.3 for white noise.
    """

    levels: tuple[float, ...]
    colours: tuple[float, ...]

    def differs(self, other: Contour) -> float:
        """From 0 (the same sound) up; 1 and more where even the lengths do not fit."""
        short, long = sorted((len(self.levels), len(other.levels)))
        if not short or long - short > max(SLIDE, long // 8):
            return 1.0
        return min(self._apart(other, lag) for lag in range(-SLIDE, SLIDE + 1))

    def _apart(self, other: Contour, lag: int) -> float:
        size = max(len(self.levels), len(other.levels))
        apart = colour = weight = 0.0
        for place in range(min(0, lag), size + max(0, lag)):
            one, two = _at(self.levels, place), _at(other.levels, place - lag)
            apart += abs(one - two)
            both = min(one, two)
            if both > 0:
                weight += both
                colour += both * abs(self.colours[place] - other.colours[place - lag])
        return apart / size + (colour / weight if weight else 1.0)

    @property
    def varied(self) -> bool:
        """Whether level and brightness vary as those of speech do: a beep, a hum and a hiss are steady."""
        sounding = [(level, colour) for level, colour in zip(self.levels, self.colours, strict=True) if level > 0]
        if len(sounding) < SPEECH_FRAMES:
            return False
        inner = sounding[1:-1]  # the first and the last frame are only part of the sound
        levels, colours = [level * RANGE_DB for level, _ in inner], [colour for _, colour in inner]
        return _spread(levels) >= LEVELS_DB and _spread(colours) >= COLOURS * (sum(colours) / len(colours))


def contour(pcm: Audio, rate: int) -> Contour:
    """The contour of PCM16 mono. An empty one for silence."""
    drawing = Drawing(rate)
    drawing.feed(raw_audio(pcm))
    return drawing.contour()


class Drawing:
    """Draws the contour of a sound that comes in pieces of any size: the same one however it is cut."""

    def __init__(self, rate: int) -> None:
        self._step = max(1, checked_rate(rate) // WORKING_RATE)
        self._working = rate / self._step
        self._size = self._working * FRAME_MS / 1000
        self._rest = b""
        self._numbers: list[int] = []  # what is in no frame yet: from _base on
        self._base = 0
        self._levels: list[float] = []
        self._colours: list[float] = []

    def feed(self, pcm: bytes) -> None:
        """More of it."""
        data = self._rest + pcm
        used = len(data) - len(data) % (2 * self._step)
        self._rest = data[used:]
        numbers: Sequence[int] = samples(data[:used])
        self._numbers += _thinned(numbers, self._step) if self._step > 1 else numbers
        begin = end = 0
        frames = range(len(self._levels), int((self._base + len(self._numbers)) / self._size))
        for number in yielding(frames, every=1):
            begin, end = (round((number + more) * self._size) - self._base for more in (0, 1))
            self._frame(self._numbers[begin:end])
        del self._numbers[:end]
        self._base += end

    def contour(self) -> Contour:
        """Of all that has come."""
        levels, colours = self._levels, self._colours
        loudest = max(levels, default=0.0)
        if not loudest:
            return Contour((), ())
        shown = [max(0.0, 1 + 20 * math.log10(level / loudest) / RANGE_DB) if level else 0.0 for level in levels]
        sounding = [place for place, level in enumerate(shown) if level > 0]
        kept = slice(sounding[0], sounding[-1] + 1)
        return Contour(tuple(shown[kept]), tuple(colours[kept]))

    def _frame(self, frame: Sequence[int]) -> None:
        middle = sum(frame) / len(frame)
        level = sum(abs(sample - middle) for sample in frame) / len(frame)
        steps = sum(map(abs, map(sub, frame[1:], frame))) / len(frame)
        self._levels.append(level)
        self._colours.append(steps / level * self._working / WORKING_RATE if level else 0.0)


def babble(start_ms: float, ms: float, rate: int = RATE) -> bytes:
    """PCM16 of somebody who speaks without a word: it varies as speech does, and there is nothing in it to read.

    A piece of an endless sound, the same for the same times; so it can be sent in chunks.
    """
    first, size = round(start_ms * rate / 1000), round(ms * rate / 1000)
    syllable = rate * SYLLABLE_MS // 1000
    wave = array("h")
    for place in range(first, first + size):
        number, within = divmod(place, syllable)
        swell = 0.35 + 0.65 * math.sin(math.pi * within / syllable) ** 2
        wave.append(round(8_000 * swell * math.sin(2 * math.pi * HUES_HZ[number % len(HUES_HZ)] * place / rate)))
    return wave.tobytes()


def _thinned(numbers: Sequence[int], step: int) -> Sequence[int]:
    """Sums of neighbours, which is filter enough here."""
    whole = len(numbers) // step * step
    total: Sequence[int] = numbers[0:whole:step]
    for place in range(1, step):
        total = list(map(add, total, numbers[place:whole:step]))
    return total


def _at(values: Sequence[float], place: int) -> float:
    return values[place] if 0 <= place < len(values) else 0.0


def _spread(values: Sequence[float]) -> float:
    """The standard deviation."""
    if not values:
        return 0.0
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
