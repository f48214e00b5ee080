"""The switches: each breaks its rule, says so in the journal, and without it the rule holds."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.engines.simulator import Pace, Scripted, ToolCall
from mockserver.engines.simulator.elevenlabs.options import AgentMisbehaviour
from tests.engines.simulator.elevenlabs.talk import Talk

LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."
SENDING = Pace(created_ms=20, first_ms=100, audio_speed=1.0, piece_ms=100, text_ms=1)


def interrupted(misbehave: str) -> Talk:
    talk = Talk(replier=Scripted([LONG, "Sure."]), pace=SENDING, misbehave=misbehave or ())
    talk.write("count")
    talk.until("agent_response")
    talk.wait(600)
    talk.write("stop")
    talk.wait(9_000)
    return talk


def breaks(talk: Talk, how: str) -> bool:
    stopped = talk.time_of("interruption") if talk.of("interruption") else None
    late = [at for at, body in talk.timed if body["type"] == "audio" and body["audio_event"]["event_id"] == 1]
    match how:
        case "interruption_ignored":
            return stopped is None and len(late) > 20
        case "stale_audio":
            return stopped is not None and max(late) > stopped
        case "correction_missing":
            return stopped is not None and not talk.of("agent_response_correction")
    raise AssertionError(how)


@pytest.mark.parametrize("how", ["interruption_ignored", "stale_audio", "correction_missing"])
def test_an_interruption_that_goes_wrong(how: str) -> None:
    talk = interrupted(how)
    assert breaks(talk, how)
    assert [note.kind for note in talk.notes if note.text.startswith(how)] == ["misbehaviour"]
    proper = interrupted("")
    assert not breaks(proper, how)
    assert not [note for note in proper.notes if note.kind == "misbehaviour"]


def context_of(misbehave: Any) -> Talk:
    talk = Talk(misbehave=misbehave)
    talk.put({"type": "contextual_update", "text": "the door is open"})
    talk.wait(2_000)
    return talk


def test_a_contextual_update_that_is_answered() -> None:
    assert context_of("context_answered").responses() == ["the door is open"]
    assert context_of(()).responses() == []


def result_of(misbehave: Any) -> str:
    def replier(context: Any) -> Any:
        last = context.items[-1]
        return f"it says {last.output or 'nothing'}" if last.type == "function_call_output" else ToolCall("look")

    talk = Talk(misbehave=misbehave, replier=replier)
    talk.write("look")
    talk.result(talk.until("client_tool_call"), "rain")
    talk.wait(3_000)
    return talk.responses()[0]


def test_a_tool_result_that_is_lost() -> None:
    assert result_of("tool_result_lost") == "it says nothing"
    assert result_of(()) == "it says rain"


def test_every_switch_is_tried_here() -> None:
    tried = {"interruption_ignored", "stale_audio", "correction_missing", "context_answered", "tool_result_lost"}
    assert tried == set(AgentMisbehaviour)
