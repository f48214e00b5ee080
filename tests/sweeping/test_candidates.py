"""What is tried: every fault at every event that it can be about, those that do the same once, round-robin by fault."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from mockserver.core.frames import MILLISECOND, Answer, Binary, Handshake, Sender, Text
from mockserver.core.journal import Journal
from mockserver.dialects.openai.lens import OPENAI
from mockserver.sweeping.candidates import Candidate, Foresight, candidates, chosen
from mockserver.sweeping.digest import digest

DONE = {"id": "resp_a001b2c3", "status": "completed"}
ITEM = {"id": "item_a001b2c3", "type": "message", "role": "assistant", "content": []}
TALK = (
    (
        Sender.SERVER,
        {"type": "session.created", "event_id": "event_a001b2c3", "session": {"id": "sess_a001b2c3"}},
    ),
    (Sender.CLIENT, {"type": "response.create"}),
    (
        Sender.SERVER,
        {"type": "response.created", "event_id": "event_a002b2c3", "response": {"id": "resp_a001b2c3"}},
    ),
    (Sender.SERVER, {"type": "response.output_item.added", "event_id": "event_a003b2c3", "item": ITEM}),
    (Sender.SERVER, {"type": "response.done", "event_id": "event_a004b2c3", "response": DONE}),
)


def journal(*, event_id: str = "event_a004b2c3", binary: bool = False) -> Journal:
    made = Journal()
    log = made.open(OPENAI)
    made.write(log, 0, Sender.CLIENT, Handshake("/v1/realtime", target="/v1/realtime"))
    made.write(log, 0, Sender.SERVER, Answer())
    for place, (sender, body) in enumerate(TALK):
        text = json.dumps({**body, "event_id": event_id} if body["type"] == "response.done" else body)
        last = binary and body["type"] == "response.done"
        made.write(log, 20 * place * MILLISECOND, sender, Binary(text.encode()) if last else Text(text))
    return made


def one(spec: str, event: str = "response.done") -> Candidate:
    return Candidate(spec, spec, spec.partition(" on ")[0], event, "broken", "")


SIGHT = Foresight(journal(), OPENAI)


@pytest.mark.parametrize(
    ("spec", "other", "same"),
    [
        ("strip type on 1st response.done", "missing type on 1st response.done", True),
        ("strip type on 1st response.done", "strip type on 1st response.created", False),
        ("strip type on 1st response.done", "strip response on 1st response.done", False),
        ("drop on 1st response.done", "drop on response.done", True),
        ("drop on 1st response.created", "drop on 1st response.done", False),
        ("delay 2s on 1st response.done", "delay 3s on 1st response.done", False),
        # The same here, but the one goes on to do something to what may follow.
        ("drop on 1st response.done", "half open on 1st response.output_item.added", False),
        ("binary on 1st response.done", "drop on 1st response.done", False),
        ("close 1000 on 1st response.done", "slow close 5s on 1st response.done", False),
        ("close 1000 on 1st response.done", "close 1000 on response.done", True),
    ],
)
def test_faults_that_do_the_same_on_the_wire_are_known_before(spec: str, other: str, same: bool) -> None:
    assert (SIGHT.look(one(spec)) == SIGHT.look(one(other))) is same
    assert SIGHT.look(one(spec)) is not None


def test_ids_that_a_fault_mints_are_no_difference_and_those_that_are_known_are() -> None:
    minted = [SIGHT.look(one(f"another id on 1st {event}", event)) for event in ("response.created", "response.done")]
    assert len(set(minted)) == 2  # other frames
    twice = {SIGHT.look(one(f"another id on {words} response.done")) for words in ("1st", "every 1st")}
    assert len(twice) == 1  # the seed is of the words, so the ids differ


def test_what_cannot_fire_is_not_taken() -> None:
    assert SIGHT.look(one("drop on 2nd response.done")) is None
    assert SIGHT.look(one("drop on conversation.item.added")) is None
    assert SIGHT.look(one("strip nothing on 1st response.done")) is None
    assert SIGHT.look(one("refuse 401", "")) == ""  # it fires, and what a client then does is not in the journal


def test_of_equal_wires_one_is_run_and_takes_the_others_with_it() -> None:
    work = [one(f"{what} type on 1st response.done") for what in ("strip", "missing", "wrong type of")]
    taken = chosen(work, SIGHT.look, most=None)
    assert [(run.spec, [other.spec for other in run.alike]) for run in taken] == [
        (work[0].spec, [work[1].spec]),
        (work[2].spec, []),
    ]
    # The control: what nobody can know of the wire is run each by itself.
    assert len(chosen(work, lambda _: "", most=None)) == 3


def test_quick_goes_round_by_fault() -> None:
    all_ = candidates(journal(), OPENAI)
    taken = chosen(all_, SIGHT.look, most=60)
    assert len(taken) == 60
    assert [run.place for run in taken] == list(range(60))
    counts = Counter(run.fault for run in taken)
    fewest = min(counts.values())
    left = {run.fault for run in chosen(all_, SIGHT.look, most=None)} - set(counts)
    assert left == set()
    assert fewest >= 1
    most_common = counts.most_common(1)[0][1]
    assert most_common <= 3
    assert chosen(all_, SIGHT.look, most=60) == taken
    assert chosen(all_, SIGHT.look, most=60, seed=1) != taken


def test_one_in_five_strikes_in_a_later_connection() -> None:
    all_ = candidates(journal(), OPENAI)
    later = [replace(run, spec=f"{run.spec} optional", first="reset", later=True) for run in all_]
    taken = chosen([*all_, *later], SIGHT.look, most=50)
    assert sum(run.later for run in taken) == 10
    assert not any(run.later for run in chosen(all_, SIGHT.look, most=50))


def test_a_fault_with_a_place_of_its_own_is_tried_there_alone() -> None:
    found = candidates(journal(), OPENAI)
    places = {name: {run.event for run in found if run.fault == name} for name in {run.fault for run in found}}
    assert places["beta retired"] == places["invalid key"] == {"session.created"}
    assert places["active response"] == {"response.create"}
    assert places["done without created"] == {"response.created"}
    assert "cancel not active" not in places  # the client cancels nothing
    assert len(places["drop"]) == 5  # the control: of all that is said
    assert any(run.spec == "active response on 1st response.create from client in 1st connection" for run in found)


def test_full_strikes_at_the_second_and_the_last_too() -> None:
    made = journal()
    log = made.sessions[0]
    for number in range(3):
        made.write(log, (200 + number) * MILLISECOND, Sender.SERVER, Text('{"type": "rate_limits.updated"}'))
    specs = [run.spec for run in candidates(made, OPENAI, every=True) if run.fault == "drop"]
    drops = [spec for spec in specs if "rate_limits" in spec]
    assert drops == [f"drop on {nth} rate_limits.updated in 1st connection" for nth in ("1st", "2nd", "#3")]
    assert sum("rate_limits" in run.spec for run in candidates(made, OPENAI) if run.fault == "drop") == 1


def test_shards_are_told_by_what_is_struck_and_not_by_place() -> None:
    assert one("drop on x").number == replace(one("drop on x"), place=7, alike=(one("y"),)).number
    assert one("drop on x").number != one("drop on y").number


def test_the_digest_of_a_wire_masks_ids_and_tells_text_from_binary() -> None:
    assert digest(journal()) == digest(journal(event_id="event_a005b2c3"))
    assert digest(journal()) != digest(journal(event_id="event_a003b2c3"))  # an id that another frame has
    assert digest(journal()) != digest(journal(binary=True))
