"""Rules: which one answers, in Python and from YAML."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from mockserver.engines.simulator import (
    Context,
    Failure,
    Reply,
    Rule,
    Rules,
    Seen,
    Silence,
    ToolCall,
)
from mockserver.errors import SpecError, UsageError
from tests.engines.simulator.stage import Stage

CONTEXT = Context(
    instructions="You work at a bakery.",
    items=(Seen("u", "message", "user", "What is the Weather in Oslo?"),),
    tools=({"type": "function", "name": "get_weather"},),
    metadata={"topic": "weather"},
    turn=2,
    user="What is the Weather in Oslo?",
    out_of_band=True,
)


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ({}, True),
        ({"user": "weather in oslo"}, True),
        ({"user": "bergen"}, False),
        ({"user": re.compile(r"^What .* Oslo\?$")}, True),
        ({"user": re.compile(r"^oslo")}, False),
        ({"instructions": "bakery"}, True),
        ({"instructions": "butcher"}, False),
        ({"tool": "get_weather"}, True),
        ({"tool": "get_time"}, False),
        ({"metadata": {"topic": "weather"}}, True),
        ({"metadata": {"topic": None}}, True),
        ({"metadata": {"topic": "sport"}}, False),
        ({"metadata": {"other": None}}, False),
        ({"turn": 2}, True),
        ({"turn": 1}, False),
        ({"out_of_band": True}, True),
        ({"out_of_band": False}, False),
        ({"user": "oslo", "turn": 1}, False),
    ],
)
def test_a_rule_holds_when_every_condition_does(conditions: dict[str, Any], holds: bool) -> None:
    assert Rule("x", **conditions).holds(CONTEXT) is holds


OUTPUT = Seen("o", "function_call_output", output="It is FOGGY.")
ANSWERED = replace(CONTEXT, items=(*CONTEXT.items, OUTPUT))


def test_an_output_counts_only_as_the_last_item() -> None:
    assert Rule("x", output="foggy").holds(ANSWERED)
    assert Rule("x", output="sunny").misses(ANSWERED) == ["output"]
    later = replace(ANSWERED, items=(*ANSWERED.items, Seen("u", "message", "user", "thanks")))
    assert Rule("x", output="foggy").misses(later) == ["output"]


def test_a_rule_for_user_words_does_not_answer_a_tool_again() -> None:
    assert Rule("x", user="weather").holds(CONTEXT)
    assert Rule("x", user="weather").misses(ANSWERED) == ["user"]
    assert Rule("x", user="weather", output="foggy").holds(ANSWERED)
    stage = Stage(replier=Rules({"weather": ToolCall("f")}))
    call = stage.ask("the weather?")["output"][0]["call_id"]
    item = {"type": "function_call_output", "call_id": call, "output": "foggy"}
    stage.send("conversation.item.create", item=item)
    assert [one["type"] for one in stage.ask()["output"]] == ["message"]


def test_the_first_rule_that_holds_answers() -> None:
    rules = Rules([Rule("a", user="bergen"), Rule("b", user="oslo"), Rule("c")])
    assert rules(CONTEXT) == "b"
    assert Rules({"bergen": "a", re.compile("O.lo"): "b"})(CONTEXT) == "b"
    assert Rules({"bergen": "a"}, otherwise=lambda context: "other")(CONTEXT) == "other"
    assert Rules([Rule(lambda context: context.user.upper())])(CONTEXT) == CONTEXT.user.upper()


def test_without_a_rule_everything_is_recalled() -> None:
    assert Rules({})(Context(items=(Seen("u", "message", "user", "hi"),))) == "hi"


def test_a_wrong_rule_fails_where_it_is_written() -> None:
    with pytest.raises(UsageError, match="expected a text, a ToolCall"):
        Rule(7)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="user=7"):
        Rule("x", user=7)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="expected a Rule"):
        Rules(["x"])  # type: ignore[list-item]


YAML = r"""
transcripts: [hello there, null]
rules:
  - when: {user: weather, turn: 1}
    call: {name: get_weather, arguments: {city: Oslo}}
  - when: {output: foggy}
    say: It is foggy.
    after_ms: 800
  - when: {user: '/^(bye|good night)\b/'}
    fail: {type: server_error, code: null}
  - when: {metadata: {topic: sport}, out_of_band: true, tool: f, instructions: brief}
    call: [f, {name: g, arguments: '{"raw": 1}', call_id: c1}]
    say: Both.
  - when: {user: quiet}
    silence: 500
  - when: {user: void}
    nothing: true
otherwise: fail
"""


def test_rules_from_yaml() -> None:
    rules = Rules.from_yaml(YAML)
    assert rules.transcripts == ("hello there", None)
    assert rules(Context(user="the weather?", turn=1)) == Reply(calls=(ToolCall("get_weather", {"city": "Oslo"}),))
    assert rules(ANSWERED) == Reply("It is foggy.", after_ms=800)
    assert rules(Context(user="Good night all")) == Reply(failure=Failure(type="server_error"))
    sport = Context(
        metadata={"topic": "sport"},
        out_of_band=True,
        tools=({"name": "f"},),
        instructions="Be brief.",
    )
    assert rules(sport) == Reply("Both.", (ToolCall("f"), ToolCall("g", '{"raw": 1}', "c1")))
    assert rules(Context(user="quiet please")) == Reply(silence=Silence(500))
    assert rules(Context(user="void")) == Reply()
    assert rules(Context(user="goodbye")) == Failure()


def test_transcripts_of_the_rules_are_what_the_simulator_hears() -> None:
    stage = Stage(replier=Rules.from_yaml(YAML))
    stage.hear((b"\x00\x20" * 12 + b"\x00\xe0" * 12) * 800 + bytes(48 * 400))
    stage.wait(100)
    assert stage.contexts[0].user == "hello there"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[1", "not YAML"),
        ("- 1", "the file: expected keys and values"),
        ("rules: 1", "rules: expected a list, not int"),
        ("rule: []", "unknown key 'rule'"),
        ("rules: [{when: {}}]", "rule 1: expected one of say, call, fail, silence or nothing"),
        ("rules: [{say: a}, {say: 1}]", "rule 2, say: expected str, not int"),
        ("rules: [{when: {usr: a}, say: b}]", "rule 1, when: unknown key 'usr'"),
        ("rules: [{when: {turn: one}, say: b}]", "rule 1, turn: expected int, not str"),
        ("rules: [{when: {user: '/(/'}, say: b}]", "not a regular expression"),
        ("rules: [{when: {user: 7}, say: b}]", "when.user: expected a text, not int"),
        ("rules: [{call: {arguments: {}}}]", "rule 1, call: expected a name"),
        ("rules: [{call: {name: f, arguments: 7}}]", "rule 1, call: arguments=7: expected keys"),
        ("rules: [{call: {name: 7}}]", "rule 1, call: name=7: expected a text that is not empty"),
        ("rules: [{call: f, call_id: 7}]", "rule 1: unknown key 'call_id'"),
        ("rules: [{call: {name: f, call_id: 7}}]", "rule 1, call: call_id=7: expected a text"),
        ("rules: [{say: a, after_ms: soon}]", "rule 1: after_ms='soon': expected a number"),
        ("rules: [{say: a, after_ms: -5}]", "rule 1: after_ms=-5: expected a number of 0 or more"),
        ("rules: [{silence: -5}]", "rule 1, silence: ms=-5: expected a whole number of 0 or more"),
        ("rules: [{fail: {code: 7}}]", "rule 1, fail: code=7: expected a text"),
        ("rules: [{say: a, when: {turn: 0}}]", "rule 1, when: turn=0: expected a whole number above 0"),
        ("rules: [{say: a, when: {metadata: 5}}]", "rule 1, when: metadata=5: expected keys"),
        ("rules: [{say: a, when: {metadata: {n: 2}}}]", "rule 1, when: metadata['n']=2: expected"),
        ("otherwise: maybe", "otherwise: expected recall, nothing or fail"),
        ("transcripts: [1]", "transcripts: expected a list of texts"),
    ],
)
def test_a_wrong_file_says_where_and_what(text: str, complaint: str) -> None:
    with pytest.raises(SpecError) as error:
        Rules.from_yaml(text, source="my.yaml")
    assert str(error.value).startswith(("my.yaml: ", "my.yaml, line "))
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


def test_an_empty_file_recalls() -> None:
    assert Rules.from_yaml("rules: []")(Context(items=(Seen("u", "message", "user", "hi"),))) == "hi"
