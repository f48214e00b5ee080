from __future__ import annotations

import json
from typing import Any

from mockserver.core.frames import Sender, Text
from mockserver.engines.replay.aliases import Aliases
from mockserver.engines.replay.pacing import INSTANT
from mockserver.engines.replay.recording import Score
from mockserver.engines.replay.source import Replay
from mockserver.engines.replay.step_finder import IdOrigins, LiveFrame, StepFinder
from tests.engines.driving import C, S, recording


def finder_of(*bodies: dict[str, Any]) -> tuple[StepFinder, Score]:
    cassette = recording(*((C, body) for body in bodies))
    source = Replay(cassette)
    (connection,) = cassette.connections
    finder = StepFinder(connection, source.dialect, source.rules, Aliases())
    score = Score(connection, source.dialect, finder.matcher, INSTANT)
    score.open(0)
    return finder, score


def live(body: dict[str, Any], score: Score) -> LiveFrame:
    text = Text(json.dumps(body))
    return LiveFrame(0, score._dialect.view(text, Sender.CLIENT), text)


def said(text: str) -> dict[str, Any]:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    return {"type": "conversation.item.create", "item": item}


def test_a_frame_is_the_first_step_that_it_can_be() -> None:
    finder, score = finder_of(said("one"), said("two"), said("two"))
    found = finder.find(live(said("one"), score), score, ())
    assert found is not None
    assert found[0].number == 0
    assert finder.find(live(said("three"), score), score, ()) is None


def test_a_cancel_is_the_recorded_one_only_while_its_reply_is_on_its_way() -> None:
    finder, score = finder_of({"type": "response.cancel"})
    score.steps.read[0].about = "resp_1"
    cancel = live({"type": "response.cancel"}, score)
    assert finder.find(cancel, score, ()) is None
    found = finder.find(cancel, score, {"resp_1"})
    assert found is not None
    assert found[0].number == 0


def test_an_id_is_the_servers_where_it_named_it_before_the_client_did() -> None:
    (connection,) = recording((S, {"id": "a"}), (C, {"id": "a"}), (C, {"id": "b"}), (S, {"id": "b"})).connections
    origins = IdOrigins(connection.records)
    origins.until = 2
    assert origins.server_minted("a")
    assert not origins.server_minted("b")
    assert not origins.server_minted("c")
