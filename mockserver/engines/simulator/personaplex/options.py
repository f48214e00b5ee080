"""The settings of the PersonaPlex simulator beside those of every simulator."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Literal

from mockserver.core.typed import Name, NotNegativeInt, Positive, PositiveInt
from mockserver.engines.simulator.options import Settings as CommonSettings
from mockserver.engines.simulator.options import SimulatorOptions

VOICES = tuple(
    f"{kind}{n}.pt" for kind, most in (("NATF", 4), ("NATM", 4), ("VARF", 5), ("VARM", 5)) for n in range(most)
)
"""The files of the release (personaplex.md#18)."""


class PlexMisbehaviour(StrEnum):
    """Faults of the server's own state, for negative controls. Each one that acts writes a note into the journal."""

    LOCK_MISSING = "lock_missing"  # two clients are spoken to at once
    EARLY_AUDIO_HEARD = "early_audio_heard"  # audio that came before the handshake byte is heard
    TEXT_LOST = "text_lost"  # no text is sent


@dataclass(frozen=True, slots=True)
class PersonaPlexOptions(SimulatorOptions):
    """Every setting."""

    SWITCHES: ClassVar[tuple[str, ...]] = tuple(PlexMisbehaviour)

    max_session_s: Positive = 365 * 86_400  # the server has no limit
    # Unknown: how long the prompts take until the handshake byte; it depends on the GPU (personaplex.md#14).
    prompts_ms: NotNegativeInt = 1_000
    # The files that a voice can be; None: those of the release.
    voices: Collection[Name] | None = None
    # A seed made the handler raise, and is read at another commit (personaplex.md#3, personaplex.md#17).
    seed: Literal["read", "raises"] = "read"
    # Unknown: whether bytes that are no Ogg-Opus end the conversation; it depends on the codec's version.
    bad_opus: Literal["close", "ignore"] = "close"
    # Unknown, the model's business: who begins, when a turn of the user's is over, and whether speech stops the model.
    first_speaker: Literal["agent", "user"] = "user"
    turn_silence_ms: PositiveInt = 500
    yields: bool = True


class PersonaPlexSettings(CommonSettings, total=False):
    """What ``simulator`` takes for this provider, for mypy. ``PersonaPlexOptions`` says what each is."""

    prompts_ms: NotNegativeInt
    voices: Collection[Name] | None
    seed: Literal["read", "raises"]
    bad_opus: Literal["close", "ignore"]
    first_speaker: Literal["agent", "user"]
    turn_silence_ms: PositiveInt
    yields: bool
