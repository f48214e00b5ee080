"""What a fault does: the kinds of action, and the words by which each is called."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import ClassVar, Literal

from mockserver.core.frames import Sender
from mockserver.dialects.base import Dialect
from mockserver.dialects.registry import FAMILIAR
from mockserver.errors import UsageError
from mockserver.faults.body import Body, Run
from mockserver.faults.spec import Pattern

Aims = Literal["frames", "moment", "handshake"]
Blame = Literal["provider", "network", "broken"]
"""Who does such a thing: the provider as it is known (then a numbered fact says so), the network between (which takes
in proxies and gateways), or only a server that is broken."""


@dataclass(frozen=True, slots=True)
class Action:
    """What a fault does. A kind of action is a frozen dataclass with these class variables.

    ``syntax`` is its pattern (``faults.spec``); ``on`` are the events it is about where none are named, as names or as
    marks that the session's dialect knows events for (``dialects.life.Mark``); ``aims`` says whether it is about
    frames, a moment or a handshake; ``since`` is what its gate counts from unless told. In ``example`` the name of a
    mark in braces stands for such an event: "{begin}".

    For whoever looks for faults to try: ``tries`` are values worth trying, as words of the action, with marks as in
    ``example`` and ``{field}`` for a field of the event at hand; None stands for the action's bare words. ``either``:
    it makes sense for frames of both sides, else for those of ``sender`` alone. ``only``: it makes sense at the events
    of ``on`` alone; elsewhere it would be another fault under its name. ``blame``: who does such a thing, where the
    dialect cites no fact for it (``Dialect.does``).
    """

    syntax: ClassVar[str] = ""
    about: ClassVar[str] = ""
    example: ClassVar[str] = ""
    group: ClassVar[str] = ""
    aims: ClassVar[Aims] = "frames"
    on: ClassVar[tuple[str, ...]] = ("*",)
    sender: ClassVar[Sender] = Sender.SERVER
    since: ClassVar[str | None] = None
    tries: ClassVar[tuple[str, ...] | None] = None
    either: ClassVar[bool] = False
    only: ClassVar[bool] = False
    blame: ClassVar[Blame] = "broken"
    pattern: ClassVar[Pattern]

    def start(self, run: Run) -> Body:
        """A body for one session."""
        raise NotImplementedError

    def check(self, dialect: Dialect) -> None:
        """UsageError where this provider cannot do what the action is about."""

    @property
    def events(self) -> tuple[str, ...]:
        """The events that its own words name, and that have to exist."""
        return ()

    @classmethod
    def shown_example(cls, dialect: Dialect = FAMILIAR) -> str:
        """The example, with events of this provider."""
        return cls.example.format_map(dialect.example_events())

    @property
    def words(self) -> str:
        """The action as words of the one syntax."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        defaults = {item.name: item.default for item in fields(self) if item.default is not MISSING}
        return self.pattern.write(values, defaults)


ACTIONS: dict[tuple[str, ...], type[Action]] = {}
"""Every kind of action by its first words."""


def register(kind: type[Action]) -> type[Action]:
    """Make a kind of action known: its syntax can be read from here on."""
    kind.pattern = Pattern(kind.syntax)
    words = kind.pattern.first_words
    if not words or words in ACTIONS:
        raise UsageError(f"{kind.__name__}: its syntax must begin with words of its own, got {kind.syntax!r}")
    ACTIONS[words] = kind
    return kind
