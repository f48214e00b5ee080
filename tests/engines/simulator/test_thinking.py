"""One thought at a time: what was superseded or given up is not said, at whatever moment that was."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from mockserver.core.frames import MILLISECOND
from mockserver.core.journal import Journal
from mockserver.dialects.generic import GENERIC
from mockserver.engines.base import SessionContext
from mockserver.engines.simulator import Pace
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.options import SimulatorOptions
from mockserver.engines.simulator.replies.reply import Context, Reply
from mockserver.engines.simulator.thinking import Thinking

PACE = Pace(created_ms=20, first_ms=50)


@dataclass
class Mind:
    """``said``: what was begun, and when in milliseconds."""

    said: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        log = Journal().open(GENERIC)
        self.desk = Desk(SessionContext(log.number, log.seed, log.lens), SimulatorOptions(pace=PACE))
        self.thinking = Thinking(
            self.desk, lambda context: Reply(context.user, after_ms=self.after_ms), failed=self.fail
        )
        self.after_ms: float | None = None

    def fail(self, text: str) -> None:
        raise AssertionError(text)

    def ask(self, user: str) -> None:
        self.thinking.about(Context(user=user, response_id=user), self.begin)

    def begin(self, reply: Reply) -> None:
        self.said.append((str(reply.text), self.desk.now // MILLISECOND))

    def until(self, ms: int) -> None:
        self.desk.wake(ms * MILLISECOND)
        self.desk.now = ms * MILLISECOND


def test_an_answer_begins_when_it_has_been_thought_of() -> None:
    mind = Mind()
    mind.ask("one")
    mind.until(1_000)
    assert mind.said == [("one", 70)]
    mind.after_ms = 5
    mind.ask("two")
    mind.until(2_000)
    assert mind.said[1:] == [("two", 1_025)]


@pytest.mark.parametrize("ms", [0, 10, 20, 69])
def test_what_is_given_up_before_it_begins_is_not_said(ms: int) -> None:
    mind = Mind()
    mind.ask("one")
    mind.until(ms)
    mind.thinking.over()
    mind.until(1_000)
    assert mind.said == []
    assert len(mind.thinking.asking.contexts) == int(ms >= 20), "the replier is not asked in vain"


@pytest.mark.parametrize("ms", [0, 10, 20, 69, 70])
def test_a_newer_thought_takes_the_place_of_one_that_has_not_begun(ms: int) -> None:
    mind = Mind()
    mind.ask("one")
    mind.until(ms)
    mind.ask("two")
    mind.until(1_000)
    assert [words for words, _ in mind.said] == (["one", "two"] if ms == 70 else ["two"])
