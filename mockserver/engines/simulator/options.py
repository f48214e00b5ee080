"""How any simulator is set: pace, habits that nobody outside the provider knows, and switches that make it misbehave.

A provider's own settings are a subclass of ``SimulatorOptions`` in its room.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypedDict

from mockserver.core.typed import Limit, Name, NotNegative, Positive, check_fields
from mockserver.engines.simulator.voice.known_sound import KnownSound
from mockserver.errors import UsageError


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the model works, in milliseconds. What is known: openai.md#124 to openai.md#126.

    ``created_ms``: from the request to ``response.created``. ``first_ms``: from there to the first output (the probe
    saw 476 ms in all, at 320 ms of network). ``text_ms``: between text deltas. ``audio_speed``: seconds of audio sent
    per second; None sends all at once. ``piece_ms``: audio per delta. ``transcription_ms``: from a commit to its first
    transcription event, and between them. ``rate_limits_ms``: after response.done (43 ms in the probe).
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

    def before(self, after_ms: float | None) -> float:
        """Milliseconds before a reply's first output. ``after_ms``: what the reply itself says, or None."""
        return self.first_ms if after_ms is None else after_ms


PACES = {
    "instant": Pace(),
    "natural": Pace(20, 300, 6, 4.0, 200, 120, 43, 900),
    "realtime": Pace(20, 300, 6, 1.0, 200, 120, 43, 900),
}
PaceName = Literal["instant", "natural", "realtime"]

_PREFIX = re.compile(r"(/(?!\.\.?(?:/|$))(?:[^\s/?#*%\\]|%[0-9A-Fa-f]{2})+)+")
"""Segments that a client sends as they stand here: it would resolve ``..`` and ``//``, and take ``%zz`` for no path."""

Prefix = Annotated[
    str,
    Limit(
        'that is empty or a path such as "/gateway"',
        lambda text: text == "" or bool(_PREFIX.fullmatch(text)),
    ),
]

CloseCode = Annotated[
    int,
    Limit(
        "that a server may send (1000 to 1003, 1007 to 1014, 3000 to 4999)",
        lambda code: code in range(1000, 1004) or code in range(1007, 1015) or code in range(3000, 5000),
    ),
]
"""A close code that a server of a websocket may send where all is well (RFC 6455 section 7.4)."""

Transcripts = Sequence[str | KnownSound | None] | Callable[[bytes], str | None]
"""What is said in audio that is not ours: one text per utterance in order, clips that are known whenever they come, or
a function of its PCM16 (24 kHz, of G.711 8 kHz). None: nobody can make it out, so its transcription fails."""


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """The settings that every simulator has. ``SWITCHES``: the names that ``misbehave`` takes."""

    SWITCHES: ClassVar[tuple[str, ...]] = ()

    model: Name | None = None  # where the client names none; None: the provider's own default
    pace: Pace = PACES["natural"]
    transcripts: Transcripts = ()
    misbehave: frozenset[str] = frozenset()
    # True: any key; False: none needed; or exactly these
    require_key: bool | frozenset[Name] = True
    models: Collection[Name] | None = None  # names that exist; None: whatever looks like a model of the provider's
    max_session_s: Positive = 3600
    at: Prefix = ""  # before all of the provider's paths, as a gateway has it ("/gateway"); "" for none
    # Unknown: a provider's voice detector is a model. Ours compares the level of 32 ms of audio with threshold x this.
    vad_full_scale: Positive = 0.02

    def __post_init__(self) -> None:
        check_fields(self, "simulator")


class Settings(TypedDict, total=False):
    """What ``simulator`` takes for any provider beside its named arguments: fields of ``SimulatorOptions``.

    That class says what each is and checks them; here they are for mypy, and tests/engines/simulator/test_settings.py
    keeps the two alike.
    """

    transcripts: Transcripts
    models: Collection[Name] | None
    max_session_s: Positive
    at: Prefix
    vad_full_scale: Positive


def pace_of(pace: PaceName | Pace) -> Pace:
    """A pace by name, or as given."""
    if isinstance(pace, Pace):
        return pace
    if str(pace) not in PACES:
        raise UsageError(f"pace={pace!r}: expected one of {', '.join(PACES)}, or a Pace")
    return PACES[pace]


def misbehaviours(names: str | Collection[str], known: Collection[str]) -> frozenset[str]:
    """Switches by name. UsageError for one that this provider's simulator does not have."""
    given = [names] if isinstance(names, str) else list(names)
    # No name has a comma: "a,b" is how a command line lists them.
    wanted = [part.strip() for name in given for part in str(name).split(",")]
    for name in wanted:
        if name not in set(known):
            expected = f"one of {', '.join(known)}" if known else "none: this simulator has no such switch"
            raise UsageError(f"misbehave={str(name)!r}: expected {expected}")
    return frozenset(wanted)
