"""The settings of the Nova Sonic simulator beside those of every simulator."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal

from mockserver.core.typed import Positive, PositiveInt
from mockserver.engines.simulator.options import Settings as CommonSettings
from mockserver.engines.simulator.options import SimulatorOptions

Sensitivity = Literal["HIGH", "MEDIUM", "LOW"]


class SonicMisbehaviour(StrEnum):
    """Faults of the server's own state, for negative controls. Each one that acts writes a note into the journal."""

    INTERRUPTION_IGNORED = "interruption_ignored"  # the model talks on, whatever the user says
    REPLY_BEGUN_OVER = "reply_begun_over"  # after an interruption the same reply is said again (nova_sonic.md#38)
    TOOL_RESULT_LOST = "tool_result_lost"  # a tool's result does not reach the model
    HISTORY_LOST = "history_lost"  # the history does not reach the model
    AUDIO_IN_TEXT_TAKEN = "audio_in_text_taken"  # audio within a block of text is heard


@dataclass(frozen=True, slots=True)
class NovaSonicOptions(SimulatorOptions):
    """Every setting. What a client's ``sessionStart`` and ``promptStart`` say goes before these."""

    SWITCHES: ClassVar[tuple[str, ...]] = tuple(SonicMisbehaviour)

    max_session_s: Positive = 480  # 8 minutes a stream (nova_sonic.md#48, nova_sonic.md#60)
    # Unknown: 55 or 295 s without audio or interactive content (nova_sonic.md#55).
    silence_timeout_s: Positive = 55
    # An account has so many streams at a time (nova_sonic.md#50); None: as many as come.
    most_streams: PositiveInt | None = 20
    # Unknown: how sensitive the end of a turn is where sessionStart does not say.
    sensitivity: Sensitivity = "MEDIUM"
    # Unknown: whether completionStart comes with the prompt or before the first answer.
    completion_start: Literal["first_answer", "prompt"] = "first_answer"
    # Unknown: whether the text of what was spoken comes when its audio is sent, or when it would be played.
    final_text: Literal["played", "sent"] = "played"
    # Unknown: how the block of audio ends that was cut ("usually END_TURN", nova_sonic.md#37).
    cut_audio: Literal["END_TURN", "PARTIAL_TURN"] = "END_TURN"
    # Unknown: whether the words that were spoken before an interruption are told.
    cut_text: Literal["spoken", "nothing"] = "spoken"
    # "At times" the arguments of a tool are JSON within JSON (nova_sonic.md#31).
    arguments_encoded: Literal["once", "twice"] = "once"
    # Unknown: whether a tool's result that cannot be read ends the stream (livekit goes on, nova_sonic.md#44).
    tool_error: Literal["ends", "goes_on"] = "ends"
    # Unknown: what promptEnd does to a reply that is on its way.
    prompt_end: Literal["cuts", "finishes"] = "cuts"
    # Unknown: what sessionEnd gets while a prompt is open (documented is promptEnd before it, nova_sonic.md#26).
    session_end: Literal["after_prompt", "any_time"] = "after_prompt"
    # Unknown: what an event gets that leaves out a configuration which all clients send (nova_sonic.md#70).
    missing_configuration: Literal["taken", "refused"] = "taken"
    # Unknown: what promptEnd gets while a block is open (pipecat ends so, nova_sonic.md#66).
    open_block: Literal["refused", "closed"] = "refused"
    # A history that does not alternate: documented as a rule; what the service does is unknown (nova_sonic.md#26).
    history: Literal["alternating", "any"] = "alternating"
    # More messages of history than this were refused in 2026-01 (nova_sonic.md#58); None: as many as the sizes allow.
    most_history: PositiveInt | None = None
    # Unknown: what becomes of text that is not interactive once audio has begun.
    late_text: Literal["seen", "refused"] = "seen"


class NovaSonicSettings(CommonSettings, total=False):
    """What ``simulator`` takes for this provider, for mypy. ``NovaSonicOptions`` says what each is."""

    silence_timeout_s: Positive
    most_streams: PositiveInt | None
    sensitivity: Sensitivity
    completion_start: Literal["first_answer", "prompt"]
    final_text: Literal["played", "sent"]
    cut_audio: Literal["END_TURN", "PARTIAL_TURN"]
    cut_text: Literal["spoken", "nothing"]
    arguments_encoded: Literal["once", "twice"]
    tool_error: Literal["ends", "goes_on"]
    prompt_end: Literal["cuts", "finishes"]
    session_end: Literal["after_prompt", "any_time"]
    missing_configuration: Literal["taken", "refused"]
    open_block: Literal["refused", "closed"]
    history: Literal["alternating", "any"]
    most_history: PositiveInt | None
    late_text: Literal["seen", "refused"]
