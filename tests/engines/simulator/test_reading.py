"""Whatever a client sends, the session stands, and what it answers can be sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.engines.simulator import McpCall, reading
from mockserver.engines.simulator.openai.schema import CLIENT_EVENTS
from mockserver.engines.simulator.shapes import Shape
from tests.engines.simulator.stage import Stage


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "data",
    [
        '{"type": "response.create", "x": NaN}',
        '{"type": "response.create", "x": -Infinity}',
        r'{"type": "response.create", "x": "\ud800"}',
        json.dumps(nested(100)),
        "[" * 100_000,
        "1" * 5_000,
        "",
    ],
    ids=["nan", "infinity", "surrogate", "deep", "deeper", "long", "empty"],
)
def test_what_could_not_be_sent_back_is_not_read(data: str) -> None:
    assert reading.parse(data) is None
    stage = Stage()
    stage.text(data)
    assert stage.error()["code"] == "invalid_json"


def test_ordinary_json_is_read() -> None:
    assert reading.parse(r'{"a": "\u00e9\ud83d\ude00", "b": [1, 2.5, null, true]}') == {
        "a": "é😀",
        "b": [1, 2.5, None, True],
    }
    assert reading.parse(json.dumps(nested(60))) == nested(60)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def shaped(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values as a shape allows them, now and then something else."""
    options: list[st.SearchStrategy[Any]] = []
    for kind in shape.kinds:
        if kind == "string":
            options.append(
                st.sampled_from(shape.values) if shape.values else st.sampled_from(["", "a", "AAAA", "root"])
            )
        elif kind in ("integer", "number"):
            options.append(st.integers(-1, 9_000))
        elif kind == "boolean":
            options.append(st.booleans())
        elif kind == "null":
            options.append(st.none())
        elif kind == "array" and depth < 8:
            options.append(st.lists(shaped(shape.of, depth + 1) if shape.of else JSON, max_size=2))
        elif kind == "object" and depth < 8:
            options.append(objects(shape, depth))
    return st.one_of(*options) if options else JSON


def objects(shape: Shape, depth: int) -> st.SearchStrategy[Any]:
    if shape.by:
        named = [
            shaped(case, depth).map(lambda body, name=name: {**body, shape.by: name})
            for name, case in shape.cases.items()
        ]
        return st.one_of(*named)
    if shape.fields is None:
        return st.dictionaries(st.text(max_size=4), JSON, max_size=2)
    needed = {name: shaped(shape.fields[name], depth + 1) for name in shape.required}
    free = {name: shaped(one, depth + 1) for name, one in shape.fields.items() if name not in shape.required}
    return st.fixed_dictionaries(needed, optional=free)


def events() -> st.SearchStrategy[dict[str, Any]]:
    made = [
        shaped(
            Shape(
                fields={k: v for k, v in shape.fields.items() if k != "type"},
                required=shape.required,
            )
        ).map(lambda body, name=name: {**body, "type": name})
        for name, shape in CLIENT_EVENTS.items()
        if shape.fields is not None
    ]
    return st.one_of(*made)


@given(st.lists(events(), max_size=6), JSON, st.sampled_from(sorted(CLIENT_EVENTS)))
@settings(max_examples=max(60, settings().max_examples))
def test_no_event_brings_the_session_down(bodies: list[dict[str, Any]], junk: Any, name: str) -> None:
    def replier(context: Any) -> Any:
        return ["words", McpCall("a", "search", error="x")]

    stage = Stage(pace="instant", replier=replier, check=False)
    for body in [
        *bodies,
        {"type": name, "session": junk, "item": junk, "response": junk, "audio": junk},
    ]:
        stage.text(json.dumps(body))
    stage.wait(100)
    stage.text("still here?")
    assert stage.error()["code"] == "invalid_json"
    assert stage.hangup is None
    for body in stage.events:
        json.dumps(body, allow_nan=False).encode()


def test_the_generator_makes_events_that_are_taken() -> None:
    taken: set[str] = set()

    @given(events())
    @settings(max_examples=100, database=None)
    def collect(body: dict[str, Any]) -> None:
        stage = Stage(pace="instant", check=False)
        came = stage.text(json.dumps(body))
        if not came or came[0]["type"] != "error":
            taken.add(body["type"])

    collect()
    assert {"session.update", "conversation.item.create", "response.create"} <= taken
