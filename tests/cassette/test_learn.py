"""Rules for what varies between recordings of one scenario: exactly that, as narrowly as it was seen."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.cassette.diff import diff
from mockserver.cassette.learn import learn
from mockserver.cassette.model import Cassette
from mockserver.cassette.render import summary, textconv
from mockserver.cassette.varies import MISSING, parsed, which
from mockserver.core.frames import Sender
from mockserver.engines.replay.source import Replay
from mockserver.errors import ReplayMismatch, UsageError
from tests.cassette.conversation import PLANS, Conversation
from tests.engines.driving import C, Live, S, recording

plans = st.lists(st.sampled_from(PLANS), min_size=1, max_size=5)
seeds = st.integers(0, 10_000)


def talk(plan: list[str], seed: int, change: Any = lambda sender, body: body) -> Cassette:
    return Conversation(plan, random.Random(seed), change).recorded()


@given(plans, seeds, seeds)
def test_nothing_is_learned_of_a_conversation_that_does_not_vary(plan: list[str], one: int, other: int) -> None:
    made, found = learn([talk(plan, one), talk(plan, other)])
    assert found.rules() == {}
    assert found.told == {}
    assert made.header.rules == {}


FIELDS = {
    "update": ("session.update", ("session", "instructions"), Sender.CLIENT),
    "add": ("conversation.item.create", ("item", "note"), Sender.CLIENT),
    "ask": ("response.create", ("response", "instructions"), Sender.CLIENT),
    "tool": ("conversation.item.create", ("item", "output"), Sender.CLIENT),
    "speak": ("input_audio_buffer.committed", ("note",), Sender.SERVER),
    "aside": ("response.done", ("response", "status_details"), Sender.SERVER),
}


def at_random(name: str, path: tuple[str, ...], sender: Sender, nth: int, seed: int) -> Any:
    """A change that puts another text at one place of the n-th frame of a name."""
    chance, seen = random.Random(seed), [0]

    def change(by: Sender, body: dict[str, Any]) -> dict[str, Any]:
        if by is sender and body["type"] == name:
            seen[0] += 1
            if seen[0] == nth:
                body = json.loads(json.dumps(body))
                here = body
                for step in path[:-1]:
                    here = here[step]
                here[path[-1]] = f"a text {chance.random()}"
        return body

    return change


@given(plans, st.sampled_from(list(FIELDS)), seeds, seeds)
def test_one_field_at_random_is_found_and_nothing_else(plan: list[str], which: str, one: int, other: int) -> None:
    name, path, sender = FIELDS[which]
    # Of responses aside chance decides which is the first.
    plan = [which, *[step for step in plan if step in ("update", "speak", which) and step != "aside"]]
    both = [talk(plan, seed, at_random(name, path, sender, 1, seed)) for seed in (one, other + 20_000)]
    made, found = learn(both)
    line = f"{name}#1:{'.'.join(path)} any string"
    # What the service says again of what it was told varies with it.
    assert [rule for rule in found.rules()["varies"] if rule.startswith(f"{name}#")] == [line]
    assert set(found.rules()) == {"varies"}
    assert all(path[-1] in rule for rule in found.rules()["varies"])
    assert diff(*both) != []
    assert [str(one) for one in diff(made, both[1])] == []
    assert [str(one) for one in diff(both[1], made)] == []


SESSION = {"type": "session.created", "session": {"id": "sess_1"}}
TOOLS = [{"type": "function", "name": "weather"}]


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def racing(*, early: bool) -> Cassette:
    """A client whose first session.update holds the tools only if its context came before session.created."""
    first = update(tools=TOOLS) if early else update()
    done = {"id": "resp_1", "status": "completed"}
    return recording(
        (S, SESSION), (C, first), (S, {"type": "session.updated", "session": first["session"]}),
        (C, update(tools=TOOLS)), (S, {"type": "session.updated", "session": {"tools": TOOLS}}),
        (C, {"type": "response.create"}), (S, {"type": "response.created", "response": done}),
        (S, {"type": "response.done", "response": done}),
    )  # fmt: skip


def play(cassette: Cassette, *frames: Any, pacing: str = "recorded") -> tuple[list[str], list[Any]]:
    """What a client gets, and what replay has against it."""
    source = Replay(cassette, pacing=pacing)
    live = Live(source)
    for frame in frames:
        live.wait(400)
        live.send(frame)
    live.wait(10_000)
    return live.names(), source.problems()


CALLS = [update(), update(tools=TOOLS), {"type": "response.create"}]
EARLY = [update(tools=TOOLS), update(tools=TOOLS), {"type": "response.create"}]
WHOLE = ["session.created", "session.updated", "session.updated", "response.created", "response.done"]


@pytest.mark.parametrize("pacing", ["recorded", "instant"])
@pytest.mark.parametrize("base", [True, False])
def test_a_race_of_the_clients_own_is_learned_and_replays(pacing: str, base: bool) -> None:
    made, found = learn([racing(early=base), racing(early=not base)])
    line = "session.update#1:session.tools " + ("missing" if base else f"= {json.dumps(TOOLS, separators=(',', ':'))}")
    assert line in found.rules()["varies"]
    for frames in (CALLS, EARLY):
        assert play(made, *frames, pacing=pacing) == (WHOLE, [])
    assert diff(made, racing(early=not base)) == []
    # As narrow as what was seen: other tools are none of those, and the second update must hold them.
    other = update(tools=[{"type": "function", "name": "other"}])
    for frames in ([other, *CALLS[1:]], [CALLS[0], update(), CALLS[2]]):
        _, problems = play(made, *frames, pacing=pacing)
        assert isinstance(problems[0], ReplayMismatch)


def test_without_the_rules_one_of_the_two_departs() -> None:
    assert play(racing(early=False), *CALLS) == (WHOLE, [])
    _, problems = play(racing(early=False), *EARLY)
    assert isinstance(problems[0], ReplayMismatch)


def output(call: str, text: Any, item: str) -> dict[str, Any]:
    said = {"type": "function_call_output", "call_id": call, **({} if text is None else {"output": text})}
    return {"type": "conversation.item.create", "item": {"id": item, **said}}


def calling(*frames: Any) -> Cassette:
    return recording((S, SESSION), *((C, one) for one in frames))


def test_a_reply_in_other_words_is_learned_and_a_missing_one_still_fails() -> None:
    made, found = learn([calling(output("call_1", f"fog at {at}", f"item_0000000{at}")) for at in (1, 2)])
    assert found.rules() == {"varies": ["conversation.item.create#1:item.output any string"]}
    assert play(made, output("call_1", "fog at 3", "item_00000009"))[1] == []
    for wrong in (output("call_1", None, "item_00000009"), output("call_1", 3, "item_00000009")):
        assert isinstance(play(made, wrong)[1][0], ReplayMismatch)
    assert play(made)[1] != []


def test_a_value_that_comes_again_is_one_of_those_seen() -> None:
    made, found = learn([calling(update(voice=voice)) for voice in ("alloy", "marin", "alloy")])
    assert found.rules() == {"varies": ['session.update#1:session.voice = "marin"']}
    assert play(made, update(voice="marin"))[1] == []
    assert play(made, update(voice="cedar"))[1] != []


def test_a_frame_that_only_some_recordings_have_is_optional_and_no_other_of_its_name() -> None:
    hint = {"type": "input_audio_buffer.hint", "level": 1}
    told = update(instructions="x")
    for first in (0, 1):
        both = [calling(told, hint, {"type": "response.create"}), calling(told, {"type": "response.create"})]
        made, found = learn([both[first], both[1 - first]])
        if first == 0:
            assert found.rules() == {"optional": ["input_audio_buffer.hint#1"]}
        else:
            assert found.rules() == {
                "added": ['input_audio_buffer.hint = {"type":"input_audio_buffer.hint","level":1}']
            }
        for frames in ((told, hint, {"type": "response.create"}), (told, {"type": "response.create"})):
            assert play(made, *frames)[1] == [], (first, frames)
        assert play(made, told, {**hint, "level": 2}, {"type": "response.create"})[1] != []
        assert play(made, told, hint, hint, {"type": "response.create"})[1] != []
        assert diff(made, both[1 - first]) == []


def test_an_id_of_another_frame_is_any_id() -> None:
    """The frame before it is an optional one, whose id never comes again."""

    def told(extra: str, own: str) -> Cassette:
        echo = {"type": "conversation.item.added", "previous_item_id": extra or None, "item": {"id": own}}
        more = [(S, {"type": "info", "item_id": extra})] if extra else []
        return recording((C, {"type": "a.b"}), *more, (S, echo), (S, {"type": "note", "like_id": own}))

    cassettes = [told("item_1", "item_2"), told("", "item_4"), told("item_5", "item_6"), told("", "item_8")]
    made, found = learn([cassettes[1], *cassettes])
    lines = [line for line in found.rules()["varies"] if "previous_item_id" in line]
    assert lines == ["conversation.item.added#1:previous_item_id any string"]
    assert [one for other in cassettes for one in diff(made, other) if "previous" in str(one)] == []


def test_an_order_that_does_not_matter_is_learned_for_the_pair_that_showed_it() -> None:
    one, two, three = ({"type": kind, "said": 1} for kind in ("a.one", "a.two", "a.three"))
    made, found = learn([calling(one, two, three), calling(two, one, three)])
    assert found.rules() == {"unordered": ["a.one#1 a.two#1"]}
    assert play(made, one, two, three)[1] == []
    assert play(made, two, one, three)[1] == []
    assert play(made, one, three, two)[1] != []
    assert diff(made, calling(two, one, three)) == []


def test_words_of_the_service_that_differ_are_no_difference_any_more() -> None:
    def said(words: str) -> Cassette:
        done = {"id": "resp_1", "status": "completed", "output": [{"text": words}]}
        return recording(
            (S, SESSION), (C, {"type": "response.create"}),
            (S, {"type": "response.created", "response": {"id": "resp_1"}}),
            (S, {"type": "response.output_text.delta", "response_id": "resp_1", "delta": words}),
            (S, {"type": "response.done", "response": done}),
        )  # fmt: skip

    made, found = learn([said("It snows."), said("It rains.")])
    assert found.rules() == {
        "varies": [
            "response.output_text.delta#1:delta any string",
            "response.done#1:response.output.0.text any string",
        ]
    }
    assert diff(made, said("It rains.")) == []
    assert diff(made, said("It hails.")) == []
    assert [one.frame for one in made.connections[0].records] == [
        one.frame for one in said("It snows.").connections[0].records
    ]


def test_what_is_no_one_scenario_is_an_error() -> None:
    asked = [update(instructions=str(number)) for number in range(4)]
    with pytest.raises(UsageError, match="two recordings or more"):
        learn([calling(*asked)])
    with pytest.raises(UsageError, match="no one scenario: 4 of 4 client frames are in the first only"):
        learn([calling(*asked), calling({"type": "response.create"})])
    with pytest.raises(UsageError, match="different services"):
        learn([calling(*asked), recording((C, "x"), dialect="gemini")])


def test_show_and_textconv_print_the_rules() -> None:
    made, _ = learn([calling(update(voice=voice)) for voice in ("alloy", "marin")])
    assert "  rule: varies session.update#1:session.voice any string" in list(summary(made))
    assert any("session.update#1:session.voice" in line for line in textconv(made))


def test_a_rule_is_read_as_it_is_written() -> None:
    for line in (
        "session.update#1:session.tools missing",
        'session.update#1.2:session.tools = [{"type":"function"}]',
        "a.b:c any number",
        "a?b#3:item.content.0.te?xt any null",
    ):
        assert str(parsed(line)) == line
    assert parsed("a:b missing").permits(MISSING)
    assert not parsed("a:b any number").permits(True)
    assert str(which("a.b#2")) == "a.b#2"


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"varies": ["session.update:x"]}, "expected EVENT#NUMBER:PATH"),
        ({"varies": ["a#1:x = {"]}, "is not JSON"),
        ({"optional": ["a#x"]}, "expected an event's name"),
        ({"unordered": ["a#1"]}, "expected two events"),
        ({"added": ["a = {"]}, "expected EVENT = JSON"),
    ],
)
def test_a_rule_that_cannot_be_read_is_an_error(rules: dict[str, list[str]], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Replay(calling(update()), rules=rules)
