"""What is known of each model: what it refuses, and how its generation writes a turn (gemini.md#17, gemini.md#22)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Sheet = Literal["none", "beside", "alone"]
"""How speech is told of: not at all; in one frame with an empty ``serverContent``; in a frame of its own."""


@dataclass(frozen=True, slots=True)
class LiveModel:
    """One model. The defaults are those of 2.5 native audio."""

    name: str
    generation: str = "2.5"
    vertex: bool = False
    modalities: tuple[str, ...] = ("AUDIO",)  # what it may answer in, the default first (gemini.md#56)
    thinks_aloud: bool = True  # a part with thought: true before the first audio (gemini.md#22)
    thinking: Literal["any", "level required", "no level", "no level on vertex"] = "any"
    affective: Literal["taken", "refused at setup", "refused at first send"] = "taken"
    code_execution: bool = False
    blocking_by_default: bool = True
    takes_blocking: bool = True
    takes_scheduling: bool = True
    joined: bool = False  # audio and its transcript in one message (gemini.md#23)
    role: bool = False  # modelTurn.role (gemini.md#32)
    opening: int = 0  # empty serverContent messages before an answer (gemini.md#31)
    beats: bool = False  # an empty message before most audio (gemini.md#32)
    activity: Sheet = "none"
    whole_transcript: bool = False
    transcribes_unasked: bool = False
    handle_at_setup: bool = False
    handle_after_result: bool = False
    cut_by_text: bool = False
    refuses_input_during_call: bool = False
    call_ends_generation: bool = False  # generationComplete and turnComplete once the call is made (gemini.md#41)
    tells_status: bool = False  # interactionStatus (gemini.md#28)
    call_id: str = "function-call-"
    counts_thoughts: bool = False
    takes_no_role: bool = True


NATIVE_25 = LiveModel("", refuses_input_during_call=True)
HALF_CASCADE = LiveModel(
    "",
    modalities=("AUDIO", "TEXT"),
    thinks_aloud=False,
    code_execution=True,
    refuses_input_during_call=True,
)
THREE = LiveModel(
    "",
    "3.1",
    thinks_aloud=False,
    affective="refused at setup",
    joined=True,
    opening=2,
    activity="beside",
    whole_transcript=True,
    transcribes_unasked=True,
    handle_after_result=True,
    cut_by_text=True,
    call_id="fc_",
    takes_no_role=False,
)
THREE_8 = replace(
    THREE,
    generation="3.8",
    affective="refused at first send",
    thinking="no level",
    blocking_by_default=False,
    role=True,
    opening=1,
    beats=True,
    activity="alone",
    handle_at_setup=True,
    counts_thoughts=True,
)
EXTENDED = replace(
    THREE_8,
    thinking="level required",
    takes_blocking=False,
    takes_scheduling=False,
    tells_status=True,
)
ROBOTICS = replace(THREE, generation="robotics", modalities=("TEXT",))

_STUDIO = {
    "gemini-2.5-flash-native-audio-preview-09-2025": NATIVE_25,
    "gemini-2.5-flash-native-audio-preview-12-2025": NATIVE_25,
    "gemini-2.5-flash-native-audio-latest": NATIVE_25,
    "gemini-live-2.5-flash-preview": HALF_CASCADE,
    "gemini-3.1-flash-live-preview": THREE,
    "gemini-3.8-live": THREE_8,
    "gemini-3.8-live-extended-thinking": EXTENDED,
    "gemini-robotics-er-2-streaming-preview": ROBOTICS,
}
_VERTEX = {
    "gemini-live-2.5-flash": replace(HALF_CASCADE, thinking="no level on vertex", call_ends_generation=True),
    "gemini-live-2.5-flash-native-audio": NATIVE_25,
    "gemini-3.1-flash-live-preview": THREE,
    "gemini-3.8-live": THREE_8,
    "gemini-3.8-live-extended-thinking": EXTENDED,
}
STUDIO = {name: replace(model, name=name) for name, model in _STUDIO.items()}
VERTEX = {name: replace(model, name=name, vertex=True) for name, model in _VERTEX.items()}
DEFAULT = "gemini-2.5-flash-native-audio-preview-12-2025"


def model_named(name: str, *, vertex: bool) -> LiveModel:
    """What is known of a model, or of the generation that its name speaks of."""
    known = (VERTEX if vertex else STUDIO).get(name)
    if known is not None:
        return known
    if "3.8" in name:
        base = EXTENDED if "thinking" in name else THREE_8
    elif "3.1" in name or "-3" in name:
        base = THREE
    elif "robotics" in name:
        base = ROBOTICS
    elif "native" in name:
        base = NATIVE_25
    else:
        base = HALF_CASCADE
    return replace(base, name=name, vertex=vertex)
