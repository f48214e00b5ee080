"""What the fields of ``conversation_config_override`` may hold (elevenlabs.md#56, elevenlabs.md#58)."""

from __future__ import annotations

from mockserver.engines.simulator.shapes import Shape, text

_LANGUAGES = (
    *(
        "en",
        "ja",
        "zh",
        "de",
        "hi",
        "fr",
        "ko",
        "pt",
        "pt-br",
        "it",
        "es",
        "id",
        "nl",
        "tr",
        "pl",
        "sv",
        "bg",
        "ro",
        "ar",
    ),
    *("cs", "el", "fi", "ms", "da", "ta", "uk", "ru", "hu", "hr", "sk", "no", "vi", "tl", "af", "hy", "as", "az", "be"),
    *("bn", "bs", "ca", "et", "gl", "ka", "gu", "ha", "he", "is", "ga", "jv", "kn", "kk", "ky", "lv", "lt", "lb", "mk"),
    *("ml", "mr", "ne", "ps", "fa", "pa", "sr", "sd", "sl", "so", "sw", "te", "th", "ur", "cy"),
)
_EVENTS = (
    *("audio", "agent_response", "agent_response_correction", "agent_chat_response_part", "interruption"),
    *("user_transcript", "tentative_user_transcript", "conversation_initiation_metadata", "client_tool_call"),
    *("agent_tool_request", "agent_tool_response", "mcp_tool_call", "mcp_connection_status", "vad_score", "ping"),
    *("asr_initiation_metadata", "guardrail_triggered", "internal_turn_probability"),
    *("internal_tentative_agent_response", "agent_response_complete", "agent_response_metadata", "context_usage"),
    *("agent_tool_response_full_payload", "client_error", "dtmf_request", "queue_status"),
)
_TEXT = text(null=True)
_FLAG = Shape(("boolean", "null"))
_TEXTS = Shape(("array", "null"), of=text())


def _number(least: float | None = None, most: float | None = None) -> Shape:
    return Shape(("number", "null"), least=least, most=most)


def _part(**fields: Shape) -> Shape:
    """Fields that nobody describes are let through: what becomes of them is unknown (elevenlabs.md#57)."""
    return Shape(("object", "null"), fields=fields, open=True)


OVERRIDE = _part(
    asr=_part(keywords=_TEXTS),
    turn=_part(soft_timeout_config=_part(message=_TEXT, additional_soft_timeout_messages=_TEXTS)),
    tts=_part(
        model_id=_TEXT,
        voice_id=_TEXT,
        stability=_number(0, 1),
        speed=_number(0.7, 5),
        similarity_boost=_number(0, 1),
    ),
    conversation=_part(
        text_only=_FLAG,
        max_duration_seconds=_number(1),
        client_events=Shape(("array", "null"), of=text(*_EVENTS)),
    ),
    agent=_part(
        first_message=_TEXT,
        language=text(*_LANGUAGES, null=True),
        max_conversation_duration_message=_TEXT,
        native_mcp_server_ids=_TEXTS,
        prompt=_part(
            prompt=_TEXT,
            llm=_TEXT,
            reasoning_effort=_TEXT,
            tool_ids=_TEXTS,
            tool_ids_strict=_FLAG,
            native_mcp_server_ids=_TEXTS,
        ),
    ),
)
