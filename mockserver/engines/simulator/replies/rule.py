"""One rule: conditions on the context, and the reply where all of them hold."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from mockserver.core.typed import Name, PositiveInt, check_fields
from mockserver.engines.simulator.replies.reply import Context, Said, as_reply

Pattern = str | re.Pattern[str]
"""A text is looked for as it is, whatever the case; a compiled expression is searched for."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. A condition that is None holds always; ``reply`` may be a replier of its own.

    ``user``: the newest user words, where the model answers them; where it answers a tool's output (the last item) it
    does not hold, or a call would call itself, unless ``output`` is a condition too. ``instructions``: those in force.
    ``output``: of the newest tool call, where it is the last item. ``tool``: a tool of this name is offered.
    ``metadata``: these keys have these values (None: the key is there). ``turn``: 1 for the session's first response.
    ``out_of_band``: conversation "none".
    """

    reply: Said | Callable[[Context], Said | Awaitable[Said]]
    user: Pattern | None = None
    instructions: Pattern | None = None
    output: Pattern | None = None
    tool: Name | None = None
    metadata: Mapping[str, str | None] = field(default_factory=dict)
    turn: PositiveInt | None = None
    out_of_band: bool | None = None

    def __post_init__(self) -> None:
        if not callable(self.reply):
            as_reply(self.reply)  # a wrong reply fails where it is written
        check_fields(self, "Rule")

    def holds(self, context: Context) -> bool:
        """Whether every condition holds."""
        return not self.misses(context)

    def misses(self, context: Context) -> list[str]:
        """The conditions that do not hold, by name."""
        last = context.items[-1] if context.items else None
        output = last.output if last is not None and last.type == "function_call_output" else None
        checks = {
            "user": self.user is None
            or (_found(self.user, context.user) and (output is None or self.output is not None)),
            "instructions": self.instructions is None or _found(self.instructions, context.instructions),
            "output": self.output is None or (output is not None and _found(self.output, output)),
            "tool": self.tool is None or any(tool.get("name") == self.tool for tool in context.tools),
            "metadata": all(
                key in context.metadata and value in (None, context.metadata[key])
                for key, value in self.metadata.items()
            ),
            "turn": self.turn is None or self.turn == context.turn,
            "out_of_band": self.out_of_band is None or self.out_of_band is context.out_of_band,
        }
        return [name for name, held in checks.items() if not held]


def _found(pattern: Pattern, text: str) -> bool:
    if isinstance(pattern, str):
        return pattern.casefold() in text.casefold()
    return pattern.search(text) is not None
