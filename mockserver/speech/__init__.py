"""Speech that a test can read back: text to audio and audio to text, through anything a telephone survives."""

from mockserver.speech.contour import babble
from mockserver.speech.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
from mockserver.speech.listener import Listener, decode, heard, heard_until
from mockserver.speech.loudness import reaches, rms
from mockserver.speech.tones import Word, duration_ms, encode, timings, words

__all__ = [
    "Listener",
    "Word",
    "alaw_decode",
    "alaw_encode",
    "babble",
    "decode",
    "duration_ms",
    "encode",
    "heard",
    "heard_until",
    "reaches",
    "rms",
    "timings",
    "ulaw_decode",
    "ulaw_encode",
    "words",
]
