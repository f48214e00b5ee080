"""Every event against two descriptions of it that are not ours.

ElevenLabs publishes its events as AsyncAPI (https://github.com/elevenlabs/packages,
packages/types/schemas/agent.asyncapi.yaml): required fields and types stand here by hand. The Python sdk has no models
of them; pydantic-ai has, and reads events with them, so each event goes through its model too.
"""

from __future__ import annotations

from typing import Any

INT, STR, NUM, OBJ, LIST, BOOL = (int,), (str,), (int, float), (dict,), (list,), (bool,)
NULL = (type(None),)
# wrapper, required fields, fields that recordings show besides (elevenlabs.md#11 to #14, #22, #33, #39)
EVENTS: dict[str, tuple[str, dict[str, tuple[type, ...]], dict[str, tuple[type, ...]]]] = {
    "audio": ("audio_event", {"audio_base_64": STR, "event_id": INT}, {"is_final": BOOL}),
    "user_transcript": ("user_transcription_event", {"user_transcript": STR, "event_id": INT}, {}),
    "agent_response": (
        "agent_response_event",
        {"agent_response": STR, "event_id": INT},
        {"response_id": STR, "in_response_to_ids": LIST, "response_type": STR, "attachments": LIST},
    ),
    "agent_response_correction": (
        "agent_response_correction_event",
        {"original_agent_response": STR, "corrected_agent_response": STR, "event_id": INT},
        {"response_id": STR},
    ),
    "agent_chat_response_part": (
        "text_response_part",
        {"text": STR, "type": STR, "event_id": INT},
        {"response_id": STR},
    ),
    "interruption": ("interruption_event", {"event_id": INT}, {}),
    "conversation_initiation_metadata": (
        "conversation_initiation_metadata_event",
        {"conversation_id": STR, "agent_output_audio_format": STR, "user_input_audio_format": STR},
        {"persistent_session_token": STR + NULL},
    ),
    "client_tool_call": (
        "client_tool_call",
        {"tool_name": STR, "tool_call_id": STR, "parameters": OBJ, "event_id": INT},
        {"expects_response": BOOL},
    ),
    "agent_tool_response": (
        "agent_tool_response",
        {
            "tool_name": STR,
            "tool_call_id": STR,
            "tool_type": STR,
            "is_error": BOOL,
            "is_called": BOOL,
            "event_id": INT,
        },
        {"is_blocked": BOOL, "status": STR},
    ),
    "vad_score": ("vad_score_event", {"vad_score": NUM}, {}),
    "ping": ("ping_event", {"event_id": INT}, {"ping_ms": INT + NULL}),
    "error": (
        "error_event",
        {"code": INT},
        {"message": STR, "error_type": STR, "reason": STR + NULL},
    ),
    "client_error": ("error_event", {"code": INT}, {"message": STR, "error_type": STR, "reason": STR + NULL}),
    "context_usage": (
        "context_usage_event",
        {"event_id": INT, "model": STR, "context_tokens": INT, "context_limit_tokens": INT},
        {},
    ),
    "agent_response_complete": ("agent_response_complete_event", {"event_id": INT}, {}),
    "queue_status": ("queue_status_event", {"status": STR}, {}),
}
MODELS = {
    "audio": "_AudioEvent",
    "user_transcript": "_UserTranscriptEvent",
    "agent_response": "_AgentResponseEvent",
    "agent_response_correction": "_AgentResponseCorrectionEvent",
    "agent_chat_response_part": "_AgentChatResponsePartEvent",
    "conversation_initiation_metadata": "_ConversationInitiationMetadataEvent",
    "client_tool_call": "_ClientToolCallEvent",
    "ping": "_PingEvent",
    "client_error": "_ClientErrorEvent",
    "context_usage": "_ContextUsageEvent",
    "agent_response_complete": "_AgentResponseCompleteEvent",
    "queue_status": "_QueueStatusEvent",
}
"""pydantic-ai's names of its models."""


def faults(body: dict[str, Any]) -> list[str]:
    """What is wrong with one event."""
    name = body.get("type")
    if name not in EVENTS:
        return [f"{name}: no such event"]
    wrapper, required, besides = EVENTS[name]
    if set(body) != {"type", wrapper}:
        return [f"{name}: has {sorted(body)}, expected type and {wrapper}"]
    inner = body[wrapper]
    found = [f"{name}: no {field}" for field in required if field not in inner]
    known = required | besides
    for field, value in inner.items():
        if field not in known:
            found.append(f"{name}: {field} is unknown")
        elif type(value) not in known[field]:
            found.append(f"{name}: {field} is {type(value).__name__}")
    if name in MODELS:
        # The package takes a second to import, so who collects the tests does not.
        from pydantic_ai.realtime import elevenlabs_agents

        getattr(elevenlabs_agents, MODELS[name]).model_validate(body)
    return found
