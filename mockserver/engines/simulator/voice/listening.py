"""How a simulated model hears: words in our own speech, or what the test says is in other audio."""

from __future__ import annotations

from mockserver import speech
from mockserver.engines.simulator.options import Transcripts
from mockserver.engines.simulator.voice.known_sound import KnownSound
from mockserver.speech.contour import Contour, contour

SILENT = 0.001
"""Below this rms there is nothing to make out, and no transcript of the test's is used up."""


class Ear:
    """Hears utterances in turn. Speech of ours is read; for other audio the test says what is in it (or nothing is).

    Audio that the test knows as a clip is that clip, as often as it comes. The other transcripts are used up in their
    order, by what varies as speech does: a beep or a hiss uses none. ``clips``: more of them, which reply rules know.
    """

    def __init__(self, transcripts: Transcripts = (), clips: Transcripts = ()) -> None:
        listed = () if callable(transcripts) else tuple(transcripts)
        more = () if callable(clips) else tuple(clips)
        self._given = iter([one for one in listed if not isinstance(one, KnownSound)])
        self._clips = [one for one in (*listed, *more) if isinstance(one, KnownSound)]
        self._some = bool(listed)
        self._ask = transcripts if callable(transcripts) else None

    def read(self, pcm: bytes, rate: int) -> str:
        """The words of our own speech in the audio."""
        return " ".join(word.text for word in speech.heard(pcm, rate))

    def hear(self, pcm: bytes, rate: int) -> str | None:
        """The words of one utterance; an empty text where there are none (openai.md#78), None if the test says so."""
        words = self.read(pcm, rate)
        if words or speech.rms(pcm) < SILENT:
            return words
        if not self._clips and not self._some:
            return "" if self._ask is None else self._ask(pcm)
        shape = contour(pcm, rate)
        clip = self._known(shape)
        if clip is not None:
            return clip.words
        if self._ask is not None:
            return self._ask(pcm)
        return next(self._given, "") if shape.varied else ""

    def _known(self, shape: Contour) -> KnownSound | None:
        near = [(apart, clip) for clip in self._clips if (apart := clip.fits(shape)) is not None]
        return min(near, key=lambda one: one[0])[1] if near else None
