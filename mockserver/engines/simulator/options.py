"""How a simulator is set: pace, habits that nobody outside the provider knows, and switches that make it misbehave."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Literal, TypedDict

from mockserver.core.typed import Limit, Name, NotNegative, Positive, PositiveInt, check_fields
from mockserver.errors import UsageError


class Misbehaviour(StrEnum):
    """Faults of the server's own state, for negative controls. Each one that acts writes a note into the journal."""

    OOB_LEAKS = "oob_leaks"  # output of an out-of-band response enters the conversation
    METADATA_DROPPED = "metadata_dropped"  # response.metadata is not echoed
    CANCEL_IGNORED = "cancel_ignored"  # a cancelled response goes on to its end
    TRUNCATE_IGNORED = "truncate_ignored"  # truncation is confirmed but nothing is cut
    TWO_ACTIVE = "two_active"  # a second response is started in the conversation while one is active


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the model works, in milliseconds. What is known: openai.md#124 to openai.md#126.

    ``created_ms``: from the request to ``response.created``. ``first_ms``: from there to the first output (the
    probe saw 476 ms in all, at 320 ms of network). ``text_ms``: between text deltas. ``audio_speed``: seconds
    of audio sent per second; None sends all at once. ``piece_ms``: audio per delta. ``transcription_ms``: from
    a commit to its first transcription event, and between them. ``rate_limits_ms``: after response.done (43 ms
    in the probe).
    ``late_error_ms``: how late the error about an empty commit comes (820 to 1000 ms, openai.md#77).
    """

    created_ms: NotNegative = 0
    first_ms: NotNegative = 0
    text_ms: NotNegative = 0
    audio_speed: Positive | None = None
    piece_ms: Annotated[int, Limit("of at least 20", lambda ms: bool(ms >= 20))] = 200
    transcription_ms: NotNegative = 0
    rate_limits_ms: NotNegative = 0
    late_error_ms: NotNegative = 0

    def __post_init__(self) -> None:
        check_fields(self, "Pace")


PACES = {
    "instant": Pace(),
    "natural": Pace(20, 300, 6, 4.0, 200, 120, 43, 900),
    "realtime": Pace(20, 300, 6, 1.0, 200, 120, 43, 900),
}
PaceName = Literal["instant", "natural", "realtime"]

Transcripts = Sequence[str | None] | Callable[[bytes], str | None]
"""What is said in audio that is not ours: one text per utterance in order, or a function of its PCM16 (24 kHz, of G.711
8 kHz). None: nobody can make it out, so its transcription fails."""

McpTool = Annotated[Mapping[str, Any], Limit("with the tool's name", lambda tool: isinstance(tool.get("name"), str))]
McpServers = Mapping[str, Sequence[McpTool]]
"""Remote MCP servers that can be reached, by label, with their tools ({"name": ..., "input_schema": ...})."""


@dataclass(frozen=True, slots=True)
class Options:
    """Every setting of a simulator. The defaults are what is known; where nothing is known, the comment says so."""

    model: Name | None = None  # where the handshake names none; None: the profile's
    pace: Pace = PACES["natural"]
    transcripts: Transcripts = ()
    misbehave: frozenset[Misbehaviour] = frozenset()
    # True: any key; False: none needed; or exactly these
    require_key: bool | frozenset[Name] = True
    models: Collection[Name] | None = None  # names that exist; None: whatever looks like a realtime model
    max_session_s: Positive = 3600  # openai.md#25
    # Unknown: whether conversation.item.added and .done are sent for output outside the conversation (openai.md#176).
    announce_out_of_band: bool = False
    # Unknown: whether a truncated item keeps the transcript of what was heard ("cut") or none at all ("deleted").
    truncated_transcript: Literal["cut", "deleted"] = "cut"
    # Unknown: whether xAI's conversation.item.deleted names the item ("kept") or not ("empty", xai.md#32).
    deleted_item_id: Literal["kept", "empty"] = "kept"
    # Unknown: the provider's voice detector is a model. Ours compares the level of 32 ms of audio with
    # threshold x this.
    vad_full_scale: Positive = 0.02
    # Unknown: how much silence lets semantic VAD end a turn that sounds finished.
    # Of audio that is not ours it takes twice as much.
    semantic_pause_ms: PositiveInt = 256
    mcp: McpServers = field(default_factory=dict)
    rate_limit_tokens: PositiveInt = 40_000  # the account's limit of tokens per minute
    instructions: str | None = None  # the model's default instructions, where they are not the provider's
    session: Mapping[str, object] = field(default_factory=dict)  # merged over the provider's defaults at the start

    def __post_init__(self) -> None:
        check_fields(self, "simulator")


class Settings(TypedDict, total=False):
    """What ``simulator`` takes beside its named arguments: fields of ``Options``, which says what each is.

    ``Options`` checks them; here they are for mypy, and tests/engines/simulator/test_settings.py keeps the two alike.
    """

    transcripts: Transcripts
    models: Collection[Name] | None
    max_session_s: Positive
    announce_out_of_band: bool
    truncated_transcript: Literal["cut", "deleted"]
    deleted_item_id: Literal["kept", "empty"]
    vad_full_scale: Positive
    semantic_pause_ms: PositiveInt
    mcp: McpServers
    rate_limit_tokens: PositiveInt
    instructions: str | None
    session: Mapping[str, object]


def pace_of(pace: PaceName | Pace) -> Pace:
    """A pace by name, or as given."""
    if isinstance(pace, Pace):
        return pace
    if pace not in PACES:
        raise UsageError(f"pace={pace!r}: expected one of {', '.join(PACES)}, or a Pace")
    return PACES[pace]


def misbehaviours(names: str | Collection[str]) -> frozenset[Misbehaviour]:
    """Switches by name."""
    wanted = [names] if isinstance(names, str) else list(names)
    try:
        return frozenset(Misbehaviour(name) for name in wanted)
    except ValueError:
        known = ", ".join(Misbehaviour)
        bad = next(name for name in wanted if name not in set(Misbehaviour))
        raise UsageError(f"misbehave={bad!r}: expected one of {known}") from None
