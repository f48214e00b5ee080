"""The settings of the Gemini simulator beside those of every simulator."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal

from mockserver.core.typed import NotNegativeInt, Positive, PositiveInt
from mockserver.engines.simulator.options import Settings as CommonSettings
from mockserver.engines.simulator.options import SimulatorOptions


class Switch(StrEnum):
    """Faults of the server's own state, for negative controls. Each one that acts writes a note into the journal."""

    INTERRUPT_IGNORED = "interrupt_ignored"  # what interrupts a turn does not end it
    INTERRUPTED_DROPPED = "interrupted_dropped"  # a turn is cut, but nothing says interrupted
    LATE_AUDIO = "late_audio"  # audio of an interrupted turn still comes after its end
    TURN_COMPLETE_DROPPED = "turn_complete_dropped"  # turns end without turnComplete
    CANCELLATION_DROPPED = "cancellation_dropped"  # tool calls are cancelled, but no toolCallCancellation says so
    RESULT_IGNORED = "result_ignored"  # what a tool answers does not reach the model
    RESUMPTION_FORGETS = "resumption_forgets"  # a resumed session has an empty context
    SESSION_LEAKS = "session_leaks"  # what other sessions said is in the context of this one


@dataclass(frozen=True, slots=True)
class GeminiOptions(SimulatorOptions):
    """Every setting. The defaults are what is known; where nothing is known, the comment says so."""

    SWITCHES: ClassVar[tuple[str, ...]] = tuple(Switch)

    # A session without compression; over all of its connections, where it is resumed (gemini.md#51).
    max_session_s: Positive = 900
    max_video_session_s: Positive = 120  # the same with video (gemini.md#51)
    max_connection_s: Positive = 600  # gemini.md#51
    go_away_s: Positive = 60  # how long before the end goAway comes; 50 s and 60 s are reported (gemini.md#68)
    after_go_away: Literal["close", "silent"] = "close"  # both are reported (gemini.md#52)
    handle_s: Positive = 7200  # how long a handle is good (gemini.md#50)
    frames: Literal["binary", "text"] = "binary"  # what the server's JSON comes in (gemini.md#6)
    bad_key: Literal["handshake", "close"] = "handshake"  # HTTP 401, or close 1007 after it (gemini.md#4, gemini.md#88)
    # Unknown: how long the service's detector waits, and how far it dates a start back, where the setup says nothing.
    silence_ms: PositiveInt = 500
    prefix_ms: NotNegativeInt = 100
    # Reported both ways: whether realtime input while a call of 2.5 is open ends the session (gemini.md#46).
    input_during_call: Literal["close", "taken"] = "close"
    # Reported both ways: whether 3.x takes clientContent that is not the announced history (gemini.md#92).
    content_on_3: Literal["taken", "refused"] = "taken"
    # Unknown: whether announced history is waited for in a session that was resumed, and so has one (gemini.md#104).
    resumed_history: Literal["expected", "known"] = "expected"
    # Whether 2.5 native audio sends a thought: "auto" does where no tools are declared, as all captured sessions.
    thoughts: Literal["auto", "always", "never"] = "auto"
    max_context_tokens: PositiveInt = 128_000  # gemini.md#51
    overflow_code: Literal[1007, 1011] = 1007  # unknown how AI Studio ends an overflow (gemini.md#69)
    max_array: PositiveInt = 1_000  # unknown: how many elements an array of the client's may have (gemini.md#107)


class GeminiSettings(CommonSettings, total=False):
    """What ``simulator`` takes for Gemini, for mypy. ``GeminiOptions`` says what each is."""

    max_video_session_s: Positive
    max_connection_s: Positive
    go_away_s: Positive
    after_go_away: Literal["close", "silent"]
    handle_s: Positive
    frames: Literal["binary", "text"]
    bad_key: Literal["handshake", "close"]
    silence_ms: PositiveInt
    prefix_ms: NotNegativeInt
    input_during_call: Literal["close", "taken"]
    content_on_3: Literal["taken", "refused"]
    resumed_history: Literal["expected", "known"]
    thoughts: Literal["auto", "always", "never"]
    max_context_tokens: PositiveInt
    max_array: PositiveInt
    overflow_code: Literal[1007, 1011]
