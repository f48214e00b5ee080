"""Recording: a server whose engine's wire goes to a cassette, frame by frame, while the session runs.

    async with Recording(relay("openai"), "cassettes/weather.cassette") as recording:
        ...                                   # clients use recording.server.base_url
    print(recording.saved, recording.figures())

Any source can be recorded; with a relay it is the real service. What faults do to the client is no part of it. A frame
is written to disk before the session goes on, so a killed recorder leaves everything that the client had received.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mockserver.cassette.model import Exchange
from mockserver.cassette.store import Recorder
from mockserver.core.entry import Entry
from mockserver.core.frames import LONG, Binary, Micros, Sender, Text
from mockserver.engines.base import Dialling, Source
from mockserver.errors import CassetteError, ExpectationFailed, UpstreamError
from mockserver.server.aside import Hands
from mockserver.server.failures import failure
from mockserver.server.host import MockServer

AT_ONCE = 2 << 20
"""Bytes that are redacted, checked and moved into place in about a second, also on a busy machine."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What has been recorded so far. Frames and bytes are of text and binary messages; ``seconds`` since the start."""

    sessions: int = 0
    running: int = 0
    frames_from_client: int = 0
    bytes_from_client: int = 0
    frames_from_server: int = 0
    bytes_from_server: int = 0
    exchanges: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        sessions = f"{self.sessions} session{'' if self.sessions == 1 else 's'}"
        if self.exchanges:
            sessions += f", {self.exchanges} plain call{'' if self.exchanges == 1 else 's'}"
        return (
            f"{sessions}, {self.frames_from_client} frames ({_size(self.bytes_from_client)}) from the client, "
            f"{self.frames_from_server} frames ({_size(self.bytes_from_server)}) from the server, {self.seconds:.1f} s"
        )


class Recording:
    """A server and its recorder. ``options`` are ``MockServer``'s; ``saved`` is the cassette once it is written.

    Raises at once what would only fail at the end: CassetteExists, UsageError, CassetteError.
    """

    def __init__(
        self,
        source: Source,
        path: str | Path,
        *,
        origin: str = "",
        audio: Any = "keep",
        overwrite: bool = False,
        redactor: Any = None,
        rules: Any = None,
        **options: Any,
    ) -> None:
        self.server = MockServer(source, **options)
        self.saved: Path | None = None
        self.left: Path | None = None
        """Where the recording is that was too long to be finished in a hurry."""
        self.hurry = False
        """Asked to stop: a long recording is left for the next command that opens it."""
        self.recorder = Recorder(
            path,
            dialect=source.dialect,
            upstream=source.upstream if isinstance(source, Dialling) else "",
            origin=origin,
            audio=audio,
            overwrite=overwrite,
            redactor=redactor,
            journal=self.server.journal,
            rules=rules,
            faults=self.server.fault_specs(),
        )
        self._counts = {Sender.CLIENT: [0, 0], Sender.SERVER: [0, 0]}
        self._ticking = False
        self._refused: list[ExpectationFailed] = []
        self.server.recorders.taps.append(_Sink(self))
        self.server.recorders.on_exchange.append(self._exchange)
        self.server.recorders.keeper = self.recorder

    @property
    def failures(self) -> list[UpstreamError]:
        """What the upstream refused or failed to do."""
        source = self.server.source
        return list(source.failures) if isinstance(source, Dialling) else []

    @property
    def problems(self) -> list[ExpectationFailed]:
        """What went wrong in the recording itself, a full disk for example."""
        return [*self.server.problems(), *self._refused]

    def figures(self) -> Figures:
        """How much has been recorded."""
        client, server = self._counts[Sender.CLIENT], self._counts[Sender.SERVER]
        sessions = self.server.journal.sessions
        return Figures(
            len(sessions),
            sum(not log.ended for log in sessions),
            client[0],
            client[1],
            server[0],
            server[1],
            self.recorder.exchanges,
            self.server.elapsed_us / 1_000_000,
        )

    async def __aenter__(self) -> Self:
        try:
            await self.server.start()
        except BaseException:
            self.recorder.discard()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close(ended="clean" if kind is None else f"interrupted by {kind.__name__}")

    async def close(self, *, ended: str = "clean", outlast: bool = True) -> Path | None:
        """End the server, then finish the cassette. Raises what ``Recorder.close`` raises, SecretFound for example.

        ``outlast``: whether an upstream may end what it was saying as a fault ended its client's connection.
        """
        running = self.figures().running
        if ended == "clean" and running:
            ended = f"stopped while {running} session{' was' if running == 1 else 's were'} running"
        await self.server.close(outlast=outlast and not self.hurry)
        if self.hurry and self.recorder.written > AT_ONCE:
            self.left = self.recorder.leave(ended=ended, faults=self.server.fault_specs(fired=True))
            if self.left is not None:
                return None
        self.saved = self.recorder.close(ended=ended, faults=self.server.fault_specs(fired=True))
        return self.saved

    def hear(self, entry: Entry) -> None:
        """One entry of a session."""
        self.recorder.keep(entry)
        self._tick_soon()
        what = entry.what
        if entry.sender is not None and (type(what) is Text or type(what) is Binary):
            count = self._counts[entry.sender]
            count[0] += 1
            data = what.data
            count[1] += len(data) if isinstance(data, bytes) or data.isascii() else len(data.encode())

    def hear_texts(self, session: int, at: Micros, texts: Sequence[str]) -> None:
        """Text frames of a session's server that came together."""
        self.recorder.keep_texts(session, at, texts)
        self._tick_soon()
        count = self._counts[Sender.SERVER]
        count[0] += len(texts)
        count[1] += sum([len(text) if text.isascii() else len(text.encode()) for text in texts])

    def _tick_soon(self) -> None:
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_soon(self._tick)

    def _tick(self) -> None:
        """What the last turn of the loop has brought is in the file, also where nothing of it has left yet."""
        self._ticking = False
        try:
            self.recorder.commit()
        except CassetteError as error:
            if not any(str(error) in str(problem) for problem in self.problems):  # no session has said so
                self._refused.append(failure("the recording", error))

    def _exchange(self, exchange: Exchange) -> Awaitable[None] | None:
        if len(exchange.body) + len(exchange.request) < LONG:
            self.recorder.exchange(exchange)
            return None
        return self._exchange_aside(exchange)

    async def _exchange_aside(self, exchange: Exchange) -> None:
        """A long body is looked at by the thread; its client waits, others do not."""
        hands = Hands(self.server.recorders.thread)
        clean = await asyncio.get_running_loop().run_in_executor(hands, lambda: self.recorder.cleaned(exchange))
        self.recorder.put_exchange(clean)


class _Sink:
    """What a recording hears."""

    def __init__(self, recording: Recording) -> None:
        self._hear, self.texts = recording.hear, recording.hear_texts

    def __call__(self, entry: Entry) -> None:
        self._hear(entry)


def _size(count: int) -> str:
    if count < 10_000:
        return f"{count} B"
    return f"{count / 1e3:.0f} kB" if count < 10_000_000 else f"{count / 1e6:.1f} MB"
