"""Responses that end early: as the provider ends them, nothing more of them comes, and the next turn works."""

from __future__ import annotations

import pytest

from mockserver import faults
from mockserver.errors import UsageError
from tests.faults.stage import WORDS, turn

PLAIN = turn()
TAIL = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]


def test_control_without_the_fault_the_response_completes() -> None:
    assert PLAIN.bodies("response.done")[0]["response"]["status"] == "completed"
    assert PLAIN.names.count("response.output_audio.delta") == 4


def test_a_cancel_in_mid_stream() -> None:
    stage = turn("cancel midway because turn_detected after 300ms of audio")
    third = [i for i, name in enumerate(PLAIN.names) if name == "response.output_audio.delta"][2]
    assert stage.texts[: third + 1] == PLAIN.texts[: third + 1]
    assert stage.names[third + 1 :] == [*TAIL]
    assert {at for at, _ in stage.timeline[third:]} == {PLAIN.timeline[third][0]}
    response = stage.bodies("response.done")[0]["response"]
    assert response["status"] == "cancelled"
    assert response["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
    assert response["metadata"] == {"client_event_id": "mine"}
    assert stage.bodies("response.output_audio_transcript.done")[0]["transcript"] == "".join(WORDS[:3])
    [item] = response["output"]
    assert item["status"] == "incomplete"
    assert item["content"] == [{"type": "output_audio", "transcript": "".join(WORDS[:3])}]
    assert stage.bodies("response.output_item.done")[0]["item"] == item


def test_the_engine_is_told_and_the_next_turn_works() -> None:
    stage = turn("cancel midway after 300ms of audio in 1st response", second_at_ms=200)
    assert [tell.data["reason"] for tell in stage.engine.told] == ["turn_detected"]
    done = [body["response"]["status"] for body in stage.bodies("response.done")]
    assert done == ["cancelled", "completed"]
    assert "error" not in stage.names
    # Control: without the fault the second request comes too early.
    assert "error" in turn(second_at_ms=200).names


def test_a_stateless_engine_goes_on_and_is_not_heard() -> None:
    """A replay does not know the word; what it still sends of the response is swallowed."""
    from tests.faults.stage import Provider

    class Deaf(Provider):
        def feed(self, item, now):  # type: ignore[no-untyped-def]
            from mockserver.core.frames import Tell

            return [] if isinstance(item, Tell) else super().feed(item, now)

    from tests.faults.stage import Stage

    stage = Stage("cancel midway on 1st response.output_audio.delta", engine=Deaf("x")).open()
    stage.send("response.create").run(until_ms=10_000)
    assert stage.names[-7:] == [*TAIL, "rate_limits.updated"]
    assert stage.names.count("response.done") == 1


def test_every_response_or_only_one() -> None:
    both = turn("cancel midway", second_at_ms=1_000)
    one = turn("cancel midway in 2nd response", second_at_ms=1_000)
    assert [b["response"]["status"] for b in both.bodies("response.done")] == ["cancelled", "cancelled"]
    assert [b["response"]["status"] for b in one.bodies("response.done")] == ["completed", "cancelled"]


def test_cancelled_before_any_output() -> None:
    """As openai.md#112 has it: response.created, then response.done, usage all 0, no output_item, no rate_limits."""
    stage = turn("cancel midway on response.created")
    assert stage.names == ["session.created", "response.created", "response.done"]
    response = stage.bodies("response.done")[0]["response"]
    assert response["output"] == []
    assert response["usage"]["total_tokens"] == 0


def test_before_the_frame_it_is_said_without_it() -> None:
    stage = turn("cancel midway before 2nd response.output_audio.delta")
    assert stage.names.count("response.output_audio.delta") == 1
    assert stage.names[-1] == "response.done"


def test_a_time_after_the_beginning_of_each_response() -> None:
    stage = turn("cancel midway after 100ms", second_at_ms=1_000)
    assert [at for at, name in stage.timeline if name == "response.done"] == [110.0, 1_100.0]


def test_nothing_to_cancel_is_not_a_hit() -> None:
    stage = turn("cancel midway on session.created")
    assert stage.timeline == PLAIN.timeline
    assert stage.armed[0].never_fired() is not None


@pytest.mark.parametrize(
    ("spec", "status", "details"),
    [
        (
            "fail",
            "failed",
            {
                "type": "failed",
                "error": {
                    "type": "server_error",
                    "code": None,
                    "message": "The server had an error while processing your request.",
                },
            },
        ),
        (
            "fail as content_policy saying 'no' on response.content_part.added",
            "failed",
            {"type": "failed", "error": {"type": "invalid_request_error", "code": "content_policy", "message": "no"}},
        ),
        (
            "fail as rate_limit_exceeded saying 'slow down'",  # openai.md#118: the type is what ran out
            "failed",
            {"type": "failed", "error": {"type": "tokens", "code": "rate_limit_exceeded", "message": "slow down"}},
        ),
        ("incomplete", "incomplete", {"type": "incomplete", "reason": "max_output_tokens"}),
        (
            "incomplete because content_filter after 2 response.output_audio_transcript.delta",
            "incomplete",
            {"type": "incomplete", "reason": "content_filter"},
        ),
    ],
)
def test_failed_and_incomplete(spec: str, status: str, details: dict[str, object]) -> None:
    stage = turn(spec)
    response = stage.bodies("response.done")[-1]["response"]
    assert (response["status"], response["status_details"]) == (status, details)
    assert stage.names[-1] == "response.done"
    assert len(stage.engine.told) == 1


def test_a_failure_says_what_the_provider_says_of_its_code() -> None:
    said = [
        turn(f"fail as {code}").bodies("response.done")[-1]["response"]["status_details"]["error"]["message"]
        for code in ("rate_limit_exceeded", "odd_code")
    ]
    assert said[0].startswith("Rate limit reached for gpt-realtime")
    assert said[1] == "The response failed: odd_code."


@pytest.mark.parametrize(
    "make",
    [
        lambda: faults.cancel_midway(reason="max_output_tokens"),  # type: ignore[arg-type]
        lambda: faults.incomplete(reason="turn_detected"),  # type: ignore[arg-type]
        lambda: faults.parse("cancel midway because bored"),
    ],
)
def test_wrong_reasons(make) -> None:
    with pytest.raises(UsageError, match="expected one of"):
        make()
