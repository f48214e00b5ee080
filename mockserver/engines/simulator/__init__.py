"""A stateful model of a realtime provider, with its rules and its errors.

docs/simulator.md says how to use it, docs/fidelity.md how well each rule is known.
"""

from typing import Any

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
from mockserver.engines.simulator.replies.rule import Rule
from mockserver.engines.simulator.replies.rules import Rules
from mockserver.engines.simulator.replies.scripted import Scripted
from mockserver.engines.simulator.several import Several, together
from mockserver.engines.simulator.source import simulator

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
