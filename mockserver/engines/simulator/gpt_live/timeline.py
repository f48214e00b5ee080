"""The session's clock: it moves with the client's audio, and output leaves in frames of 100 ms while that flows.

The model works in steps of 200 ms of the timeline, each some time after the audio of that step has come; with a burst
of audio it runs ahead of the clock. Its output is played on the clock, a frame every 100 ms, some 600 ms behind
(gpt_live.md#20, gpt_live.md#21, gpt_live.md#22, gpt_live.md#58).
"""

from __future__ import annotations

from collections.abc import Callable

from mockserver.core.frames import MILLISECOND, Micros
from mockserver.engines.simulator.gpt_live.wire import LiveDesk

STEP_MS = 200
FRAME_MS = 100
LAG_MS = 300
"""So much more audio than a step's end is there when the model takes the step."""
WORK_MS = 60
"""And it takes so long for it."""
HURRY_MS = 100
"""A step takes no less than this, when the audio is there already."""
FIRST_MS = 340
"""From the first audio to the first frame, in a burst."""
FRAME_WORK_MS = 20
"""And from the audio that a frame needs to the frame: 620 ms from the first audio in real time."""
AHEAD_MS = 600
"""A frame needs so much more audio than its own end: the first comes after seven chunks of 100 ms."""


class Timeline:
    """``step(start_ms)`` is called for each step of the model's, ``frame(start_ms)`` for each frame of output."""

    def __init__(self, wire: LiveDesk, *, step: Callable[[int], None], frame: Callable[[int], None]) -> None:
        self.wire = wire
        self.step = step
        self.frame = frame
        self.position_ms = 0.0
        self.steps = 0
        self.frames = 0
        self._began: Micros | None = None
        self._step_at: Micros = 0
        self._frame_at: Micros = 0
        self._step_due = self._frame_due = False

    @property
    def now_ms(self) -> int:
        """Where on the timeline the model is: the beginning of the step that comes next."""
        return self.steps * STEP_MS

    def append(self, ms: float) -> None:
        """So much more of the client's audio has come."""
        if self._began is None:
            self._began = self._step_at = self.wire.now
            self._frame_at = self.wire.now + (FIRST_MS - FRAME_MS) * MILLISECOND
        self.position_ms += ms
        self._plan()

    def stop(self) -> None:
        """Nothing is due any more."""
        self.wire.drop(self)
        self._step_due = self._frame_due = True

    def _plan(self) -> None:
        now = self.wire.now
        if not self._step_due and self.position_ms >= (self.steps + 1) * STEP_MS + LAG_MS:
            self._step_due = True
            due = max(now + WORK_MS * MILLISECOND, self._step_at + HURRY_MS * MILLISECOND)
            self.wire.at(due, self, self._take_step)
        if not self._frame_due and self.position_ms >= (self.frames + 1) * FRAME_MS + AHEAD_MS:
            self._frame_due = True
            due = max(now + FRAME_WORK_MS * MILLISECOND, self._frame_at + FRAME_MS * MILLISECOND)
            self.wire.at(due, self, self._send_frame)

    def _take_step(self) -> None:
        self._step_due, self._step_at = False, self.wire.now
        self.steps += 1
        self.step((self.steps - 1) * STEP_MS)
        self._plan()

    def _send_frame(self) -> None:
        self._frame_due, self._frame_at = False, self.wire.now
        self.frames += 1
        self.frame((self.frames - 1) * FRAME_MS)
        self._plan()
