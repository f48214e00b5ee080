"""The course of a response: one table, by which the simulated server and the endings of faults and replay agree."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from mockserver.core.frames import Sender, Text
from mockserver.core.ids import Ids
from mockserver.core.json_text import dumps
from mockserver.dialects.life import Outcome, Status
from mockserver.dialects.openai import course
from mockserver.dialects.openai.events import LIFE
from mockserver.dialects.openai.lens import OPENAI
from mockserver.engines.simulator.replies.reply import Failure, Reply
from tests.engines.simulator.stage import Stage

LAST = ("response.output_audio.done", "response.output_audio_transcript.done", "response.content_part.done")


def shape(events: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """The names of what closes a response, with the status that each states."""
    from_ = next(place for place, one in enumerate(events) if one["type"] == LAST[0])
    stated = [one.get("item", one.get("response", {})).get("status") for one in events[from_:]]
    return [(one["type"], status) for one, status in zip(events[from_:], stated, strict=True)]


@pytest.mark.parametrize(
    ("status", "outcome", "reply"),
    [
        ("completed", Outcome("completed"), Reply("one two")),
        ("incomplete", Outcome("incomplete", "content_filter"), Reply("one two", filtered=True)),
        ("failed", Outcome("failed", error={"type": "server_error"}), Reply("one two", failure=Failure())),
    ],
)
def test_the_simulated_server_and_an_ending_made_for_it_close_alike(
    status: Status, outcome: Outcome, reply: Reply
) -> None:
    stage = Stage(replier=lambda context: reply, pace="instant")
    stage.ask("hello")
    said = stage.events[: 1 + [one["type"] for one in stage.events].index("response.done")]
    closing = shape(said)
    assert (closing[-1], closing[-2][1]) == (("response.done", status), course.ENDINGS[status].open_items)
    replies = OPENAI.replies()
    for one in said[: len(said) - len(closing)]:
        replies.see(Sender.SERVER, Text(dumps(one)))
    (open_one,) = replies.open
    made = [OPENAI.view(frame, Sender.SERVER).body for frame in replies.end(open_one, outcome, Ids(Random(1)))]
    assert shape(made) == closing


def test_every_status_has_an_ending_and_the_life_has_its_reasons() -> None:
    assert set(course.ENDINGS) == {"completed", "cancelled", "incomplete", "failed"}
    assert LIFE.reasons == {
        "cancelled": ("turn_detected", "client_cancelled"),
        "incomplete": ("max_output_tokens", "content_filter"),
    }


def test_details() -> None:
    assert course.GA.details(Outcome("completed")) is None
    assert course.GA.details(Outcome("cancelled", "turn_detected")) == {"type": "cancelled", "reason": "turn_detected"}
    assert course.GA.details(Outcome("failed", error={"code": "x"})) == {"type": "failed", "error": {"code": "x"}}
