"""What a dialect's table says that the service ends a reply with is what its simulated server says, in that order.

Faults, replay and the simulated servers end replies by the table. The OpenAI family has one of its own
(``dialects/openai/test_course.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mockserver import Scripted, simulator
from mockserver.dialects.registry import DIALECTS
from tests.engines.simulator.caller import Caller
from tests.engines.simulator.gemini.stage import Stage
from tests.engines.simulator.nova_sonic.talk import Stream
from tests.engines.simulator.ultravox.talk import Talk

LONG = "the tide comes in twice a day and leaves shells of every colour on the sand"


def gemini() -> Caller:
    stage = Stage(replier=Scripted([LONG, "Yes."]), pace="realtime")
    stage.write("hi")
    stage.until("modelTurn")
    stage.wait(1_500)
    stage.talk("stop please")
    return stage


def gemini_to_its_end() -> Caller:
    stage = Stage(replier=Scripted(["There."]), pace="realtime")
    stage.write("hi")
    stage.until("turnComplete")
    return stage


def ultravox() -> Caller:
    talk = Talk(simulator("ultravox", replier=Scripted([LONG]), first_speaker="user"))
    talk.write("go")
    talk.wait(3_000)
    talk.write("", urgency="immediate", deferResponse=True)
    talk.wait(1_000)
    return talk


def nova_sonic() -> Caller:
    stream = Stream(simulator("nova_sonic", replier=Scripted([LONG, "yes"])))
    stream.speak("what is the sea like")
    stream.audio(bytes(32 * 2_500))
    stream.speak("stop please")
    return stream


TALKS: dict[tuple[str, str], Callable[[], Caller]] = {
    ("gemini", "cancelled"): gemini,
    ("gemini", "completed"): gemini_to_its_end,
    ("ultravox", "cancelled"): ultravox,
    ("nova_sonic", "cancelled"): nova_sonic,
}


def ends() -> Iterator[tuple[str, str]]:
    """Every ending of a table that holds the frames of it; one for all names of a provider."""
    for name, dialect in DIALECTS.items():
        if name == dialect.simulator:
            yield from ((name, status) for status in dialect.life.endings)


def holds(told: Any, wanted: Any) -> bool:
    """Whether an event says all that another does, and perhaps more."""
    if isinstance(wanted, dict):
        return isinstance(told, dict) and all(key in told and holds(told[key], one) for key, one in wanted.items())
    return bool(told == wanted)


@pytest.mark.parametrize("which", list(ends()))
def test_a_reply_ends_as_its_table_says(which: tuple[str, str]) -> None:
    bodies = iter([body for _, body in TALKS[which]().timed])
    name, status = which
    for wanted in DIALECTS[name].life.endings[status]:  # type: ignore[index]
        assert any(holds(told, wanted) for told in bodies), f"{wanted} does not come in its turn"
