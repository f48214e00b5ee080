"""A stateful model of a realtime provider, with its rules and its errors.

docs/simulator.md says how to use it, docs/fidelity.md how well each rule is known.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mockserver.engines.simulator.common import Provider, SimulatorSource
from mockserver.engines.simulator.openai.options import Misbehaviour
from mockserver.engines.simulator.options import Pace, SimulatorOptions
from mockserver.engines.simulator.replies.recall import Recall
from mockserver.engines.simulator.replies.reply import (
    Context,
    Failure,
    McpCall,
    Replier,
    Reply,
    Said,
    Seen,
    Silence,
    ToolCall,
)
from mockserver.engines.simulator.replies.scripted import Scripted
from mockserver.engines.simulator.several import Several, together
from mockserver.engines.simulator.source import simulator

if TYPE_CHECKING:
    from mockserver.engines.simulator.replies.rule import Rule
    from mockserver.engines.simulator.replies.rules import Rules

Source = SimulatorSource[Any]
"""What ``simulator`` returns, as a user annotates it."""

__all__ = [
    "Context",
    "Failure",
    "McpCall",
    "Misbehaviour",
    "Pace",
    "Provider",
    "Recall",
    "Replier",
    "Reply",
    "Rule",
    "Rules",
    "Said",
    "Scripted",
    "Seen",
    "Several",
    "Silence",
    "SimulatorOptions",
    "SimulatorSource",
    "Source",
    "ToolCall",
    "simulator",
    "together",
]

_LATER = {"Rule": "rule", "Rules": "rules"}
"""What most servers start without."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.replies.{_LATER[name]}"), name)
