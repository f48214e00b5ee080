"""What a test asks of its ``realtime_mock``: the marker's arguments, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

import pytest

from mockserver.errors import UsageError

ONE_OF = ("cassette", "simulator", "script")
OF_CASSETTES = ("pacing", "rules", "allow_unplayed", "upstream", "dialect")
"""What only a test with a cassette has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerSettings:
    """The marker's arguments.

    What answers is one of ``cassette`` (a name in the folder ``cassettes`` beside the test file), ``simulator`` (a
    provider's name, or what ``mockserver.simulator()`` returns) and ``script`` (what ``mockserver.script()`` returns);
    in place of a source a function that makes one is taken too. Without any of them it is the cassette with the test's
    own name.
    """

    cassette: str | None = None
    simulator: Any = None
    script: Any = None
    replier: Any = None
    faults: Sequence[Any] = ()
    pacing: str | float = "recorded"
    rules: Any = None
    allow_unplayed: bool | str | Sequence[str] = False
    tls: bool = False
    env: bool = False
    seed: int = 0
    in_loop: bool = False
    virtual_time: bool = False
    upstream: str | None = None
    dialect: str | None = None

    def __post_init__(self) -> None:
        asked = [name for name in ONE_OF if getattr(self, name) is not None]
        if len(asked) > 1:
            raise UsageError(f"marker realtime_mock: {' and '.join(asked)} both say what answers; keep one of them")
        idle = [one.name for one in fields(self) if one.name in OF_CASSETTES and getattr(self, one.name) != one.default]
        if idle and not self.plays_cassette:
            raise UsageError(
                f"marker realtime_mock: {' and '.join(f'{name}=' for name in idle)} would do nothing: "
                f"{'it needs' if len(idle) == 1 else 'they need'} a cassette, and here {asked[0]}= answers"
            )
        self._check_replay()
        if self.replier is not None and self.simulator is None:
            raise UsageError("marker realtime_mock: replier= needs simulator=, it is what the simulator's model says")
        if isinstance(self.faults, str):
            raise UsageError(
                f"marker realtime_mock: faults= is a list, got the string {self.faults!r}; write [{self.faults!r}]"
            )

    def _check_replay(self) -> None:
        """A wrong rule is wrong in every recording mode, not only where the cassette is played."""
        try:
            if self.pacing != "recorded":
                from mockserver.engines.replay.pacing import pacing

                pacing(self.pacing)
            if self.rules is not None:
                from mockserver.dialects.base import MatchRules
                from mockserver.engines.replay.matching import merge_rules

                if not isinstance(self.rules, Mapping):
                    raise UsageError(f"rules={self.rules!r:.60}: expected a dict of match rules")
                merge_rules(MatchRules(), self.rules)
        except UsageError as error:
            raise UsageError(f"marker realtime_mock: {error}") from None

    @property
    def plays_cassette(self) -> bool:
        """Whether a cassette answers."""
        return self.simulator is None and self.script is None


def settings_of(markers: Iterable[pytest.Mark]) -> MarkerSettings:
    """The settings of a test. Of several markers (module, class, function) the closest wins, argument by argument."""
    merged: dict[str, Any] = {}
    for mark in markers:  # closest first
        if mark.args:
            raise UsageError(
                f"marker realtime_mock: takes keywords only, got {mark.args[0]!r}; did you mean cassette=...?"
            )
        _check_names(mark.kwargs)
        closer = any(merged.get(name) is not None for name in ONE_OF)
        other = closer and merged.get("cassette") is None
        for name, value in mark.kwargs.items():
            # A closer word on what answers replaces a farther one, whichever of the three it is.
            # What that is decides what of the rest is of use.
            if not ((closer and name in (*ONE_OF, "replier")) or (other and name in OF_CASSETTES)):
                merged.setdefault(name, value)
    return MarkerSettings(**merged)


def _check_names(given: Mapping[str, Any]) -> None:
    known = [field.name for field in fields(MarkerSettings)]
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, 1)
            meant = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise UsageError(f"marker realtime_mock: unknown argument {name!r}; {meant}")
