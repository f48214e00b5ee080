"""The audio of a call: a track that plays in real time, and what comes from the client, both as PCM16."""

from __future__ import annotations

import asyncio
import fractions
from collections.abc import Callable

from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import AudioFrame, AudioResampler

from mockserver.speech import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode

RATE = 24_000
PACKET = 0.02
SAMPLES = int(RATE * PACKET)
LATE = 0.5
"""Seconds after which a track that was kept from playing goes on from now, instead of catching up."""
PIECE = SAMPLES * 2 * 2
"""Bytes of the client's audio that are handed on at once: 40 ms."""
LONGEST_GAP = 5.0
"""Seconds of lost packets that are filled with silence at most."""
AHEAD = 0.2
"""Seconds of sound that are there before it is played, or that the first of it has waited: audio that is made as it is
heard comes in pieces, a little early or late, and a gap within a word would be heard."""
SILENCE = bytes(SAMPLES * 2)


class Speaker(MediaStreamTrack):
    """What the client hears: audio as it was put in, in real time; silence where there is none."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._clock = asyncio.get_running_loop()
        self._queued = bytearray()
        self._since = 0.0
        self._playing = False
        self._began = 0.0
        self._count = 0
        self._resampler: AudioResampler | None = None
        self._rate = RATE
        self.silent = False

    def put(self, audio: bytes, rate: int, encoding: str) -> None:
        """Play this behind what there is."""
        pcm = ulaw_decode(audio) if encoding == "ulaw" else alaw_decode(audio) if encoding == "alaw" else audio
        if len(pcm) % 2:
            pcm = pcm[:-1]
        if rate != RATE and pcm:
            if self._resampler is None or rate != self._rate:
                self._resampler, self._rate = AudioResampler(format="s16", layout="mono", rate=RATE), rate
            pcm = b"".join(pcm_of(one) for one in self._resampler.resample(frame_of(pcm, rate)))
        if not self._queued:
            self._since = self._clock.time()
        self._queued += pcm

    def clear(self) -> None:
        """Drop what is not played yet."""
        self._queued.clear()

    async def recv(self) -> AudioFrame:
        """The next 20 ms, when it is time for them."""
        if self.readyState != "live":
            raise MediaStreamError
        now = self._clock.time()
        due = self._began + self._count * PACKET
        if not self._count or now - due > LATE:
            self._began, due = now - self._count * PACKET, now
        if due > now:
            await asyncio.sleep(due - now)
        piece = b""
        if self._playing or len(self._queued) >= AHEAD * RATE * 2 or self._clock.time() - self._since >= AHEAD:
            piece = bytes(self._queued[: len(SILENCE)])
            del self._queued[: len(SILENCE)]
            self._playing = bool(self._queued)
        made = frame_of(SILENCE if self.silent else piece.ljust(len(SILENCE), b"\0"), RATE)
        made.pts = self._count * SAMPLES
        made.time_base = fractions.Fraction(1, RATE)
        self._count += 1
        return made


class CallerSound:
    """What the client says, handed on as PCM16 24 kHz in pieces of 40 ms. Lost packets are silence."""

    def __init__(self, said: Callable[[bytes], object]) -> None:
        self._said = said
        self._resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
        self._held = bytearray()
        self._expected: int | None = None

    async def listen(self, track: MediaStreamTrack) -> None:
        """Until the track ends."""
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if isinstance(frame, AudioFrame):
                self.hear(frame)

    def hear(self, frame: AudioFrame) -> None:
        """One packet."""
        if self._expected is not None and frame.pts is not None and frame.pts > self._expected:
            gap = min((frame.pts - self._expected) / frame.sample_rate, LONGEST_GAP)
            self._held += bytes(2 * round(gap * RATE))
        if frame.pts is not None:
            self._expected = frame.pts + frame.samples
        frame.pts = None
        for made in self._resampler.resample(frame):
            self._held += pcm_of(made)
        while len(self._held) >= PIECE:
            piece = bytes(self._held[:PIECE])
            del self._held[:PIECE]
            self._said(piece)


class Converter:
    """PCM16 24 kHz as the engine wants it."""

    def __init__(self) -> None:
        self._down = AudioResampler(format="s16", layout="mono", rate=8_000)

    def converted(self, pcm: bytes, rate: int, encoding: str) -> bytes:
        """The same sound."""
        if rate == 8_000:
            pcm = b"".join(pcm_of(one) for one in self._down.resample(frame_of(pcm, RATE)))
        return ulaw_encode(pcm) if encoding == "ulaw" else alaw_encode(pcm) if encoding == "alaw" else pcm


def frame_of(pcm: bytes, rate: int) -> AudioFrame:
    """PCM16 mono as a frame."""
    made = AudioFrame(format="s16", layout="mono", samples=len(pcm) // 2)
    plane = made.planes[0]
    plane.update(pcm.ljust(plane.buffer_size, b"\0"))
    made.sample_rate = rate
    return made


def pcm_of(frame: AudioFrame) -> bytes:
    """A mono frame as PCM16."""
    return bytes(frame.planes[0])[: frame.samples * 2]
