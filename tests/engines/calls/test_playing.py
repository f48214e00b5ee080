"""What is played, and how far: the queue of one call."""

from __future__ import annotations

from mockserver.engines.calls.playing import PlayedPart, Playing
from tests.cassette.test_linear import SLACK, grows

PIECE = 20_000


def test_audio_that_comes_slower_than_it_is_played_is_kept_in_linear_time() -> None:
    """A gap behind each piece, as from a service that streams at the speed of speech."""

    def act(count: int) -> None:
        playing = Playing()
        for n in range(count):
            playing.add("r", "i", 0, PIECE, n * (PIECE + 1_000))
            playing.due()
        assert playing.stop(0) == ("r", [PlayedPart("i", 0, 0)])

    assert grows(act, lambda size: size, 1_000) < SLACK


def test_what_comes_behind_the_end_of_its_response_is_played_and_then_it_has_stopped() -> None:
    """A fault may hold audio back: the end of the response is told before it."""
    playing = Playing()
    playing.spoken("r")
    assert playing.due() is None
    playing.add("r", "i", 0, PIECE, 5)
    assert playing.due() == (5, "started", "r")
    playing.tell("started", "r")
    assert playing.due() == (5 + PIECE, "stopped", "r")


def test_a_gap_is_not_counted_as_heard_and_what_was_played_whole_is_not_cut() -> None:
    playing = Playing()
    playing.add("a", "first", 0, PIECE, 0)
    playing.add("b", "second", 0, PIECE, 100_000)
    playing.add("b", "second", 0, PIECE, 200_000)
    playing.add("b", "third", 0, PIECE, 200_000)
    assert playing.stop(210_000) == ("b", [PlayedPart("second", 0, 20), PlayedPart("third", 0, 0)])
    assert playing.stop(210_000) == (None, [])
    playing.add("c", "fourth", 0, PIECE, 210_000)  # what comes next does not wait for what is dropped
    assert playing.due() == (210_000, "started", "c")
