"""The default replier: it says back all that it can see, so that a leak into the context becomes audible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from mockserver.core.typed import checked
from mockserver.engines.simulator.replies.reply import Context, Said, Seen, ToolCall

LONGEST = 16_384
"""Characters that are said at most: about the 4,096 tokens that a model gives in one answer (openai.md#212)."""
BAR = " | "
"""Between the things that Recall remembers. It is spoken as a word of its own, so no word on either side is changed."""


class Recall:
    """Says back everything that it can see: instructions that are not the model's own, then each item in order.

    So a leak of any text into the context becomes audible. Each text is said once, however often it is in the context
    (its own earlier replies hold what it has said before). One thing is left out:

    - Assistant messages that a *client* put at the end of the context are not said. They are context, not words to be
      spoken: the model takes them as what it has said already (openai.md#131). Anywhere else they are history, and are
      said.

    It says 16,384 characters at most, as a model's answer has an end: the newest of what it sees.

    Audio that it cannot make out is told of by its length. Where tool_choice demands a call, it calls: the tool named,
    or the first one, with the newest user words (as many as are said at most) as every text argument.

    ``instructions``: "all" says the session's and the response's, "own" only those that a response was given itself (an
    agent's long prompt is then not read out in every reply), "none" neither.
    """

    @checked("Recall")
    def __init__(self, *, instructions: Literal["all", "own", "none"] = "all") -> None:
        self.instructions = instructions

    def __call__(self, context: Context) -> Said:
        """The reply."""
        call = _demanded(context)
        if call is not None:
            return call
        items = list(context.items)
        held_back = 0
        while items and items[-1].role == "assistant" and items[-1].origin == "client":
            items.pop()
            held_back += 1
        said: dict[str, None] = {}  # in order, each once
        wanted = {"all": context.own_instructions, "own": context.instructed, "none": False}[self.instructions]
        own = [context.instructions] if wanted else []
        for text in [*own, *(text for item in items for text in _texts(item))]:
            for piece in text[: LONGEST + 1].split(BAR):
                line = " ".join(piece.split())
                if line and line not in FILLERS:
                    said[line] = None
        if said:
            return BAR.join(_newest(list(said)))
        return ALREADY_SAID if held_back else NOTHING_SEEN

    def __repr__(self) -> str:
        return f"Recall(instructions={self.instructions!r})"


NOTHING_SEEN = "My context is empty."
ALREADY_SAID = "That is said already."
FILLERS = (NOTHING_SEEN, ALREADY_SAID)


def _newest(said: list[str]) -> list[str]:
    """The last of some texts, as far as they may be said; the first of these may be cut at its end."""
    left = LONGEST
    for place in range(len(said) - 1, -1, -1):
        if len(said[place]) >= left:
            cut = said[place][:left].rstrip()
            return [cut, *said[place + 1 :]] if cut else said[place + 1 :]
        left = max(0, left - len(said[place]) - len(BAR))
    return said


def _texts(item: Seen) -> Iterable[str]:
    if item.type == "function_call":
        yield f"{item.name} {item.arguments}"
    elif item.type == "function_call_output":
        yield item.output
    elif item.audio_ms and not item.text and item.role == "user":
        yield f"{item.audio_ms} ms of audio"
    else:
        yield item.text


def _demanded(context: Context) -> ToolCall | None:
    """The call that tool_choice demands, or None."""
    choice = context.tool_choice
    named = choice.get("name") if isinstance(choice, Mapping) else None
    if named is None and choice != "required":
        return None
    # A model that has just been given a tool's output answers it; "required" means a call in any case (openai.md#128).
    for tool in context.tools:
        if tool.get("type") == "function" and named in (None, tool.get("name")):
            return ToolCall(str(tool["name"]), _arguments(tool, context.user[:LONGEST]))
    return None


def _arguments(tool: Mapping[str, Any], words: str) -> dict[str, Any]:
    """The smallest arguments that the tool's schema allows."""
    parameters = tool.get("parameters") or {}
    properties = parameters.get("properties") or {}
    return {name: _value(properties.get(name) or {}, words) for name in parameters.get("required", ())}


def _value(schema: Mapping[str, Any], words: str) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return _arguments({"parameters": schema}, words)
    plain: dict[Any, Any] = {
        "integer": schema.get("minimum", 0),
        "number": schema.get("minimum", 0),
        "boolean": False,
        "array": [],
        "null": None,
    }
    return plain.get(kind, words)
