"""What a model thinks of: the replier is asked, and its answer begins when the model would have thought of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mockserver.engines.simulator.desk import Desk
from mockserver.engines.simulator.replies.asking import Asking
from mockserver.engines.simulator.replies.reply import Context, Replier, Reply


class Thinking:
    """One thought at a time: a newer one takes the place of the one before. ``failed``: as for ``Asking``."""

    def __init__(self, desk: Desk[Any], replier: Replier, *, failed: Callable[[str], None]) -> None:
        self.desk = desk
        self.asking = Asking(desk, replier, failed=failed)
        self._thought = 0

    def about(self, context: Context, begin: Callable[[Reply], None]) -> None:
        """Think of an answer, and ``begin`` it. The journal calls the turn by ``context.response_id``."""
        self.over()
        mine, pace = self._thought, self.desk.options.pace

        def wanted() -> bool:
            return mine == self._thought

        def told(reply: Reply) -> None:
            self.desk.after(pace.before(reply.after_ms), self, lambda: begin(reply) if wanted() else None)

        self.desk.after(pace.created_ms, self, lambda: self.asking.ask(context, context.response_id, told, wanted))

    def over(self) -> None:
        """What is thought of is not said any more."""
        self._thought += 1
        self.desk.drop(self)
