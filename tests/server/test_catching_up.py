"""A session that is behind catches up over some turns of the loop."""

from __future__ import annotations

from typing import Any

from mockserver.server.catching_up import TURN_SECONDS, catch_up


class Behind:
    """A session with a task each millisecond, which takes ``seconds`` of a clock."""

    def __init__(self, tasks: int, seconds: float) -> None:
        self.tasks = [1_000 * number for number in range(1, tasks + 1)]
        self.seconds = seconds
        self.time = 0.0
        self.over = False
        self.due: int | None = None
        self.woken: list[int] = []

    def clock(self) -> float:
        return self.time

    def wake_at(self) -> int | None:
        return self.tasks[0] if self.tasks else None

    def wake(self, now: int) -> None:
        self.woken.append(now)
        while self.tasks and self.tasks[0] <= now:
            del self.tasks[0]
            self.time += self.seconds
        self.due = self.wake_at()


def turns(session: Any, now: int) -> list[int]:
    """How many tasks each turn of the loop does."""
    done = []
    while (due := session.wake_at()) is not None and due <= now:
        before = len(session.tasks)
        catch_up(session, now, session.clock)
        done.append(before - len(session.tasks))
        assert session.due == session.wake_at()
    return done


def test_what_takes_long_is_done_over_some_turns() -> None:
    assert turns(Behind(10, TURN_SECONDS * 0.4), 9_000) == [3, 3, 3]


def test_what_takes_no_time_is_done_at_once_each_at_its_own() -> None:
    session = Behind(10, 0.0)
    assert turns(session, 9_500) == [9]
    assert session.woken == [1_000 * number for number in range(1, 10)]
    assert session.due == 10_000


def test_an_alarm_that_was_early_wakes_all_the_same() -> None:
    session = Behind(1, 0.0)
    catch_up(session, 500, session.clock)  # type: ignore[arg-type]
    assert (session.woken, session.due) == ([500], 1_000)


def test_a_session_that_is_over_is_left() -> None:
    session: Any = Behind(5, 0.0)
    session.over = True
    catch_up(session, 5_000, session.clock)
    assert session.woken == [1_000]
