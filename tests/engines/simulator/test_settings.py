"""Every setting against values of every kind: what its type does not allow is refused when the simulator is made.

The walk asks the signatures, so a setting that is added later is checked too. What may stand is written down here by
hand, once, as examples of each kind: a checker that is wrong about a type disagrees with it.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from itertools import product
from typing import Any, get_type_hints

import pytest

from mockserver.engines.simulator import (
    Failure,
    McpCall,
    Misbehaviour,
    Pace,
    Recall,
    Reply,
    Rule,
    Rules,
    Scripted,
    Silence,
    ToolCall,
    simulator,
)
from mockserver.engines.simulator.any_settings import AnySettings
from mockserver.engines.simulator.openai.options import OpenAIOptions, OpenAISettings
from mockserver.engines.simulator.openai.profiles import PROFILES
from mockserver.engines.simulator.providers import HOMES, provider_named
from mockserver.errors import UsageError
from tests.every import every

STRANGER = object()
NO = [
    5,
    -1,
    0,
    1.5,
    float("nan"),
    float("inf"),
    True,
    None,
    "",
    "x",
    b"x",
    [1],
    [None],
    ["", 1],
    (),
    {},
    {"a": 1},
    {1: 1},
    {"a": [1]},
    {"a": [{}]},
    {1},
    STRANGER,
    len,
]
"""One of everything."""


def texts(value: Any) -> bool:
    return isinstance(value, list | tuple | set) and all(isinstance(one, str) and one for one in value)


def above_0(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value < float("inf")


def whole(value: Any) -> bool:
    return above_0(value) and type(value) is int


ALLOWED: dict[str, Callable[[Any], bool]] = {
    "provider": lambda value: value in PROFILES if isinstance(value, str) else False,
    "replier": lambda value: value is None or value is len,
    "model": lambda value: value is None,
    "pace": lambda value: False,
    "misbehave": lambda value: value in ((), set()) if isinstance(value, tuple | set) else False,
    "require_key": lambda value: value is True or value == "x" or value == (),
    "transcripts": lambda value: value is len or value in ((), [None]),
    "models": lambda value: value is None or texts(value),
    "max_session_s": above_0,
    "at": lambda value: value == "",
    "announce_out_of_band": lambda value: value is True,
    "truncated_transcript": lambda value: False,
    "deleted_item_id": lambda value: False,
    "transcription_model_refused": lambda value: False,
    "error_event_id": lambda value: False,
    "bad_audio_param": lambda value: False,
    "unknown_truncate_code": lambda value: False,
    "max_array": whole,
    "unsupported_option_param": lambda value: False,
    "after_mcp_call": lambda value: False,
    "transcription_failure": lambda value: False,
    "mcp_items": lambda value: False,
    "clear_truncates": lambda value: isinstance(value, bool),
    "voice_live_fields": lambda value: False,
    "vad_full_scale": above_0,
    "semantic_pause_ms": whole,
    "mcp": lambda value: value == {},
    "rate_limit_tokens": whole,
    "context_tokens": whole,
    "resumption_s": lambda value: above_0(value) or value == 0,
    "instructions": lambda value: value is None or isinstance(value, str),
    "session": lambda value: value == {},
}


def allowed(name: str, value: Any, provider: str) -> bool:
    if name == "model" and value == "x":
        return provider.startswith("azure")  # any name of a deployment
    if name == "session" and isinstance(value, dict) and 1 not in value:
        return value == {} or provider in ("azure_voice_live", "xai")  # fields that they do not know are taken
    return ALLOWED[name](value)


def names() -> list[str]:
    named = [one for one in inspect.signature(simulator).parameters if one != "settings"]
    return [*named, *get_type_hints(OpenAISettings)]


def test_the_walk_knows_every_setting() -> None:
    assert set(ALLOWED) == set(names())
    assert set(names()) - {"provider", "replier"} == {one.name for one in dataclasses.fields(OpenAIOptions)}


def test_the_settings_that_mypy_sees_are_those_that_are_checked() -> None:
    """Every provider's, also those that are no field of this family's."""
    seen = get_type_hints(AnySettings, include_extras=True)
    checked: dict[str, Any] = {}
    for provider in HOMES:
        checked |= get_type_hints(provider_named(provider).options, include_extras=True)
    named = {"model", "pace", "misbehave", "require_key", "SWITCHES"}
    assert {name: hint for name, hint in checked.items() if name not in named} == seen


def test_every_setting_refuses_what_its_type_does_not_allow() -> None:
    def check(case: tuple[str, str, Any]) -> None:
        provider, name, value = case
        given = {"provider": provider, name: value}
        if allowed(name, value, provider):
            simulator(**given)
            return
        with pytest.raises(UsageError) as error:
            simulator(**given)
        told = str(error.value)
        assert "\n" not in told
        assert "expected" in told or name in ("model", "session"), (value, told)
        assert name in told or value in told, (value, told)

    assert every(product(sorted(PROFILES), sorted(ALLOWED), NO), check) > 1_500


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"session": 5}, "simulator: session=5: expected keys and values"),
        ({"transcripts": [1]}, "simulator: transcripts[0]=1: expected a text, a KnownSound or None"),
        ({"mcp": {"a": [{}]}}, "simulator: mcp['a'][0]={}: expected keys and values with the tool's name"),
        ({"require_key": [1]}, "simulator: require_key[0]=1: expected a text that is not empty"),
        ({"announce_out_of_band": "x"}, "simulator: announce_out_of_band='x': expected true or false"),
        ({"session": {1: 2}}, "simulator: session (its key 1)=1: expected a text"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_the_place(given: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as error:
        simulator("openai", **given)
    assert str(error.value).startswith(told)


def test_the_settings_of_a_kind_that_is_allowed_are_taken() -> None:
    """The control."""
    source = simulator(
        "openai",
        replier=Recall(),
        model="mine",
        pace=Pace(audio_speed=2),
        misbehave=[Misbehaviour.OOB_LEAKS, "cancel_ignored"],
        require_key={"a", "b"},
        transcripts=("one", None),
        models=frozenset({"mine"}),
        max_session_s=0.5,
        mcp={"docs": ({"name": "search"},), "empty": []},
        session={"instructions": "Be brief."},
    )
    assert source.options.misbehave == {"oob_leaks", "cancel_ignored"}
    assert source.options.require_key == {"a", "b"}
    assert source.knows("mine")


VALUES: list[tuple[type, dict[str, Any]]] = [
    (Pace, {}),
    (ToolCall, {"name": "f"}),
    (McpCall, {"server": "s", "name": "f"}),
    (Silence, {}),
    (Failure, {}),
    (Reply, {}),
    (Rule, {"reply": "yes"}),
]


@pytest.mark.parametrize(("kind", "given"), VALUES, ids=lambda one: getattr(one, "__name__", ""))
def test_every_field_of_what_a_replier_gives_is_checked(kind: Any, given: dict[str, Any]) -> None:
    kind(**given)
    for field in dataclasses.fields(kind):
        with pytest.raises(UsageError) as error:
            kind(**{**given, field.name: STRANGER})
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", [Recall, Scripted, Rules])
def test_every_argument_of_a_replier_is_checked(kind: Any) -> None:
    needed = {Scripted: {"replies": []}, Rules: {"rules": []}}.get(kind, {})
    kind(**needed)
    for name in inspect.signature(kind).parameters:
        for wrong in (5, STRANGER):
            with pytest.raises(UsageError, match=f"{kind.__name__}: {name}="):
                kind(**{**needed, name: wrong})
    if kind is Rules:
        with pytest.raises(UsageError, match=r"Rules: rules\[0\]=5: expected a Rule"):
            Rules(iter([5]))
