"""What a session speaks through, as its pump sees it: the writer, the client's connection, the upstream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from mockserver.core.burst import Burst
from mockserver.core.frames import Binary, Close, Handshake, Lost, Text


class Upstream(Protocol):
    """The other socket of a relay, as the pump sees it."""

    def dial(self, handshake: Handshake) -> None: ...

    def put(self, frame: Text | Binary | Close | Lost) -> None: ...

    def flush_soon(self) -> None: ...

    def drop(self) -> None: ...

    def stop(self) -> None: ...

    @property
    def held(self) -> int: ...

    async def room(self) -> None: ...

    async def finished(self) -> None: ...


def nobody(last: Close | Lost) -> None:
    """Hears that the last frame is written, where whoever wanted to has gone."""


class FrameWriter(Protocol):
    """What writes to the client: the only one that does."""

    taken: int
    shut: bool
    before: Callable[[], bool] | None

    def put(self, frame: Text | Binary | Close | Lost) -> None: ...

    def put_all(self, burst: Burst) -> None: ...

    def flush(self) -> None: ...

    def flush_soon(self) -> None: ...

    def pong(self, payload: bytes) -> None: ...

    @property
    def crowded(self) -> bool: ...

    @property
    def held(self) -> int: ...

    async def room(self) -> None: ...

    def drop(self) -> None: ...

    def stop(self) -> object: ...


class ClientLine(Protocol):
    """The client's connection, as far as a session may end it."""

    def close(self) -> None: ...

    def abort(self) -> None: ...

    def pause_reading(self) -> None: ...

    def get_extra_info(self, name: str, default: Any = None) -> Any: ...


@runtime_checkable
class MediaLine(Protocol):
    """A client's connection that carries audio beside the events."""

    def media(self, word: str) -> None:
        """What becomes of it (``core.frames.Media``)."""
        ...
