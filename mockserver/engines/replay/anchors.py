"""What the cues of a recording wait for: client steps, an amount of client audio, the opening, or all of it.

An anchor's live time is when the last of these came; a cue is due its recorded distance after that.
"""

from __future__ import annotations

from mockserver.core.frames import Micros
from mockserver.dialects.causes import Cause, On
from mockserver.engines.replay.client_steps import ClientSteps
from mockserver.engines.replay.recorded_audio import RecordedAudio
from mockserver.engines.replay.steps import Anchor


class Anchors:
    """The anchors of one recording. They are made of the steps and the audio as far as these have been read.

    ``audio``: whether the rules look at it at all.
    """

    __slots__ = ("_audio", "_heard", "_labelled", "_steps", "opening")

    def __init__(self, steps: ClientSteps, heard: RecordedAudio, *, audio: bool) -> None:
        self.opening = Anchor(0, 1, "the connection")
        self._labelled: dict[str, Anchor] = {}
        self._steps, self._heard, self._audio = steps, heard, audio

    def of(self, cause: Cause) -> Anchor:
        """What a server frame with this cause waits for, if it was recorded here."""
        anchor = self._made(cause)
        if cause.label:
            self._labelled[cause.label] = anchor
        return anchor

    def ending(self, last_at: Micros) -> Anchor:
        """What the end of the connection waits for, beside all that is owed. ``last_at``: when the server spoke last.

        Its time is told from the last of what was recorded before it.
        """
        return self._steps.wait_for_all(Anchor(max(self._steps.last_at, last_at), 2, "everything before it"))

    def _made(self, cause: Cause) -> Anchor:
        on = cause.on
        if on in (On.AUDIO, On.BOTH) and not (self._audio and self._heard.clock.us):
            on = On.BEFORE  # also where no audio was recorded: it went another way (WebRTC), or was cut
        match on:
            case On.LIKE:
                return self._labelled.get(cause.like) or self._before()
            case On.OPENING:
                return self.opening
            case On.STEPS:
                return self._steps.after(cause.steps)
            case On.AUDIO:
                return self._heard.after(Anchor(self._heard.last_at, 1))
            case On.BOTH:
                base = max(self._heard.last_at, self._steps.last_at)
                both = Anchor(base, 2, "all client frames before it")
                return self._heard.after(self._steps.wait_for_all(both))
            case On.BEFORE:
                return self._before()

    def _before(self) -> Anchor:
        return self._steps.after_all() or self.opening
