"""Every event is checked against the openai package's own types: nothing missing, nothing unknown.

The package's models let unknown fields through and give most fields a default, so validation alone proves little: here
unknown fields are looked for in every nested model. What captures show and the types do not is listed, with its source.
The package takes a second to import, so the first event does that, not who collects the tests.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

# Paths where captures hold a field that the types do not know. ``*`` stands for one step.
SESSION = {"session.id", "session.object", "session.expires_at"}
UNKNOWN_BUT_REAL = {
    # The types describe what a client may ask for; every recorded session shows these too (openai.md#21).
    "session.created": SESSION,
    "session.updated": SESSION,
    # Every text, transcript and arguments delta has it (openai.md#51).
    "response.output_text.delta": {"obfuscation"},
    "response.output_audio_transcript.delta": {"obfuscation"},
    "response.function_call_arguments.delta": {"obfuscation"},
    "conversation.item.input_audio_transcription.delta": {"obfuscation"},
    # Messages of gpt-realtime-2 and later (openai.md#106).
    **{
        name: {"item.phase"}
        for name in (
            *("response.output_item.added", "response.output_item.done"),
            *("conversation.item.added", "conversation.item.done"),
            "conversation.item.retrieved",
        )
    },
    "response.created": {"response.output.*.phase"},
    # Of gpt-realtime-2 and later usage counts reasoning (openai.md#211).
    "response.done": {"response.output.*.phase", "response.usage.output_token_details.reasoning_tokens"},
}
# Fields that a capture (or the provider's own example) shows as null although the types do not allow it.
NULL_BUT_REAL = {
    "conversation.item.input_audio_transcription.failed": {"error.param"},
}


# What Azure adds (azure.md#11) or has kept from the beta's later versions.
OF_AZURE = {name: {"content"} for name in ("response.content_part.added", "response.content_part.done")}
BETA_SESSION = {"session.id", "session.object", "session.expires_at", "session.client_secret"}
OF_THE_BETA = {
    "session.created": BETA_SESSION,  # openai.md#160
    "session.updated": BETA_SESSION,
    # The recorded session of the beta shows it (openai.md#159).
    "response.done": {"response.usage.input_token_details.cached_tokens_details"},
}
UNIONS = {
    "openai": "openai.types.realtime.realtime_server_event",
    "azure": "openai.types.realtime.realtime_server_event",
    "azure_dated": "openai.types.beta.realtime.realtime_server_event",
}
"""The module that has the union of all server events."""
EXTRA = {
    "openai": UNKNOWN_BUT_REAL,
    "azure": UNKNOWN_BUT_REAL | OF_AZURE,
    "azure_dated": OF_THE_BETA,
}


def knows(provider: str) -> str:
    """The provider, where the package has types for it, else an empty text."""
    return provider if provider in UNIONS else ""


@cache
def models(provider: str = "openai") -> dict[str, type[BaseModel]]:
    """The package's model of each server event, by its type."""
    union = get_args(import_module(UNIONS[provider]).RealtimeServerEvent)[0]
    found: dict[str, type[BaseModel]] = {}
    for model in get_args(union):
        for name in get_args(model.model_fields["type"].annotation):
            found[name] = model
    return found


@cache
def _adapter(model: type[BaseModel]) -> TypeAdapter[BaseModel]:
    return TypeAdapter(model)


def faults(body: dict[str, Any], provider: str = "openai") -> list[str]:
    """What the types do not allow in one event, as ``path: what``."""
    name = body["type"]
    model = models(provider).get(name)
    if model is None:
        return [f"{name}: no such event"]
    try:
        value = _adapter(model).validate_python(without(body, NULL_BUT_REAL.get(name, set())))
    except ValidationError as error:
        return [f"{name} {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    return [f"{name} {path}: unknown field" for path in extras(value) if path not in EXTRA[provider].get(name, set())]


def extras(value: Any, path: str = "") -> list[str]:
    """The paths of fields that no model knows."""
    found: list[str] = []
    if isinstance(value, BaseModel):
        found += [f"{path}{key}" for key in value.model_extra or {}]
        for key in type(value).model_fields:
            found += extras(getattr(value, key), f"{path}{key}.")
    elif isinstance(value, list):
        for element in value:
            found += extras(element, f"{path}*.")
    return found


def without(body: dict[str, Any], nulls: set[str]) -> dict[str, Any]:
    """``body`` without these null fields (one level down at most)."""
    shown = dict(body)
    for path in nulls:
        outer, _, inner = path.partition(".")
        if isinstance(shown.get(outer), dict) and shown[outer].get(inner, 1) is None:
            shown[outer] = {key: value for key, value in shown[outer].items() if key != inner}
    return shown
