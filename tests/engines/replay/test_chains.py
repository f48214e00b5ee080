from __future__ import annotations

from mockserver.dialects.causes import Role
from mockserver.engines.replay.chains import Chains, OwedCues
from mockserver.engines.replay.steps import Anchor
from tests.engines.replay.parts import cue, waiting


def test_a_chain_has_changed_with_its_first_cue_and_not_with_those_behind_it() -> None:
    chains = Chains()
    main, other = chains.named("main"), chains.named("other")
    assert chains.named("main") is main
    for place in range(3):
        chains.add(cue(place, chain=main))
    chains.add(cue(3, chain=other))
    assert list(chains.changed) == [main, other]
    assert [one.index for one in chains.cues()] == [0, 1, 2, 3]


def test_deltas_that_were_recorded_before_a_cancel_are_too_early_until_they_are_played() -> None:
    chains = Chains()
    main = chains.named("main")
    chains.add(cue(1, chain=main, response="r", role=Role.DELTA))
    chains.add(cue(2, chain=main, response="r", role=Role.ENDS))
    assert chains.too_early("r", 2)
    assert not chains.too_early("r", 1)
    assert not chains.too_early("other", 2)
    main.cues.popleft()
    assert not chains.too_early("r", 2), "an end is no delta"


def test_the_end_comes_with_the_last_cue_that_is_owed_before_it() -> None:
    owed = OwedCues()
    owed.open(5)
    owed.count = 2
    end = Anchor(0, 1)
    chain = waiting(end)
    owed.end_with(end)
    owed.count += 1  # its own
    assert owed.sent(1, 60) == []
    assert owed.sent(0, 65) == []
    assert end.time is None
    assert owed.sent(1, 70) == [chain]
    assert end.time == 70


def test_where_nothing_is_owed_the_end_is_told_from_what_went_last() -> None:
    owed = OwedCues()
    owed.open(5)
    owed.count = 1
    owed.sent(1, 60)
    end = Anchor(0, 1)
    owed.end_with(end)
    assert end.time == 60
