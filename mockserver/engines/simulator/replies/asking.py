"""Asking the replier, which may answer at once or as an awaitable, and may fail: the engine stays pure."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mockserver.core.frames import Ask, Effect
from mockserver.engines.simulator.replies.reply import (
    Context,
    CountsPerSession,
    Failure,
    Replier,
    Reply,
    Unanswered,
    as_reply,
)


class Paper(Protocol):
    """What asking needs of a session's desk."""

    def push(self, effect: Effect) -> None: ...
    def note(self, kind: str, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class _Asking:
    """A question whose answer is awaited."""

    what: str
    then: Callable[[Reply], None]
    wanted: Callable[[], bool]


class Asking:
    """``contexts``: all that the replier ever saw, in order. ``failed``: told what a replier that raised said."""

    def __init__(self, desk: Paper, replier: Replier, *, failed: Callable[[str], None]) -> None:
        self.desk = desk
        given: object = replier  # a function, or an object that is called and may do more
        self.replier: Replier = given.for_session() if isinstance(given, CountsPerSession) else replier
        self.failed = failed
        self.contexts: list[Context] = []
        self._open: dict[int, _Asking] = {}

    def ask(
        self, context: Context, what: str, then: Callable[[Reply], None], wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """Ask, and call ``then`` with the reply, now or when the awaitable has ended and it is still ``wanted``.

        ``what`` names the turn in what is said of a replier that raised; then the reply is a ``Failure``.
        """
        self.contexts.append(context)
        try:
            said = self.replier(context)
        except Exception as error:  # noqa: BLE001 - a user's function may raise anything; the test is told
            then(self._broken(what, error))
            return
        if inspect.isawaitable(said):
            token = len(self.contexts)
            self._open[token] = _Asking(what, then, wanted)
            self.desk.push(Ask(token, said))
            return
        then(self._read(what, said))

    def told(self, token: int, value: object, failure: BaseException | None) -> None:
        """The awaitable of a replier has come to an end."""
        question = self._open.pop(token, None)
        if question is None or not question.wanted():
            return
        question.then(self._broken(question.what, failure) if failure is not None else self._read(question.what, value))

    def _read(self, what: str, said: object) -> Reply:
        try:
            return as_reply(said)
        except ValueError as error:
            return self._broken(what, error)

    def _broken(self, what: str, error: BaseException) -> Reply:
        """The client sees a turn that failed; the test sees why."""
        if isinstance(error, Unanswered):
            text = f"{what}: {error}"
        else:
            text = f"replier {self.replier!r} raised {type(error).__name__} for {what}: {error}"
        self.desk.note("simulator", text)
        self.failed(text)
        return Reply(failure=Failure())
