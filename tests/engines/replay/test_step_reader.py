from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from mockserver.core.frames import Text
from mockserver.dialects.openai.lens import OPENAI
from mockserver.engines.replay.aliases import Aliases
from mockserver.engines.replay.matching import Matcher
from mockserver.engines.replay.pacing import Pacing, Tempo
from mockserver.engines.replay.step_reader import OptionalFrames, StepReader

AUDIO = {"type": "input_audio_buffer.append", "audio": "AAAA"}  # three bytes


def reader(**rules: Any) -> StepReader:
    given = replace(OPENAI.rules, **rules)
    matcher = Matcher(given, Aliases(), lambda recorded: False)
    optional = OptionalFrames(given, 0)
    return StepReader(OPENAI, matcher, OPENAI.causes(), Tempo(Pacing()), optional=optional)


def read(made: StepReader, *bodies: dict[str, Any]) -> list[Any]:
    return [made.read(n, n * 1_000, Text(json.dumps(body)), lambda: ()) for n, body in enumerate(bodies)]


def test_each_frame_is_a_step_and_audio_is_none() -> None:
    made = reader()
    first, audio, second = read(made, {"type": "response.create"}, AUDIO, {"type": "response.create"})
    assert audio is None
    assert made.audio.clock.size == 3
    assert made.steps.read == [first, second]
    assert [(one.number, one.index, one.at, one.which) for one in (first, second)] == [(0, 0, 0, 1), (1, 2, 2_000, 2)]
    assert (first.audio_bytes, second.audio_bytes) == (0, 3), "how much had been recorded before it"


def test_ids_that_the_client_gives_are_held() -> None:
    made = reader()
    item = {"id": "item_client_1", "type": "message", "role": "user", "content": []}
    read(made, {"type": "conversation.item.create", "item": item})
    assert "item_client_1" in made.ids.all
    assert made.ids.cut(Text('{"item_id":"item_client_1"}')) == ('{"item_id":', "item_client_1", "}")
    assert made.ids.cut(Text('{"item_id":"another"}')) is None


def test_a_rule_may_mean_all_frames_of_a_name_or_one_of_them() -> None:
    made = reader(optional=("response.cancel", "response.create#2"))
    bodies = [{"type": "response.create"}, {"type": "response.create"}, {"type": "response.cancel"}]
    assert [one.optional for one in read(made, *bodies)] == [False, True, True]
    assert OptionalFrames(OPENAI.rules, 0).hold("response.create") is False
