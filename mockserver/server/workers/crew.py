"""The processes of one port, and how one asks another: over sockets of Unix in a folder that nobody else may enter."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from mockserver.core.frames import Pairs, first
from mockserver.engines.base import HttpReply, Request

SECONDS = 5.0
"""What another process gets to answer. One that is being started again does not."""
_HOP = frozenset({"host", "content-length", "transfer-encoding", "connection", "keep-alive", "accept-encoding"})
ORDERED = "X-Mockserver-Ordered"
"""Header of a change of faults that a process hands to the one that orders them."""
MEMBER = "X-Mockserver-Member"
"""Header that says a request is of another process of the crew, and not of a client that it passes on."""


@dataclass(frozen=True, slots=True)
class Crew:
    """``index``: this process, of ``count``. ``folder``: where their sockets are. ``secret``: what they alone know."""

    index: int
    count: int
    folder: Path
    secret: str

    def socket(self, worker: int) -> Path:
        """Where a process listens for the others."""
        return self.folder / f"{worker}.sock"

    @property
    def others(self) -> tuple[int, ...]:
        """All but this one."""
        return tuple(worker for worker in range(self.count) if worker != self.index)

    def member(self, headers: Pairs) -> bool:
        """Whether a request is of another process itself. What a client sends comes over the same sockets."""
        said = first(headers, MEMBER) or ""
        return hmac.compare_digest(said.encode(errors="replace"), self.secret.encode())

    async def ask(
        self, worker: int, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """The answer of one process to a request for ``path``, quoted: HTTP status and JSON.

        OSError, TimeoutError or ValueError where it has none.
        """
        connector = aiohttp.UnixConnector(path=str(self.socket(worker)))
        own = {MEMBER: self.secret, **(headers or {})}
        whole = aiohttp.ClientTimeout(total=SECONDS)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=whole) as http,
                http.request(method, URL(f"http://worker{path}", encoded=True), data=body, headers=own) as answer,
            ):
                return answer.status, json.loads(await answer.read())
        except aiohttp.ClientError as error:
            raise OSError(str(error)) from None

    async def forwarded(self, worker: int, request: Request, target: str) -> HttpReply:
        """The answer of one process to a client's request; 503 where it has none."""
        connector = aiohttp.UnixConnector(path=str(self.socket(worker)))
        kept = [(name, value) for name, value in request.headers if name.lower() not in _HOP]
        host = next((value for name, value in request.headers if name.lower() == "host"), "worker")
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=SECONDS)) as http,
                http.request(
                    request.method,
                    URL(f"http://worker{target}", encoded=True),
                    data=request.body or None,
                    headers=CIMultiDict([*kept, ("Host", host)]),
                ) as answer,
            ):
                body = await answer.read()
                return HttpReply(answer.status, tuple(answer.headers.items()), body)
        except (aiohttp.ClientError, OSError, TimeoutError):
            body = json.dumps({"error": {"message": f"worker {worker}, which knows this, does not answer"}}).encode()
            return HttpReply(503, (("Content-Type", "application/json"),), body)

    async def ask_others(self, method: str, path: str, *, body: bytes = b"") -> dict[int, Any]:
        """What all others answer, by process. One that does not answer is left out."""

        async def one(worker: int) -> tuple[int, Any]:
            try:
                status, answer = await self.ask(worker, method, path, body=body)
            except (OSError, TimeoutError, ValueError):
                return worker, None
            return worker, answer if status < 300 else None

        found = await asyncio.gather(*(one(worker) for worker in self.others))
        return {worker: answer for worker, answer in found if answer is not None}
