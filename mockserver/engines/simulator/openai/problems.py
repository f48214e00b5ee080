"""What the provider says when a client is wrong, as values; the engine turns one into an ``error`` event.

Each wording cites the fact that has it. The others follow the provider's general style for the same code;
docs/fidelity.md lists them as unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sized


class ClientProblem(Exception):
    """Something a client sent that the provider refuses. It is never fatal (openai.md#140); the event is ignored whole
    (openai.md#28)."""

    def __init__(
        self, code: str | None, message: str, param: str | None = None, kind: str = "invalid_request_error"
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.kind = kind
        self.unnamed = False  # unknown whether the error has the param (``unsupported_option_param``)
        self.of_conversation = False  # the conversation raised it, not the check of the event (openai.md#150)

    def body(self) -> dict[str, str | None]:
        """As in the answer to a plain HTTP request (openai.md#15)."""
        return {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}


def quoted(values: Iterable[str]) -> str:
    """'a', 'b', and 'c' as the provider lists values."""
    names = [f"'{value}'" for value in values]
    if len(names) < 3:
        return " and ".join(names)
    return f"{', '.join(names[:-1])}, and {names[-1]}"


def no_key() -> ClientProblem:
    """No key at all (openai.md#7); the same sentence in an answer to a plain request (openai.md#15)."""
    return ClientProblem(None, "Missing bearer or basic authentication in header")


def bad_key(key: str) -> ClientProblem:
    """A wrong key (openai.md#6). What is shown of a key that is too short for that is unknown; here nothing is."""
    shown = f"{key[:8]}***…{key[-4:]}" if len(key) > 12 else "***"
    return ClientProblem(
        "invalid_api_key",
        f"Incorrect API key provided: {shown}. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
    )


def unknown_model(model: str) -> ClientProblem:
    """A model that does not exist (openai.md#8)."""
    return ClientProblem(
        "invalid_model",
        f'Model "{model}" is not supported in realtime mode. See https://platform.openai.com/docs/models for a list of '
        "supported models.",
    )


def model_that_transcribes(model: str) -> ClientProblem:
    """A transcription model as the session's model (openai.md#10, openai.md#194)."""
    return ClientProblem(
        "invalid_model",
        f'Model "{model}" is a transcription model and cannot be used as the realtime session model. Use a realtime '
        "model for the session model. Pass this transcription model as audio.input.transcription.model instead.",
    )


def no_model() -> ClientProblem:
    """No model in the query (openai.md#9)."""
    return ClientProblem(
        "missing_model",
        "You must provide a model parameter, for example wss://api.openai.com/v1/realtime?model=gpt-realtime-1.5",
    )


def model_for_transcription(model: str, told: str) -> ClientProblem:
    """A transcription session with a model in the query: two sentences are told (openai.md#36, openai.md#206)."""
    if told == "update":
        return ClientProblem("invalid_model", f'Model "{model}" is not supported in transcription mode.')
    return ClientProblem("invalid_model", "You must not provide a model parameter for transcription sessions.")


def expired(seconds: float) -> ClientProblem:
    """The session's time is up (openai.md#25): told as a person writes it, 60 minutes or 1 second of a test's."""
    number, word = (seconds / 60, "minute") if seconds >= 60 and seconds % 60 == 0 else (seconds, "second")
    lasting = f"{number:g} {word}{'' if number == 1 else 's'}"
    return ClientProblem("session_expired", f"Your session hit the maximum duration of {lasting}.")


def missing(param: str) -> ClientProblem:
    """A field that is needed (openai.md#26)."""
    return ClientProblem("missing_required_parameter", f"Missing required parameter: '{param}'.", param)


def unknown(param: str) -> ClientProblem:
    """A field that the event does not have (openai.md#146)."""
    return ClientProblem("unknown_parameter", f"Unknown parameter: '{param}'.", param)


def bad_value(value: object, allowed: Iterable[str], param: str) -> ClientProblem:
    """A value that is none of those allowed (openai.md#149)."""
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
    "objects": "an array of objects",
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
    """A value of another JSON type (openai.md#148)."""
    names = [KIND_NAMES[kind] for kind in expected]
    wanted = f"one of {' or '.join(names)}" if len(names) > 1 else names[0]
    return ClientProblem(
        "invalid_type",
        f"Invalid type for '{param}': expected {wanted}, but got {KIND_NAMES[kind_of(value)]} instead.",
        param,
    )


def no_choice(value: object, allowed: Iterable[str], param: str) -> ClientProblem:
    """A value of another JSON type where one of several texts belongs; they are listed (openai.md#148)."""
    names = ",".join(f"'{name}'" for name in allowed)
    got = KIND_NAMES[kind_of(value)]
    return ClientProblem(
        "invalid_type", f"Invalid type for '{param}': expected one of {names}, but got {got} instead.", param
    )


def too_small(value: float, least: float, param: str, kind: str = "integer") -> ClientProblem:
    """A number below its least value (openai.md#41, openai.md#68)."""
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
    """A string over its maximum length (openai.md#52)."""
    return _invalid(
        "string_above_max_length",
        param,
        f"string too long. Expected a string with maximum length {most}, but got a string with length {len(value)} "
        "instead.",
    )


def too_many(count: int, most: int, param: str) -> ClientProblem:
    """An array with more elements than are taken; how many that is is unknown (openai.md#226)."""
    return _invalid(
        "array_above_max_length",
        param,
        f"array too long. Expected an array with maximum length {most}, but got an array with length {count} instead.",
    )


def name_too_long(name: str, most: int, param: str) -> ClientProblem:
    """A name of a metadata pair that is too long (openai.md#54); its ``param`` is unknown."""
    shown = name if len(name) < 10 else f"{name[:3]}...{name[-3:]}"
    return ClientProblem(
        "property_name_above_max_length",
        f"Invalid property name in '{param}': '{shown}' is too long. Expected a string with maximum length {most}, "
        f"but got a string with length {len(name)} instead.",
        param,
    )


def too_many_fields(value: Sized, most: int, param: str) -> ClientProblem:
    """An object with too many fields; the wording is unknown (openai.md#175)."""
    return _invalid(
        "object_above_max_properties",
        param,
        f"too many properties. Expected an object with at most {most} properties, but got an object with {len(value)} "
        "properties instead.",
    )


def not_json() -> ClientProblem:
    """openai.md#141; what follows the sentence there is cut."""
    return ClientProblem("invalid_json", "Invalid event: failed to parse JSON value.")


def not_text() -> ClientProblem:
    """openai.md#142."""
    return ClientProblem("invalid_event", "Expected a text WebSocket message; binary frames are not supported.")


def already_active(response_id: str) -> ClientProblem:
    """Another response of the conversation is on its way (openai.md#107)."""
    return ClientProblem(
        "conversation_already_has_active_response",
        f"Conversation already has an active response in progress: {response_id}. Wait until the response is finished "
        "before creating a new one.",
    )


def nothing_to_cancel() -> ClientProblem:
    """A cancel while no response is on its way (openai.md#108)."""
    return ClientProblem("response_cancel_not_active", "Cancellation failed: no active response found")


def buffer_too_small(have_ms: float) -> ClientProblem:
    """A commit of less than 100 ms (openai.md#77)."""
    return ClientProblem(
        "input_audio_buffer_commit_empty",
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has "
        f"{have_ms:.2f}ms of audio.",
    )


def already_shorter(have_ms: int, asked_ms: int) -> ClientProblem:
    """A truncation behind the end of the audio (openai.md#67)."""
    return ClientProblem("invalid_value", f"Audio content of {have_ms}ms is already shorter than {asked_ms}ms")


def no_such_item(verb: str, item_id: str) -> ClientProblem:
    """A retrieve or delete of an item that is not there (openai.md#62, openai.md#63)."""
    doing = {"retrieve": "retrieving", "delete": "deleting"}[verb]
    return ClientProblem(
        f"item_{verb}_invalid_item_id", f"Error {doing} item: the item with id '{item_id}' does not exist."
    )


def nothing_to_truncate(item_id: str, code: str) -> ClientProblem:
    """A truncate of an item that is not there: the words are known, the code is told two ways (openai.md#70)."""
    return ClientProblem(code, f"Item with item_id not found: {item_id}")


def conversation_too_long() -> ClientProblem:
    """More than the model can read, and nothing of it may be left out (openai.md#71)."""
    return ClientProblem("conversation_too_long", "Conversation is too long to create a Response.")


def duplicate_item(item_id: str) -> ClientProblem:
    """An id that is used already (openai.md#58)."""
    return ClientProblem(
        "item_create_duplicate_item_id", f"Error adding item: an item with id '{item_id}' already exists."
    )


def no_such_predecessor(item_id: str) -> ClientProblem:
    """An unknown ``previous_item_id`` (openai.md#57)."""
    return ClientProblem(
        "item_create_invalid_previous_item_id",
        f"Error adding item: the previous item with id '{item_id}' does not exist.",
    )


def no_such_call(call_id: str) -> ClientProblem:
    """The output of a call that the conversation does not have (openai.md#64)."""
    return ClientProblem("invalid_tool_call_id", f"Tool call ID '{call_id}' not found in conversation.")


def not_truncatable() -> ClientProblem:
    """Message, type and code of openai.md#69; whether ``param`` names anything is unknown (openai.md#167)."""
    return ClientProblem("unsupported_content_type", "Only model output audio messages can be truncated")


def voice_is_fixed() -> ClientProblem:
    """As session.update is told (openai.md#46); that response.create is told the same is unknown (openai.md#163)."""
    return ClientProblem("cannot_update_voice", "Cannot update a conversation's voice if assistant audio is present.")


def speed_is_fixed() -> ClientProblem:
    """The speed can only be changed between turns (openai.md#47). Code and wording are unknown (openai.md#164); they
    follow ``voice_is_fixed``."""
    return ClientProblem("cannot_update_speed", "Cannot update a session's speed while a response is in progress.")


def tracing_is_fixed() -> ClientProblem:
    """Tracing that is on cannot be changed (openai.md#48). Code and wording are unknown (openai.md#164); they follow
    ``voice_is_fixed``."""
    return ClientProblem(
        "cannot_update_tracing", "Cannot update a session's tracing configuration once tracing is enabled."
    )


def wrong_session_kind(update: str, session: str) -> ClientProblem:
    """An update of the other kind of session, in the newer wording of openai.md#38."""
    return ClientProblem(
        "invalid_parameter", f"Passing a {update} session update to a {session} session is not allowed.", ""
    )


def bad_modalities(given: list[str], known: Iterable[Iterable[str]], param: str) -> ClientProblem:
    """Text and audio together are refused (openai.md#39)."""
    combinations = " and ".join(str(list(names)) for names in known)
    return ClientProblem(
        "invalid_value", f"Invalid modalities: {given}. Supported combinations are: {combinations}.", param
    )


def bad_audio(place: str, param: str, *, empty: bool) -> ClientProblem:
    """Audio that is not base64, or none (openai.md#74). A G.711 session is told the same here (openai.md#180)."""
    got = "empty bytes" if empty else "an invalid value"
    return ClientProblem(
        "invalid_value",
        f"Invalid '{place}'. Expected base64-encoded audio bytes (mono PCM16 at 24kHz) but got {got}.",
        param,
    )


def unsupported_option(param: str) -> ClientProblem:
    """A setting that this model does not have (openai.md#44)."""
    problem = ClientProblem("invalid_value", "Unsupported option for this model.", param)
    problem.unnamed = True
    return problem


def no_detection_for(param: str) -> ClientProblem:
    """A transcription model that takes no turn detection (openai.md#40)."""
    return ClientProblem("invalid_value", "Turn detection is not supported for this transcription model.", param)


def too_many_decimals(value: float, most: int, param: str) -> ClientProblem:
    """A number with too many decimals; the code and the end of the sentence are ours (openai.md#43)."""
    return _invalid(
        "decimal_max_places_exceeded",
        param,
        f"max decimal places exceeded. Expected a value with at most {most} decimal places, but got {value!r} instead.",
    )


def bad_function_name(param: str) -> ClientProblem:
    """A function's name with other characters; the end of the sentence is that of openai.md#65 (openai.md#43)."""
    return bad_call_id(param)


def clashing_tools(why: str, param: str) -> ClientProblem:
    """What the guide to remote tools refuses, in words of ours (openai.md#136)."""
    return _invalid("invalid_value", param, why)


def bad_call_id(param: str) -> ClientProblem:
    """A call id with other characters: the pattern is that of openai.md#65."""
    return _invalid(
        "invalid_value",
        param,
        "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
    )
