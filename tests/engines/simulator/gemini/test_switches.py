"""Each switch breaks what it says, writes a note, and without it the same session is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mockserver.engines.simulator import Pace, Scripted, ToolCall
from mockserver.engines.simulator.gemini.options import Switch
from tests.engines.simulator.gemini.stage import WEATHER, Stage

LONG = "one two three four five six seven eight nine ten"
V31 = "gemini-3.1-flash-live-preview"


def cut(switches: list[str]) -> Stage:
    stage = Stage(replier=Scripted([LONG, "Yes."]), pace="realtime", misbehave=switches)
    stage.write("hi")
    stage.until("modelTurn")
    stage.wait(1_000)
    stage.write("stop")
    stage.wait(20_000)
    return stage


def tool(switches: list[str]) -> Stage:
    stage = Stage(
        setup={"tools": [WEATHER]},
        model=V31,
        replier=Scripted([ToolCall("get_weather"), "Fine."]),
        pace="instant",
        misbehave=switches,
    )
    stage.write("weather?")
    return stage


def cancelled(switches: list[str]) -> Stage:
    stage = tool(switches)
    stage.write("never mind")
    return stage


def answered(switches: list[str]) -> Stage:
    stage = tool(switches)
    stage.answer("foggy")
    return stage


def resumed(switches: list[str]) -> Stage:
    stage = Stage(setup={"sessionResumption": {}}, pace="instant", misbehave=switches)
    stage.ask("My name is Alice.")
    again = Stage(stage.source, setup={"sessionResumption": {"handle": stage.inside["handle"]}}, number=1)
    again.ask("Who am I?")
    return again


def beside(switches: list[str]) -> Stage:
    stage = Stage(pace="instant", misbehave=switches)
    stage.ask("My name is Alice.")
    other = Stage(stage.source, number=1)
    other.ask("Who am I?")
    return other


CASES: dict[str, tuple[Callable[[list[str]], Stage], Callable[[Stage], bool]]] = {
    Switch.INTERRUPT_IGNORED: (cut, lambda stage: LONG not in stage.said()),
    Switch.INTERRUPTED_DROPPED: (cut, lambda stage: stage.of("interrupted") == [True]),
    Switch.LATE_AUDIO: (cut, lambda stage: _audio_after_the_first_end(stage) == 0),
    Switch.TURN_COMPLETE_DROPPED: (cut, lambda stage: len(stage.of("turnComplete")) == 2),
    Switch.CANCELLATION_DROPPED: (cancelled, lambda stage: len(stage.of("toolCallCancellation")) == 1),
    Switch.RESULT_IGNORED: (answered, lambda stage: "foggy" in stage.context),
    Switch.RESUMPTION_FORGETS: (resumed, lambda stage: "Alice" in stage.said()),
    Switch.SESSION_LEAKS: (beside, lambda stage: "Alice" not in stage.said()),
}


def _audio_after_the_first_end(stage: Stage) -> int:
    end = next(place for place, one in enumerate(stage.messages) if "turnComplete" in one.get("serverContent", {}))
    following = stage.messages[end + 1 : end + 3]
    return sum("inlineData" in str(one) for one in following)


@pytest.mark.parametrize("switch", list(Switch))
def test_a_switch_breaks_what_it_says_and_nothing_does_without_it(switch: Switch) -> None:
    play, right = CASES[switch]
    fine: Any = play([])
    assert right(fine)
    assert [note for note in fine.notes if note.kind == "misbehaviour"] == []
    broken = play([switch])
    assert not right(broken)
    assert [note.text.split(":")[0] for note in broken.notes if note.kind == "misbehaviour"][:1] == [switch]
    assert broken.closed is None


def test_every_switch_is_tried() -> None:
    assert set(CASES) == set(Switch)
    assert Pace() != Pace(audio_speed=2.0)
