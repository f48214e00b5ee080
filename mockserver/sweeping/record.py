"""What is known of one run of a scenario under faults: values only, so that they travel between processes.

Times are microseconds of the run's virtual clock, counted from its begin.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from mockserver.core.frames import SECOND, Micros

Outcome = Literal["ok", "partial", "wrong", "raised", "hung"]
_MINTED = re.compile(
    r"0x[0-9a-fA-F]{4,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|"
    r"\b((?:[A-Za-z]+_)*)(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{12,}\b"
)
MOST_TOLD = 200
TOLD_US: Micros = 5 * SECOND
"""So long after a turn that gave part of its words an error still tells of it."""
Released = Literal["", "by a later turn", "within 25 minutes", "never"]


@dataclass(slots=True)
class TurnRecord:
    """One turn of the test. ``heard``: what it gave, as text; None where it gave no text."""

    name: str
    began: Micros
    ended: Micros = 0
    outcome: Outcome = "ok"
    heard: str | None = None
    error: str = ""
    released: Released = ""
    connected: bool = True
    """Whether a client was still connected at its end."""
    struck: bool = False
    """Whether a fault struck while it was on its way."""
    asked: int = 0
    """How often clients had asked to connect before it."""
    own: bool = True
    """One that the test itself has; False: the opening or the closing of the client."""


@dataclass(slots=True)
class RunRecord:
    """One run. ``fired``: when a fault struck; ``own_us``: what the faults themselves delay at most."""

    faults: tuple[str, ...] = ()
    fired: list[Micros] = field(default_factory=list)
    own_us: Micros = 0
    turns: list[TurnRecord] = field(default_factory=list)
    reports: list[tuple[Micros, str]] = field(default_factory=list)
    handshakes: list[tuple[Micros, int]] = field(default_factory=list)
    """When a client asked to connect, and the status it was answered with (0: none)."""
    ended: Micros = 0
    raised: tuple[Micros, str] | None = None
    """What the test raised outside of its turns."""
    crashes: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    tools: dict[str, int] = field(default_factory=dict)
    trouble: str = ""
    """Why the run says nothing about the client."""
    died: str = ""
    """How the client ended its process, if it did."""
    wire: str = ""
    """A digest of all frames with ids masked."""
    calls_over: list[str] = field(default_factory=list)
    """Tools that were called more often than the test allows."""


def steady(text: str, port: int | None) -> str:
    """What somebody tells, on one line and the same in every run: no port, no addresses of objects, no minted ids."""
    said = _MINTED.sub(lambda found: f"{found[1] or ''}...", " ".join(text[: 10 * MOST_TOLD].split()))
    return (said if port is None else said.replace(f":{port}", ":PORT"))[:MOST_TOLD]
