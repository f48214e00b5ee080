"""How long replay waits before a recorded frame: as recorded, faster or slower, not at all, or
never longer than a cap.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from mockserver.core.frames import Micros
from mockserver.errors import UsageError

_CAP = re.compile(r"<=\s*(\d+(?:\.\d+)?)\s*(us|ms|s)")
_UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000}


@dataclass(frozen=True, slots=True)
class Pacing:
    """``speed`` 2.0 is twice as fast as recorded, None is at once. ``cap`` bounds each wait, not the sum of them."""

    speed: float | None = 1.0
    cap: Micros | None = None


class Tempo:
    """The recording's clock as it is played. Everything is put on it before anything is compared,
    so whatever came first in the recording comes first at every pace.
    """

    __slots__ = ("_cap", "_recorded", "_shown", "_speed")

    def __init__(self, pacing: Pacing, *, timed: bool = True) -> None:
        self._speed = pacing.speed if timed else None
        self._cap = pacing.cap
        self._recorded: Micros = 0
        self._shown: Micros = 0

    def at(self, recorded: Micros, *, event: bool = True) -> Micros:
        """When something recorded at that time comes. Asked in recorded order.

        A capped wait is one between two events, of either side. Audio is none (``event`` False): it
        comes all the time, and nobody waits for less because of it.
        """
        if self._speed is None:
            return 0
        if self._cap is None:
            return recorded if self._speed == 1.0 else round(recorded / self._speed)
        shown = self._shown + min(max(recorded - self._recorded, 0), self._cap)
        if event:
            self._recorded, self._shown = recorded, shown
        return shown


INSTANT = Pacing(None)


def pacing(value: str | float | Pacing) -> Pacing:
    """A pacing as users write it: "recorded", "instant", a speed factor (2 or "2" or "2x"), or a cap ("<=250ms").

    UsageError where it is none of these.
    """
    if isinstance(value, Pacing):
        return value
    given = value
    if isinstance(value, str):
        if value == "recorded":
            return Pacing()
        if value == "instant":
            return INSTANT
        cap = _CAP.fullmatch(value.strip())
        if cap:
            return Pacing(cap=round(float(cap[1]) * _UNITS[cap[2]]))
        try:
            value = float(value.strip().removesuffix("x"))
        except ValueError:
            value = math.nan
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)  # type: ignore[redundant-expr]  # users are not type checked
        or not (math.isfinite(value) and value > 0)
    ):
        raise UsageError(
            f'pacing {given!r}: expected "recorded", "instant", a speed factor above 0 such as 2, '
            'or a cap such as "<=250ms"'
        )
    return Pacing(float(value))
