from __future__ import annotations

import json

from mockserver.cassette.model import Record
from mockserver.core.frames import Sender, Text
from mockserver.dialects.causes import Cause, On, Role
from mockserver.engines.replay.chains import Chains
from mockserver.engines.replay.delta_runs import LONGEST
from mockserver.engines.replay.delta_stream import DeltaStream
from mockserver.engines.replay.pacing import Pacing, Tempo
from mockserver.engines.replay.steps import Anchor

CAUSE = Cause(On.LIKE, response="resp_1", role=Role.DELTA)
NAME = "response.output_audio.delta"


def frame(number: int, **more: str) -> Text:
    body = {"type": NAME, "event_id": f"event_{number:05}", "response_id": "resp_1", "delta": "AAAA", **more}
    return Text(json.dumps(body))


def stream(anchor: Anchor) -> tuple[DeltaStream, Chains]:
    made, chains = DeltaStream(Anchor(0, 1)), Chains()
    made.begin(CAUSE, anchor, chains.named("main"))
    assert made.goes_on(CAUSE)
    made.learn(NAME, frame(0), frozenset())
    return made, chains


def records(count: int) -> list[Record]:
    return [Record(n * 1_000, Sender.SERVER, frame(n)) for n in range(count)]


def test_frames_that_are_alike_are_one_cue_up_to_the_first_that_is_not() -> None:
    made, chains = stream(Anchor(500, 1))
    lines = [*records(5), Record(5_000, Sender.SERVER, Text('{"type":"response.done"}'))]
    assert made.read(lines, 1, 6, Tempo(Pacing()), chains) == (5, 4, 4_000)
    (cue,) = chains.cues()
    assert cue.run is not None
    assert (cue.index, cue.run.places, cue.run.delays) == (1, [1, 2, 3, 4], [500, 1_500, 2_500, 3_500])
    assert made.read(lines, 5, 6, Tempo(Pacing()), chains) == (5, 0, 0)


def test_reading_on_adds_to_the_last_cue_until_that_is_long_enough() -> None:
    made, chains = stream(Anchor(0, 1))
    lines = records(LONGEST + 10)
    for begin in range(0, len(lines), 100):
        made.read(lines, begin, min(begin + 100, len(lines)), Tempo(Pacing()), chains)
    assert [len(cue.run.texts) for cue in chains.cues() if cue.run] == [LONGEST, 10]
    assert len(chains.changed) == 1, "only the first is the first of its chain"


def test_a_client_frame_ends_it_and_what_waits_for_an_optional_one_is_not_owed() -> None:
    made, chains = stream(Anchor(0, 1, optional=True))
    lines = [*records(3), Record(9_000, Sender.CLIENT, frame(3))]
    assert made.read(lines, 0, 4, Tempo(Pacing()), chains) == (3, 0, 2_000)


def test_another_cause_begins_anew() -> None:
    made, chains = stream(Anchor(0, 1))
    other = Cause(On.BEFORE)
    made.begin(other, Anchor(0, 1), chains.named("main"))
    assert made.shapes == []
    assert not made.goes_on(other), "only what waits for what another frame waits for comes in streams"
