"""How much audio a live client has sent, against how much was recorded.

Audio is a running count of time, not a list of frames, so any chunking is the same. What waits for audio is in
``recorded_audio``; here is what makes it come: enough of it, nearly enough and then silence, or the end of an
utterance. Each returns how much has come, which the session tells the score (``recording.Score.heard``).
"""

from __future__ import annotations

from collections.abc import Sequence

from mockserver.cassette.model import Record
from mockserver.core.frames import Frame, Micros, Sender
from mockserver.core.view import Audio, View
from mockserver.dialects.base import MatchRules
from mockserver.engines.replay.audio_clock import AudioClock, audio_bytes
from mockserver.engines.replay.matching import AUDIO_BEFORE, Mismatch
from mockserver.engines.replay.recorded_audio import RecordedAudio
from mockserver.engines.replay.steps import Step

LOOK_BACK = 2_000
"""Records in which the client's last frame before a pause is looked for."""
QUIET: Micros = 500_000
"""After so long without client audio, a little less than was recorded counts as all of it."""


class Hearing:
    """One live client's audio. ``quiet_at``: when its silence will count, or None."""

    __slots__ = ("_recorded", "_records", "_rules", "_spoke_at", "_synced", "clock", "quiet_at")

    def __init__(self, recorded: RecordedAudio, records: Sequence[Record], rules: MatchRules) -> None:
        self.clock = AudioClock()
        self.quiet_at: Micros | None = None
        self._recorded, self._records, self._rules = recorded, records, rules
        self._spoke_at: Micros = 0
        # At the last end of an utterance: recorded time, live bytes, recorded bytes.
        self._synced: tuple[Micros, int, int] = (0, 0, 0)

    def take(self, audio: Audio) -> Micros:
        """One more piece. Returns how much has come."""
        self.clock.take(audio)
        return self.clock.us

    def compare(self, view: View, frame: Frame) -> str:
        """Why the piece that came last cannot be the recorded audio, or ""."""
        if self._rules.audio != "exact":
            return ""
        assert view.audio is not None
        live, before = audio_bytes(view, frame), self.clock.size - view.audio.size
        recorded = self._recorded.part(before, before + len(live))
        if recorded == live[: len(recorded)]:
            return ""
        return f"the audio differs from the recorded one after {self.clock.format.micros(before) // 1000} ms"

    def await_quiet(self, now: Micros) -> None:
        """A piece came now: see whether silence after it would count."""
        # A slow client's pause between two pieces is no silence.
        pause, self._spoke_at = now - self._spoke_at, now
        self.quiet_at = now + max(QUIET, 3 * pause) if self._nearly() and not self._paused() else None

    def quiet(self) -> Micros | None:
        """No more audio came. Where next to nothing is missing, that counts as all of it: then how much has come."""
        self.quiet_at = None
        if not self._nearly():
            return None
        self.clock.jump(self._recorded.waits[0][0])
        return self.clock.us

    def end(self, step: Step) -> Mismatch | None:
        """The client ends an utterance: it must be as long as the recorded one, and counts as that."""
        if self._rules.audio == "ignore":
            return None
        from_us, live_from, recorded_from = self._synced
        recorded, live = step.audio_us - from_us, self.clock.us - from_us
        sizes = step.audio_bytes - recorded_from, self.clock.size - live_from
        same = sizes[0] == sizes[1]
        if self._rules.audio == "duration":
            same = abs(recorded - live) <= self._slack(step.audio_us)
        if not same:
            told = [f"{us / 1000:.0f} ms ({size} bytes)" for us, size in zip((recorded, live), sizes, strict=True)]
            return Mismatch(AUDIO_BEFORE, *told)
        self.clock.jump(step.audio_us)
        self._synced = step.audio_us, self.clock.size, step.audio_bytes
        return None

    def _paused(self) -> bool:
        """Whether the recorded client was quiet here too: then the live one will go on as it did."""
        if not self._recorded.marks:
            return False
        place, records = self._recorded.marks[0][1], self._records
        before = range(place - 1, max(-1, place - LOOK_BACK), -1)
        last = next((one for one in before if records[one].sender is Sender.CLIENT), None)
        return last is not None and records[place].at - records[last].at >= QUIET

    def _nearly(self) -> bool:
        waits = self._recorded.waits
        return bool(waits) and waits[0][0] - self.clock.us <= self._slack(waits[0][0])

    def _slack(self, recorded: Micros) -> Micros:
        if self._rules.audio != "duration":
            return 0
        return min(self._rules.audio_slack_ms * 1_000, (recorded - self._synced[0]) // 10)
