"""What the provider says when a client is wrong, as values; the engine turns one into an ``error`` event.

Wordings marked (C), (I), (P) are taken from a capture, a public issue or the live probe (FACTS.md 5, 15-19, 34). The
others follow the provider's general style for the same code; docs/fidelity.md lists them as unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sized


class ClientProblem(Exception):
    """Something a client sent that the provider refuses. Never fatal: the event is ignored whole (FACTS 3, 5)."""

    def __init__(
        self, code: str | None, message: str, param: str | None = None, kind: str = "invalid_request_error"
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.kind = kind

    def body(self) -> dict[str, str | None]:
        """As in the answer to a plain HTTP request (I: openai/openai-cookbook#2347)."""
        return {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}


def quoted(values: Iterable[str]) -> str:
    """'a', 'b', and 'c' as the provider lists values."""
    names = [f"'{value}'" for value in values]
    if len(names) < 3:
        return " and ".join(names)
    return f"{', '.join(names[:-1])}, and {names[-1]}"


def bad_key(key: str | None) -> ClientProblem:
    """(P) code: FACTS 4. That no key at all is told on the socket in the same words is unknown."""
    shown = "none" if key is None else f"{key[:3]}...{key[-4:]}" if len(key) > 8 else "***"
    return ClientProblem(
        "invalid_api_key",
        f"Incorrect API key provided: {shown}. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
    )


def missing(param: str) -> ClientProblem:
    """(I) FACTS 3."""
    return ClientProblem("missing_required_parameter", f"Missing required parameter: '{param}'.", param)


def unknown(param: str) -> ClientProblem:
    """(P) code: FACTS 5."""
    return ClientProblem("unknown_parameter", f"Unknown parameter: '{param}'.", param)


def bad_value(value: object, allowed: Iterable[str], param: str) -> ClientProblem:
    """(C) FACTS 19 for one allowed value."""
    names = list(allowed)
    hint = f"Value must be '{names[0]}'." if len(names) == 1 else f"Supported values are: {quoted(names)}."
    return ClientProblem("invalid_value", f"Invalid value: '{value}'. {hint}", param)


KIND_NAMES = {
    "string": "a string",
    "integer": "an integer",
    "number": "a decimal",
    "boolean": "a boolean",
    "object": "an object",
    "array": "an array",
    "null": "null",
}


def kind_of(value: object) -> str:
    """The JSON type of a value; a number with a fraction is a "number", one without an "integer"."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _invalid(code: str, param: str, why: str) -> ClientProblem:
    return ClientProblem(code, f"Invalid '{param}': {why}", param)


def bad_type(value: object, expected: Iterable[str], param: str) -> ClientProblem:
    """(I) code: FACTS 17."""
    names = [KIND_NAMES[kind] for kind in expected]
    wanted = f"one of {' or '.join(names)}" if len(names) > 1 else names[0]
    return ClientProblem(
        "invalid_type",
        f"Invalid type for '{param}': expected {wanted}, but got {KIND_NAMES[kind_of(value)]} instead.",
        param,
    )


def too_small(value: float, least: float, param: str, kind: str = "integer") -> ClientProblem:
    """(I) code: FACTS 17."""
    return _invalid(
        f"{kind}_below_min_value",
        param,
        f"{kind} below minimum value. Expected a value >= {least:g}, but got {value} instead.",
    )


def too_big(value: float, most: float, param: str, kind: str = "integer") -> ClientProblem:
    """The counterpart of ``too_small``."""
    return _invalid(
        f"{kind}_above_max_value",
        param,
        f"{kind} above maximum value. Expected a value <= {most:g}, but got {value} instead.",
    )


def too_long(value: str, most: int, param: str) -> ClientProblem:
    """A string over its maximum length. (I) home-assistant/core#121325: code and sentence."""
    return _invalid(
        "string_above_max_length",
        param,
        f"string too long. Expected a string with maximum length {most}, but got a string with length {len(value)} "
        "instead.",
    )


def name_too_long(name: str, most: int, param: str) -> ClientProblem:
    """(I) openai/codex#26402: code and sentence, of another path of the same API; its ``param`` is unknown."""
    shown = name if len(name) < 10 else f"{name[:3]}...{name[-3:]}"
    return ClientProblem(
        "property_name_above_max_length",
        f"Invalid property name in '{param}': '{shown}' is too long. Expected a string with maximum length {most}, "
        f"but got a string with length {len(name)} instead.",
        param,
    )


def too_many_fields(value: Sized, most: int, param: str) -> ClientProblem:
    """An object with too many fields; the wording is unknown."""
    return _invalid(
        "object_above_max_properties",
        param,
        f"too many properties. Expected an object with at most {most} properties, but got an object with {len(value)} "
        "properties instead.",
    )


def not_json() -> ClientProblem:
    """(P) code: FACTS 5."""
    return ClientProblem("invalid_json", "Could not parse the JSON body of your event.")


def not_text() -> ClientProblem:
    """(P) code: FACTS 5."""
    return ClientProblem("invalid_event", "Invalid event: expected a JSON text message, but got a binary message.")


def already_active(response_id: str) -> ClientProblem:
    """(I) FACTS 15."""
    return ClientProblem(
        "conversation_already_has_active_response",
        f"Conversation already has an active response in progress: {response_id}. Wait until the response is finished "
        "before creating a new one.",
    )


def nothing_to_cancel() -> ClientProblem:
    """(D) FACTS 16."""
    return ClientProblem("response_cancel_not_active", "Cancellation failed: no active response found")


def buffer_too_small(have_ms: float) -> ClientProblem:
    """(P) FACTS 18."""
    return ClientProblem(
        "input_audio_buffer_commit_empty",
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has "
        f"{have_ms:.2f}ms of audio.",
    )


def already_shorter(have_ms: int, asked_ms: int) -> ClientProblem:
    """(I) FACTS 17."""
    return ClientProblem("invalid_value", f"Audio content of {have_ms}ms is already shorter than {asked_ms}ms")


def no_such_item(verb: str, item_id: str) -> ClientProblem:
    """Codes ``item_retrieve_invalid_item_id`` and its siblings (CLIENTS 2.1, PCO:1241); the wording is unknown."""
    doing = {"retrieve": "retrieving", "delete": "deleting", "truncate": "truncating"}[verb]
    return ClientProblem(
        f"item_{verb}_invalid_item_id", f"Error {doing} item: the item with id '{item_id}' does not exist.", "item_id"
    )


def duplicate_item(item_id: str) -> ClientProblem:
    """Code ``item_create_duplicate_item_id`` (CLIENTS 4.4); the wording is unknown."""
    return ClientProblem(
        "item_create_duplicate_item_id", f"Error adding item: an item with id '{item_id}' already exists.", "item.id"
    )


def no_such_predecessor(item_id: str) -> ClientProblem:
    """The schema promises an error (FACTS 14); its code and wording are unknown."""
    return ClientProblem(
        "item_create_invalid_previous_item_id",
        f"Error adding item: the previous item with id '{item_id}' does not exist.",
        "previous_item_id",
    )


def no_such_call(call_id: str) -> ClientProblem:
    """(I) livekit/agents#3344."""
    return ClientProblem("invalid_tool_call_id", f"Tool call ID '{call_id}' not found in conversation.")


def not_truncatable() -> ClientProblem:
    """(I) livekit/agents#6157: message, type and code; whether ``param`` names anything is unknown."""
    return ClientProblem("unsupported_content_type", "Only model output audio messages can be truncated")


def voice_is_fixed() -> ClientProblem:
    """(I) openai/openai-agents-python#1661, of session.update; that response.create is told the same is unknown."""
    return ClientProblem("cannot_update_voice", "Cannot update a conversation's voice if assistant audio is present.")


def speed_is_fixed() -> ClientProblem:
    """D: it "can only be changed in between model turns, not while a response is in progress". Code and wording are
    unknown; they follow ``voice_is_fixed``."""
    return ClientProblem("cannot_update_speed", "Cannot update a session's speed while a response is in progress.")


def tracing_is_fixed() -> ClientProblem:
    """D: "Once tracing is enabled for a session, the configuration cannot be modified". Code and wording are unknown;
    they follow ``voice_is_fixed``."""
    return ClientProblem(
        "cannot_update_tracing", "Cannot update a session's tracing configuration once tracing is enabled."
    )


def wrong_session_kind(update: str, session: str) -> ClientProblem:
    """(I) crmitchelmore/justspeaktoit#427."""
    return ClientProblem(
        "invalid_parameter", f"Passing a {update} session update event to a {session} session is not allowed."
    )


def bad_modalities(given: list[str], known: Iterable[Iterable[str]]) -> ClientProblem:
    """Text and audio together are refused (D, output_modalities); the wording is that of the beta, for GA unknown."""
    combinations = " and ".join(str(list(names)) for names in known)
    return ClientProblem(
        "invalid_value", f"Invalid modalities: {given}. Supported combinations are: {combinations}.", None
    )


def bad_audio(param: str) -> ClientProblem:
    """Audio that is not base64; the wording is unknown."""
    return _invalid("invalid_value", param, "expected base64-encoded audio bytes.")


def bad_call_id(param: str) -> ClientProblem:
    """(I) livekit/agents#5652: the pattern."""
    return _invalid(
        "invalid_value",
        param,
        "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
    )
