"""The settings of the Phonic simulator beside those of every simulator."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal

from mockserver.core.typed import Name, NotNegativeInt, Positive, PositiveInt
from mockserver.engines.simulator.options import CloseCode, SimulatorOptions
from mockserver.engines.simulator.options import Settings as CommonSettings


class PhonicMisbehaviour(StrEnum):
    """Faults of the server's own state, for negative controls. Each one that acts writes a note into the journal."""

    INTERRUPTION_IGNORED = "interruption_ignored"  # the assistant talks on, whatever the user says
    TOOL_OUTPUT_LOST = "tool_output_lost"  # a tool's output does not reach the model
    LONG_CHUNK_TAKEN = "long_chunk_taken"  # audio of more than 40 ms is heard
    RESET_FORGETS_NOTHING = "reset_forgets_nothing"  # what was said before a reset stays


@dataclass(frozen=True, slots=True)
class PhonicOptions(SimulatorOptions):
    """Every setting. What a client's ``config`` says goes before these."""

    SWITCHES: ClassVar[tuple[str, ...]] = tuple(PhonicMisbehaviour)

    # Unknown: whether the conversation's id is told when the socket opens, or when its config has come.
    created: Literal["on_config", "on_connect"] = "on_config"
    # Unknown: how long the audio of one message is.
    chunk_ms: PositiveInt = 40
    # Unknown: what the detector waits for where the config does not say (vad_*, min_words_to_interrupt).
    turn_silence_ms: PositiveInt = 500
    speech_ms: NotNegativeInt = 90
    prefix_ms: NotNegativeInt = 200
    min_words: NotNegativeInt = 0  # 0: the voice alone interrupts
    # Unknown: which of two events comes first.
    interrupted_first: bool = False  # interrupted_response before user_started_speaking
    input_text_first: bool = False  # input_text before user_finished_speaking
    tool_call_after: bool = False  # tool_call after assistant_finished_speaking, where something was said before it
    # Unknown: whether a turn that was cut is told to be finished, too.
    finished_after_interruption: bool = False
    # Unknown: with stream_ahead_of_real_time, whether a turn is finished when its audio is sent, or when it is played.
    finished: Literal["sent", "played"] = "sent"
    # Unknown: whether speech without a word is told to be cancelled.
    noise: Literal["input_cancelled", "nothing"] = "input_cancelled"
    # Unknown: what generate_reply and say do while the assistant speaks.
    request_while_speaking: Literal["interrupt", "queue"] = "interrupt"
    # Unknown: whether the messages of a generate_reply stay in the conversation.
    reply_messages_kept: bool = True
    # Unknown: what a reset says and does.
    reset_ready: bool = False  # ready_to_start_conversation once more
    reset_welcomes: bool = False  # the welcome message once more
    # Unknown: the code in an error, and whether an error ends the conversation.
    error_code: Name | None = None
    after_error: Literal["stay", "close"] = "stay"
    # Unknown: whether a message of an unknown type is an error.
    unknown_message_error: bool = True
    # The SDK calls it required, livekit sends none: an error, or not (phonic.md#5).
    iso_date_time: Literal["optional", "required"] = "optional"
    # Unknown: how long a tool may take where it does not say (tool_call_output_timeout_ms).
    tool_timeout_ms: PositiveInt = 15_000
    # Unknown: what counts against websocket_timeout_sec: the client's silence, or nothing from either side.
    timeout_counts: Literal["client", "both"] = "client"
    # Unknown: the code with which the server closes.
    close_code: CloseCode = 1000
    # How long a lost conversation can be taken up again, and which code says that it cannot (phonic.md#20).
    grace_s: Positive = 30.0
    reconnect_code: Literal[4800, 4801] = 4800


class PhonicSettings(CommonSettings, total=False):
    """What ``simulator`` takes for this provider, for mypy. ``PhonicOptions`` says what each is."""

    created: Literal["on_config", "on_connect"]
    chunk_ms: PositiveInt
    turn_silence_ms: PositiveInt
    speech_ms: NotNegativeInt
    prefix_ms: NotNegativeInt
    min_words: NotNegativeInt
    interrupted_first: bool
    input_text_first: bool
    tool_call_after: bool
    finished_after_interruption: bool
    finished: Literal["sent", "played"]
    noise: Literal["input_cancelled", "nothing"]
    request_while_speaking: Literal["interrupt", "queue"]
    reply_messages_kept: bool
    reset_ready: bool
    reset_welcomes: bool
    error_code: Name | None
    after_error: Literal["stay", "close"]
    unknown_message_error: bool
    iso_date_time: Literal["optional", "required"]
    tool_timeout_ms: PositiveInt
    timeout_counts: Literal["client", "both"]
    close_code: CloseCode
    grace_s: Positive
    reconnect_code: Literal[4800, 4801]
