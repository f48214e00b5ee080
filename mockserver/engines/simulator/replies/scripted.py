"""Replies in a fixed order."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable

from mockserver.core.typed import checked
from mockserver.engines.simulator.replies.reply import Context, Replier, Said, as_reply
from mockserver.errors import UsageError


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
