"""What a simulated model says: repliers, and what they return. All of it is importable from here.

    from mockserver.replies import Failure, Reply, Rule, Rules, ToolCall

``docs/simulator.md`` says how they work together.
"""

from __future__ import annotations

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
    as_reply,
)
from mockserver.engines.simulator.replies.rule import Rule
from mockserver.engines.simulator.replies.rules import Rules
from mockserver.engines.simulator.replies.scripted import Scripted
from mockserver.engines.simulator.voice.known_sound import KnownSound

__all__ = [
    "Context",
    "Failure",
    "KnownSound",
    "McpCall",
    "Recall",
    "Replier",
    "Reply",
    "Rule",
    "Rules",
    "Said",
    "Scripted",
    "Seen",
    "Silence",
    "ToolCall",
    "as_reply",
]
