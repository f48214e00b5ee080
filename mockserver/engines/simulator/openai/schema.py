"""The client events of OpenAI Realtime (GA) and what they hold, as a table. Source: the provider's published schema.

Where a fact of openai.md says more than the schema it is cited beside the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mockserver.engines.simulator.shapes import (
    ANY_OBJECT,
    FLAG,
    Shape,
    integer,
    listing,
    number,
    record,
    text,
    variants,
)

MAX_ITEM_ID = 32
"""Longer ids are refused; livekit shortens its own for that reason (openai.md#52, clients.md#43)."""

# The rate of PCM has to be said, though there is only one (openai.md#209).
_PCM = record("type", "rate", type=text("audio/pcm"), rate=integer(24_000, 24_000))
_FORMATS = {"audio/pcm": _PCM, "audio/pcmu": record("type", type=text()), "audio/pcma": record("type", type=text())}
FORMAT = variants("type", _FORMATS)

TRANSCRIPTION_MODELS = (
    "whisper-1",
    "gpt-transcribe",
    "gpt-live-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-mini-transcribe-2025-12-15",
    "gpt-4o-transcribe",
    "gpt-4o-transcribe-diarize",
    "gpt-realtime-whisper",
)
TRANSCRIPTION = record(
    null=True,
    model=text(*TRANSCRIPTION_MODELS, null=True),
    language=text(null=True),
    languages=listing(text()),
    keywords=listing(text()),
    prompt=text(longest=1_024, null=True),  # openai.md#42
    delay=text("minimal", "low", "medium", "high", "xhigh"),
)
# ``strength``: the openai package 3.54 has it, the published schema not yet; its bounds are unknown.
NOISE_REDUCTION = record(null=True, type=text("near_field", "far_field"), strength=number())
SERVER_VAD = record(
    "type",
    type=text("server_vad"),
    threshold=number(0, 1),
    prefix_padding_ms=integer(0),
    silence_duration_ms=integer(0),
    idle_timeout_ms=integer(5_000, 30_000, null=True),
    create_response=FLAG,
    interrupt_response=FLAG,
)
SEMANTIC_VAD = record(
    "type",
    type=text("semantic_vad"),
    eagerness=text("low", "medium", "high", "auto"),
    create_response=FLAG,
    interrupt_response=FLAG,
)
TURN_DETECTION = variants("type", {"server_vad": SERVER_VAD, "semantic_vad": SEMANTIC_VAD}, null=True)

_FUNCTION_TOOL = record(
    "name",
    type=text("function"),
    name=text(longest=64),
    description=text(longest=1_024, null=True),
    parameters=ANY_OBJECT,
)
_NULLABLE = Shape(("object", "array", "string", "null"))
_FILTER = record(null=True, tool_names=listing(text()), read_only=FLAG)
_APPROVAL_RULE = Shape(
    ("string", "object", "null"), values=("always", "never"), fields={"always": _FILTER, "never": _FILTER}
)
# A server that is named for the first time needs an address (``tools.check_tools``).
_MCP_TOOL = record(
    "server_label",
    type=text("mcp"),
    server_label=text(),
    server_url=text(),
    connector_id=text(),
    tunnel_id=text(),
    authorization=text(),
    server_description=text(),
    headers=_NULLABLE,
    allowed_tools=_NULLABLE,
    allowed_callers=_NULLABLE,
    require_approval=_APPROVAL_RULE,
    defer_loading=FLAG,
)
FUNCTION_TOOLS = listing(variants("type", {"function": _FUNCTION_TOOL}))
TOOLS = listing(variants("type", {"function": _FUNCTION_TOOL, "mcp": _MCP_TOOL}))
TOOL_CHOICE = Shape(
    ("string", "object"),
    values=("none", "auto", "required"),
    by="type",
    cases={
        "function": record("name", type=text(), name=text()),
        "mcp": record("server_label", type=text(), server_label=text(), name=text(null=True)),
    },
)
MAX_TOKENS = Shape(("integer", "string"), values=("inf",), least=1, most=4096)
# Nulls that clients send, though the schema has none. Where null is no value of a field it is taken for not given
# (``settings.NOT_GIVEN``): unknown what the provider makes of it (openai.md#178), but it has refused no such
# client: livekit sends a token limit and reasoning as null, openai-agents instructions, voice, speed and the parts of a
# tracing configuration (clients.md#44).
_MAX_TOKENS_OR_NULL = Shape(("integer", "string", "null"), values=("inf",), least=1, most=4096)
MODALITIES = listing(text("text", "audio"))
VOICE = Shape(("string", "object"), fields={"id": text()}, required=("id",))
_VOICE_OR_NULL = Shape(("string", "object", "null"), fields={"id": text()}, required=("id",))
PROMPT = record("id", null=True, id=text(), version=text(null=True), variables=Shape(("object", "null")))
REASONING = record(null=True, effort=text("minimal", "low", "medium", "high", "xhigh", null=True))
# Limits of metadata: openai.md#54. A trace's own metadata has none in the schema.
METADATA = Shape(("object", "null"), each=text(longest=512), longest_name=64, most_fields=16)
INCLUDE = Shape(("array", "null"), of=text("item.input_audio_transcription.logprobs"))
TRACING = Shape(
    ("string", "object", "null"),
    values=("auto",),
    fields={"workflow_name": text(null=True), "group_id": text(null=True), "metadata": Shape(("object", "null"))},
)
TRUNCATION = Shape(
    ("string", "object"),
    values=("auto", "disabled"),
    fields={
        "type": text("retention_ratio"),
        "retention_ratio": number(0, 1),
        "token_limits": record(post_instructions=integer(0)),
    },
    required=("type", "retention_ratio"),
)
_INPUT = record(
    format=FORMAT, transcription=TRANSCRIPTION, noise_reduction=NOISE_REDUCTION, turn_detection=TURN_DETECTION
)
REALTIME = record(
    "type",
    type=text("realtime"),
    model=text(),
    output_modalities=MODALITIES,
    instructions=text(null=True),
    audio=record(
        input=_INPUT,
        output=record(format=FORMAT, voice=_VOICE_OR_NULL, speed=Shape(("number", "null"), least=0.25, most=1.5)),
    ),
    include=INCLUDE,
    tracing=TRACING,
    tools=TOOLS,
    tool_choice=TOOL_CHOICE,
    parallel_tool_calls=FLAG,
    reasoning=REASONING,
    max_output_tokens=_MAX_TOKENS_OR_NULL,
    truncation=TRUNCATION,
    prompt=PROMPT,
)
TRANSCRIPTION_SESSION = record("type", type=text("transcription"), audio=record(input=_INPUT), include=INCLUDE)
SESSION = variants("type", {"realtime": REALTIME, "transcription": TRANSCRIPTION_SESSION})

# --- items ----------------------------------------------------------------------------------------------------------

TEXT_PART = record("text", type=text(), text=text())
_AUDIO_PART = record("audio", type=text(), audio=text(), transcript=text(null=True))
_IMAGE_PART = record("image_url", type=text(), image_url=text(), detail=text("auto", "low", "high"))
# Nothing but output_text is taken for the assistant, and no audio (openai.md#60).
# Of audio an assistant's message holds the words alone: without ``text`` it is refused (openai.md#210). With ``text``
# it is taken as a text here; unknown what the service makes of it.
ASSISTANT: Mapping[str, Shape] = {
    "output_text": TEXT_PART,
    "output_audio": Shape(open=True, required=("text",), fields={"type": text(), "text": text()}),
}


def item_kinds(assistant: Mapping[str, Shape] = ASSISTANT, *, longest: int | None = MAX_ITEM_ID) -> dict[str, Shape]:
    """Items that a client may make, by type. ``assistant``: the content that the assistant's may have; ``longest``: of
    an id, an item's or a call's (openai.md#52)."""
    common = {
        "id": text(longest=longest),
        "object": text("realtime.item"),
        "type": text(),
        "status": text("completed", "incomplete", "in_progress"),
    }

    def item(*required: str, **fields: Shape) -> Shape:
        return Shape(fields={**common, **fields}, required=required)

    def message(content: Mapping[str, Shape]) -> Shape:
        named = tuple(
            kind for kind in content if kind != "output_audio"
        )  # an error names the other alone (openai.md#60)
        parts = listing(replace(variants("type", content), named=named))
        return item("role", "content", role=text(), content=parts)

    return {
        "message": variants(
            "role",
            {
                "user": message({"input_text": TEXT_PART, "input_audio": _AUDIO_PART, "input_image": _IMAGE_PART}),
                "assistant": message(assistant),
                "system": message({"input_text": TEXT_PART}),
            },
        ),
        "function_call": item("name", "arguments", call_id=common["id"], name=text(), arguments=text()),
        "function_call_output": item("call_id", "output", call_id=common["id"], output=text()),
        # The package's types have these three among the items to create; unknown what the service does (openai.md#208).
        "mcp_list_tools": item("server_label", "tools", server_label=text(), tools=listing(ANY_OBJECT)),
        "mcp_call": item(
            *("server_label", "name", "arguments"),
            server_label=text(),
            name=text(),
            arguments=text(),
            approval_request_id=text(null=True),
            output=text(null=True),
            error=Shape(("object", "null")),
        ),
        "mcp_approval_request": item(
            *("server_label", "name", "arguments"), server_label=text(), name=text(), arguments=text()
        ),
        "mcp_approval_response": record(
            "approval_request_id",
            "approve",
            id=common["id"],
            type=text(),
            approval_request_id=text(),
            approve=FLAG,
            reason=text(null=True),
        ),
    }


MCP_ITEMS = ("mcp_list_tools", "mcp_call", "mcp_approval_request")
_KINDS = item_kinds()
ITEM = variants("type", _KINDS)
REFERENCE = record("id", type=text(), id=text())
INPUT_ITEM = variants("type", {**_KINDS, "item_reference": REFERENCE})

RESPONSE = record(
    output_modalities=MODALITIES,
    # livekit sends null for "the session's" with every plain reply, and is answered (clients.md#44).
    instructions=text(null=True),
    audio=record(output=record(format=FORMAT, voice=VOICE)),
    tools=TOOLS,
    tool_choice=TOOL_CHOICE,
    parallel_tool_calls=FLAG,
    reasoning=REASONING,
    max_output_tokens=MAX_TOKENS,
    conversation=text("auto", "none"),
    metadata=METADATA,
    prompt=PROMPT,
    input=listing(INPUT_ITEM),
)

# --- events ---------------------------------------------------------------------------------------------------------


def event_shape(*required: str, **fields: Shape) -> Shape:
    """A client event with these fields beside ``type`` and ``event_id``."""
    known = {"type": text(), "event_id": text(longest=512), **fields}
    return Shape(fields=known, required=required)


EVENT_NAMES = (
    *("session.update", "session.close", "input_audio_buffer.append", "session.input_audio_buffer.append"),
    *("input_audio_buffer.commit", "input_audio_buffer.clear", "conversation.item.create"),
    *("conversation.item.truncate", "conversation.item.delete", "conversation.item.retrieve"),
    *("response.create", "response.cancel"),
)
"""The types that an unknown one is told of, in order (openai.md#143).

Two are the translation endpoint's: what a session of another kind does with them is unknown, and here they are refused
like one that nobody knows. A websocket has no ``output_audio_buffer.clear`` (openai.md#144).
"""

CLIENT_EVENTS: dict[str, Shape] = {
    "session.update": event_shape("session", session=SESSION),
    "input_audio_buffer.append": event_shape("audio", audio=text()),
    "input_audio_buffer.commit": event_shape(),
    "input_audio_buffer.clear": event_shape(),
    "conversation.item.create": event_shape("item", previous_item_id=text(null=True), item=ITEM),
    "conversation.item.retrieve": event_shape("item_id", item_id=text()),
    "conversation.item.truncate": event_shape(
        "item_id", "content_index", "audio_end_ms", item_id=text(), content_index=integer(0), audio_end_ms=integer(0)
    ),
    "conversation.item.delete": event_shape("item_id", item_id=text()),
    "response.create": event_shape(response=Shape(("object", "null"), fields=RESPONSE.fields)),
    "response.cancel": event_shape(response_id=text(null=True)),
}
