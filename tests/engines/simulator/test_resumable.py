"""What sessions leave behind for clients that come back has a limit, which the oldest pay for."""

from __future__ import annotations

from mockserver.engines.simulator.replies.reply import Seen
from mockserver.engines.simulator.resumable import MOST, Resumable


def said(size: int) -> list[Seen]:
    return [
        Seen("i", "message", "user", "x" * (size // 2)),
        Seen("o", "function_call_output", output="y" * (size // 2)),
    ]


def test_the_oldest_makes_room() -> None:
    kept: Resumable[str] = Resumable(most=100)
    assert kept.left("a", said(40)) == []
    assert kept.left("b", said(40)) == []
    assert kept.left("c", said(40)) == ["a"]
    assert kept.left("d", said(100)) == ["b", "c"]


def test_what_alone_is_too_much_is_given_up_too() -> None:
    kept: Resumable[str] = Resumable(most=100)
    assert kept.left("a", said(2)) == []
    assert kept.left("b", said(1_000)) == ["a", "b"]
    assert kept.left("c", said(100)) == []


def test_what_goes_on_takes_no_room() -> None:
    kept: Resumable[str] = Resumable(most=100)
    kept.left("a", said(60))
    kept.taken_up("a")
    assert kept.left("b", said(60)) == []
    assert kept.left("a", said(60)) == ["b"], "and is the newest when it ends again"


def test_there_are_never_more_than_so_many() -> None:
    kept: Resumable[int] = Resumable()
    gone = [one for number in range(MOST + 3) for one in kept.left(number, ())]
    assert gone == [0, 1, 2]
