"""The settings of the OpenAI family's simulators beside those of every simulator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from mockserver.core.typed import Limit, NotNegative, PositiveInt
from mockserver.engines.simulator.options import Settings as CommonSettings
from mockserver.engines.simulator.options import SimulatorOptions


class Misbehaviour(StrEnum):
    """Faults of the server's own state, for negative controls. Each one that acts writes a note into the journal."""

    OOB_LEAKS = "oob_leaks"  # output of an out-of-band response enters the conversation
    METADATA_DROPPED = "metadata_dropped"  # response.metadata is not echoed
    CANCEL_IGNORED = "cancel_ignored"  # a cancelled response goes on to its end
    TRUNCATE_IGNORED = "truncate_ignored"  # truncation is confirmed but nothing is cut
    TWO_ACTIVE = "two_active"  # a second response is started in the conversation while one is active


McpTool = Annotated[Mapping[str, Any], Limit("with the tool's name", lambda tool: isinstance(tool.get("name"), str))]
McpServers = Mapping[str, Sequence[McpTool]]
"""Remote MCP servers that can be reached, by label, with their tools ({"name": ..., "input_schema": ...})."""


@dataclass(frozen=True, slots=True)
class OpenAIOptions(SimulatorOptions):
    """Every setting. The defaults are what is known; where nothing is known, the comment says so."""

    SWITCHES: ClassVar[tuple[str, ...]] = tuple(Misbehaviour)

    # Unknown: whether conversation.item.added and .done are sent for output that is not in the conversation
    # (openai.md#129).
    announce_out_of_band: bool = False
    # Unknown: whether a truncated item keeps the transcript of what was heard ("cut") or none at all ("deleted").
    truncated_transcript: Literal["cut", "deleted"] = "cut"
    # Unknown: whether xAI's conversation.item.deleted names the item ("kept") or not ("empty", xai.md#32).
    deleted_item_id: Literal["kept", "empty"] = "empty"
    # Unknown: how much silence lets semantic VAD end a turn that sounds finished.
    # Of audio that is not ours it takes twice as much.
    semantic_pause_ms: PositiveInt = 256
    # A transcription session with a model in the query is told two ways: its update is refused, or it never begins.
    transcription_model_refused: Literal["update", "start"] = "update"
    # A client's event_id in an error is echoed, or lost where the conversation raises it (openai.md#150).
    error_event_id: Literal["echoed", "not by the conversation"] = "echoed"
    # The param of audio that is not base64 was seen in the beta; in GA it is unknown (openai.md#74).
    bad_audio_param: Literal["audio.audio", "audio"] = "audio.audio"
    # The code of a truncate of an unknown item is told two ways (openai.md#70).
    unknown_truncate_code: Literal["invalid_value", "item_truncate_invalid_item_id"] = "invalid_value"
    # Unknown: whether the error for an option that a model does not have names it.
    unsupported_option_param: Literal["null", "named"] = "null"
    # After a call of a remote tool the response ends, or the model goes on in it; told both ways (openai.md#138).
    after_mcp_call: Literal["ends", "goes on"] = "ends"
    # How a failed transcription ends its sentence; both were seen (openai.md#207).
    transcription_failure: Literal["plain", "too many requests"] = "plain"
    # The package's types have these items among those to create; unknown what the service does (openai.md#208).
    mcp_items: Literal["taken", "refused"] = "taken"
    # Voice Live: what a session shows, as recorded later or earlier (azure.md#47).
    voice_live_fields: Literal["newer", "older"] = "newer"
    # xAI: how long a conversation can be taken up again, "about 30 minutes" (xai.md#17).
    resumption_s: NotNegative = 1_800
    # Unknown: whether output_audio_buffer.clear of a call over WebRTC also cuts the item to what was heard, as speech
    # does (openai.md#222).
    clear_truncates: bool = True
    # Unknown: how many elements an array of a client's event may have (openai.md#226).
    max_array: PositiveInt = 1_000
    mcp: McpServers = field(default_factory=dict)
    # How many tokens of input the model reads: more is an error where the session's truncation is "disabled"
    # (openai.md#212). Counted as roughly as in usage.
    context_tokens: PositiveInt = 28_224
    rate_limit_tokens: PositiveInt = 40_000  # the account's limit of tokens per minute
    instructions: str | None = None  # the model's default instructions, where they are not the provider's
    session: Mapping[str, object] = field(default_factory=dict)  # merged over the provider's defaults at the start


class OpenAISettings(CommonSettings, total=False):
    """What ``simulator`` takes for this family, for mypy. ``OpenAIOptions`` says what each is."""

    announce_out_of_band: bool
    truncated_transcript: Literal["cut", "deleted"]
    deleted_item_id: Literal["kept", "empty"]
    semantic_pause_ms: PositiveInt
    transcription_model_refused: Literal["update", "start"]
    error_event_id: Literal["echoed", "not by the conversation"]
    bad_audio_param: Literal["audio.audio", "audio"]
    unknown_truncate_code: Literal["invalid_value", "item_truncate_invalid_item_id"]
    unsupported_option_param: Literal["null", "named"]
    after_mcp_call: Literal["ends", "goes on"]
    transcription_failure: Literal["plain", "too many requests"]
    mcp_items: Literal["taken", "refused"]
    voice_live_fields: Literal["newer", "older"]
    clear_truncates: bool
    max_array: PositiveInt
    mcp: McpServers
    context_tokens: PositiveInt
    resumption_s: NotNegative
    rate_limit_tokens: PositiveInt
    instructions: str | None
    session: Mapping[str, object]
