"""Rules: which one answers, in Python and from YAML."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from mockserver import speech
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
from mockserver.engines.simulator.replies.expression import Expression
from mockserver.engines.simulator.replies.reply import Unanswered
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
    with pytest.raises(Unanswered, match="the nearest is rule 1, where user='weather' does not hold"):
        rules(Context(user="goodbye"))
    assert Rules.from_yaml("otherwise: nothing")(Context(user="goodbye")) == Reply()


def test_transcripts_of_the_rules_are_what_the_simulator_hears() -> None:
    stage = Stage(replier=Rules.from_yaml(YAML))
    stage.hear(speech.babble(0, 800) + bytes(48 * 400))
    stage.wait(100)
    assert stage.contexts[0].user == "hello there"


EARLIER = r"""
rules:
  - when: {said: 'favourite number is (\w+)', user: [what, number]}
    say: It was {1}, not {2}.
    call: {name: note, arguments: {number: '{1}', other: 7}}
"""


def asked(*texts: str) -> Context:
    """The user's words, the newest last, each answered but that one."""
    items: list[Seen] = []
    for number, text in enumerate(texts):
        items += [Seen(f"u{number}", "message", "user", text), Seen(f"a{number}", "message", "assistant", "Seven?")]
    return Context(items=tuple(items[:-1]), user=texts[-1])


def test_a_condition_on_what_was_said_before_and_its_group_in_the_answer() -> None:
    rules = Rules.from_yaml(EARLIER)
    words = ("My favourite number is\nseven.", "It is late.", "What was my number?")
    assert rules(asked("My favourite number is seven.", *words[1:])) == Reply(
        "It was seven, not {2}.", (ToolCall("note", {"number": "seven", "other": 7}),)
    )
    (rule,) = rules.rules
    assert rule.misses(asked(*words)) == ["said"]  # a line's end is no space
    assert Rule("x", said="is.(seven)").holds(asked(*words))
    # The newest words are not earlier ones, and what the model says is no word of the user.
    assert rule.misses(asked("What? My favourite number is 7")) == ["said"]
    assert Rule("x", said="Seven").misses(asked("hi", "ho")) == ["said"]
    # Of several, the newest counts.
    latest = rules(asked("favourite number is 1", "favourite number is 2", "what number?"))
    assert isinstance(latest, Reply)
    assert latest.text == "It was 2, not {2}."


def test_all_of_several_conditions_on_one_field_must_hold() -> None:
    rule = Rule("x", user=["weather", re.compile("Oslo")])
    assert rule.holds(CONTEXT)
    assert Rule("x", user=["weather", "bergen"]).misses(CONTEXT) == ["user"]


def test_groups_count_through_the_conditions_and_go_into_json_escaped() -> None:
    rule = Rule(
        ["{1} {2} {name}", ToolCall("f", '{"a": "{2}"}')],
        said="is (\\w+)",
        user=[re.compile('the (".")'), Expression("(?P<name>no)w")],
    )
    said = rule.answer(asked("it is cold", 'the "A" now'))
    assert said == Reply(None, texts=('cold "A" no',), calls=(ToolCall("f", r'{"a": "\"A\""}'),))


def test_a_rule_answers_so_many_times_in_each_session() -> None:
    rules = Rules.from_yaml("rules: [{say: once, times: 1}, {say: later}]")
    assert [rules(CONTEXT) == Reply(words) for words in ("once", "later", "later")] == [True, True, True]
    stages = [Stage(replier=rules) for _ in range(2)]
    said = [[stage.ask("hi")["output"][0]["content"][0]["transcript"] for _ in range(2)] for stage in stages]
    assert said == [["once", "later"], ["once", "later"]]


def test_without_a_rule_the_journal_and_the_test_are_told_which_was_nearest() -> None:
    text = "otherwise: fail\nrules: [{when: {user: a, turn: 9}, say: x}, {when: {user: /b(c)/}, say: x}]"
    stage = Stage(replier=Rules.from_yaml(text, source="my.yaml"))
    assert stage.ask("hello")["status"] == "failed"
    (problem,) = stage.source.problems()
    for word in ("no rule of my.yaml matches the user's words 'hello'", "nearest is rule 2, where user=/b(c)/"):
        assert word in str(problem)
        assert any(word in note.text for note in stage.notes)
    fine = Stage(replier=Rules.from_yaml(text))
    assert fine.ask("bc")["status"] == "completed"
    assert not fine.source.problems()


def test_each_session_hears_the_transcripts_from_the_first_on() -> None:
    source = Stage(replier=Rules.from_yaml("transcripts: [one, two]"), pace="instant").source
    sound = speech.babble(0, 800) + bytes(48 * 400)
    for _ in range(2):
        stage = Stage(source)
        before = len(stage.contexts)
        for _ in range(2):
            stage.hear(sound)
            stage.wait(10_000)
        assert [context.user for context in stage.contexts][before:] == ["one", "two"]


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
        (r"rules: [{when: {user: '/(a)\1/'}, say: b}]", "rule 1, when.user: (a)\\1: groupref needs backtracking"),
        ("rules: [{when: {said: '('}, say: b}]", "rule 1, when.said: (: not a regular expression"),
        ("rules: [{when: {user: []}, say: b}]", "when.user: expected a text or a list of texts, not an empty list"),
        ("rules: [{times: 0, say: b}]", "times=0: expected a whole number above 0"),
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
