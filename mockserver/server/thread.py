"""A server with a loop of its own in a thread: for synchronous clients, subprocesses and other languages."""

from __future__ import annotations

import asyncio
import os
import threading
from types import TracebackType
from typing import Generic, TypeVar

from mockserver.errors import ServerError
from mockserver.server.rim import Startable

S = TypeVar("S", bound=Startable)


class InThread(Generic[S]):
    """``with MockServer(...).in_thread() as server``. Entering returns when the server listens."""

    def __init__(self, server: S) -> None:
        self.server = server
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._pid = 0

    def __enter__(self) -> S:
        self.start()
        return self.server

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if kind is None:
            self.server.verify()

    def start(self) -> None:
        """Start the thread and wait until the server listens; raises what kept it from listening."""
        if self._thread is not None:
            raise ServerError("this server is already running in a thread")
        self._pid = os.getpid()
        self._thread = threading.Thread(target=self._main, name="mockserver", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error

    def close(self) -> None:
        """End running sessions and the thread. In a forked child there is no thread to end, so nothing happens."""
        if self._thread is None or self._loop is None or self._pid != os.getpid():
            return
        if self._thread.is_alive():
            assert self._stop is not None
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._thread = None

    def _main(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._run())

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        try:
            await self.server.start()
        except BaseException as error:  # noqa: BLE001 - carried to the thread that waits for it
            self._error = error
            return
        finally:
            self._ready.set()
        await self._stop.wait()
        await self.server.close()
