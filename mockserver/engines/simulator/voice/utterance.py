"""The user's audio since the session began: where speech begins and ends in it, and cuts of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mockserver.engines.simulator.voice.activity import Detector, Turn

KEPT_MS = 30_000
"""Audio before speech that is kept while turn detection waits: more than any prefix padding that makes sense."""
SPARED_MS = 2_000
"""What is kept in any case, for the prefix padding of the next turn."""


class InputAudio:
    """PCM16 in order. Positions are milliseconds of audio since the session began, not of the clock."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.fresh_ms = 0.0  # since the last turn was taken or the buffer was cleared
        self._pcm = bytearray()
        self._new: list[bytes] = []  # what goes on from there, as it came
        self._size = 0  # bytes of both
        self._start_ms = 0.0  # where _pcm begins
        self._detector = Detector(rate)
        self._watched = False
        self._since_ms = 0.0  # where speech began

    @property
    def position_ms(self) -> float:
        """All audio so far."""
        return self._start_ms + self._size / (2 * self.rate) * 1000

    @property
    def speaking(self) -> bool:
        """Whether speech has begun and not ended."""
        return self._detector.speaking

    @property
    def looked_at_ms(self) -> int:
        """How far the detector has looked: whole frames of it."""
        return self._detector.at_ms

    def append(self, pcm: bytes, rate: int) -> None:
        """More audio. Another rate begins a new buffer: unknown what a service does with audio of the old one."""
        if rate != self.rate:
            self._start_ms, self.rate = self.position_ms, rate
            self._forget_all()
            self._detector = Detector(rate, round(self._start_ms))
        self._new.append(pcm)
        self._size += len(pcm)
        self.fresh_ms += len(pcm) / (2 * rate) * 1000

    def edges(self, pcm: bytes, level: float, prefix_ms: int, ended: Callable[[int], bool]) -> Iterator[Turn]:
        """Where speech begins and ends in what was appended just now, as ``Detector`` finds it."""
        self._watched = True
        for turn in self._detector.feed(pcm, level, prefix_ms, ended):
            if turn.edge == "start":
                self._since_ms = turn.at_ms
            yield turn
        if not self._detector.speaking:
            self.forget(KEPT_MS)

    def unwatched(self) -> None:
        """Nobody detects turns. Detection will begin where it is turned on."""
        self._detector = Detector(self.rate, round(self.position_ms))
        self._watched = False

    def turn(self, *, over: bool) -> tuple[float, float] | None:
        """Where the turn begins that will end soon, and how far it has got: it has become silent, or it may be ``over``
        because the client says so.
        """
        if self._detector.speaking:
            return (self._since_ms, self.looked_at_ms) if over or self._detector.silent_ms else None
        if over and not self._watched:
            return max(0.0, self.position_ms - self.fresh_ms), self.position_ms
        return None

    def rest(self) -> None:
        """The detector is back at silence: the turn was ended by somebody else."""
        self._detector.rest()

    def cut(self, start_ms: float, end_ms: float) -> bytes:
        """The audio between two positions, as far as it is still kept."""
        self._gather()
        return bytes(self._pcm[self._byte(start_ms) : self._byte(end_ms)])

    def take(self, start_ms: float, end_ms: float) -> bytes:
        """A turn: what lies behind ``end_ms`` stays fresh."""
        pcm = self.cut(start_ms, end_ms)
        self.fresh_ms = max(0.0, self.position_ms - end_ms)
        self.forget(self.fresh_ms)
        return pcm

    def clear(self) -> None:
        """Forget all audio; the position stays."""
        self._start_ms = self.position_ms
        self._forget_all()
        self.fresh_ms = 0.0
        self._detector.rest()

    def forget(self, keep_ms: float) -> None:
        """Drop audio before the last ``keep_ms``, but never what the prefix padding may still want."""
        spare = self._size - self._byte(self._start_ms + max(keep_ms, SPARED_MS))
        if spare > 0:
            self._gather()
            del self._pcm[:spare]
            self._size = len(self._pcm)
            self._start_ms += spare / (2 * self.rate) * 1000

    def _gather(self) -> None:
        """All of it in one piece."""
        if self._new:
            self._pcm += b"".join(self._new)
            self._new.clear()

    def _forget_all(self) -> None:
        self._pcm.clear()
        self._new.clear()
        self._size = 0

    def _byte(self, ms: float) -> int:
        return max(0, 2 * round((ms - self._start_ms) * self.rate / 1000))
