"""One rule: conditions on the context, and the reply where all of them hold."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mockserver.core.typed import Name, PositiveInt, check_fields
from mockserver.engines.simulator.replies.expression import Expression
from mockserver.engines.simulator.replies.reply import Context, McpCall, Reply, Said, ToolCall, as_reply
from mockserver.engines.simulator.voice.known_sound import KnownSound
from mockserver.errors import UsageError

Pattern = str | re.Pattern[str] | Expression
"""A text is looked for as it is, whatever the case; an expression is searched for."""
Patterns = Pattern | Sequence[Pattern]
"""Several: each must be found."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. A condition that is None holds always; ``reply`` may be a replier of its own.

    ``user``: the newest user words, where the model answers them; where it answers a tool's output (the last item) it
    does not hold, or a call would call itself, unless ``output`` is a condition too. ``said``: user words before those,
    however long ago; a text is a regular expression here. ``instructions``: those in force. ``output``: of the newest
    tool call, where it is the last item. ``audio``: the newest user words were said in this clip (``transcripts`` need
    not name it then). Each of the four may be a list: all of it must be found. ``tool``: a tool of
    this name is offered. ``metadata``: these keys have these values (None: the key is there). ``turn``: 1 for the
    session's first response. ``out_of_band``: conversation "none". ``times``: how often it answers in one session.

    ``{1}`` in the texts and arguments of the reply is what the first group of the expressions matched, counted through
    ``said``, ``user``, ``instructions``, ``output``; ``{name}`` that of a named group.
    """

    reply: Said | Callable[[Context], Said | Awaitable[Said]]
    user: Patterns | None = None
    instructions: Patterns | None = None
    output: Patterns | None = None
    tool: Name | None = None
    metadata: Mapping[str, str | None] = field(default_factory=dict)
    turn: PositiveInt | None = None
    out_of_band: bool | None = None
    said: Patterns | None = None
    audio: KnownSound | None = None
    times: PositiveInt | None = None

    def __post_init__(self) -> None:
        if not callable(self.reply):
            as_reply(self.reply)  # a wrong reply fails where it is written
        check_fields(self, "Rule")
        if self.audio is not None and not _words(self.audio):
            raise UsageError("Rule: audio: expected a KnownSound with words, by which the rule knows it")
        said = [Expression(one) if isinstance(one, str) else one for one in _several(self.said)]
        object.__setattr__(self, "said", tuple(said) or None)

    def holds(self, context: Context) -> bool:
        """Whether every condition holds."""
        return not self.misses(context)

    def misses(self, context: Context) -> list[str]:
        """The conditions that do not hold, by name."""
        output = _output(context)
        checks = {
            "said": all(_found_in(pattern, _earlier(context)) is not None for pattern in _several(self.said)),
            "user": self.user is None
            or (_all_in(self.user, context.user) and (output is None or self.output is not None)),
            "audio": self.audio is None or _heard(context) == _words(self.audio),
            "instructions": _all_in(self.instructions, context.instructions),
            "output": self.output is None or (output is not None and _all_in(self.output, output)),
            "tool": self.tool is None or any(tool.get("name") == self.tool for tool in context.tools),
            "metadata": all(
                key in context.metadata and value in (None, context.metadata[key])
                for key, value in self.metadata.items()
            ),
            "turn": self.turn is None or self.turn == context.turn,
            "out_of_band": self.out_of_band is None or self.out_of_band is context.out_of_band,
        }
        return [name for name, held in checks.items() if not held]

    def answer(self, context: Context) -> Said | Awaitable[Said]:
        """The reply, with what the groups of its conditions matched."""
        if callable(self.reply):
            return self.reply(context)
        filled = _groups(self, context)
        return _filled(as_reply(self.reply), filled) if filled else self.reply


def _several(patterns: Patterns | None) -> Sequence[Pattern]:
    if patterns is None:
        return ()
    return (patterns,) if isinstance(patterns, str | re.Pattern | Expression) else patterns


def _output(context: Context) -> str | None:
    last = context.items[-1] if context.items else None
    return last.output if last is not None and last.type == "function_call_output" else None


def _earlier(context: Context) -> list[str]:
    """The user's words before the newest, the newest of them first."""
    words = [item.text for item in context.items if item.role == "user" and item.text]
    if words and words[-1] == context.user:
        words.pop()
    return words[::-1]


def _heard(context: Context) -> list[str] | None:
    """The words of the newest user item, where it is sound and the model answers it."""
    last = next((item for item in reversed(context.items) if item.type == "message"), None)
    spoken = last is not None and last.role == "user" and (last.origin == "audio" or last.audio_ms > 0)
    return last.text.split() if last is not None and spoken and _output(context) is None else None


def _words(clip: KnownSound) -> list[str]:
    return (clip.words or "").split()


def _all_in(patterns: Patterns | None, text: str) -> bool:
    return all(_found(pattern, text) is not None for pattern in _several(patterns))


def _found_in(pattern: Pattern, texts: Sequence[str]) -> Mapping[str, str] | None:
    return next((found for text in texts if (found := _found(pattern, text)) is not None), None)


def _found(pattern: Pattern, text: str) -> Mapping[str, str] | None:
    """What each group matched, by number and by name; None where the pattern is not there."""
    if isinstance(pattern, str):
        return {} if pattern.casefold() in text.casefold() else None
    found = pattern.search(text)
    if found is None:
        return None
    if isinstance(found, re.Match):
        groups, names = found.groups(""), pattern.groupindex if isinstance(pattern, re.Pattern) else {}
    else:
        groups, names = found.groups, found.names
    return {str(number): group for number, group in enumerate(groups, 1)} | {
        name: groups[number - 1] for name, number in names.items()
    }


def _groups(rule: Rule, context: Context) -> dict[str, str]:
    """All groups of a rule that holds, numbered through its conditions."""
    places: list[tuple[Patterns | None, Sequence[str]]] = [
        (rule.said, _earlier(context)),
        (rule.user, [context.user]),
        (rule.instructions, [context.instructions]),
        (rule.output, [_output(context) or ""]),
    ]
    filled: dict[str, str] = {}
    count = 0
    for patterns, texts in places:
        for pattern in _several(patterns):
            found = _found_in(pattern, texts) or {}
            for name, group in found.items():
                filled[str(count + int(name)) if name.isdecimal() else name] = group
            count += sum(name.isdecimal() for name in found)
    return filled


_HOLE = re.compile(r"\{(\w+)\}")


def _filled(reply: Reply, groups: Mapping[str, str]) -> Reply:
    """A reply with its holes filled. What looks like a hole and names no group stays as it is."""

    def text(words: str) -> str:
        return _HOLE.sub(lambda hole: groups.get(hole[1], hole[0]), words)

    def arguments(given: Mapping[str, object] | str) -> Mapping[str, object] | str:
        if isinstance(given, str):  # JSON already: what goes in is escaped
            return _HOLE.sub(lambda hole: json.dumps(groups[hole[1]])[1:-1] if hole[1] in groups else hole[0], given)
        return {name: text(value) if isinstance(value, str) else value for name, value in given.items()}

    def call(one: ToolCall | McpCall) -> ToolCall | McpCall:
        return replace(one, arguments=arguments(one.arguments))

    return replace(
        reply,
        text=None if reply.text is None else text(reply.text),
        texts=tuple(map(text, reply.texts)),
        calls=tuple(map(call, reply.calls)),
    )
