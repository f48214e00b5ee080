"""What the model is saying: pieces of text and 80 ms of sound, told off frame by frame of its own clock."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from mockserver.core.peekable import Peekable
from mockserver.engines.simulator.options import Pace
from mockserver.engines.simulator.personaplex.opus import FRAME_BYTES, FRAME_MS, RATE
from mockserver.engines.simulator.voice.captions import SpeechCue, cues
from mockserver.engines.simulator.voice.formats import AudioFormat
from mockserver.engines.simulator.voice.words import words_until

SOUND = AudioFormat("pcm", RATE)
STEADY = Pace(audio_speed=1.0, piece_ms=FRAME_MS)
SILENCE = bytes(FRAME_BYTES)


class SpokenFrame(NamedTuple):
    """One frame of the model: at most one piece of text, 80 ms of sound, and what has been said to its end with it."""

    piece: str | None
    sound: bytes
    said: str


class PlexSpeech:
    """One reply at a time. ``begins``: the frame with which it begins."""

    def __init__(self) -> None:
        self._begins = 0
        self._saying = ""
        self._cues: Peekable[SpeechCue] = Peekable()  # each made when it is due
        self._sounds: deque[bytes] = deque()
        self._words: deque[str] = deque()
        self._spaced = False  # whether a piece has come

    def say(self, text: str, silence_ms: int, begins: int) -> None:
        """Say this from that frame on. What was said before has been stopped."""
        self._begins = begins
        self._saying = text
        self._spaced = False
        self._cues = Peekable(cues(text, silence_ms, SOUND, STEADY))

    def frame(self, number: int) -> SpokenFrame:
        """What goes out with this frame of the model."""
        place = number - self._begins
        if place < 0:
            return SpokenFrame(None, SILENCE, "")
        while (cue := self._cues.first) is not None and int(cue.at) // FRAME_MS <= place:
            next(self._cues)
            if cue.caption:
                self._words.append(cue.caption if self._spaced else f" {cue.caption}")  # as SentencePiece begins a word
                self._spaced = True
            else:
                self._sounds.append(cue.audio.ljust(FRAME_BYTES, b"\x00"))
        piece = self._words.popleft() if self._words else None
        sound = self._sounds.popleft() if self._sounds else SILENCE
        said = ""
        if not self._cues and not self._sounds and not self._words:
            said, self._saying = self._saying, ""
        return SpokenFrame(piece, sound, said)

    def stop(self, number: int) -> str | None:
        """It ends here, with this frame. Returns the words that were heard of it; None where nothing was being said."""
        said, self._saying = self._saying, ""
        self._cues = Peekable()
        self._sounds.clear()
        self._words.clear()
        return words_until(said, max(0, number - self._begins) * FRAME_MS) if said else None
