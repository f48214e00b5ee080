"""What the service says when it ends a conversation, and the table of what a client may send.

The codes are the schema's (elevenlabs.md#45). Reasons stand here literally where somebody has seen them; the others are
ours, in the schema's own names of errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mockserver.engines.simulator.shapes import FLAG, Shape, text

UPDATE = "conversation_initiation_client_data"


@dataclass(frozen=True, slots=True)
class ConversationEnd(Exception):
    """The conversation ends: a close frame. ``kind``: the schema's name of the error."""

    code: int
    reason: str
    kind: str = "unknown"


UNSIGNED = ConversationEnd(
    3000,
    "The AI agent you are trying to reach requires authentication. Generate a signed link to start a conversation.",
    "http_exception",
)
"""The code and what the text asks for are known, its words are not (elevenlabs.md#2)."""
NO_AGENT = ConversationEnd(
    3000, "Request error", "http_exception"
)  # elevenlabs.md#54; that a missing agent is told so: unknown
FAILURES: Mapping[str, ConversationEnd] = {
    "quota": ConversationEnd(1002, "This request exceeds your quota limit.", "http_exception"),  # elevenlabs.md#24
    # elevenlabs.md#25
    "misconfigured": ConversationEnd(
        1002, "The AI agent you are trying to reach appears to be misconfigured;", "custom_llm_error"
    ),
    "internal": ConversationEnd(1011, "", "unknown_websocket_crash"),  # elevenlabs.md#27
    "filtered": ConversationEnd(1002, "Content policy violation detected", "safety_violation"),
}
LLM_ERROR = ConversationEnd(1002, "LLM generation failed", "llm_error")
LLM_TIMEOUT = ConversationEnd(1002, "LLM response took over 20 seconds", "llm_timeout")
MAX_DURATION = ConversationEnd(1000, "Max call duration exceeded", "max_duration_exceeded")
NO_INPUT = ConversationEnd(1002, "No user input for 60 seconds", "transport_receive_timeout")
QUEUE_OVER = ConversationEnd(4300, "", "asyncio_timeout")  # elevenlabs.md#26


def no_override(name: str) -> ConversationEnd:
    """A field that the agent does not let a client change (elevenlabs.md#6)."""
    return ConversationEnd(1008, f"Override for field '{name}' is not allowed by config.", "override_error")


def foreign_tools(names: Iterable[str]) -> ConversationEnd:
    """Tools that are not attached to the agent (elevenlabs.md#6); the words are ours."""
    return ConversationEnd(1008, f"Tools not attached to the agent: {', '.join(names)}", "override_error")


def missing_variables(where: str, names: Iterable[str]) -> ConversationEnd:
    """Dynamic variables that the client did not send (elevenlabs.md#49)."""
    listed = ", ".join(f"'{name}'" for name in names)
    return ConversationEnd(
        1008, f"Missing required dynamic variables in {where}: {{{listed}}}", "missing_dynamic_variable"
    )


def invalid(what: str) -> ConversationEnd:
    """A message that is none (elevenlabs.md#45); the words are ours."""
    return ConversationEnd(1008, f"Invalid message received: {what}", "invalid_message")


def missing(path: str) -> ConversationEnd:
    """A field that has to be there; the words are ours."""
    return ConversationEnd(1008, f"Missing required field: {path}", "missing_fields")


# --- the words of ``shapes.check`` ----------------------------------------------------------------------------------

_KINDS = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}


def kind_of(value: Any) -> str:
    """The JSON type of a value."""
    return _KINDS.get(type(value), "null")


def bad_type(value: Any, kinds: tuple[str, ...], path: str) -> ConversationEnd:
    """A value of another type."""
    expected = " or ".join("array of objects" if kind == "objects" else kind for kind in kinds)
    return invalid(f"{path} is {kind_of(value)}, expected {expected}")


def no_choice(value: Any, values: Iterable[str], path: str) -> ConversationEnd:
    """A value of another type where one of several texts belongs."""
    return invalid(f"{path} is {kind_of(value)}, expected one of {', '.join(values)}")


def bad_value(value: Any, values: Iterable[str], path: str) -> ConversationEnd:
    """A text that is none of those that are allowed."""
    return invalid(f"{path} is {str(value)[:40]!r}, expected one of {', '.join(values)}")


def too_long(value: Any, longest: int, path: str) -> ConversationEnd:
    """A text that is too long."""
    return invalid(f"{path} is longer than {longest}")


def too_small(value: float, least: float, path: str, word: str) -> ConversationEnd:
    """A number below its bound."""
    return invalid(f"{path} is {value}, expected at least {least:g}")


def too_big(value: float, most: float, path: str, word: str) -> ConversationEnd:
    """A number above its bound."""
    return invalid(f"{path} is {value}, expected at most {most:g}")


def unknown(path: str) -> ConversationEnd:
    """A field that nobody knows."""
    return invalid(f"{path} is unknown")


def too_many_fields(value: dict[str, Any], most: int, path: str) -> ConversationEnd:
    """An object with too many fields."""
    return invalid(f"{path} has more than {most} fields")


def name_too_long(name: str, longest: int, path: str) -> ConversationEnd:
    """A field with too long a name."""
    return invalid(f"a name in {path} is longer than {longest}")


# --- the client's frames --------------------------------------------------------------------------------------------


def _message(*required: str, **fields: Shape) -> Shape:
    """Fields that the schema does not name are let through: real clients send some (``id``, ``error_type``)."""
    return Shape(fields=fields, required=required, open=True)


_NULLABLE = Shape(("object", "null"))
_USER_MESSAGE = _message(text=text(null=True), id=text())
MESSAGES: Mapping[str, Shape] = {
    UPDATE: _message(
        conversation_config_override=_NULLABLE,
        custom_llm_extra_body=_NULLABLE,
        dynamic_variables=_NULLABLE,
        user_id=text(null=True),
        source_info=_NULLABLE,
        tool_mock_config=_NULLABLE,
    ),
    "pong": _message("event_id", event_id=Shape(("integer",))),
    "user_message": _USER_MESSAGE,
    "user_activity": _message(),
    "contextual_update": _message("text", text=text()),
    "feedback": _message("event_id", "score", event_id=Shape(("integer",)), score=text("like", "dislike")),
    "client_tool_result": _message("tool_call_id", "result", "is_error", tool_call_id=text(), is_error=FLAG),
    "mcp_tool_approval_result": _message("tool_call_id", "is_approved", tool_call_id=text(), is_approved=FLAG),
    "multimodal_message": _message(text=Shape(("object", "string", "null")), file=_NULLABLE),
}
"""By ``type`` (elevenlabs.md#15, elevenlabs.md#45). A result may be any JSON value: clients send texts and objects."""
AUDIO = _message("user_audio_chunk", user_audio_chunk=text())
