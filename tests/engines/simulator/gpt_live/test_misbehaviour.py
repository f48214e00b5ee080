"""The switches: each breaks its rule, says so in the journal, and without it the rule holds."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.engines.simulator import Scripted, ToolCall
from mockserver.engines.simulator.gpt_live.options import LiveMisbehaviour
from tests.engines.simulator.gpt_live.talk import RESPONSES, Talk

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
HISTORY = [{"role": "user", "content": [{"text": "the door is open"}]}]


def everything(context: Any) -> str:
    return " ".join(item.text or item.output or "nothing" for item in context.items) or "nothing"


def muted(how: Any) -> bool:
    talk = Talk(misbehave=how)
    talk.put({"type": "session.input_audio.mute"})
    talk.speak("good day")
    return notes(talk, bool(talk.heard()))


def overlap(how: Any) -> bool:
    talk = Talk(misbehave=how, replier=Scripted([LONG, "sure"]))
    talk.speak("count", silence_ms=1_500)
    talk.speak("stop it now please", silence_ms=9_000)
    return notes(talk, "sixteen" in talk.said())


def thinking(how: Any) -> bool:
    talk = Talk(misbehave=how)
    talk.append("thinking", "the door is open")
    talk.listen(4_000)
    return notes(talk, "door" in talk.said())


def result(how: Any) -> bool:
    def replier(context: Any) -> Any:
        last = context.items[-1]
        return f"it says {last.output or 'nothing'}" if last.type == "function_call_output" else ToolCall("look")

    talk = Talk(misbehave=how, start={"delegation": RESPONSES}, replier=replier)
    talk.speak("look", silence_ms=2_000)
    talk.answer(talk.calls()[0]["call_id"], "rain")
    talk.put({"type": "response.create"})
    talk.listen(4_000)
    return notes(talk, "nothing" in talk.said())


def history(how: Any) -> bool:
    talk = Talk(misbehave=how, start={"input": HISTORY}, replier=everything)
    talk.speak("well", silence_ms=4_000)
    return notes(talk, "door" not in talk.said())


def notes(talk: Talk, broken: bool) -> bool:
    """A switch that acts says so, and one that does not is silent."""
    assert any(note.kind == "misbehaviour" for note in talk.notes) == broken
    return broken


TRIED = {
    "mute_ignored": muted,
    "overlap_ignored": overlap,
    "thinking_spoken": thinking,
    "tool_result_lost": result,
    "history_dropped": history,
}


@pytest.mark.parametrize("how", TRIED)
def test_a_switch_breaks_its_rule_and_says_so(how: str) -> None:
    assert TRIED[how](how)
    assert not TRIED[how](())


def test_every_switch_is_tried_here() -> None:
    assert set(TRIED) == set(LiveMisbehaviour)
