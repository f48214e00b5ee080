"""What a provider of one's own is made from. ``docs/add-a-provider.md`` builds one.

from mockserver.providers import Dialect, Life, register
"""

from __future__ import annotations

from mockserver.core.frames import Accept, Effect, Event, Handshake, Hangup, Micros, Opened, Received, Sender, Text
from mockserver.core.view import Audio, Kind, View
from mockserver.dialects.base import Dialect, MatchRules, parse
from mockserver.dialects.keys import Keys
from mockserver.dialects.life import Life
from mockserver.engines.base import Engine, Inspection, SessionContext
from mockserver.engines.simulator.common import Provider, SimulatorSource
from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.desk_engine import DeskEngine
from mockserver.engines.simulator.options import SimulatorOptions
from mockserver.engines.simulator.providers import HOMES, register
from mockserver.errors import UsageError

GROUP = "mockserver.providers"
"""The group of entry points by which an installed package makes its providers known."""


def installed(*needed: str) -> None:
    """Make the providers of installed packages known, once. UsageError where one cannot be loaded.

    ``needed``: where all of these can be simulated already, nothing is looked for.
    """
    if needed and HOMES.keys() >= set(needed):
        return
    from importlib.metadata import entry_points

    for entry in entry_points(group=GROUP):
        try:
            entry.load()
        except Exception as error:
            raise UsageError(
                f"provider {entry.name!r} of an installed package cannot be loaded "
                f"({entry.value}): {type(error).__name__}: {error}"
            ) from error


__all__ = [
    "Accept",
    "Audio",
    "Desk",
    "DeskEngine",
    "Dialect",
    "Effect",
    "Engine",
    "Event",
    "Handshake",
    "Hangup",
    "Inspection",
    "Keys",
    "Kind",
    "Life",
    "MatchRules",
    "Micros",
    "Opened",
    "Provider",
    "Received",
    "Sender",
    "SessionContext",
    "SimulatorOptions",
    "SimulatorSource",
    "Text",
    "View",
    "installed",
    "parse",
    "register",
]
