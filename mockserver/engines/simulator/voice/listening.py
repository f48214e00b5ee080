"""How a simulated model hears: words in our own speech, or what the test says is in other audio."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from mockserver import speech
from mockserver.engines.simulator.options import Transcripts
from mockserver.engines.simulator.voice.known_sound import KnownSound
from mockserver.speech.contour import Contour, Drawing
from mockserver.speech.loudness import Loudness

SILENT = 0.001
"""Below this rms there is nothing to make out, and no transcript of the test's is used up."""


PIECE = 1 << 15
"""Bytes of audio that are looked at together."""
AHEAD_MS = 1_000
"""So much audio is read at once: a few milliseconds of work. More is read ahead, where there is a thread for it."""


class Followed(Protocol):
    """The audio of a session."""

    rate: int

    def turn(self, *, over: bool) -> tuple[float, float] | None: ...

    def cut(self, start_ms: float, end_ms: float) -> bytes: ...


HeardT = TypeVar("HeardT", bound=Followed)


class _Utterance:
    """What has been made out of an utterance that may go on. All of it is read on where the audio has grown, piece by
    piece: no piece keeps other threads waiting for long.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.pcm = b""
        self._listener, self._loudness, self._drawing = speech.Listener(rate), Loudness(), Drawing(rate)
        self._words: list[str] = []
        self._read = self._weighed = self._drawn = 0

    def grows_to(self, pcm: bytes, rate: int) -> bool:
        """Whether this audio begins with what has been looked at."""
        return rate == self.rate and pcm.startswith(self.pcm)

    @property
    def words(self) -> str:
        """The words of our own speech in it."""
        for piece in self._pieces(self._read):
            self._words += [word.text for word in self._listener.feed(piece)]
        self._read = len(self.pcm)
        return " ".join(self._words)

    @property
    def silent(self) -> bool:
        """Whether there is nothing to make out."""
        # The variance of all is at least that of a piece times its share: one loud piece says it.
        for piece in self._pieces(0):
            if speech.reaches(piece, SILENT * math.sqrt(len(self.pcm) / len(piece))):
                return False
        for piece in self._pieces(self._weighed):
            self._loudness.feed(piece)
        self._weighed = len(self.pcm)
        return self._loudness.rms < SILENT

    @property
    def shape(self) -> Contour:
        """How it sounds."""
        for piece in self._pieces(self._drawn):
            self._drawing.feed(piece)
        self._drawn = len(self.pcm)
        return self._drawing.contour()

    def _pieces(self, done: int) -> Iterator[bytes]:
        return (self.pcm[at : at + PIECE] for at in range(done, len(self.pcm), PIECE))


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
        self._utterance: _Utterance | None = None
        self._audio: Followed | None = None

    def follow(self, audio: HeardT) -> HeardT:
        """The audio whose turns will be heard, for ``ahead``."""
        self._audio = audio
        return audio

    def ahead(self, *, over: bool) -> Callable[[], None] | None:
        """What makes out what has been said, where that is long and the turn will end soon. ``over``: it may end now.

        Another thread may do it. Whether the turn ends so decides nothing: what was made out is used where it fits.
        """
        audio = self._audio
        turn = None if audio is None else audio.turn(over=over)
        if audio is None or turn is None:
            return None
        rate, known = audio.rate, self._utterance
        known_ms = 0.0 if known is None else len(known.pcm) / (2 * rate) * 1_000
        if turn[1] - turn[0] - known_ms < AHEAD_MS:
            return None
        pcm = audio.cut(*turn)

        def work() -> None:
            utterance = self._grown(pcm, rate)
            if not utterance.words and not utterance.silent and (self._clips or self._some):
                _ = utterance.shape

        return work

    def read(self, pcm: bytes, rate: int) -> str:
        """The words of our own speech in an utterance so far."""
        return self._grown(pcm, rate).words

    def hear(self, pcm: bytes, rate: int) -> str | None:
        """The words of one utterance; an empty text where there are none (openai.md#78), None if the test says so."""
        utterance = self._grown(pcm, rate)
        self._utterance = None
        return utterance.words or self._made_out(utterance)

    def make_out(self, pcm: bytes, rate: int) -> str | None:
        """The same for audio in which there is no speech of ours."""
        utterance = _Utterance(rate)
        utterance.pcm = pcm
        return self._made_out(utterance)

    def _grown(self, pcm: bytes, rate: int) -> _Utterance:
        utterance = self._utterance
        if utterance is None or not utterance.grows_to(pcm, rate):
            utterance = self._utterance = _Utterance(rate)
        utterance.pcm = pcm
        return utterance

    def _made_out(self, utterance: _Utterance) -> str | None:
        if utterance.silent:
            return ""
        if not self._clips and not self._some:
            return "" if self._ask is None else self._ask(utterance.pcm)
        shape = utterance.shape
        clip = self._known(shape)
        if clip is not None:
            return clip.words
        if self._ask is not None:
            return self._ask(utterance.pcm)
        return next(self._given, "") if shape.varied else ""

    def _known(self, shape: Contour) -> KnownSound | None:
        near = [(apart, clip) for clip in self._clips if (apart := clip.fits(shape)) is not None]
        return min(near, key=lambda one: one[0])[1] if near else None
