"""What the Python scripts here have in common. The standard library only: some run in environments of their own."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

RATE = 24_000
QUIET_S = 15
"""How long a script waits for a reply."""
PAUSE_S = 5
BREATH_S = 1
"""Between what the user heard and what the user says next."""
MEANWHILE_S = 5
"""How long a model may take that has said that it checks."""
GAP_S = 0.5
"""Silence that ends an utterance, where the wire has no end of one."""
LOST_S = 2
"""The same of nothing at all: a busy machine may keep sound waiting."""


class Over(Exception):
    """The session has ended."""


class Caller(Protocol):
    """A session of a client. ``calls`` and ``told`` are filled as it goes on."""

    calls: list[dict[str, Any]]
    told: list[str]

    async def say(self, words: str) -> None:
        """The user says or writes this."""

    async def turn(self) -> dict[str, Any]:
        """The next utterance of the model, to its end. Over: the session ends before it."""

    async def heard(self, seconds: float) -> None:
        """Until so much of the utterance that is going on was heard."""


def pcm_of(folder: Path, words: str, rate: int = RATE) -> bytes:
    """The user's voice."""
    return (folder / f"{words}.{rate}.pcm").read_bytes()


def told(said: str, pcm: bytes, interrupted: bool = False, rate: int = RATE) -> dict[str, Any]:
    """One utterance as it is printed."""
    return {"said": said.strip(), "audio": base64.b64encode(pcm).decode(), "rate": rate, "interrupted": interrupted}


def pointed(provider: str) -> None:
    """In this process clients that have their service's address in their code go where the environment says."""
    from mockserver.dialects.pointing import PointTarget
    from mockserver.dialects.registry import dialect_named

    points, url = dialect_named(provider).points, os.environ["MOCKSERVER_URL"]
    trusted = os.environ.get("NODE_EXTRA_CA_CERTS")
    if points is not None:
        ca = None if trusted is None else Path(trusted).read_bytes()
        points(PointTarget(url, "ws" + url.removeprefix("http"), ca, setattr))


class Line:
    """A caller for clients that leave playing and recording to their application.

    A microphone that stays open from the user's first words on, and what came in of the utterance that is going on.
    ``rate`` is that of the model's audio, ``spoken`` of the user's. ``gap``: nothing but silence ends an utterance.
    """

    def __init__(self, folder: Path, *, rate: int = RATE, spoken: int = RATE, gap: bool = False) -> None:
        self.calls: list[dict[str, Any]] = []
        self.told: list[str] = []
        self.interrupted = False
        self._folder, self._rate, self.spoken, self._gap = folder, rate, spoken, gap
        self._waiting = b""
        self._opened = asyncio.Event()
        self._pcm, self._text, self._silent, self._last = b"", "", 0, 0.0
        self._turns: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    # --- what the script tells ---

    def hear(self, pcm: bytes) -> None:
        """Audio of the model's."""
        if not pcm:
            return
        loud = any(pcm)
        self._silent = 0 if loud else self._silent + len(pcm)
        if self._gap and not loud and not self._pcm:
            return
        self._pcm += pcm
        self._last = asyncio.get_running_loop().time()
        if self._gap and self._silent >= 2 * self._rate * GAP_S:
            self.end()

    def read(self, text: str) -> None:
        """Words of the model's."""
        self._text += text

    def end(self) -> None:
        """The utterance has ended. One of which nothing was heard was none."""
        if self._pcm:
            self._turns.put_nowait(told(self._text, self._pcm, self.interrupted, self._rate))
        self._pcm, self._text, self._silent, self.interrupted = b"", "", 0, False

    def over(self, why: str) -> None:
        """The session has ended, or the client tells of an error."""
        self.told.append(why)
        self._turns.put_nowait(None)

    def called(self, name: str, args: dict[str, Any]) -> str:
        """A tool is called; its output."""
        self.calls.append({"name": name, "args": args})
        return "foggy"

    @property
    def pending(self) -> int:
        """Bytes heard of the utterance that is going on."""
        return len(self._pcm)

    # --- what the steps ask for ---

    async def say(self, words: str) -> None:
        self._opened.set()
        self._waiting += pcm_of(self._folder, words, self.spoken)

    async def turn(self) -> dict[str, Any]:
        found = await self._turns.get()
        if found is None:
            raise Over
        return found

    async def heard(self, seconds: float) -> None:
        while len(self._pcm) < 2 * self._rate * seconds:  # noqa: ASYNC110 - it grows by itself
            await asyncio.sleep(0.02)

    async def microphone(self, send: Callable[[bytes], Awaitable[Any]]) -> None:
        """100 ms each 100 ms, from the user's first words until it is cancelled."""
        await self._opened.wait()
        size, loop = self.spoken // 10 * 2, asyncio.get_running_loop()
        due = loop.time()
        while True:
            chunk, self._waiting = self._waiting[:size].ljust(size, b"\0"), self._waiting[size:]
            await send(chunk)
            if self._gap and self._pcm and loop.time() - self._last > LOST_S:
                self.end()  # a client that hands on no silence, or a connection that was cut
            due += 0.1
            await asyncio.sleep(max(0.0, due - loop.time()))


class Loud(Line):
    """A line for audio that comes faster than it plays: a loudspeaker plays it, and can be emptied."""

    def __init__(self, folder: Path, *, rate: int = RATE, spoken: int = RATE) -> None:
        super().__init__(folder, rate=rate, spoken=spoken)
        self._piece = rate // 10 * 2
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    def receive(self, pcm: bytes) -> None:
        """Audio of the model's, to be played."""
        for at in range(0, len(pcm), self._piece):
            self._queue.put_nowait(pcm[at : at + self._piece])

    def done(self) -> None:
        """The utterance ends with what is there."""
        self._queue.put_nowait(None)

    def cut(self) -> None:
        """The user has interrupted: what is not played is thrown away."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self.interrupted = bool(self.pending)
        self.end()

    async def loudspeaker(self) -> None:
        """Until it is cancelled."""
        while True:
            piece = await self._queue.get()
            if piece is None:
                self.end()
            else:
                self.hear(piece)
                await asyncio.sleep(len(piece) / (2 * self._rate))


async def walk(caller: Caller, steps: list[str], *, speaks_meanwhile: bool = False) -> dict[str, Any]:
    """The steps, and what was heard in each. It stops where the session ends or nothing comes.

    ``speaks_meanwhile``: the model says something while its tool works; what it says last is taken.
    """
    seen: dict[str, Any] = {"calls": caller.calls, "told": caller.told}
    step = ""
    try:
        for step in steps:
            async with asyncio.timeout(QUIET_S):
                match step:
                    case "turn":
                        await caller.say("good morning")
                        seen["turn"] = await caller.turn()
                    case "tool":
                        await asyncio.sleep(BREATH_S)
                        await caller.say("how is the weather")
                        seen["tool"] = await caller.turn()
                        with suppress(TimeoutError):
                            while speaks_meanwhile:
                                seen["tool"] = await asyncio.wait_for(caller.turn(), MEANWHILE_S)
                    case "barge_in":
                        await asyncio.sleep(BREATH_S)
                        await caller.say("count for me")
                        await caller.heard(1)
                        await caller.say("stop please")
                        seen["cut"] = await caller.turn()
                        seen["after"] = await caller.turn()
                    case "again":
                        await caller.say("stop please")
                        seen["again"] = await caller.turn()
                    case "pause":
                        await asyncio.sleep(PAUSE_S)
                    case "wait":
                        await caller.turn()
                    case other:
                        raise ValueError(other)
    except TimeoutError:
        seen["timeout"] = step
    except Over:
        pass
    return seen


@asynccontextmanager
async def beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """What goes on beside a conversation, and ends with it."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def main(opened: Callable[[str, Path], AbstractAsyncContextManager[Caller]]) -> None:
    """Runs a script: ``opened(provider, folder)`` is its session."""

    async def run() -> dict[str, Any]:
        provider, folder, *steps = sys.argv[1:]
        async with opened(provider, Path(folder)) as caller:
            return await walk(caller, steps or ["turn", "tool", "barge_in"], speaks_meanwhile=provider == "gpt_live")

    print(json.dumps(asyncio.run(run())))
