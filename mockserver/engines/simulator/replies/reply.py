"""What the simulated model says: from a context to a reply. Apart from the rules of the provider, and pluggable.

A replier is any callable from ``Context`` to one of: ``Reply``, a text, a ``ToolCall`` or ``McpCall``, a ``Failure``,
a ``Silence``, a list of texts and calls (one message, several calls), None (the model says nothing), or an awaitable of
one of these.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mockserver.core.typed import Name, NotNegative, NotNegativeInt, check_fields, checked
from mockserver.errors import UsageError


@dataclass(frozen=True, slots=True)
class Seen:
    """One item as the model sees it. ``text``: its words, of audio what is heard; of a truncated item what was left.

    ``audio_ms``: how much audio it holds. ``origin``: "client" (conversation.item.create or ``input``),
    "audio" (the input buffer) or "response" (the model).
    """

    id: str
    type: str
    role: str | None = None
    text: str = ""
    name: str = ""
    call_id: str = ""
    arguments: str = ""
    output: str = ""
    origin: str = "client"
    audio_ms: int = 0


@dataclass(frozen=True, slots=True)
class Context:
    """All that the model may see when a response begins.

    ``instructions``: those in force; ``own_instructions``: whether they are more than the model's own default ones;
    ``instructed``: whether this response was given them itself, in place of the session's.
    ``items``: the conversation, or the ``input`` of this response in its place. ``user``: the newest user words.
    ``turn``: 1 for the first response of the session. ``out_of_band``: conversation "none".
    """

    instructions: str = ""
    own_instructions: bool = False
    instructed: bool = False
    items: tuple[Seen, ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: Any = "auto"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    turn: int = 1
    user: str = ""
    modalities: tuple[str, ...] = ("audio",)
    out_of_band: bool = False
    response_id: str = ""

    def words(self) -> str:
        """Everything in the context as one text, for tests that look for a leak."""
        parts = [self.instructions if self.own_instructions else ""]
        for item in self.items:
            parts += [item.text, item.name, item.arguments, item.output]
        return "\n".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function call. ``arguments`` is JSON text, or an object that becomes it."""

    name: Name
    arguments: Mapping[str, Any] | str = "{}"
    call_id: str | None = None

    def __post_init__(self) -> None:
        check_fields(self, "ToolCall")

    @property
    def json(self) -> str:
        """The arguments as text."""
        return _json(self.arguments)


@dataclass(frozen=True, slots=True)
class McpCall:
    """A call of a remote MCP tool, which the provider makes itself: ``output`` is what the tool says, or it fails.

    Where the tool's require_approval asks for it, the reply is a request for approval instead.
    """

    server: Name
    name: Name
    arguments: Mapping[str, Any] | str = "{}"
    output: str = ""
    error: str | None = None

    def __post_init__(self) -> None:
        check_fields(self, "McpCall")

    @property
    def json(self) -> str:
        """The arguments as text."""
        return _json(self.arguments)


def _json(arguments: Mapping[str, Any] | str) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Silence:
    """An audio message that says nothing for so long."""

    ms: NotNegativeInt = 1_000

    def __post_init__(self) -> None:
        check_fields(self, "Silence")


@dataclass(frozen=True, slots=True)
class Failure:
    """The response fails (response.done with status "failed"). ``type`` and ``code`` as the provider has them.

    A server_error's code is null, though the schema has a string there (openai.md#119).
    """

    code: Name | None = None
    type: Name = "server_error"

    def __post_init__(self) -> None:
        check_fields(self, "Failure")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model does in one response. ``after_ms``: how long it thinks, where that is not the pace's.

    ``filtered``: the response ends as incomplete, reason content_filter, after the text.
    """

    text: str | None = None
    calls: tuple[ToolCall | McpCall, ...] = ()
    silence: Silence | None = None
    failure: Failure | None = None
    after_ms: NotNegative | None = None
    filtered: bool = False

    def __post_init__(self) -> None:
        check_fields(self, "Reply")


Said = Reply | str | ToolCall | McpCall | Silence | Failure | Sequence[str | ToolCall | McpCall] | None
Replier = Callable[[Context], Said | Awaitable[Said]]


def as_reply(value: object) -> Reply:
    """Anything that a replier may return, as a Reply. UsageError for anything else."""
    match value:
        case Reply():
            return value
        case None:
            return Reply()
        case str():
            return Reply(text=value)
        case ToolCall() | McpCall():
            return Reply(calls=(value,))
        case Silence():
            return Reply(silence=value)
        case Failure():
            return Reply(failure=value)
        case list() | tuple() if all(isinstance(part, str | ToolCall | McpCall) for part in value):
            texts = [part for part in value if isinstance(part, str)]
            calls = tuple(part for part in value if isinstance(part, ToolCall | McpCall))
            return Reply(text=" ".join(texts) if texts else None, calls=calls)
    raise UsageError(
        f"replier returned {type(value).__name__}: expected a text, a ToolCall, a list of these, Reply, "
        "Silence, Failure or None"
    )


BAR = " | "
"""Between the things that Recall remembers. It is spoken as a word of its own, so no word on either side is changed."""


class Recall:
    """Says back everything that it can see: instructions that are not the model's own, then each item in order.

    So a leak of any text into the context becomes audible. Each text is said once, however often it is in the context
    (its own earlier replies hold what it has said before). One thing is left out:

    - Assistant messages that a *client* put at the end of the context are not said. They are context, not words to be
      spoken: the model takes them as what it has said already (openai.md#131). Anywhere else they are history, and are
      said.

    Audio that it cannot make out is told of by its length. Where tool_choice demands a call, it calls: the tool named,
    or the first one, with the newest user words as every text argument.

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
        said: list[str] = []
        wanted = {"all": context.own_instructions, "own": context.instructed, "none": False}[self.instructions]
        own = [context.instructions] if wanted else []
        for text in [*own, *(text for item in items for text in _texts(item))]:
            for piece in text.split(BAR):
                line = " ".join(piece.split())
                if line and line not in said and line not in FILLERS:
                    said.append(line)
        if said:
            return BAR.join(said)
        return ALREADY_SAID if held_back else NOTHING_SEEN

    def __repr__(self) -> str:
        return f"Recall(instructions={self.instructions!r})"


NOTHING_SEEN = "My context is empty."
ALREADY_SAID = "That is said already."
FILLERS = (NOTHING_SEEN, ALREADY_SAID)


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
            return ToolCall(str(tool["name"]), _arguments(tool, context.user))
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


class Scripted:
    """Replies in order, whatever the context; after the last one, ``then`` (by default UsageError: the test ran
    past it)."""

    @checked("Scripted")
    def __init__(self, replies: Iterable[Said], *, then: Replier | None = None) -> None:
        self.replies = [as_reply(reply) for reply in replies]
        self.then = then
        self.used = 0

    def __call__(self, context: Context) -> Said | Awaitable[Said]:
        """The next reply."""
        if self.used < len(self.replies):
            self.used += 1
            return self.replies[self.used - 1]
        if self.then is not None:
            return self.then(context)
        raise UsageError(
            f"Scripted: response {context.turn} has no reply: {len(self.replies)} were given; add one, or then=Recall()"
        )

    def __repr__(self) -> str:
        return f"Scripted({len(self.replies)} replies, {self.used} used)"
