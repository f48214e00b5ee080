"""The settings of the GPT-Live simulator beside those of every simulator."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal

from mockserver.core.typed import Name, NotNegativeInt, Positive
from mockserver.engines.simulator.options import CloseCode, SimulatorOptions
from mockserver.engines.simulator.options import Settings as CommonSettings

MODELS = ("gpt-live-1", "gpt-live-1.1")
"""gpt_live.md#7."""


class LiveMisbehaviour(StrEnum):
    """Faults of the server's own state, for negative controls. Each one that acts writes a note into the journal."""

    MUTE_IGNORED = "mute_ignored"  # a muted microphone is heard
    OVERLAP_IGNORED = "overlap_ignored"  # the model talks on while the user speaks
    THINKING_SPOKEN = "thinking_spoken"  # silent context is taken for something to say
    TOOL_RESULT_LOST = "tool_result_lost"  # a tool's output does not reach the backend
    HISTORY_DROPPED = "history_dropped"  # what a session is started with is not known to the model


@dataclass(frozen=True, slots=True)
class LiveOptions(SimulatorOptions):
    """Every setting. The defaults are what is known; where nothing is known, the comment says so."""

    SWITCHES: ClassVar[tuple[str, ...]] = tuple(LiveMisbehaviour)

    max_session_s: Positive = 7200  # gpt_live.md#6
    models: Collection[Name] | None = MODELS
    # What the voice says while work is delegated, where the reply has no text of its own; empty: nothing.
    acknowledgement: str = "Let me check."
    # Unknown: how much silence ends the user's turn. In one recording 0.2 s lie between the last word and the answer.
    turn_silence_ms: NotNegativeInt = 300
    overlap: Literal["stop", "talk_on"] = (
        "stop"  # Unknown: what the model does when the user speaks too (gpt_live.md#47).
    )
    interruption_ms: NotNegativeInt = 300  # Unknown: how long the user must speak until the model stops.
    close_code: CloseCode = 1000  # Unknown: the socket's close code after session.closed (gpt_live.md#45).
    # Unknown: whether an instructions.appended comes unasked after the start; one author saw it, no recording has it.
    greets_with_instructions: bool = False
    # Unknown: which failures of the backend an error alone tells, and which the response's end (gpt_live.md#67).
    delegation_failure: Literal["error", "response"] = "error"
    attach_replay_s: Positive = 5  # Unknown: how far back a late sideband is told what was said (gpt_live.md#37).


class LiveSettings(CommonSettings, total=False):
    """What ``simulator`` takes for GPT-Live, for mypy. ``LiveOptions`` says what each is."""

    acknowledgement: str
    turn_silence_ms: NotNegativeInt
    overlap: Literal["stop", "talk_on"]
    interruption_ms: NotNegativeInt
    close_code: CloseCode
    greets_with_instructions: bool
    delegation_failure: Literal["error", "response"]
    attach_replay_s: Positive
