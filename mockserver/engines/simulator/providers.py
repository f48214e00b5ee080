"""Which providers can be simulated, and where each lives.

A new one is a line in ``dialects.registry``: its dialect says in which room of this folder its simulated server is.
"""

from __future__ import annotations

from importlib import import_module

from mockserver.dialects.base import Dialect
from mockserver.dialects.registry import DIALECTS, claim, meant
from mockserver.engines.simulator.common import Provider
from mockserver.errors import UsageError

HOMES = {name: dialect.simulator for name, dialect in DIALECTS.items() if dialect.simulator}
"""The providers that can be simulated, and the room of each, loaded when asked for: no start waits for all."""


def provider_named(name: str) -> Provider:
    """A provider by the name of its dialect. UsageError where nobody simulates it."""
    if name not in HOMES:
        raise UsageError(f"simulator({name!r}): expected one of {', '.join(sorted(HOMES))}{meant(name, HOMES)}")
    home = HOMES[name]
    if isinstance(home, Provider):
        return home
    found: Provider = import_module(f"{__package__}.{home}.source").PROVIDERS[name]
    return found


def register(dialect: Dialect, simulated: Provider | None = None) -> None:
    """Make a provider known that is not part of the package: its wire, and where given its simulated server.

    From here on it is recorded, replayed and simulated by its name like any other. UsageError where the name is taken.
    """
    claim(dialect)
    if simulated is not None:
        HOMES[dialect.name] = simulated
