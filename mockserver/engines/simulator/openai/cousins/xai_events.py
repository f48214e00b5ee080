"""What a client may send to xAI, as tables. Sources: xai.md#11 to xai.md#16, xai.md#33."""

from __future__ import annotations

from collections.abc import Mapping

from mockserver.engines.simulator.openai import schema
from mockserver.engines.simulator.shapes import FLAG, Shape, integer, listing, record, text, variants

_FORMAT = variants(
    "type",
    {
        "audio/pcm": Shape(open=True, fields={"rate": integer(8_000, 48_000)}),  # xai.md#16
        "audio/pcmu": Shape(),
        "audio/pcma": Shape(),
    },
)
_VAD = Shape(
    ("object", "null"),
    open=True,
    fields={
        "type": text("server_vad", null=True),
        "threshold": Shape(("number", "null"), least=0, most=1),
        "prefix_padding_ms": integer(0, null=True),
        "silence_duration_ms": integer(0, null=True),
        "idle_timeout_ms": integer(0, null=True),
        "create_response": FLAG,
        "interrupt_response": FLAG,
    },
)
_LEGS = {
    "input": Shape(
        open=True, fields={"format": _FORMAT, "transcription": Shape(("object", "null"), open=True, fields={})}
    ),
    "output": Shape(open=True, fields={"format": _FORMAT}),
}
_TOOLS = listing(Shape(open=True, required=("type",), fields={"type": text(), "name": text()}))
# Unknown: what it does with a field that it does not know (xai.md#42). It takes the fields of GA that mean nothing to
# it (xai.md#12), so here all are taken.
SESSION = Shape(
    open=True,
    fields={
        "instructions": text(null=True),
        "voice": text(null=True),
        "turn_detection": _VAD,
        "input_audio_transcription": Shape(("object", "null"), open=True, fields={}),
        "audio": Shape(open=True, fields=_LEGS),
        "tools": _TOOLS,
        "modalities": schema.MODALITIES,
        "output_modalities": schema.MODALITIES,
        "max_output_tokens": Shape(("integer", "string", "null")),
    },
)
_FORCED = record(
    "content",
    type=text(),
    id=text(),
    role=text("assistant"),
    content=listing(Shape(open=True, required=("type", "text"), fields={"text": text()})),
    interruptible=FLAG,  # xai.md#33; both default to what they are without
    voice=text(),
)
# Its own ids have 36 characters, and livekit makes items with them anew when it connects again
# (clients.md#40).
_ITEMS = {**schema.item_kinds(longest=None), "force_message": _FORCED}
_VOICE = Shape(("string", "object", "null"))
_RESPONSE = Shape(
    ("object", "null"),
    open=True,
    fields={
        **{
            name: shape
            for name, shape in (schema.RESPONSE.fields or {}).items()
            if name in ("instructions", "metadata", "conversation", "input", "output_modalities")
        },
        # GA's, as far as the simulated model heeds them; in the session they are as loose.
        "audio": Shape(open=True, fields={"output": Shape(open=True, fields={"format": _FORMAT, "voice": _VOICE})}),
        "tools": _TOOLS,
        "tool_choice": Shape(("string", "object", "null")),
        "max_output_tokens": Shape(("integer", "string", "null")),
    },
)

CLIENT_EVENTS: Mapping[str, Shape] = {
    **schema.CLIENT_EVENTS,
    "session.update": schema.event_shape("session", session=SESSION),
    "conversation.item.create": schema.event_shape(
        "item", previous_item_id=text(null=True), item=variants("type", _ITEMS)
    ),
    "response.create": schema.event_shape(response=_RESPONSE),
}
