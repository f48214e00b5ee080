"""Handles across connections, ``goAway``, and how long a connection and a session last."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.core.frames import SECOND, Opened, Peer, Received, Text
from mockserver.engines.base import ProcessPlace, SessionContext
from mockserver.engines.simulator import Pace, Scripted, ToolCall, simulator
from mockserver.engines.simulator.resumable import MOST_CHARACTERS
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.gemini.stage import MODEL, VERTEX, WEATHER, Stage, handshake

V31, V38 = "gemini-3.1-flash-live-preview", "gemini-3.8-live"
ASKED: dict[str, Any] = {"sessionResumption": {}}
FAST = Pace(audio_speed=1_000.0)


def handles(stage: Stage) -> list[str]:
    return [one["newHandle"] for one in stage.of("sessionResumptionUpdate") if "newHandle" in one]


def resumed(stage: Stage, handle: str, *, later_s: float = 1, **given: Any) -> Stage:
    """Another connection to the same source, with a handle."""
    setup = {"sessionResumption": {"handle": handle}, **given.pop("setup", {})}
    return Stage(stage.source, setup=setup, number=1, later_us=round(later_s * SECOND), **given)


@keeps("gemini-handles")
def test_a_handle_is_given_after_the_setup_and_after_each_turn_and_withheld_within() -> None:
    stage = Stage(setup=ASKED, pace=FAST)
    assert stage.names() == ["setupComplete", "sessionResumptionUpdate"]
    stage.write("hello")
    assert stage.messages[2] == {"sessionResumptionUpdate": {}}, "not resumable while it generates"
    stage.until("turnComplete")
    stage.wait(0)
    assert stage.messages[-1]["sessionResumptionUpdate"]["resumable"] is True
    assert len(set(handles(stage))) == 2
    assert stage.inside["handle"] == handles(stage)[-1]


def test_nobody_who_does_not_ask_gets_one_on_2_5() -> None:
    stage = Stage(pace="instant")
    stage.ask("hello")
    assert stage.of("sessionResumptionUpdate") == []


@keeps("gemini-handles-unasked")
def test_3_x_gives_handles_unasked() -> None:
    assert len(handles(Stage(model=V38))) == 1
    assert handles(Stage(model=V31)) == []
    stage = Stage(
        model=V31, setup={"tools": [WEATHER]}, replier=Scripted([ToolCall("get_weather"), "Done."]), pace="instant"
    )
    stage.write("weather?")
    stage.answer("foggy")
    names = stage.names()
    assert names.index("sessionResumptionUpdate") == names.index("toolCall") + 1
    assert len(handles(stage)) == 1


@keeps("gemini-resumes")
def test_a_resumed_session_has_the_context_of_its_handle() -> None:
    stage = Stage(setup=ASKED, pace="instant")
    stage.ask("My name is Alice.")
    handle = handles(stage)[-1]
    stage.ask("My colour is teal.")
    again = resumed(stage, handle)
    assert again.messages[0] == {"setupComplete": {}}
    again.write("Who am I?")
    assert again.said() == "My name is Alice. | Who am I?"


@keeps("gemini-history-resumed")
@pytest.mark.parametrize(
    ("setting", "announced", "said"),
    [
        ({}, True, ["", "My name is Alice. | My colour is teal. | Who am I?"]),
        ({"resumed_history": "known"}, True, ["My name is Alice. | My colour is teal.", None]),
        ({}, False, ["My name is Alice. | My colour is teal.", None]),
    ],
)
def test_announced_history_in_a_resumed_session(setting: Any, announced: bool, said: list[str | None]) -> None:
    """gemini.md#104; and one that is not announced is answered."""
    stage = Stage(setup=ASKED, pace="instant", **setting)
    stage.ask("My name is Alice.")
    history = {"historyConfig": {"initialHistoryInClientContent": True}} if announced else {}
    again = resumed(stage, handles(stage)[-1], setup=history)
    again.write("My colour is teal.")
    assert again.said() == said[0]
    again.write("Who am I?")
    assert said[1] is None or again.said() == said[1]


def test_a_new_session_has_an_empty_one() -> None:
    """The control."""
    stage = Stage(setup=ASKED, pace="instant")
    stage.ask("My name is Alice.")
    again = Stage(stage.source, setup=ASKED, number=1)
    again.write("Who am I?")
    assert again.said() == "Who am I?"


@keeps("gemini-resumes-no-reply")
def test_a_resumed_session_does_not_go_on_with_the_reply_that_was_under_way() -> None:
    stage = Stage(setup=ASKED, pace=FAST, replier=Scripted(["one two three", "Here."]))
    handle = handles(stage)[-1]
    stage.write("count")
    stage.until("modelTurn")
    again = resumed(stage, handle)
    again.wait(20_000)
    assert again.of("modelTurn") == []
    again.write("are you there")
    again.until("turnComplete")
    assert again.said() == "Here."
    assert [one.text for one in again.inside["contexts"][0].items] == ["are you there"]


@keeps("gemini-lost-call-resumed")
def test_a_result_for_a_call_that_was_lost_is_ignored() -> None:
    stage = Stage(setup={**ASKED, "tools": [WEATHER]}, replier=Scripted([ToolCall("get_weather")]), pace="instant")
    handle = handles(stage)[-1]
    stage.write("weather?")
    (call,) = stage.of("toolCall")[0]["functionCalls"]
    again = resumed(stage, handle)
    start = len(again.all)
    response = {"id": call["id"], "name": "get_weather", "response": {"output": "foggy"}}
    again.send("toolResponse", {"functionResponses": [response]})
    assert (again.names(start), again.closed) == ([], None)


@keeps("gemini-bad-handle")
def test_a_handle_that_is_none_and_one_that_is_old() -> None:
    stage = Stage(setup=ASKED, pace="instant", handle_s=100)
    (handle,) = handles(stage)
    assert resumed(stage, "made-up").closed == (1007, "Invalid session handle")
    assert resumed(stage, handle, later_s=99).closed is None
    assert resumed(stage, handle, later_s=101).closed == (1008, "BidiGenerateContent session not found")


def test_what_handles_stand_for_has_a_limit_which_the_oldest_pay_for() -> None:
    """Of sessions that are over, and that their server keeps no more."""
    first = Stage(setup=ASKED, pace="instant", replier=Scripted(["yes"] * 6))
    given: list[str] = []
    for number in range(3):
        stage = first if number == 0 else Stage(first.source, setup=ASKED, number=number)
        stage.write("x" * (MOST_CHARACTERS * 2 // 5))
        given.append(handles(stage)[-1])
        stage.engine.let_go()
    again = [resumed(first, handle) for handle in given]
    assert [one.closed is None for one in again] == [False, True, True]


@keeps("gemini-transparent")
def test_a_transparent_handle_names_the_last_message_that_is_in_it() -> None:
    model = "gemini-live-2.5-flash-native-audio"
    asked = {"sessionResumption": {"transparent": True}}
    stage = Stage(hands=handshake(VERTEX), model=model, setup=asked, pace="instant")
    stage.ask("one")
    stage.ask("two")
    told = [one.get("lastConsumedClientMessageIndex") for one in stage.of("sessionResumptionUpdate") if one]
    assert told == [None, "0", "1"]


# --- limits ---------------------------------------------------------------------------------------------------------


@keeps("gemini-go-away")
def test_a_connection_ends_after_ten_minutes_and_says_so_a_minute_before() -> None:
    stage = Stage()
    stage.wait(539_000)
    assert stage.names() == ["setupComplete"]
    stage.wait(2_000)
    assert stage.of("goAway") == [{"timeLeft": "60s"}]
    assert stage.closed is None
    stage.wait(58_000)
    assert stage.closed is None
    stage.wait(2_000)
    assert stage.closed == (1011, "Deadline expired before operation could complete.")


def test_on_vertex_the_operation_is_cancelled() -> None:
    stage = Stage(hands=handshake(VERTEX), model="gemini-live-2.5-flash")
    stage.wait(601_000)
    assert stage.closed == (1000, "The operation was cancelled.")


def test_the_connection_works_until_its_end_and_a_resumed_one_goes_on() -> None:
    stage = Stage(setup=ASKED, max_connection_s=90, pace="instant")
    stage.wait(60_000)
    assert stage.of("goAway") == [{"timeLeft": "60s"}]
    assert stage.ask("My name is Alice.") == "My name is Alice."
    stage.wait(60_000)
    assert stage.closed is not None
    again = resumed(stage, handles(stage)[-1], later_s=91)
    again.write("Who am I?")
    assert again.said() == "My name is Alice. | Who am I?"


@keeps("gemini-go-away-silent")
def test_after_go_away_the_service_may_be_silent_for_ever() -> None:
    stage = Stage(after_go_away="silent", pace="instant")
    stage.wait(541_000)
    start = len(stage.all)
    stage.write("are you there")
    stage.wait(3_600_000)
    assert (stage.names(start), stage.closed) == ([], None)


@keeps("gemini-session-limit")
def test_a_session_without_compression_ends_after_fifteen_minutes_over_all_connections() -> None:
    stage = Stage(setup=ASKED, pace="instant")
    stage.wait(500_000)
    stage.ask("one")
    again = resumed(stage, handles(stage)[-1], later_s=500)
    again.wait(399_000)
    assert again.closed is None
    again.wait(2_000)
    assert again.closed is not None
    free = {"contextWindowCompression": {"slidingWindow": {}}}
    longer = resumed(stage, handles(stage)[-1], later_s=500, setup=free)
    longer.wait(599_000)
    assert longer.closed is None


@keeps("gemini-video-limit")
def test_a_session_with_video_ends_after_two_minutes() -> None:
    stage = Stage()
    stage.wait(10_000)
    stage.send("realtimeInput", {"video": {"data": "AAAA", "mimeType": "image/jpeg"}})
    stage.wait(51_000)
    assert stage.of("goAway") == [{"timeLeft": "60s"}]
    stage.wait(60_000)
    assert stage.closed is not None


@pytest.mark.parametrize("go_away_s", [0.5, 1_000])
def test_the_warning_comes_as_early_as_it_can(go_away_s: float) -> None:
    stage = Stage(max_connection_s=10, go_away_s=go_away_s)
    stage.wait(9_600)
    assert stage.of("goAway") == [{"timeLeft": "0.500s" if go_away_s == 0.5 else "10s"}]
    assert stage.names()[0] == "setupComplete"
    stage.wait(500)
    assert stage.closed is not None


def test_a_source_is_what_a_user_makes() -> None:
    assert repr(simulator("gemini")).startswith("simulator('gemini'")


def test_a_handle_of_another_process_is_none_here_and_the_test_is_told_whose_it_is() -> None:
    source = simulator("gemini", pace=FAST)
    given = [f"handle-{number}" for number in range(20)]
    handle = next(one for one in given if ProcessPlace(0, 2).owner(one) == 1)
    context = SessionContext(0, "s", source.dialect, unix_us=10**15, place=ProcessPlace(0, 2))
    engine = source.open(handshake(), context)
    list(engine.feed(Opened(handshake()), 0))
    setup = {"setup": {"model": f"models/{MODEL}", "sessionResumption": {"handle": handle}}}
    effects = list(engine.feed(Received(Peer.CLIENT, Text(json.dumps(setup))), 0))
    assert "Invalid session handle" in str(effects)
    [problem] = source.problems()
    assert "which process 1 of 2 gave; this is process 0" in str(problem)
