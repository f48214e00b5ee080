"""The life of a reply of Nova Sonic, which is told by what stands in its blocks: faults and the account of them."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from mockserver.core.frames import Sender, Text
from mockserver.core.ids import Ids
from mockserver.core.json_text import dumps
from mockserver.dialects.life import Outcome
from mockserver.dialects.nova_sonic import INTERRUPTED, NOVA_SONIC
from mockserver.errors import UsageError
from mockserver.faults import parse

IDS = {"sessionId": "s", "promptName": "p", "completionId": "c"}


def server(name: str, **fields: Any) -> Text:
    return Text(dumps({"event": {name: {**IDS, "contentId": "b", **fields}}}))


def block(kind: str, role: str, reason: str, *pieces: Text, stage: str = "") -> list[Text]:
    more = {"additionalModelFields": f'{{"generationStage":"{stage}"}}'} if stage else {}
    start = server("contentStart", type=kind, role=role, **more)
    return [start, *pieces, server("contentEnd", type=kind, stopReason=reason)]


def text(role: str, stage: str, content: str, reason: str) -> list[Text]:
    return block("TEXT", role, reason, server("textOutput", role=role, content=content), stage=stage)


WORDS = text("USER", "FINAL", "hi", "PARTIAL_TURN")
PLANNED = text("ASSISTANT", "SPECULATIVE", "yes", "PARTIAL_TURN")
SOUND = block("AUDIO", "ASSISTANT", "END_TURN", server("audioOutput", content="AAAA"))
SPOKEN = text("ASSISTANT", "FINAL", "yes", "END_TURN")
CUT = text("ASSISTANT", "FINAL", INTERRUPTED, "INTERRUPTED")
CALL = block("TOOL", "TOOL", "TOOL_USE", server("toolUse", toolName="a", toolUseId="t", content="{}"))


def told(frames: list[Text]) -> list[tuple[bool, str | None, str | None]]:
    """After each frame: whether a reply is open, whose the frame is, and how a reply ended with it."""
    replies, seen = NOVA_SONIC.replies(), []
    for frame in frames:
        view = NOVA_SONIC.view(frame, Sender.SERVER)
        replies.see(Sender.SERVER, frame, name=view.name)
        seen.append((bool(replies.open), replies.owner(view), replies.outcome(view)))
    return seen


def test_a_reply_begins_with_what_is_planned_and_ends_with_what_was_spoken() -> None:
    seen = told([*WORDS, *PLANNED, *SOUND, *SPOKEN])
    assert [one[0] for one in seen] == [False] * 3 + [True] * 8 + [False]
    assert [one[1] for one in seen] == [None] * 3 + ["reply-1"] * 9
    assert [one[2] for one in seen] == [None] * 11 + ["completed"]


def test_a_reply_that_is_cut_and_the_one_after_it() -> None:
    seen = told([*PLANNED, *SOUND, *CUT, *WORDS, *PLANNED])
    assert seen[8] == (False, "reply-1", "cancelled")
    assert seen[-1] == (True, "reply-2", None)


def test_a_call_ends_a_reply_and_the_text_of_what_was_spoken_before_it_begins_none() -> None:
    seen = told([*PLANNED, *SOUND, *CALL, *SPOKEN])
    assert seen[8] == (False, "reply-1", "completed")
    assert [one[0] for one in seen[9:]] == [False] * 3


def test_a_reply_is_ended_as_the_service_does_it_and_nothing_of_it_comes_after() -> None:
    replies = NOVA_SONIC.replies()
    for frame in (*PLANNED, *SOUND[:2]):
        replies.see(Sender.SERVER, frame)
    made = replies.end("reply-1", Outcome("cancelled"), Ids(Random(1)))
    names = [NOVA_SONIC.view(frame, Sender.SERVER) for frame in made]
    assert [one.name for one in names] == ["contentEnd", "contentStart", "textOutput", "contentEnd"]
    assert names[0].body["event"]["contentEnd"]["type"] == "AUDIO"
    assert names[2].body["event"]["textOutput"]["content"] == INTERRUPTED
    assert all(one.body["event"][one.name]["completionId"] == "c" for one in names)
    late = [replies.late(NOVA_SONIC.view(frame, Sender.SERVER)) for frame in (*SOUND[1:], *SPOKEN)]
    assert late == [True] * 5
    assert not replies.late(NOVA_SONIC.view(PLANNED[0], Sender.SERVER))


def test_text_that_is_to_be_answered_begins_anew() -> None:
    replies = NOVA_SONIC.replies()
    replies.see(Sender.SERVER, PLANNED[0])
    replies.end("reply-1", Outcome("cancelled"), Ids(Random(1)))
    asked = Text(dumps({"event": {"contentStart": {"type": "TEXT", "role": "USER", "interactive": True}}}))
    replies.see(Sender.CLIENT, asked)
    assert not replies.late(NOVA_SONIC.view(PLANNED[0], Sender.SERVER))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("fail", "no events that are known to end a reply as failed"),
        ("invalid key", "has no such error"),
        ("active response", "has no such error"),
        ("created without done", None),
        ("cancel midway", None),
    ],
)
def test_what_the_service_cannot_say_is_refused(spec: str, words: str | None) -> None:
    armed = parse(spec).arm()
    if words is None:
        armed.check(NOVA_SONIC)
    else:
        with pytest.raises(UsageError, match=words):
            armed.check(NOVA_SONIC)
