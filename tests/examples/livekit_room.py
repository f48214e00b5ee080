# livekit_room.py
"""A loudspeaker and a microphone for livekit's AgentSession: no room, no device, on the clock of the event loop."""

import asyncio
import time
from dataclasses import dataclass

from livekit import rtc
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities

from mockserver import speech

RATE = 24_000
FRAME_MS = 50


@dataclass(frozen=True)
class Segment:
    """One utterance, as far as it was played."""

    heard: bytes

    @property
    def ms(self):
        return len(self.heard) * 1_000 / (2 * RATE)


class Loudspeaker(AudioOutput):
    """Plays in real time what it is given faster than that, and knows how much it has played."""

    def __init__(self):
        super().__init__(
            label="loudspeaker",
            capabilities=AudioOutputCapabilities(pause=False),
            sample_rate=RATE,
        )
        self.segments = []  # what came out of it
        self._reset()

    def _reset(self):
        self._pcm = b""
        self._began = None
        self._timer = None

    async def capture_frame(self, frame):
        await super().capture_frame(frame)
        if self._began is None:
            self._began = asyncio.get_running_loop().time()
            self.on_playback_started(created_at=time.time())
        self._pcm += bytes(frame.data)

    def flush(self):
        super().flush()
        if self._began is not None and self._timer is None:
            loop = asyncio.get_running_loop()
            end = self._began + len(self._pcm) / (2 * RATE)
            self._timer = loop.call_at(end, self._finish, False)

    def clear_buffer(self):
        if self._began is not None:
            if self._timer is not None:
                self._timer.cancel()
            self._finish(True)

    def _finish(self, interrupted):
        passed = asyncio.get_running_loop().time() - self._began
        played = self._pcm[: 2 * round(passed * RATE)] if interrupted else self._pcm
        self.segments.append(Segment(played))
        self._reset()
        self.on_playback_finished(playback_position=len(played) / (2 * RATE), interrupted=interrupted)


class Microphone(AudioInput):
    """Silence, and what the user says."""

    def __init__(self):
        super().__init__(label="microphone")
        self._pcm = b""

    def say(self, words):
        self._pcm += speech.encode(words, RATE)

    async def __anext__(self):
        await asyncio.sleep(FRAME_MS / 1_000)
        size = 2 * RATE * FRAME_MS // 1_000
        pcm, self._pcm = self._pcm[:size].ljust(size, b"\0"), self._pcm[size:]
        return rtc.AudioFrame(pcm, RATE, 1, size // 2)
