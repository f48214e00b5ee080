"""What the simulated model says: from a context to a reply. Apart from the rules of the provider, and pluggable.

A replier is any callable from ``Context`` to one of: ``Reply``, a text, a ``ToolCall`` or ``McpCall``, a ``Failure``,
a ``Silence``, a list of texts and calls (one message, several calls), None (the model says nothing), or an awaitable of
one of these.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from mockserver.core.typed import Name, NotNegative, NotNegativeInt, check_fields
from mockserver.engines.simulator.voice.known_sound import KnownSound
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

    @property
    def object(self) -> dict[str, Any]:
        """The arguments as an object, for a wire that has one; a text that is none stands under ``arguments``."""
        try:
            value = json.loads(self.json)
        except ValueError:
            value = None
        return value if isinstance(value, dict) else {"arguments": self.json}


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
    """The response fails. ``code``, ``type`` and ``message`` as the provider has them; None: its own for that code.

    A server_error's code is null, though the schema has a string there (openai.md#119).
    """

    code: Name | None = None
    type: Name | None = None
    message: str | None = None

    def __post_init__(self) -> None:
        check_fields(self, "Failure")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model does in one response. ``after_ms``: how long it thinks, where that is not the pace's.

    ``texts``: several messages in the place of ``text``, which is then all of them.
    ``filtered``: the response ends as incomplete, reason content_filter, after the text.
    """

    text: str | None = None
    calls: tuple[ToolCall | McpCall, ...] = ()
    silence: Silence | None = None
    failure: Failure | None = None
    after_ms: NotNegative | None = None
    filtered: bool = False
    texts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self, "Reply")
        if self.texts and self.text is None:
            object.__setattr__(self, "text", " ".join(self.texts))

    @property
    def messages(self) -> tuple[str, ...]:
        """Its texts, each a message of its own where the provider has several in one response."""
        return self.texts or ((self.text,) if self.text else ())

    @property
    def silence_ms(self) -> int:
        """How much silence follows the words; 0 for none."""
        return 0 if self.silence is None else self.silence.ms

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The calls that the client has to make."""
        return [call for call in self.calls if isinstance(call, ToolCall)]


class Unanswered(Exception):
    """Raised by a replier that was told to have no reply to this: the response fails, and the test with these words."""


Said = Reply | str | ToolCall | McpCall | Silence | Failure | Sequence[str | ToolCall | McpCall] | None
Replier = Callable[[Context], Said | Awaitable[Said]]


@runtime_checkable
class CountsPerSession(Protocol):
    """A replier that remembers something of a session, so that each session asks one of its own."""

    def for_session(self) -> Replier:
        """The replier of a session that begins."""


@runtime_checkable
class KnowsSounds(Protocol):
    """A replier that says what is in audio that is not ours, as ``simulator(transcripts=...)`` does."""

    transcripts: Sequence[str | KnownSound | None]


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
            return Reply(texts=tuple(texts), calls=calls)
    raise UsageError(
        f"replier returned {type(value).__name__}: expected a text, a ToolCall, a list of these, Reply, "
        "Silence, Failure or None"
    )
