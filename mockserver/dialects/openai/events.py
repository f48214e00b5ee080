"""The events of the OpenAI family: their names, and which of them mark what in the life of a response.

Sources: the published schema of OpenAI Realtime (GA and beta). What Azure's Voice Live and xAI add is in their own
dialects.
"""

from __future__ import annotations

from mockserver.dialects.life import Life
from mockserver.dialects.openai.course import ENDINGS

CLIENT_EVENTS = frozenset(
    {
        "session.update",
        "transcription_session.update",
        "input_audio_buffer.append",
        "input_audio_buffer.commit",
        "input_audio_buffer.clear",
        "output_audio_buffer.clear",
        "conversation.item.create",
        "conversation.item.delete",
        "conversation.item.retrieve",
        "conversation.item.truncate",
        "response.create",
        "response.cancel",
        *("session.input_audio_buffer.append", "session.close"),  # of translation sessions (openai.md#214)
    }
)
_STREAMS = (
    *("output_audio", "output_audio_transcript", "output_text", "function_call_arguments", "mcp_call_arguments"),
    *("audio", "audio_transcript", "text"),  # beta
)
SERVER_EVENTS = frozenset(
    {
        "error",
        "rate_limits.updated",
        *(f"session.{what}" for what in ("created", "updated", "closed")),
        *(f"session.{what}.delta" for what in ("output_audio", "output_transcript", "input_transcript")),
        *(f"transcription_session.{what}" for what in ("created", "updated")),
        "conversation.created",
        *(f"conversation.item.{what}" for what in ("added", "created", "done", "deleted", "retrieved", "truncated")),
        *(
            f"conversation.item.input_audio_transcription.{what}"
            for what in ("completed", "delta", "failed", "segment")
        ),
        *(f"input_audio_buffer.{what}" for what in ("committed", "cleared", "speech_started", "speech_stopped")),
        *(f"input_audio_buffer.{what}" for what in ("timeout_triggered", "dtmf_event_received")),
        *(f"output_audio_buffer.{what}" for what in ("started", "stopped", "cleared")),
        *(f"mcp_list_tools.{what}" for what in ("in_progress", "completed", "failed")),
        *(f"response.{what}" for what in ("created", "done")),
        *(f"response.{what}.{how}" for what in ("output_item", "content_part") for how in ("added", "done")),
        *(f"response.{what}.{how}" for what in _STREAMS for how in ("delta", "done")),
        *(f"response.mcp_call.{what}" for what in ("in_progress", "completed", "failed")),
    }
)
LIFE = Life(
    first=("session.created",),
    opening=("session.created",),
    requests=("response.create",),
    begins=("response.created",),
    says=("response.content_part.added",),
    deltas=(
        ("response.output_audio.delta", "audio"),
        ("response.audio.delta", "audio"),
        ("response.output_audio_transcript.delta", "transcript"),
        ("response.audio_transcript.delta", "transcript"),
        ("response.*arguments.delta", "arguments"),
        ("response.*.delta", "text"),
    ),
    parts=("response.*", "conversation.item.added", "conversation.item.created", "conversation.item.done"),
    ends=("response.done",),
    trailing=("rate_limits.updated",),  # openai.md#102
    cancels=("response.cancel",),
    metadata="response.metadata",
    creates_item=("conversation.item.create",),
    deletes_item=("conversation.item.delete",),
    truncates_item=("conversation.item.truncate",),
    truncated_item=("conversation.item.truncated",),
    reasons={status: ending.reasons for status, ending in ENDINGS.items() if ending.reasons},
)
