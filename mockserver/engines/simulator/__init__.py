"""A stateful model of a realtime provider, with its rules and its errors.

See docs/simulator.md and docs/fidelity.md.
"""

from mockserver.engines.simulator.openai.engine import Simulator
from mockserver.engines.simulator.options import Misbehaviour, Options, Pace
from mockserver.engines.simulator.replies.reply import (
    Context,
    Failure,
    McpCall,
    Recall,
    Replier,
    Reply,
    Said,
    Scripted,
    Seen,
    Silence,
    ToolCall,
)
from mockserver.engines.simulator.replies.rules import Rule, Rules
from mockserver.engines.simulator.source import Source, simulator

__all__ = [
    "Context",
    "Failure",
    "McpCall",
    "Misbehaviour",
    "Options",
    "Pace",
    "Recall",
    "Replier",
    "Reply",
    "Rule",
    "Rules",
    "Said",
    "Scripted",
    "Seen",
    "Silence",
    "Simulator",
    "Source",
    "ToolCall",
    "simulator",
]
