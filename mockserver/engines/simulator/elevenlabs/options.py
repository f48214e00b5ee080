"""The settings of the ElevenLabs simulator beside those of every simulator: above all, how the agent is set up."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from mockserver.core.typed import Limit, NotNegativeInt, Positive
from mockserver.engines.simulator.options import Settings as CommonSettings
from mockserver.engines.simulator.options import SimulatorOptions

Sound = Literal["pcm_8000", "pcm_16000", "pcm_22050", "pcm_24000", "pcm_44100", "pcm_48000", "ulaw_8000"]
"""Audio formats (elevenlabs.md#5)."""
AgentTool = Annotated[Mapping[str, Any], Limit("with the tool's name", lambda tool: isinstance(tool.get("name"), str))]

DEFAULT_EVENTS = (
    *("conversation_initiation_metadata", "ping", "audio", "interruption", "user_transcript", "agent_response"),
    *("agent_response_correction", "client_tool_call", "agent_tool_response"),
)
"""What the recorded agents send without being asked for more (elevenlabs.md#46)."""
PERMITTED = (
    *("agent.prompt.prompt", "agent.prompt.llm", "agent.prompt.tool_ids", "agent.first_message", "agent.language"),
    *("tts.voice_id", "tts.stability", "tts.speed", "tts.similarity_boost", "conversation.text_only"),
)
"""What the recorded agents let a client override. A new agent of the service permits nothing (elevenlabs.md#47)."""

OVERRIDABLE = frozenset(
    (
        *("asr.keywords", "turn.soft_timeout_config.message", "turn.noisy_environment_message"),
        *("turn.soft_timeout_config.additional_soft_timeout_messages", "tts.model_id", "tts.voice_id"),
        *("tts.supported_voices", "tts.stability", "tts.speed", "tts.similarity_boost", "tts.clone_strength"),
        *("tts.pronunciation_dictionary_locators", "conversation.text_only", "conversation.max_duration_seconds"),
        *("conversation.client_events", "agent.first_message", "agent.language", "agent.prompt.prompt"),
        *("agent.max_conversation_duration_message", "agent.prompt.llm", "agent.prompt.reasoning_effort"),
        *("agent.prompt.tool_ids", "agent.prompt.tool_ids_strict", "agent.prompt.native_mcp_server_ids"),
        *("agent.prompt.knowledge_base", "agent.native_mcp_server_ids"),
    )
)
"""What there is to be overridden (elevenlabs.md#56). Anything else in the overrides is ignored; that is unknown."""


class AgentMisbehaviour(StrEnum):
    """Faults of the agent's own state, for negative controls. Each one that acts writes a note into the journal."""

    INTERRUPTION_IGNORED = "interruption_ignored"  # the agent talks on, whatever the user says
    STALE_AUDIO = "stale_audio"  # audio of a reply goes on after its interruption, with the reply's event_id
    CORRECTION_MISSING = "correction_missing"  # what was not heard is not taken back
    CONTEXT_ANSWERED = "context_answered"  # a contextual update is taken for a user's message
    TOOL_RESULT_LOST = "tool_result_lost"  # a tool's result does not reach the model


@dataclass(frozen=True, slots=True)
class ElevenLabsOptions(SimulatorOptions):
    """Every setting. The defaults are what is known; where nothing is known, the comment says so."""

    SWITCHES: ClassVar[tuple[str, ...]] = tuple(AgentMisbehaviour)

    max_session_s: Positive = 600  # the agent's max_duration_seconds
    private: bool = False  # whether the agent asks for a signed address
    prompt: str = ""  # the agent's own prompt; {{names}} are dynamic variables
    first_message: str = ""  # what the agent says first; {{names}} are dynamic variables
    tools: Sequence[AgentTool] = field(default_factory=tuple)  # client tools; ``expects_response`` False waits for none
    client_events: Collection[str] = DEFAULT_EVENTS
    overrides: Collection[str] = PERMITTED  # what a client may override, as dotted paths
    text_only: bool = False
    user_audio: Sound = "pcm_16000"
    agent_audio: Sound = "pcm_16000"
    signature_s: Positive = 900  # how long a signed address opens a conversation (elevenlabs.md#48)
    queue: Literal["none", "admitted", "timed_out"] = "none"  # whether a conversation waits for a free slot first
    queue_s: Positive = 2  # Unknown: how long a slot is waited for.
    # Closes every conversation once it has begun, as the account or the agent is set up.
    refusal: Literal["none", "quota", "misconfigured", "internal"] = "none"
    # Unknown: whether an error is told before the close. The schema has "error", the sdk "client_error".
    error_event: Literal["none", "error", "client_error"] = "none"
    # Unknown: what the service does with a frame of a type that it does not know.
    unknown_message: Literal["close", "ignore"] = "close"
    # Unknown: how much silence ends the user's turn; recordings show 0.5 to 2.5 s (elevenlabs.md#10).
    turn_silence_ms: NotNegativeInt = 500
    # Unknown: how long the user must have spoken to interrupt; in the one recording it was 0.9 s (elevenlabs.md#17).
    interruption_ms: NotNegativeInt = 800
    input_timeout_s: Positive | None = 60  # nothing from the client for so long ends it with 1002 (elevenlabs.md#45)
    turn_timeout_s: Positive | None = None  # after so much silence the agent speaks again; None: it waits for ever
    llm_timeout_s: Positive = 20  # a model that thinks longer ends it with 1002 (elevenlabs.md#45)
    # The ids of the tools attached to the agent, which alone an override may name (elevenlabs.md#6); None: any.
    tool_ids: Collection[str] | None = None
    tool_timeout_s: Positive = 20  # Unknown: how a tool that never answers is told to the model.


class ElevenLabsSettings(CommonSettings, total=False):
    """What ``simulator`` takes for ElevenLabs, for mypy. ``ElevenLabsOptions`` says what each is."""

    private: bool
    prompt: str
    first_message: str
    tools: Sequence[AgentTool]
    client_events: Collection[str]
    overrides: Collection[str]
    text_only: bool
    user_audio: Sound
    agent_audio: Sound
    signature_s: Positive
    queue: Literal["none", "admitted", "timed_out"]
    queue_s: Positive
    refusal: Literal["none", "quota", "misconfigured", "internal"]
    error_event: Literal["none", "error", "client_error"]
    unknown_message: Literal["close", "ignore"]
    turn_silence_ms: NotNegativeInt
    interruption_ms: NotNegativeInt
    input_timeout_s: Positive | None
    turn_timeout_s: Positive | None
    llm_timeout_s: Positive
    tool_ids: Collection[str] | None
    tool_timeout_s: Positive
