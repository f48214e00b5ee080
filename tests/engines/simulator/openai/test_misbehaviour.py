"""The switches for negative controls: off by default, and loud when they act."""

from __future__ import annotations

import pytest

from mockserver import speech
from mockserver.engines.simulator import Misbehaviour, Scripted
from tests.engines.simulator.stage import Stage

LONG = "one two three four five six seven eight nine ten"


def loud(stage: Stage) -> list[str]:
    """The switches that have acted."""
    return [note.text.partition(":")[0] for note in stage.notes if note.kind == "misbehaviour"]


@pytest.mark.parametrize("on", [False, True])
def test_output_beside_the_conversation_leaks_into_it(on: bool) -> None:
    stage = Stage(misbehave=["oob_leaks"] if on else ())
    stage.ask(conversation="none", input=[], instructions="the secret words")
    later = stage.ask("hello")
    assert ("the secret words" in str(stage.conversation)) is on
    assert ("the secret words" in stage.contexts[1].words()) is on
    assert ("the secret words" in speech.decode(stage.audio(later["id"]))) is on
    assert loud(stage) == (["oob_leaks"] if on else [])


@pytest.mark.parametrize("on", [False, True])
def test_metadata_is_not_echoed(on: bool) -> None:
    stage = Stage(misbehave="metadata_dropped" if on else ())
    done = stage.ask("hello", metadata={"client_event_id": "x"})
    assert done["metadata"] == (None if on else {"client_event_id": "x"})
    assert stage.last("response.created")["response"]["metadata"] == done["metadata"]
    assert set(loud(stage)) == ({"metadata_dropped"} if on else set())
    stage.ask("again")
    assert len(loud(stage)) == (2 if on else 0)


@pytest.mark.parametrize("on", [False, True])
def test_a_cancelled_response_goes_on(on: bool) -> None:
    stage = Stage(misbehave="cancel_ignored" if on else (), replier=Scripted([LONG]))
    stage.send("response.create")
    stage.until("response.output_audio.delta")
    came = stage.send("response.cancel")
    assert (came == []) is on
    stage.wait(20_000)
    assert stage.last("response.done")["response"]["status"] == ("completed" if on else "cancelled")
    assert (speech.decode(stage.audio()) == LONG) is on
    assert loud(stage) == (["cancel_ignored"] if on else [])


@pytest.mark.parametrize("on", [False, True])
def test_truncation_is_confirmed_but_nothing_is_cut(on: bool) -> None:
    stage = Stage(misbehave="truncate_ignored" if on else (), replier=Scripted([LONG, "next"]))
    stage.ask()
    item_id = stage.conversation[0]["id"]
    (cut,) = stage.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=700)
    assert cut["type"] == "conversation.item.truncated"
    stage.ask("go on")
    assert ("ten" in stage.contexts[1].words()) is on
    assert loud(stage) == (["truncate_ignored"] if on else [])


@pytest.mark.parametrize("on", [False, True])
def test_two_responses_are_active_at_once(on: bool) -> None:
    stage = Stage(misbehave="two_active" if on else (), replier=Scripted([LONG, LONG]))
    stage.send("response.create")
    stage.until("response.output_audio.delta")
    stage.send("response.create")
    stage.wait(20_000)
    assert len(stage.of("response.done")) == (2 if on else 1)
    assert len(stage.of("error")) == (0 if on else 1)
    assert loud(stage) == (["two_active"] if on else [])


def test_every_switch_is_tested_here() -> None:
    assert set(Misbehaviour) == {
        "oob_leaks",
        "metadata_dropped",
        "cancel_ignored",
        "truncate_ignored",
        "two_active",
    }
