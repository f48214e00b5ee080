from __future__ import annotations

import json
from typing import Any

from mockserver.core.frames import Peer, Send, Sender, Text
from mockserver.dialects.openai.lens import OPENAI
from mockserver.faults.body import Sight
from mockserver.faults.numbering import NumberedFrames
from mockserver.faults.where import Where


def sight(response: str | None = None, item: str | None = None, *, name: str = "response.output_item.added") -> Sight:
    body: dict[str, Any] = {"type": name, "output_index": 0}
    if response is not None:
        body["response_id"] = response
    if item is not None:
        body["item_id"] = item
    frame = Text(json.dumps(body))
    return Sight(Send(Peer.CLIENT, frame), frame, name, Sender.SERVER, OPENAI)


def numbered(*seen: Sight, **where: Any) -> NumberedFrames:
    made = NumberedFrames(Where(**where), OPENAI.life)
    for one in seen:
        made.see(one)
    return made


def test_by_number_and_by_id() -> None:
    frames = [sight("resp_a", "item_a"), sight("resp_b", "item_b")]
    for wanted in (2, "resp_b"):
        second = numbered(*frames, response=wanted)
        assert [second.misses(one) for one in frames] == [f"not in response {wanted}", ""]
        assert second.misses(None) == "", "the newest is the second"
    assert numbered(*frames, response=1).misses(None) == "not in response 1"
    assert numbered(response=1).misses(None) == "not in response 1", "none has been named"
    assert numbered(*frames, response=2, item=1).misses(frames[1]) == "not in item 1"


def test_a_frame_that_names_only_its_item_is_of_the_response_which_that_is_in() -> None:
    alone = sight(None, "item_a", name="conversation.item.truncated")
    assert numbered(sight("resp_a", "item_a"), response=1).misses(alone) == ""
    assert numbered(response=1).misses(alone) == "not in response 1"


def test_a_delta_names_nothing_new() -> None:
    delta = sight("resp_a", "item_a", name="response.output_audio.delta")
    assert numbered(delta, response=1).misses(None) == "not in response 1"
