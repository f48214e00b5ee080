"""What a websocket of aiohttp has read already, without a wait.

``receive`` returns at once where a message is there. Whether one is there it does not say: so it is begun, and where it
wants to wait, that wait is kept for who asks next.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any

from aiohttp import ClientWebSocketResponse, WSMessage, WSMsgType

from mockserver.core.frames import LONG

TOGETHER = 64 * 1024
"""Characters of text that go on together: as much as one read brings."""


class Messages:
    """The messages of one websocket, in order: ``await messages`` is the next one. ``waited``: that one came later."""

    __slots__ = ("_back", "_begun", "_receive", "_wants", "waited")

    def __init__(self, ws: ClientWebSocketResponse) -> None:
        self._receive = ws.receive
        self._begun: Coroutine[Any, Any, WSMessage] | None = None
        self._wants: Any = None  # what that waits for
        self._back: WSMessage | None = None
        self.waited = False

    def texts(self, first: str) -> list[str]:
        """A text with those that are there behind it, as far as nothing else is between and none is ``LONG``."""
        texts, size = [first], len(first)
        while size < TOGETHER:
            message = self._ready()
            if message is None:
                break
            if message.type is not WSMsgType.TEXT or len(message.data) >= LONG:
                self._back = message
                break
            texts.append(message.data)
            size += len(message.data)
        return texts

    def close(self) -> None:
        """Nobody will ask any more."""
        if self._begun is not None:
            self._begun.close()
            self._begun = None

    def _ready(self) -> WSMessage | None:
        if self._begun is not None:
            return None
        coming = self._receive()
        try:
            self._wants = coming.send(None)
        except StopIteration as there:
            message: WSMessage = there.value
            return message
        self._begun = coming
        return None

    def __await__(self) -> Generator[Any, Any, WSMessage]:
        self.waited = False
        there = self._back or self._ready()
        if there is not None:
            self._back = None
            return there
        begun, wants = self._begun, self._wants
        assert begun is not None
        self._begun = self._wants = None
        self.waited = True
        while True:
            try:
                try:
                    word = yield wants
                except BaseException as error:  # noqa: BLE001 - the wait is cancelled, and so is what was begun
                    wants = begun.throw(error)
                else:
                    wants = begun.send(word)
            except StopIteration as came:
                message: WSMessage = came.value
                return message
