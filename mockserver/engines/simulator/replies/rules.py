"""Replies by rule: the first rule whose conditions all hold answers. Conditions look at the context only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Literal

from mockserver.core.typed import check, checked
from mockserver.engines.simulator.replies.recall import Recall
from mockserver.engines.simulator.replies.reply import Context, Replier, Said, Unanswered
from mockserver.engines.simulator.replies.rule import Pattern, Rule
from mockserver.engines.simulator.voice.known_sound import KnownSound

SHOWN = 80
"""Characters of the user's words in what is said of a context that no rule answers."""


class Rules:
    """The first rule that holds answers; without one, ``otherwise`` does (by default ``Recall()``).

    Takes rules, or a mapping from user words (a text, or a compiled expression) to replies. ``otherwise="fail"``: the
    response fails, and so does the test, with the rule that was nearest. ``transcripts``: what is said in audio that is
    not ours, as in ``simulator(transcripts=...)``. ``source``: what the rules are called in what is said of them.
    """

    @checked("Rules")
    def __init__(
        self,
        rules: Iterable[Rule] | Mapping[str, Said] | Mapping[re.Pattern[str], Said] | Mapping[Pattern, Said],
        *,
        otherwise: Replier | Literal["fail"] | None = None,
        transcripts: Iterable[str | KnownSound | None] = (),
        source: str = "",
    ) -> None:
        if isinstance(rules, Mapping):
            self.rules = [Rule(reply, user=pattern) for pattern, reply in rules.items()]
        else:
            self.rules = list(rules)
        self.otherwise: Replier | Literal["fail"] = otherwise or Recall()
        given = tuple(transcripts)
        self.source = source
        # What came as an iterator could not be looked at before.
        check("Rules", "rules", self.rules, list[Rule])
        check("Rules", "transcripts", given, tuple[str | KnownSound | None, ...])
        clips = dict.fromkeys(rule.audio for rule in self.rules if rule.audio is not None)
        self.transcripts = (*given, *(clip for clip in clips if clip not in given))
        self._used: Counter[int] = Counter()

    def for_session(self) -> Rules:
        """The same rules for one session, in which ``times`` counts from nothing."""
        return Rules(self.rules, otherwise=self.otherwise, transcripts=self.transcripts, source=self.source)

    def __call__(self, context: Context) -> Said | Awaitable[Said]:
        """The reply of the first rule that holds."""
        for number, rule in enumerate(self.rules, 1):
            if not self._misses(number, rule, context):
                self._used[number] += 1
                return rule.answer(context)
        if self.otherwise == "fail":
            raise Unanswered(self._unanswered(context))
        return self.otherwise(context)

    def _misses(self, number: int, rule: Rule, context: Context) -> list[str]:
        spent = rule.times is not None and self._used[number] >= rule.times
        return rule.misses(context) + ["times"] * spent

    def _unanswered(self, context: Context) -> str:
        """Which context no rule answers, and which rule was nearest."""
        named = f" of {self.source}" if self.source else ""
        words = context.user if len(context.user) <= SHOWN else context.user[:SHOWN] + "..."
        said = f"no rule{named} matches the user's words {words!r}"
        missing = [(self._misses(number, rule, context), number) for number, rule in enumerate(self.rules, 1)]
        if not missing:
            return f"{said}: there are no rules; add one, or otherwise: recall"
        misses, number = min(missing, key=lambda one: (len(one[0]), one[1]))
        rule = self.rules[number - 1]
        wanted = ", ".join(f"{name}={getattr(rule, name)!r}" for name in misses)
        return f"{said}: the nearest is rule {number}, where {wanted} does not hold; change it or add one"

    def __repr__(self) -> str:
        return f"Rules({len(self.rules)} rules)"

    @classmethod
    def from_yaml(cls, text: str, *, source: str = "replies", sound: Callable[[str], bytes] | None = None) -> Rules:
        """Rules from the text of a YAML file (docs/simulator.md has the format). SpecError where it is wrong.

        ``sound``: the bytes of a WAV file that it names.
        """
        from mockserver.engines.simulator.replies.replies_yaml import parse_replies

        given: dict[str, Any] = parse_replies(text, source, sound)
        return cls(given["rules"], otherwise=given["otherwise"], transcripts=given["transcripts"], source=source)
