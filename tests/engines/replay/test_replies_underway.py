from __future__ import annotations

from mockserver.dialects.causes import TURNS, Role
from mockserver.engines.replay.replies_underway import RepliesUnderway
from mockserver.engines.replay.steps import Chain
from tests.engines.replay.parts import cue

TURN = Chain(TURNS)


def test_a_cancel_means_the_newest_reply_of_the_conversation_or_the_one_it_names() -> None:
    replies = RepliesUnderway()
    for name, chain in (("one", TURN), ("two", TURN), ("beside", Chain("beside"))):
        replies.played(cue(chain=chain, response=name, role=Role.BEGINS))
    assert replies.meant(None) == "two"
    assert replies.meant("beside") == "beside"
    assert replies.meant("three") == ""
    replies.played(cue(response="two", role=Role.DELTA))
    replies.played(cue(response="two", role=Role.ENDS))
    assert replies.meant(None) == "one"
    assert replies.meant("two") == ""


def test_of_a_reply_that_was_cut_short_all_is_dropped_or_only_what_has_a_role() -> None:
    replies = RepliesUnderway()
    for name in ("one", "two"):
        replies.played(cue(chain=TURN, response=name, role=Role.BEGINS))
    replies.drop("one", None)
    replies.drop("two", Role.DELTA)
    roles = Role.DELTA, Role.ENDS
    assert [replies.drops(cue(response="one", role=role)) for role in roles] == [True, True]
    assert [replies.drops(cue(response="two", role=role)) for role in roles] == [True, False]
    assert not replies.drops(cue(response="three", role=Role.DELTA))
    assert list(replies.active) == ["two"], "what lost its deltas is still to be ended"
