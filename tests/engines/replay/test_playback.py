from __future__ import annotations

from typing import Any

from mockserver.core.frames import Hangup, Note, Send
from mockserver.dialects.causes import Role
from mockserver.dialects.openai.lens import OPENAI
from mockserver.engines.replay.aliases import Aliases
from mockserver.engines.replay.chains import Chains
from mockserver.engines.replay.late_client import LateClient
from mockserver.engines.replay.playback import BATCH, Stage
from mockserver.engines.replay.steps import Anchor, Cue
from tests.engines.replay.parts import cue


class Played:
    """A stage, and what goes out."""

    def __init__(self, *, at_once: bool = False) -> None:
        self.chains = Chains()
        self.opening = Anchor(0, 1)
        self.opening.come(0)
        self.stage = Stage(
            self.chains,
            LateClient([], 10_000),
            opening=self.opening,
            at_once=at_once,
            aliases=Aliases(),
            dialect=OPENAI,
            patience=1_000,
        )
        self.out: list[Any] = []

    def add(self, index: int, *, delay: int = 0, chain: str = "main", anchor: Anchor | None = None, **more: Any) -> Cue:
        one = cue(index, chain=self.chains.named(chain), anchor=anchor or self.opening, **more)
        one.delay = delay
        self.chains.add(one)
        return one

    def at(self, now: int) -> list[tuple[int, int]]:
        """What went by then, as the stage tells it."""
        return list(self.stage.play(now, self.out))

    def due(self) -> int | None:
        assert list(self.stage.take_up()) == []
        return self.stage.due()


def test_what_is_due_goes_out_and_is_told_to_the_owner() -> None:
    played = Played()
    for index, delay in enumerate((0, 20, 10)):  # of one chain: none overtakes
        played.add(index, delay=delay)
    assert played.due() == 0
    assert played.at(0) == [(0, 1)]
    assert played.due() == 20
    assert played.at(25) == [(2, 2)]
    assert len(played.out) == 3
    assert played.due() is None


def test_what_is_read_behind_it_goes_out_in_the_same_turn() -> None:
    played = Played()
    played.add(0)
    went = played.stage.play(0, played.out)
    assert next(went) == (0, 1)
    played.add(1)
    assert list(went) == [(1, 1)]


def test_a_chain_waits_for_its_anchor_and_keeps_its_distance_to_it() -> None:
    played = Played()
    anchor = Anchor(0, 1)
    played.add(0, delay=30, anchor=anchor)
    assert played.due() is None
    played.chains.freed(anchor.come(100))
    assert played.due() == 130
    assert played.at(130) == [(0, 1)]


def test_a_reply_that_is_dropped_never_goes_out_whatever_is_still_to_be_read() -> None:
    played = Played()
    played.add(0, response="r", role=Role.BEGINS)
    played.add(1, delay=50, response="r", role=Role.DELTA)
    played.add(2, delay=50, response="other", role=Role.DELTA)
    assert played.at(0) == [(0, 1)]
    assert list(played.stage.replies.active) == ["r"]
    assert list(played.stage.drop("r", 10)) == [(1, 1)]
    played.add(3, delay=60, response="r", role=Role.DELTA)
    assert sorted(played.at(60)) == [(2, 1), (3, 1)]
    assert len(played.out) == 2


def test_what_must_end_ends_although_the_optional_frame_does_not_come() -> None:
    played = Played()
    anchor = Anchor(0, 1, "client frame 3", True)
    played.add(0, anchor=anchor, closing=True)
    assert played.due() == 1_000, "so long it may come late"
    assert played.at(1_000) == [(0, 1)]
    note, sent = played.out
    assert isinstance(note, Note)
    assert note.text.endswith("goes out although client frame 3 did not come")
    assert isinstance(sent, Send)


def test_so_many_go_out_at_one_time_and_the_rest_a_moment_later() -> None:
    played = Played(at_once=True)
    for index in range(BATCH + 5):
        played.add(index)
    played.at(0)
    assert len(played.out) == BATCH
    assert played.due() == 1
    played.at(1)
    assert len(played.out) == BATCH + 5


def test_after_the_end_nothing_goes_out() -> None:
    played = Played()
    last = played.add(0)
    last.effect = Hangup(code=1000)
    played.add(1, chain="other", delay=10)
    played.at(0)
    assert played.stage.ended
    assert played.at(50) == []
    assert played.out == [last.effect]
