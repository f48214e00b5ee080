"""One response: limits, failure, cancel, pace."""

from __future__ import annotations

from collections import Counter

import pytest

from mockserver import speech
from mockserver.core.frames import Tell
from mockserver.engines.simulator import Failure, Pace, Reply, Scripted, Silence, ToolCall
from mockserver.engines.simulator.voice.captions import AT_ONCE, BURST, BURST_MS
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import Stage

LONG = "one two three four five six seven eight nine ten " * 3

# --- limits and failure ---------------------------------------------------------------------------------------------


@keeps("max-output-tokens")
@pytest.mark.parametrize("modality", ["text", "audio"])
def test_too_many_tokens_end_it_as_incomplete(modality: str) -> None:
    stage = Stage(replier=Scripted([LONG]))
    done = stage.ask(output_modalities=[modality], max_output_tokens=12)
    assert done["status"] == "incomplete"
    assert done["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert done["output"][0]["status"] == "incomplete"
    assert 0 < done["usage"]["output_tokens"] <= 12
    assert stage.names()[-3:] == [
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]


@keeps("max-output-tokens")
def test_the_limit_is_a_number_or_inf() -> None:
    stage = Stage()
    for wrong in (0, 4097, "many", True):
        stage.send("response.create", response={"max_output_tokens": wrong})
        assert stage.error()["param"] == "response.max_output_tokens"
    assert len(stage.of("error")) == 4


@keeps("content-filter")
def test_a_filtered_reply_is_incomplete() -> None:
    done = Stage(replier=Scripted([Reply("something bad", filtered=True)])).ask()
    assert done["status_details"] == {"type": "incomplete", "reason": "content_filter"}


@keeps("failed")
def test_a_failure_ends_the_response_and_not_the_session() -> None:
    stage = Stage(
        replier=Scripted(
            [Failure("insufficient_quota"), Failure("rate_limit_exceeded"), Failure(), Failure("x", "y", "z"), "ok"]
        )
    )
    failed = stage.ask()
    assert (failed["status"], failed["output"]) == ("failed", [])
    error = failed["status_details"].pop("error")
    assert failed["status_details"] == {"type": "failed"}
    assert (error["type"], error["code"]) == ("insufficient_quota", "insufficient_quota")
    assert error["message"].startswith("You exceeded your current quota")  # openai.md#117: it has a message
    limited = stage.ask()["status_details"]["error"]
    assert (limited["type"], limited["code"]) == ("tokens", "rate_limit_exceeded")  # openai.md#118
    broken = stage.ask()["status_details"]["error"]
    assert (broken["type"], broken["code"]) == ("server_error", None)  # openai.md#119
    assert f"(include session ID in your message: {stage.events[0]['session']['id']})" in broken["message"]
    assert stage.ask()["status_details"]["error"] == {"type": "y", "code": "x", "message": "z"}
    assert stage.of("error") == []
    assert stage.ask()["status"] == "completed"


def test_silence_and_nothing_are_replies() -> None:
    stage = Stage(replier=Scripted([Silence(600), None]))
    silent = stage.ask()
    assert silent["output"][0]["content"][0]["transcript"] == ""
    assert stage.audio() == bytes(48 * 600)
    nothing = stage.ask()
    assert (nothing["status"], nothing["output"]) == ("completed", [])


# --- cancel ---------------------------------------------------------------------------------------------------------


@keeps("cancel-none-active")
def test_a_cancel_without_a_response_is_an_error_and_nothing_else() -> None:
    stage = Stage(replier=Scripted(["hi"]))
    stage.send("response.cancel", event_id="c")
    assert stage.error()["code"] == "response_cancel_not_active"
    assert stage.error()["message"] == "Cancellation failed: no active response found"
    assert stage.error()["event_id"] == "c"
    assert stage.ask()["status"] == "completed"
    stage.send("response.cancel")
    assert len(stage.of("error")) == 2


@keeps("cancel-too-early")
def test_a_cancel_before_response_created_is_lost_and_the_response_comes() -> None:
    stage = Stage(replier=Scripted(["hi"]))
    stage.send("response.create")
    stage.send("response.cancel")
    assert stage.error()["code"] == "response_cancel_not_active"
    assert stage.until("response.done")["response"]["status"] == "completed"


@keeps("cancel-before-output")
def test_a_cancel_before_output_ends_it_at_once_with_nothing_used() -> None:
    stage = Stage()
    stage.send("response.create")
    stage.until("response.created")
    (done,) = stage.send("response.cancel")
    assert done["response"]["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert done["response"]["output"] == []
    assert done["response"]["usage"]["total_tokens"] == done["response"]["usage"]["input_tokens"] == 0
    assert stage.wait(10_000) == []


@keeps("cancel-mid-output")
def test_a_cancel_in_the_middle_closes_what_is_open() -> None:
    stage = Stage(replier=Scripted([LONG]))
    stage.send("response.create")
    stage.until("response.output_audio.delta")
    stage.wait(400)
    came = stage.send("response.cancel")
    assert stage.names(came) == [
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    item = came[-1]["response"]["output"][0]
    assert item["status"] == came[-2]["item"]["status"] == "incomplete"
    transcript = "".join(body["delta"] for body in stage.of("response.output_audio_transcript.delta"))
    assert item["content"][0]["transcript"] == transcript == came[1]["transcript"]
    assert LONG.startswith(transcript)
    assert stage.names(stage.wait(10_000)) == ["rate_limits.updated"]


@keeps("cancel-mid-output")
def test_a_cancel_in_the_middle_of_a_call_closes_the_call() -> None:
    stage = Stage(replier=Scripted([ToolCall("f", {"text": LONG})]))
    stage.send("response.create")
    stage.until("response.function_call_arguments.delta")
    came = stage.send("response.cancel")
    assert stage.names(came) == [
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    assert came[-1]["response"]["output"][0]["status"] == "incomplete"


@keeps("cancel-by-id")
def test_a_cancel_may_name_the_response() -> None:
    stage = Stage(replier=Scripted([LONG, LONG]))
    stage.send("response.create")
    default = stage.until("response.created")["response"]["id"]
    stage.send("response.create", response={"conversation": "none"})
    beside = stage.until("response.created")["response"]["id"]
    stage.send("response.cancel", response_id="resp_nobody")
    assert stage.error()["code"] == "response_cancel_not_active"
    assert stage.send("response.cancel", response_id=beside)[-1]["response"]["id"] == beside
    assert stage.send("response.cancel")[-1]["response"]["id"] == default


def test_a_cancelled_response_can_be_truncated_only_to_what_was_sent() -> None:
    stage = Stage(replier=Scripted([LONG]))
    stage.send("response.create")
    stage.until("response.output_audio.delta")
    stage.wait(300)
    stage.send("response.cancel")
    item_id = stage.conversation[0]["id"]
    sent = len(stage.audio()) // 48
    stage.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=sent + 1)
    assert f"Audio content of {sent}ms" in stage.error()["message"]
    stage.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=sent)
    heard = speech.decode(stage.audio())
    assert stage.conversation[0]["content"][0]["transcript"] == heard
    assert 0 < len(heard.split()) < 30


def test_a_fault_that_ended_a_response_ends_it_here_without_a_word() -> None:
    stage = Stage(replier=Scripted([LONG, "next"]))
    stage.send("response.create")
    response_id = stage.until("response.created")["response"]["id"]
    stage.until("response.output_audio.delta")
    assert stage.feed(Tell("cancel", {"response_id": response_id, "reason": "client_cancelled"})) == []
    assert stage.names(stage.wait(10_000)) == ["rate_limits.updated"]
    assert stage.conversation[0]["status"] == "incomplete"
    assert stage.ask()["status"] == "completed"


# --- pace -----------------------------------------------------------------------------------------------------------


@keeps("pace")
def test_audio_comes_faster_than_it_plays_but_not_at_once() -> None:
    length = speech.duration_ms(LONG)
    took = {}
    for pace in ("instant", "natural", "realtime"):
        stage = Stage(replier=Scripted([LONG]), pace=pace)
        stage.ask()
        times = [at for at, body in stage.all if body["type"] == "response.output_audio.delta"]
        took[pace] = times[-1] - times[0]
    assert took["instant"] == 0
    assert length * 0.2 < took["natural"] < length * 0.3
    assert length * 0.9 < took["realtime"] < length


def test_a_reply_without_end_lets_others_have_their_turn() -> None:
    words = [f"word{number}" for number in range(600)]
    for modality, delta in (
        ("text", "response.output_text.delta"),
        ("audio", "response.output_audio_transcript.delta"),
    ):
        stage = Stage(replier=Scripted([" ".join(words)]), pace="instant", check=False)
        stage.send("response.create", response={"output_modalities": [modality]})
        at_once = len(stage.all)
        assert AT_ONCE <= at_once < AT_ONCE + 20
        stage.until("response.done")
        assert "".join(body["delta"] for body in stage.of(delta)).split() == words
        bursts = Counter(at for at, body in stage.all)
        bursts.pop(0)
        assert max(bursts.values()) <= BURST + 20
        assert list(bursts) == [BURST_MS * (1 + number) for number in range(len(bursts))]


def test_a_pace_of_ones_own() -> None:
    stage = Stage(replier=Scripted(["one two three"]), pace=Pace(created_ms=50, first_ms=1_000, text_ms=100))
    stage.send("response.create", response={"output_modalities": ["text"]})
    stage.until("response.done")
    times = {body["type"]: at for at, body in reversed(stage.all)}
    assert times["response.created"] == 50
    assert times["response.output_item.added"] == times["response.output_text.delta"] == 1_050
    assert times["response.done"] == 1_350


def test_a_reply_may_say_how_long_it_thinks() -> None:
    stage = Stage(replier=Scripted([Reply("late", after_ms=11_000)]))
    stage.send("response.create")
    created = stage.until("response.created")
    assert created["response"]["status"] == "in_progress"
    assert stage.wait(10_900) == []
    assert stage.until("response.output_item.added", within=200)["item"]["status"] == "in_progress"
