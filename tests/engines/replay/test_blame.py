"""A report blames the frame that departed, shows what matters of those before it, and proposes the rule for it."""

from __future__ import annotations

import base64
import tomllib
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


def proposed(told: str, which: str = "a rule that lets it pass") -> str:
    """What a line of the report gives to paste."""
    [line] = [line for line in told.splitlines() if which in line]
    return line.partition("pass (mockserver.toml, under [rules]): ")[2] or line.partition("once with: ")[2]


def passes(cassette: Cassette, line: str, *frames: Any) -> bool:
    source = Replay(cassette, rules=tomllib.loads(line))
    live = Live(source)
    for frame in frames:
        live.wait(100)
        live.send(frame)
    live.wait(1_000)
    return source.problems() == []


CHANGED = [
    (update(voice="alloy"), update(voice="marin"), "varies = ['session.update#1:session.voice any string']"),
    (update(voice="alloy"), update(), "varies = ['session.update#1:session.voice missing']"),
    (update(), update(speed=2), "varies = ['session.update#1:session.speed = 2']"),
]


@pytest.mark.parametrize(("recorded", "live", "rule"), CHANGED)
def test_the_rule_that_would_have_let_the_frame_pass_is_a_line_to_paste(recorded: Any, live: Any, rule: str) -> None:
    cassette = recording((S, SESSION), (C, recorded))
    told = report(cassette, live)
    assert proposed(told).endswith(rule)
    assert "unwise" not in told
    # As pasted, it does what was promised.
    assert passes(cassette, proposed(told), live)


def test_where_too_much_differs_the_rule_is_called_unwise() -> None:
    cassette = recording((S, SESSION), (C, update(voice="alloy", instructions="a", speed=1, model="m")))
    live = update(voice="marin", instructions="b", speed=2, model="n")
    told = report(cassette, live)
    assert passes(cassette, proposed(told), live)  # unwise as it is, it names every field
    assert not passes(cassette, proposed(told), {**live, "more": 1})
    assert "it would be unwise: 4 fields differ (session.voice, session.instructions, session.speed, " in told


def item(role: str, text: str, **more: Any) -> dict[str, Any]:
    part = {"type": "input_text", "text": text}
    return {"type": "conversation.item.create", "item": {**more, "type": "message", "role": role, "content": [part]}}


@pytest.mark.parametrize("text", ["note", "it's 5 o'clock", 'say "no"\n', "\u2028 \U0001f600", "a = b"])
def test_a_frame_more_is_a_rule_for_this_frame_alone(text: str) -> None:
    cassette = recording((S, SESSION), (C, item("user", "hello")), (C, {"type": "response.create"}))
    live = (item("system", text, id="item_a1b2c3d4e5"), item("user", "hello"), {"type": "response.create"})
    told = report(cassette, *live)
    assert (
        "it would be unwise: 3 fields differ (item.role, item.content.0.text, item.id), so this is another frame"
        in told
    )
    line = proposed(told, "as a frame more")
    assert passes(cassette, line, item("system", text, id="item_f6g7h8i9j0"), *live[1:])  # ids are the client's
    assert not passes(cassette, line, item("system", text + "!"), *live[1:])
    assert not passes(cassette, line, live[0], *live)  # once
    assert passes(cassette, line, *live[1:])


def test_what_came_as_often_as_recorded_is_a_frame_more() -> None:
    cassette = recording((S, SESSION), (C, item("user", "hello")), (C, {"type": "response.create"}))
    live = (item("user", "hello"), {"type": "response.create"}, {"type": "response.create"})
    assert passes(cassette, proposed(report(cassette, *live), "as a frame more"), *live)


def test_a_frame_that_was_left_out_is_a_rule_too_with_a_warning() -> None:
    cassette = recording((S, SESSION), (C, item("user", "a")), (C, item("user", "b")), (C, {"type": "response.create"}))
    told = report(cassette, item("user", "a"), {"type": "response.create"})
    assert proposed(told) == "optional = ['conversation.item.create#2']"
    assert "unwise if it were needed: client frame 1 (conversation.item.create) never comes" in told
    assert passes(cassette, proposed(told), item("user", "a"), {"type": "response.create"})
    assert not passes(cassette, proposed(told), {"type": "response.create"})


def test_audio_of_another_length_has_a_rule_of_its_own() -> None:
    def said(ms: int) -> dict[str, Any]:
        return {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(48 * ms)).decode()}

    commit = {"type": "input_audio_buffer.commit"}
    cassette = recording((S, SESSION), (C, said(1_000)), (C, commit))
    told = report(cassette, said(300), commit)
    assert proposed(told) == "audio = 'ignore'"
    assert "it would be unwise: the length of no utterance is compared then" in told
    assert passes(cassette, proposed(told), said(300), commit)


def test_no_rule_makes_one_event_of_another() -> None:
    cassette = recording((S, SESSION), (C, update()))
    told = report(cassette, {"type": "response.create"})
    assert "a rule cannot make response.create of session.update" in told
    assert passes(cassette, proposed(told, "as a frame more"), {"type": "response.create"}, update())
    # What is too long to paste is named.
    told = report(cassette, {"type": "response.create", "response": {"instructions": "x" * 3_000}})
    assert "as a frame more it passes with `optional = ['response.create']`, which hides" in told


def test_a_frame_that_is_no_event_gets_no_proposal() -> None:
    told = report(recording((S, "hello"), (C, "one"), dialect="generic"), Text("two"))
    assert "a rule" not in told
