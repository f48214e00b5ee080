"""A report blames the frame that departed, shows what matters of those before it, and proposes the rule for it."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.cassette.model import Cassette
from mockserver.core.frames import Text
from mockserver.engines.replay.source import Replay
from tests.engines.driving import C, Live, S, recording

SESSION = {"type": "session.created", "session": {"id": "sess_1"}}
TOOLS = [{"type": "function", "name": "weather"}, {"type": "function", "name": "time"}]


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def report(cassette: Cassette, *frames: Any, **options: Any) -> str:
    source = Replay(cassette, **options)
    live = Live(source)
    for frame in frames:
        live.wait(100)
        live.send(frame)
    live.wait(1_000)
    return str(source.problems()[0])


def two_updates() -> Cassette:
    return recording(
        (S, SESSION), (C, update()), (S, {"type": "session.updated", "session": {}}),
        (C, update(tools=TOOLS)), (S, {"type": "session.updated", "session": {"tools": TOOLS}}),
        (C, {"type": "response.create"}),
    )  # fmt: skip


def test_of_two_that_changed_places_the_first_is_blamed() -> None:
    told = report(two_updates(), update(tools=TOOLS), update(tools=TOOLS))
    assert told.startswith("session 0, x.cassette: session.update at 0.100 s does not match the recording: ")
    assert "it was taken for client frame 1, and the next session.update is that one" in told
    assert "#0 session.update" in told
    assert "session.tools: recorded nothing, live [{" in told


def test_a_frame_that_departs_alone_is_blamed_itself() -> None:
    told = report(two_updates(), update(), update(voice="cedar"))
    assert told.startswith("session 0, x.cassette: session.update at 0.200 s does not match the recording\n")


def test_up_to_there_shows_what_a_session_was_set_to() -> None:
    told = report(two_updates(), update(), {"type": "response.create"})
    assert "-->  session.update\n" in told
    told = report(two_updates(), update(), update(tools=TOOLS, instructions="be brief"))
    shown = next(line for line in told.splitlines() if "-->" in line and "tools=[weather, time]" in line)
    assert "instructions=be brief" in shown


CHANGED = [
    (update(voice="alloy"), update(voice="marin"), "varies = ['session.update#1:session.voice any string']"),
    (update(voice="alloy"), update(), "varies = ['session.update#1:session.voice missing']"),
    (update(), update(speed=2), "varies = ['session.update#1:session.speed = 2']"),
]


@pytest.mark.parametrize(("recorded", "live", "rule"), CHANGED)
def test_the_rule_that_would_have_let_the_frame_pass_is_a_line_to_paste(recorded: Any, live: Any, rule: str) -> None:
    import tomllib

    cassette = recording((S, SESSION), (C, recorded))
    told = report(cassette, live)
    line = next(line for line in told.splitlines() if "a rule that lets it pass" in line)
    assert line.endswith(rule)
    assert "unwise" not in told
    # As pasted, it does what was promised.
    pasted = tomllib.loads(line.partition("[rules]): ")[2])
    source = Replay(cassette, rules=pasted)
    Live(source).send(live)
    assert source.problems() == []


def test_where_too_much_differs_the_rule_is_called_unwise() -> None:
    made = update(voice="alloy", instructions="a", speed=1, model="m")
    told = report(recording((S, SESSION), (C, made)), update(voice="marin", instructions="b", speed=2, model="n"))
    assert "it would be unwise: 4 fields differ (session.voice, session.instructions, session.speed, " in told


def test_no_rule_makes_one_event_of_another() -> None:
    told = report(recording((S, SESSION), (C, update())), {"type": "response.create"})
    assert "a rule cannot make response.create of session.update" in told


def test_a_frame_that_is_no_event_gets_no_proposal() -> None:
    told = report(recording((S, "hello"), (C, "one"), dialect="generic"), Text("two"))
    assert "a rule" not in told
