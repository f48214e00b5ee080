"""How the service says no: a close with a code and a reason, and nothing before it (gemini.md#55 to gemini.md#66)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from mockserver.dialects.base import close_reason

INVALID = "Request contains an invalid argument."
"""With the full stop of gemini.md#85; gemini.md#55 writes it without."""
NOT_IMPLEMENTED = "Operation is not implemented, or supported, or enabled."
PRECONDITION = "Precondition check failed"
INTERNAL = "Internal error occurred."
UNAVAILABLE = "The service is currently unavailable."
DEADLINE = "Deadline expired before operation could complete."
CANCELLED = "The operation was cancelled."
QUOTA = "You exceeded your current quota, please check your plan and billing details."
BAD_KEY = "API key not valid. Please pass a valid API key."
NO_KEY = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
    "form of API consumer identity to call this API."
)


class Closing(Exception):
    """The session ends with a close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = close_reason(reason)


def invalid() -> Closing:
    """gemini.md#55."""
    return Closing(1007, INVALID)


def unsupported(what: str) -> Closing:
    """gemini.md#56 to gemini.md#60: the sentence names what the model does not take."""
    return Closing(1007, what)


def not_implemented() -> Closing:
    """gemini.md#63."""
    return Closing(1008, NOT_IMPLEMENTED)


def bad_modalities(asked: Iterable[str]) -> Closing:
    """gemini.md#56."""
    names = ", ".join(asked)
    return Closing(1007, f"The requested combination of response modalities ({names}) is not supported by the model")


def unknown_model(name: str, version: str, *, vertex: bool) -> Closing:
    """gemini.md#86. A close frame has no room for all of it."""
    if vertex:
        return Closing(1008, f"Publisher Model `{name}` was not found or your project does not have access to it.")
    return Closing(
        1008,
        f"{name} is not found for API version {version}, or is not supported for bidiGenerateContent. Call ListModels "
        "to see the list of available models and their supported methods.",
    )


# --- JSON that does not fit the message (gemini.md#9, gemini.md#87) ---


def not_json() -> Closing:
    """What is no JSON object."""
    return Closing(1007, "Invalid JSON payload received. Unexpected token.")


def unknown_name(name: str, path: str) -> Closing:
    """A field that the message does not have."""
    at = f" at '{path}'" if path else ""
    return Closing(1007, f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.')


def not_repeating(name: str, path: str) -> Closing:
    """A list where one value belongs."""
    at = f" at '{path}'" if path else ""
    text = f'Unknown name "{name}"{at}: Proto field is not repeating, cannot start list.'
    return Closing(1007, f"Invalid JSON payload received. {text}")


def bad_value(value: Any, kind: str, path: str) -> Closing:
    """A value of another type."""
    return Closing(1007, f"Invalid value at '{path}' ({kind}), {json.dumps(value, ensure_ascii=False)}")


def bad_base64(value: str, path: str) -> Closing:
    """What should be base64 and is none."""
    return Closing(1007, f"Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed for \"{value[:20]}\"")


def already_set(message: str, path: str) -> Closing:
    """Two of the fields of which there may be one (gemini.md#7)."""
    return Closing(1007, f"Invalid value at '{path}' (oneof), oneof field '{message}' is already set.")
