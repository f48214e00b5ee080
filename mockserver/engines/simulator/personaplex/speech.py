"""What the model is saying: pieces of text and 80 ms of sound, told off frame by frame of its own clock."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from mockserver.engines.simulator.options import Pace
from mockserver.engines.simulator.personaplex.opus import FRAME_BYTES, FRAME_MS, RATE
from mockserver.engines.simulator.voice.captions import cues
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
        self._sounds: deque[bytes] = deque()
        self._words: deque[tuple[int, str]] = deque()  # frames after the begin, piece

    def say(self, text: str, silence_ms: int, begins: int) -> None:
        """Say this from that frame on. What was said before has been stopped."""
        self._begins = begins
        self._saying = text
        for cue in cues(text, silence_ms, SOUND, STEADY):
            if cue.caption:
                piece = cue.caption if self._words else f" {cue.caption}"  # as a piece of SentencePiece begins a word
                self._words.append((int(cue.at) // FRAME_MS, piece))
            else:
                self._sounds.append(cue.audio.ljust(FRAME_BYTES, b"\x00"))

    def frame(self, number: int) -> SpokenFrame:
        """What goes out with this frame of the model."""
        place = number - self._begins
        if place < 0:
            return SpokenFrame(None, SILENCE, "")
        piece = self._words.popleft()[1] if self._words and self._words[0][0] <= place else None
        sound = self._sounds.popleft() if self._sounds else SILENCE
        said = ""
        if not self._sounds and not self._words:
            said, self._saying = self._saying, ""
        return SpokenFrame(piece, sound, said)

    def stop(self, number: int) -> str | None:
        """It ends here, with this frame. Returns the words that were heard of it; None where nothing was being said."""
        said, self._saying = self._saying, ""
        self._sounds.clear()
        self._words.clear()
        return words_until(said, max(0, number - self._begins) * FRAME_MS) if said else None
