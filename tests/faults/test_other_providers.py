"""Faults of a reply's life for providers whose replies have no ids, and often no event for their begin."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockserver.core.frames import Accept, Effect, Event, Opened, Received, Tell, Text, to_client
from mockserver.core.machine import Plan
from mockserver.dialects.base import Dialect
from mockserver.dialects.gemini import GEMINI
from mockserver.dialects.phonic import PHONIC
from mockserver.dialects.ultravox import ULTRAVOX
from mockserver.errors import UsageError
from tests.faults.stage import MILLISECOND, Stage

Body = dict[str, Any]
AUDIO = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAAA"}}
ASKED: Body = {"clientContent": {"turnComplete": True}}


def content(**inside: Any) -> Body:
    return {"serverContent": inside}


TURN = [
    content(outputTranscription={"text": "one"}),
    *(content(modelTurn={"parts": [AUDIO]}) for _ in range(3)),
    content(generationComplete=True),
    content(turnComplete=True),
]
WHOLE = ["outputTranscription", "modelTurn", "modelTurn", "modelTurn", "generationComplete", "turnComplete"]


class Talker:
    """Answers each client frame with the same frames, one every 20 ms, and lets nobody stop it: as an upstream does
    that is never told of a cancel."""

    def __init__(self, opening: list[Body], turn: list[Body]) -> None:
        self.opening, self.turn = opening, turn
        self.plan: Plan[Effect] = Plan()
        self.told: list[str] = []

    def feed(self, item: Event, now: int) -> list[Effect]:
        if isinstance(item, Opened):
            return [Accept(), *(to_client(Text(json.dumps(body))) for body in self.opening)]
        if isinstance(item, Tell):
            self.told.append(item.word)
        if isinstance(item, Received):
            for number, body in enumerate(self.turn):
                self.plan.add(now + number * 20 * MILLISECOND, to_client(Text(json.dumps(body))))
        return []

    def wake_at(self) -> int | None:
        return self.plan.next_due()

    def wake(self, now: int) -> list[Effect]:
        return self.plan.take(now)


def heard(
    dialect: Dialect, spec: str, turn: list[Body], asked: Body, *, opening: Body | None = None, tick: int | None = None
) -> tuple[list[str], Talker]:
    """Two turns, asked for at 10 and 500 ms: the names of what the client got."""
    engine = Talker([] if opening is None else [opening], turn)
    stage = Stage(spec, engine=engine, dialect=dialect, tick=tick).open()
    for at in (10, 500):
        stage.send_body(asked, at_ms=at)
    return [name.removeprefix("serverContent.") for name in stage.run(until_ms=1_000).names], engine


def gemini(spec: str, tick: int | None = None) -> tuple[list[str], Talker]:
    names, engine = heard(GEMINI, spec, TURN, ASKED, opening={"setupComplete": {}}, tick=tick)
    assert names.pop(0) == "setupComplete"
    return names, engine


def test_without_a_fault_both_turns_come() -> None:
    assert gemini("noop")[0] == [*WHOLE, *WHOLE]


@pytest.mark.parametrize("tick", [None, 7 * MILLISECOND])
def test_a_turn_is_cut_as_the_provider_cuts_it_and_the_next_one_comes_whole(tick: int | None) -> None:
    names, engine = gemini("cancel midway on serverContent.modelTurn once", tick)
    assert names == [*WHOLE[:2], "interrupted", "turnComplete", *WHOLE]
    assert engine.told == ["cancel"]


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        ("cancel midway once", [WHOLE[0], "interrupted", "turnComplete", *WHOLE]),
        ("cancel midway after 50ms once", [*WHOLE[:3], "interrupted", "turnComplete", *WHOLE]),
        ("cancel midway before serverContent.modelTurn once", [WHOLE[0], "interrupted", "turnComplete", *WHOLE]),
        ("created without done once", [WHOLE[0], *WHOLE]),
        ("done without created once", ["turnComplete", *WHOLE]),
    ],
)
def test_the_begin_of_a_reply_is_its_first_frame(spec: str, names: list[str]) -> None:
    assert gemini(spec)[0] == names


def test_frames_that_come_after_the_turn_was_cut() -> None:
    cut = [*TURN[:2], content(interrupted=True), content(turnComplete=True)]
    names, _ = heard(GEMINI, "deltas after cancel 2 times once", cut, ASKED)
    end = ["outputTranscription", "modelTurn", "interrupted", "turnComplete"]
    assert names == [*end, "modelTurn", "modelTurn", *end]
    assert heard(GEMINI, "deltas after cancel optional", TURN, ASKED)[0] == [*WHOLE, *WHOLE]


def test_what_the_provider_cannot_say_is_refused() -> None:
    with pytest.raises(UsageError, match="Gemini Live has no events that are known to end a reply as failed"):
        gemini("fail")
    with pytest.raises(UsageError, match="how Gemini Live words a whole reply is not known"):
        gemini("unrequested response")
    with pytest.raises(UsageError, match="cancel not active: Gemini Live has no such error"):
        gemini("cancel not active")


def test_a_turn_between_its_own_two_events() -> None:
    """Phonic says when the assistant begins and when it is done."""
    spoken = [
        {"type": "assistant_started_speaking"},
        {"type": "audio_chunk", "audio": "AAAA", "text": "hi"},
        {"type": "assistant_finished_speaking"},
    ]
    names, _ = heard(PHONIC, "created without done once", spoken, {"type": "say", "text": "hi"})
    assert names == ["assistant_started_speaking", *(body["type"] for body in spoken)]


def test_a_barge_in_in_the_words_of_ultravox() -> None:
    calls = [{"type": "client_tool_invocation", "toolName": "a", "invocationId": str(number)} for number in range(3)]
    asked = {"type": "user_text_message", "text": "hi"}
    names, _ = heard(ULTRAVOX, "cancel midway on client_tool_invocation once", calls, asked)
    assert names == ["client_tool_invocation", "playback_clear_buffer", "state", *(["client_tool_invocation"] * 3)]
