"""Replies by rule: the first rule whose conditions all hold answers. Conditions look at the context only."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any

from mockserver.core.typed import check, checked
from mockserver.engines.simulator.replies.recall import Recall
from mockserver.engines.simulator.replies.replies_yaml import parse_replies
from mockserver.engines.simulator.replies.reply import Context, Replier, Said
from mockserver.engines.simulator.replies.rule import Pattern, Rule


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
        given: dict[str, Any] = parse_replies(text, source)
        return cls(given["rules"], otherwise=given["otherwise"], transcripts=given["transcripts"])
