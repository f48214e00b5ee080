"""The settings of the Ultravox simulator beside those of every simulator."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal

from mockserver.core.typed import NotNegativeInt, PositiveInt
from mockserver.engines.simulator.options import CloseCode, SimulatorOptions
from mockserver.engines.simulator.options import Settings as CommonSettings


class CallMisbehaviour(StrEnum):
    """Faults of the server's own state, for negative controls. Each one that acts writes a note into the journal."""

    BUFFER_KEPT = "buffer_kept"  # a barge-in clears nothing: no playback_clear_buffer
    INTERRUPTION_IGNORED = "interruption_ignored"  # the agent talks on, whatever the user says
    DEFERRED_ANSWERED = "deferred_answered"  # a message with deferResponse is answered
    TOOL_RESULT_LOST = "tool_result_lost"  # a tool's result does not reach the model


@dataclass(frozen=True, slots=True)
class UltravoxOptions(SimulatorOptions):
    """Every setting. Limits of one call come with the REST call; here is what holds for all of them."""

    SWITCHES: ClassVar[tuple[str, ...]] = tuple(CallMisbehaviour)

    first_speaker: Literal["agent", "user"] = "agent"  # where a call does not say; the socket without a REST call too
    # Unknown: how much audio a binary frame holds.
    frame_ms: PositiveInt = 20
    # How much silence ends a turn where the call does not say: vadSettings.turnEndpointDelay (ultravox.md#22).
    turn_silence_ms: PositiveInt = 384
    # Unknown: how long speech lasts before it interrupts, where the call does not say
    # (vadSettings.minimumInterruptionDuration).
    interruption_ms: NotNegativeInt = 90
    # Unknown: what a second client at one join address gets, and one that comes after joinTimeout.
    second_join: Literal["refused", "replaces"] = "refused"
    refused_join: Literal["not_found", "closed"] = "not_found"  # HTTP 404, or 101 and a close at once
    # Unknown: the close code where a call ends.
    close_code: CloseCode = 1000
    # Unknown: whether a text message of the user's is shown as a transcript.
    user_text_transcript: bool = True
    # Unknown: whether an urgent text without a word is answered, too, where it does not say deferResponse
    # (ultravox.md#26: livekit interrupts so).
    urgent_empty_text: Literal["answered", "interrupts"] = "answered"
    # Unknown: whether a message of an unknown type ends the call.
    unknown_message: Literal["ignore", "close"] = "ignore"


class UltravoxSettings(CommonSettings, total=False):
    """What ``simulator`` takes for this provider, for mypy. ``UltravoxOptions`` says what each is."""

    first_speaker: Literal["agent", "user"]
    frame_ms: PositiveInt
    turn_silence_ms: PositiveInt
    interruption_ms: NotNegativeInt
    second_join: Literal["refused", "replaces"]
    refused_join: Literal["not_found", "closed"]
    close_code: CloseCode
    user_text_transcript: bool
    urgent_empty_text: Literal["answered", "interrupts"]
    unknown_message: Literal["ignore", "close"]
