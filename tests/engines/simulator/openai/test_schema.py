"""The tables of what a client may send, against the openai package's own types: no field and no value is unknown here.

And what clients send although the schema has no such thing is taken.
"""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from mockserver.engines.simulator.openai import schema
from mockserver.engines.simulator.shapes import Shape
from tests.engines.simulator.fidelity import keeps
from tests.engines.simulator.stage import Stage

# Of the package's types, but not for this connection: path -> why.
NOT_HERE = {
    "conversation.item.create.item": {
        # Only the server makes these ("mcp_list_tools" and "mcp_call" tell what it did).
        "mcp_list_tools",
        "mcp_call",
        "mcp_approval_request",
    },
    "response.create.response.input[]": {"mcp_list_tools", "mcp_call", "mcp_approval_request"},
}
# The package has these for an assistant's message, but audio of the assistant's cannot be given (openai.md#60).
REFUSED = {f"{path}.content[].{name}" for path in NOT_HERE for name in ("audio", "transcript")}


def models(annotation: Any) -> list[type[BaseModel]]:
    """The models in an annotation, whatever stands around them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for inner in get_args(annotation) for found in models(inner)]


def literals(annotation: Any) -> set[str]:
    """The strings that an annotation names."""
    if get_origin(annotation) is Literal:
        return {value for value in get_args(annotation) if isinstance(value, str)}
    if get_origin(annotation) in (Union, types.UnionType, list):
        return {value for inner in get_args(annotation) for value in literals(inner)}
    return {value for inner in get_args(annotation) for value in literals(inner)}


def cases(shape: Shape) -> list[Shape]:
    """A shape and its variants, to the last."""
    found = [shape] if shape.fields is not None else []
    for inner in shape.cases.values():
        found += cases(inner)
    return found + (cases(shape.of) if shape.of is not None else [])


def missing(model: type[BaseModel], shape: Shape, path: str) -> list[str]:
    """Fields and values of ``model`` that no variant of ``shape`` has."""
    known = cases(shape)
    lacking = []
    for name, field in model.model_fields.items():
        here = [one.fields[name] for one in known if one.fields and name in one.fields]
        where = f"{path}.{name}"
        if not here:
            if known:  # a shape without fields takes any
                lacking.append(where)
            continue
        wanted = literals(field.annotation) if not models(field.annotation) else set()
        allowed = {value for one in here for value in (*one.values, *one.cases, *_of(one))}
        if allowed and name != "type":
            lacking += [f"{where}={value}" for value in sorted(wanted - allowed)]
        for inner in models(field.annotation):
            for one in here:
                if one.fields or one.cases or one.of:
                    lacking += _missing_of(inner, one, where)
    return lacking


def _of(shape: Shape) -> tuple[str, ...]:
    return shape.of.values if shape.of is not None else ()


def _missing_of(model: type[BaseModel], shape: Shape, path: str) -> list[str]:
    inner, list_path = (shape.of, f"{path}[]") if shape.of is not None else (shape, path)
    kinds = literals(model.model_fields["type"].annotation) if "type" in model.model_fields else set()
    if kinds & NOT_HERE.get(list_path, set()):
        return []
    return missing(model, _narrowed(model, inner), list_path)


def _narrowed(model: type[BaseModel], shape: Shape) -> Shape:
    """The variants of ``shape`` that ``model`` can be, by its type and then by its role."""
    if not shape.by or shape.by not in model.model_fields:
        return shape
    kinds = literals(model.model_fields[shape.by].annotation)
    return Shape(
        by=shape.by,
        cases={name: _narrowed(model, inner) for name, inner in shape.cases.items() if name in kinds},
    )


def test_every_field_and_value_of_the_packages_client_events_is_known() -> None:
    from openai.types.realtime.realtime_client_event import RealtimeClientEvent

    lacking = []
    for model in models(RealtimeClientEvent):
        (name,) = literals(model.model_fields["type"].annotation)
        if name == "output_audio_buffer.clear":  # of WebRTC and SIP (openai.md#144)
            continue
        lacking += missing(model, schema.CLIENT_EVENTS[name], name)
    assert set(lacking) == REFUSED


def test_a_field_that_is_lacking_would_be_seen() -> None:
    class Part(BaseModel):
        known: str
        lost: str

    class Event(BaseModel):
        type: Literal["x"]
        part: Part
        parts: list[Part]
        size: Literal["s", "m", "l"]

    part = Shape(fields={"known": Shape(("string",))})
    shape = Shape(
        fields={
            "type": Shape(("string",)),
            "part": part,
            "parts": Shape(("array",), of=part),
            "size": Shape(("string",), values=("s", "m")),
        }
    )
    assert missing(Event, shape, "x") == ["x.part.lost", "x.parts[].lost", "x.size=l"]


NULLS: dict[str, dict[str, Any]] = {
    "livekit: options that are None": {
        "max_output_tokens": None,
        "reasoning": None,
        "tracing": None,
        "audio": {"input": {"noise_reduction": None, "transcription": None, "turn_detection": None}},
    },
    "openai-agents: settings that are None": {
        "instructions": None,
        "audio": {"output": {"voice": None, "speed": None}},
    },
    "openai-agents: a tracing configuration": {
        "tracing": {"workflow_name": "x", "group_id": None, "metadata": None},
    },
}


@keeps("nulls")
@pytest.mark.parametrize("session", NULLS.values(), ids=NULLS.keys())
def test_nulls_that_clients_send_are_taken(session: dict[str, Any]) -> None:
    stage = Stage()
    before = stage.last("session.created")["session"]
    stage.update(**session)
    assert stage.of("error") == []
    after = stage.last("session.updated")["session"]
    for name in ("instructions", "max_output_tokens"):
        assert after[name] == before[name]
    assert after["audio"]["output"] == before["audio"]["output"]


def test_a_null_that_no_client_sends_is_refused() -> None:
    stage = Stage()
    stage.update(output_modalities=None)
    assert stage.error()["code"] == "invalid_type"
    stage.send("response.create", response={"max_output_tokens": None})
    assert stage.error()["param"] == "response.max_output_tokens"
