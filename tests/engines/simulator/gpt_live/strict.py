"""Every event against the openai package's own models: nothing missing, nothing unknown, in the nested stream too."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from tests.engines.simulator.strict import extras

# What recordings show and the models do not know (gpt_live.md#28, gpt_live.md#56).
UNKNOWN_BUT_REAL: set[str] = set()
INNER_UNKNOWN = {"obfuscation", "response.frequency_penalty", "response.presence_penalty", "response.store"}


@cache
def models(module: str, union: str) -> dict[str, type[BaseModel]]:
    """The model of each event, by its type. Imported when it is asked for: the package takes a second."""
    found: dict[str, type[BaseModel]] = {}
    for model in get_args(get_args(getattr(import_module(module), union))[0]):
        for name in get_args(model.model_fields["type"].annotation):
            found[name] = model
    return found


@cache
def _adapter(model: type[BaseModel]) -> TypeAdapter[BaseModel]:
    return TypeAdapter(model)


def faults(body: dict[str, Any]) -> list[str]:
    """What the models do not allow in one event."""
    found = _faults(body, models("openai.types.live.server_event", "ServerEvent"), UNKNOWN_BUT_REAL)
    if body["type"] == "response.event":
        inner = models("openai.types.responses.response_stream_event", "ResponseStreamEvent")
        found += _faults(body["event"], inner, INNER_UNKNOWN)
    return found


def _faults(body: dict[str, Any], known: dict[str, type[BaseModel]], besides: set[str]) -> list[str]:
    name = body["type"]
    model = known.get(name)
    if model is None:
        return [f"{name}: no such event"]
    given = body
    if name == "error" and body["error"]["code"] is None:  # gpt_live.md#18: a code may be null
        given = {**body, "error": {**body["error"], "code": ""}}
    if name == "session.output_audio.delta" or name == "session.input_audio.append":
        given = {"event_id": "", **body}  # gpt_live.md#15: there is none
    try:
        value = _adapter(model).validate_python(given)
    except ValidationError as error:
        return [f"{name} {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    unknown = [path for path in extras(value) if path not in besides and path != "event_id"]
    return [f"{name} {path}: unknown field" for path in unknown if not any(path.startswith(f"{b}.") for b in besides)]
