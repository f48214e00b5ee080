"""An order that the provider does not promise is no difference; one that a cause makes is."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.cassette.causal import server_frames
from mockserver.cassette.diff import diff
from mockserver.cassette.drift import drift
from mockserver.cassette.model import Cassette
from mockserver.cassette.render import textconv
from mockserver.dialects.openai.lens import OPENAI
from tests.cassette.conversation import PLANS, Conversation
from tests.engines.driving import C, S, recording

FLOATING = ("rate_limits.updated", "conversation.item.input_audio_transcription.completed")
plans = st.lists(st.sampled_from(PLANS), min_size=1, max_size=6)


def talk(plan: list[str], seed: int) -> Cassette:
    return Conversation(plan, random.Random(seed)).recorded()


def names(cassette: Cassette) -> list[str]:
    return [OPENAI.view(one.frame, one.sender).name for one in cassette.connections[0].records]


@given(plans, st.integers(0, 10_000), st.integers(0, 10_000))
def test_one_conversation_is_the_same_however_chance_has_ordered_it(plan: list[str], one: int, other: int) -> None:
    first, second = talk(plan, one), talk(plan, other)
    assert [str(difference) for difference in diff(first, second)] == []
    # What comes at any time may come too late for a client that leaves.
    told = [[line for line in textconv(made) if not any(name in line for name in FLOATING)] for made in (first, second)]
    assert told[0] == told[1]
    recorded, live = (server_frames(made.connections[0].records, OPENAI) for made in (first, second))
    assert [str(change) for change in drift(recorded, live, dialect=OPENAI) if change.where not in FLOATING] == []


def test_chance_orders_these_conversations_in_many_ways() -> None:
    """The property above would hold of a scheduler that never changes anything."""
    assert len({tuple(names(talk(["update", "add", "ask", "speak", "aside"], seed))) for seed in range(20)}) > 10


SWAPS = [
    ("response.output_audio_transcript.delta", "response.output_audio.done"),
    ("response.output_item.done", "response.done"),
    ("response.created", "response.output_item.added"),
    ("conversation.item.added", "conversation.item.done"),
    ("response.output_audio.done", "response.output_audio_transcript.done"),
    ("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"),
    ("input_audio_buffer.speech_stopped", "input_audio_buffer.committed"),
    ("input_audio_buffer.committed", "response.created"),
]


@pytest.mark.parametrize(("earlier", "later"), SWAPS)
def test_a_causal_pair_that_changed_places_is_a_difference(earlier: str, later: str) -> None:
    made = talk(["listen", "add", "ask"] if "buffer" in earlier else ["add", "ask"], 1)
    line = made.connections[0]
    kinds = names(made)
    one = max(place for place, name in enumerate(kinds) if name == earlier)
    other = kinds.index(later, one)
    records = list(line.records)
    records[one], records[other] = (
        replace(records[one], frame=records[other].frame),
        replace(records[other], frame=records[one].frame),
    )
    swapped = replace(made, connections=(replace(line, records=tuple(records)),))
    assert diff(made, swapped) != []
    assert list(textconv(made)) != list(textconv(swapped))


def test_what_races_behind_one_client_frame_may_come_in_either_order() -> None:
    """The acknowledgement of an update, and what the update brings about besides."""
    told = (S, {"type": "session.updated", "session": {}})
    listed = (S, {"type": "mcp_list_tools.in_progress", "item_id": "m"})
    added = (S, {"type": "conversation.item.added", "item": {"id": "m", "type": "mcp_list_tools"}})
    begin = ((S, {"type": "session.created", "session": {"id": "s"}}), (C, {"type": "session.update", "session": {}}))
    assert diff(recording(*begin, told, listed), recording(*begin, listed, told)) == []
    # The control: what is about one item keeps its order.
    assert diff(recording(*begin, added, listed), recording(*begin, listed, added)) != []


def test_an_answer_to_another_request_is_a_difference() -> None:
    """The client's own order counts: it asked before it added, and the answer knows nothing of what came later."""
    assert diff(talk(["add", "ask"], 1), talk(["ask", "add"], 1)) != []


def test_a_frame_less_is_a_difference_unless_the_client_may_have_left_before_it() -> None:
    made = talk(["ask", "ask"], 3)
    line = made.connections[0]

    def cut(name: str, which: int) -> Cassette:
        places = [place for place, one in enumerate(names(made)) if one == name]
        kept = tuple(one for place, one in enumerate(line.records) if place != places[which])
        return replace(made, connections=(replace(line, records=kept),))

    assert diff(made, cut("response.done", -1)) != []
    assert diff(made, cut("rate_limits.updated", -1)) == []
    stays = replace(made, connections=(replace(line, records=line.records[:-1]),))
    left = cut("rate_limits.updated", -1).connections[0]
    assert diff(stays, replace(made, connections=(replace(left, records=left.records[:-1]),))) != []
