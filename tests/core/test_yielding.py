"""Loops that take long call what their thread was given, each time that some items have passed."""

from __future__ import annotations

from threading import Thread

from mockserver.core.yielding import STEPS, in_this_thread, yield_to_others, yielding


def called(size: int, **given: int) -> tuple[list[int], list[int]]:
    """The items that a loop got, and how many it had got at each call."""
    got: list[int] = []
    calls: list[int] = []
    in_this_thread(lambda: calls.append(len(got)))
    try:
        got.extend(yielding(range(size), **given))
    finally:
        in_this_thread(None)
    return got, calls


def test_a_loop_calls_every_so_many_items_and_gets_all_of_them() -> None:
    got, calls = called(3 * STEPS + 1)
    assert got == list(range(3 * STEPS + 1))
    assert calls == [0, STEPS, 2 * STEPS, 3 * STEPS]
    assert called(4, every=2)[1] == [0, 2]
    assert called(0) == ([], [])


def test_where_nothing_was_given_the_items_are_gone_over_themselves() -> None:
    items = [1, 2]
    assert yielding(items) is items
    yield_to_others()


def test_it_is_called_in_the_thread_that_it_was_given_to_alone() -> None:
    calls: list[str] = []

    def work() -> None:
        in_this_thread(lambda: calls.append("theirs"))
        yield_to_others()

    other = Thread(target=work)
    other.start()
    other.join()
    yield_to_others()
    assert calls == ["theirs"]
