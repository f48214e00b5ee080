from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from mockserver.core.frames import Abort, Close, Frame, Hangup, Lost, Text
from mockserver.dialects.causes import Role
from mockserver.dialects.gemini import GEMINI
from mockserver.dialects.openai.lens import OPENAI
from mockserver.engines.replay.aliases import GivenIds
from mockserver.engines.replay.anchors import Anchors
from mockserver.engines.replay.client_steps import ClientSteps
from mockserver.engines.replay.cue_reader import END, CueReader
from mockserver.engines.replay.pacing import Pacing, Tempo
from mockserver.engines.replay.recorded_audio import RecordedAudio

CREATED = {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}
DONE = {"type": "response.done", "response": {"id": "resp_1", "status": "completed"}}


def reader(dialect: Any = OPENAI, *, timed: bool = True, **rules: Any) -> CueReader:
    anchors = Anchors(ClientSteps(), RecordedAudio(exact=False), audio=True)
    given = replace(dialect.rules, **rules)
    tempo = Tempo(Pacing(), timed=timed)
    return CueReader(dialect, given, dialect.causes(), tempo, timed=timed, anchors=anchors, ids=GivenIds())


def read(made: CueReader, *frames: Frame | dict[str, Any]) -> None:
    for place, one in enumerate(frames):
        frame = Text(json.dumps(one)) if isinstance(one, dict) else one
        made.read(place, place * 1_000, frame, lambda: ())


def test_a_frame_is_a_cue_with_its_role_in_its_chain() -> None:
    made = reader()
    read(made, {"type": "session.created"}, CREATED, DONE)
    assert [(cue.index, cue.role) for cue in sorted(made.chains.cues(), key=lambda cue: cue.index)] == [
        (0, Role.NONE),
        (1, Role.BEGINS),
        (2, Role.ENDS),
    ]
    assert made.owed.count == 3
    assert made.owed.end is None


def test_what_ends_the_connection_waits_for_all_that_is_owed() -> None:
    for last, effect in ((Close(1000, "bye"), Hangup(code=1000, reason="bye")), (Lost("gone"), Abort())):
        made = reader()
        read(made, {"type": "session.created"}, last)
        end = made.owed.end
        assert end is not None
        (cue,) = made.chains.named(END).cues
        assert (cue.effect, cue.anchor, cue.delay) == (effect, end, 1_000), "told from what came before it"
        assert (end.time, made.owed.count) == (None, 2)


def test_a_clock_of_its_own_needs_a_recording_with_times() -> None:
    usage = {"serverContent": {"outputTranscription": {"text": "a"}}}
    for timed, in_step in ((True, False), (False, False), (True, True)):
        made = reader(GEMINI, timed=timed, in_step=in_step)
        read(made, {"setupComplete": {}}, usage)
        assert {chain.name for chain in made.chains} == {"main"}
