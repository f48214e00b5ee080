from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.dialects.base import MatchRules
from mockserver.engines.replay.aliases import Aliases
from mockserver.engines.replay.matching import Matcher, merge_rules
from mockserver.errors import UsageError

RULES = MatchRules(
    volatile=("event_id", "truncate:audio_end_ms", "**.at"),
    ids=("**.item_id", "event_id", "item.id"),
    maybe_ids=("metadata.*",),
)


def compare(recorded: Any, live: Any, *, rules: MatchRules = RULES, name: str = "event", minted: str = "") -> list[str]:
    return [
        str(one)
        for one in Matcher(rules, Aliases(), lambda one: one == minted).compare(name, recorded, live).differences
    ]


def learned(recorded: Any, live: Any) -> dict[str, Any]:
    return dict(Matcher(RULES, Aliases(), lambda one: False).compare("event", recorded, live).bindings)


@pytest.mark.parametrize(
    ("recorded", "live", "said"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"a": 1}, {"a": 2}, ["a: recorded 1, live 2"]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, ["a: recorded 1, live True"]),
        ({"a": None}, {}, ["a: recorded None, live nothing"]),
        ({}, {"a": 0}, ["a: recorded nothing, live 0"]),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, ["a.1.b: recorded 2, live 3"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a.1: recorded nothing, live 2"]),
        ({"a": [1]}, {"a": {"0": 1}}, ["a: recorded [1], live {'0': 1}"]),
        ([1], [1], []),
        ("x", "y", ["the frame: recorded 'x', live 'y'"]),
        ({"at": 1, "deep": {"at": 2}}, {"at": 3, "deep": {"at": 4}}, []),
        ({"at": 1}, {}, []),
        ({"event_id": "a"}, {"event_id": "b"}, []),
        ({"event_id": "a"}, {}, []),
        ({}, {"event_id": "b"}, []),
        ({"audio_end_ms": 1}, {"audio_end_ms": 2}, ["audio_end_ms: recorded 1, live 2"]),
        ({"item_id": "a"}, {"item_id": "b"}, []),
        ({"item_id": None}, {}, []),
        ({"item_id": "a"}, {}, ["item_id: recorded 'a', live nothing"]),
        ({"item_id": "a"}, {"item_id": 3}, ["item_id: recorded 'a', live 3"]),
        (
            {"item_id": "a", "item": {"id": "a"}},
            {"item_id": "b", "item": {"id": "c"}},
            ["item.id: recorded 'a', live 'c' (one recorded id, two live ones)"],
        ),
        ({"metadata": {"trace": "9f8e7d6c"}}, {"metadata": {"trace": "1a2b3c4d"}}, []),
        (
            {"metadata": {"topic": "weather"}},
            {"metadata": {"topic": "sports"}},
            ["metadata.topic: recorded 'weather', live 'sports'"],
        ),
    ],
)
def test_differences(recorded: Any, live: Any, said: list[str]) -> None:
    assert compare(recorded, live) == said


def test_a_rule_may_hold_for_one_event_only() -> None:
    assert compare({"audio_end_ms": 1}, {"audio_end_ms": 2}, name="truncate") == []


def test_keys_of_either_case() -> None:
    folded = MatchRules(fold_case=True)
    pair = (
        {"turn_complete": 1, "parts": [{"mime_type": 2}]},
        {"turnComplete": 1, "parts": [{"mimeType": 2}]},
    )
    assert compare(*pair, rules=folded) == []
    assert len(compare(*pair)) == 4


def test_what_is_learned_from_a_match() -> None:
    pair = (
        {"event_id": "e", "item": {"id": "i", "x": 1}, "metadata": {"trace": "9f8e7d6c"}},
        {"event_id": "E", "item": {"id": "I", "x": 1}, "metadata": {"trace": "1a2b3c4d"}},
    )
    assert learned(*pair) == {"e": "E", "i": "I", "9f8e7d6c": "1a2b3c4d"}
    assert learned({"event_id": "e"}, {}) == {"e": None}


def test_an_id_of_the_server_must_come_back_as_it_is() -> None:
    assert compare({"item_id": "a"}, {"item_id": "a"}, minted="a") == []
    assert compare({"item_id": "a"}, {"item_id": "b"}, minted="a") == [
        "item_id: recorded 'a', live 'b' (the server made this id, so the client must send it back as it is)"
    ]


def test_one_live_id_cannot_stand_for_two() -> None:
    aliases = Aliases()
    aliases.learn([("a", "x")])
    told = Matcher(RULES, aliases, lambda one: False).compare("event", {"item_id": "b"}, {"item_id": "x"})
    assert [one.why for one in told.differences] == ["this id already stands for a"]


BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


@given(BODIES)
def test_a_body_matches_itself(body: Any) -> None:
    assert compare(body, body, rules=MatchRules()) == []


@given(BODIES, BODIES)
def test_no_difference_is_equality_without_rules(one: Any, two: Any) -> None:
    same = compare(one, two, rules=MatchRules()) == []
    assert same is (compare(two, one, rules=MatchRules()) == [])
    assert not same or one == two


def test_overrides_add_to_lists_replace_on_request_and_set_the_rest() -> None:
    rules = merge_rules(
        RULES,
        {"volatile": ["x"], "audio": "exact"},
        {"ids": {"set": ["y"]}, "fold_case": True},
        None,
    )
    assert rules.volatile == (*RULES.volatile, "x")
    assert rules.ids == ("y",)
    assert (rules.audio, rules.fold_case) == ("exact", True)
    assert merge_rules(RULES) == RULES


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (
            {"volatil": ["x"]},
            "unknown key 'volatil', expected one of added, audio, audio_slack_ms, fold_case",
        ),
        ({"volatile": 3}, "volatile = 3: expected a list of strings"),
        ({"volatile": {"add": ["x"]}}, "expected a list of strings"),
        ({"fold_case": "yes"}, "fold_case = 'yes': expected bool"),
        ({"audio_slack_ms": True}, "expected int"),
        ({"audio_slack_ms": -1}, "expected 0 or more"),
    ],
)
def test_wrong_rules(override: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        merge_rules(RULES, override)
    assert said in str(caught.value)
