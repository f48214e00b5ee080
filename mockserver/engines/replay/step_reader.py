"""Reading the client's side of a recording: each frame becomes a step, or is more of its audio."""

from __future__ import annotations

from collections import Counter

from mockserver.cassette.varies import which as which_frame
from mockserver.core.frames import Frame, Micros, Sender
from mockserver.core.view import Kind
from mockserver.dialects.base import Dialect, MatchRules
from mockserver.dialects.causes import Ahead, Causes
from mockserver.engines.replay.aliases import GivenIds
from mockserver.engines.replay.client_steps import ClientSteps
from mockserver.engines.replay.matching import Matcher, listed
from mockserver.engines.replay.pacing import Tempo
from mockserver.engines.replay.recorded_audio import RecordedAudio
from mockserver.engines.replay.steps import Step


class OptionalFrames:
    """Which client frames the rules let come or not. ``connection``: its number in the cassette."""

    __slots__ = ("_connection", "_names", "_single")

    def __init__(self, rules: MatchRules, connection: int) -> None:
        self._names = rules.optional
        self._single = [one for one in map(which_frame, rules.optional) if one.number is not None]
        self._connection = connection

    def hold(self, name: str, which: int = 0) -> bool:
        """Whether a client may add or leave out events of this name, or leave out the one of this number."""
        return listed(name, self._names) or any(one.fits(name, which, self._connection) for one in self._single)


class StepReader:
    """Reads client frames in recorded order."""

    __slots__ = ("_causes", "_dialect", "_matcher", "_named", "_optional", "_tempo", "audio", "ids", "steps")

    def __init__(
        self, dialect: Dialect, matcher: Matcher, causes: Causes, tempo: Tempo, *, optional: OptionalFrames
    ) -> None:
        self.steps = ClientSteps()
        self.audio = RecordedAudio(exact=matcher.rules.audio == "exact")
        self.ids = GivenIds()
        self._dialect, self._matcher, self._causes, self._tempo = dialect, matcher, causes, tempo
        self._optional = optional
        self._named: Counter[str] = Counter()

    def read(self, place: int, at: Micros, frame: Frame, ahead: Ahead) -> Step | None:
        """One frame, from this place of the recording; the step that it is, or None where it is audio."""
        view = self._dialect.view(frame, Sender.CLIENT)
        if view.kind is Kind.AUDIO and view.audio is not None:
            self.audio.add(view, frame, place=place, at=self._tempo.at(at, event=False))
            self._causes.audio()
            return None
        number = len(self.steps.read)
        self._named[view.name] += 1
        which = self._named[view.name]
        optional = view.kind is Kind.KEEPALIVE or self._optional.hold(view.name, which)
        about = self._causes.client(number, view, ahead)
        clock = self.audio.clock
        clock.switch(self._dialect.audio_format(view, clock.format))
        paced = self._tempo.at(at)
        step = Step(number, place, at, paced, view, frame, optional, about, clock.us, clock.size, which)
        self.steps.add(step)
        self.ids.hold(self._matcher.ids(view.name, view.body, which))
        return step
