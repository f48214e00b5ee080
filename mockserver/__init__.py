"""A wire-level test double for realtime voice APIs. See README.md.

The public names are resolved when first used, so that ``import mockserver`` (and the pytest plugin) costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mockserver.version import __version__ as __version__

if TYPE_CHECKING:
    from mockserver import assertions as assertions
    from mockserver import errors as errors
    from mockserver import faults as faults
    from mockserver import providers as providers
    from mockserver import replies as replies
    from mockserver import speech as speech
    from mockserver.cassette.model import Cassette as Cassette
    from mockserver.core.journal import Journal as Journal
    from mockserver.engines.script.source import script as script
    from mockserver.engines.simulator import Misbehaviour as Misbehaviour
    from mockserver.engines.simulator import Pace as Pace
    from mockserver.engines.simulator import Recall as Recall
    from mockserver.engines.simulator import Rules as Rules
    from mockserver.engines.simulator import Scripted as Scripted
    from mockserver.engines.simulator import simulator as simulator
    from mockserver.engines.simulator import together as together
    from mockserver.server.host import MockServer as MockServer
    from mockserver.server.sources import relay as relay
    from mockserver.server.sources import replay as replay
    from mockserver.server.virtual import virtual_time as virtual_time
    from mockserver.sweeping.driver import sweep as sweep

_HOME = {
    "Cassette": "mockserver.cassette.model",
    "Journal": "mockserver.core.journal",
    "Misbehaviour": "mockserver.engines.simulator",
    "MockServer": "mockserver.server.host",
    "Pace": "mockserver.engines.simulator",
    "Recall": "mockserver.engines.simulator",
    "Rules": "mockserver.engines.simulator",
    "Scripted": "mockserver.engines.simulator",
    "relay": "mockserver.server.sources",
    "replay": "mockserver.server.sources",
    "script": "mockserver.engines.script.source",
    "simulator": "mockserver.engines.simulator",
    "sweep": "mockserver.sweeping.driver",
    "together": "mockserver.engines.simulator",
    "virtual_time": "mockserver.server.virtual",
}
_MODULES = ("assertions", "errors", "faults", "providers", "replies", "speech")

__all__ = [
    "Cassette",
    "Journal",
    "Misbehaviour",
    "MockServer",
    "Pace",
    "Recall",
    "Rules",
    "Scripted",
    "assertions",
    "errors",
    "faults",
    "providers",
    "relay",
    "replay",
    "replies",
    "script",
    "simulator",
    "speech",
    "sweep",
    "together",
    "virtual_time",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"mockserver.{name}")
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'mockserver' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
