"""Replies by rule: the first rule whose conditions all hold answers. Conditions look at the context only."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mockserver.core.typed import Name, PositiveInt, check, check_fields, checked
from mockserver.engines.simulator.replies.reply import Context, Recall, Replier, Said, as_reply

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


class Rules:
    """The first rule that holds answers; without one, ``otherwise`` does (by default ``Recall()``).

    Takes rules, or a mapping from user words (a text, or a compiled expression) to replies. ``transcripts``:
    what is said in audio that is not ours, as in ``simulator(transcripts=...)``.
    """

    @checked("Rules")
    def __init__(
        self,
        rules: Iterable[Rule] | Mapping[str, Said] | Mapping[re.Pattern[str], Said] | Mapping[Pattern, Said],
        *,
        otherwise: Replier | None = None,
        transcripts: Iterable[str | None] = (),
    ) -> None:
        if isinstance(rules, Mapping):
            self.rules = [Rule(reply, user=pattern) for pattern, reply in rules.items()]
        else:
            self.rules = list(rules)
        self.otherwise = otherwise or Recall()
        self.transcripts = tuple(transcripts)
        # What came as an iterator could not be looked at before.
        check("Rules", "rules", self.rules, list[Rule])
        check("Rules", "transcripts", self.transcripts, tuple[str | None, ...])

    def __call__(self, context: Context) -> Said | Awaitable[Said]:
        """The reply of the first rule that holds."""
        for rule in self.rules:
            if rule.holds(context):
                return rule.reply(context) if callable(rule.reply) else rule.reply
        return self.otherwise(context)

    def __repr__(self) -> str:
        return f"Rules({len(self.rules)} rules)"

    @classmethod
    def from_yaml(cls, text: str, *, source: str = "replies") -> Rules:
        """Rules from the text of a YAML file (docs/simulator.md has the format). SpecError where it is wrong."""
        from mockserver.engines.simulator.replies.replies_yaml import parse_replies

        given: dict[str, Any] = parse_replies(text, source)
        return cls(given["rules"], otherwise=given["otherwise"], transcripts=given["transcripts"])
