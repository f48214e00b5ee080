"""Sessions that live like a fleet of agents on a bad day, against one server, and what is left of them.

Each client opens a session, has text turns and sends audio, and is then cut: by its own close or reset, by a fault of
the server (reset, close, half a response), or by leaving in the middle of a response. Then it comes back.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp

from mockserver import MockServer, simulator
from tests.bench import material

FAULTS = (
    "reset on response.done with probability 10% optional",
    "close 1011 on response.created with probability 5% optional",
    "drop on response.output_text.delta with probability 5% optional",
    "delay 20ms on response.output_item.added with probability 20% optional",
)


@dataclass(slots=True)
class Report:
    """What was done and what was left. Memory is what the process holds, in bytes, after each part."""

    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    files: tuple[int, int] = (0, 0)
    tasks: tuple[int, int] = (0, 0)
    threads: tuple[int, int] = (0, 0)
    memory: list[int] = field(default_factory=list)
    objects: list[int] = field(default_factory=list)
    running: int = 0

    def wrong(self) -> list[str]:
        """What is not flat."""
        found = []
        for name in ("files", "tasks", "threads"):
            before, after = getattr(self, name)
            if after > before:
                found.append(f"{name}: {before} before, {after} after")
        if self.running:
            found.append(f"{self.running} sessions still run")
        if self.memory:
            # A process comes to its size in steps, and gives little back; a leak goes on. So the last third of the
            # parts is held against the third before it.
            third = max(1, len(self.memory) // 3)
            late = median(self.memory[-third:])
            before = median(self.memory[-2 * third : -third] or self.memory[:1])
            if late > 1.1 * before + 20_000_000:
                found.append(f"memory: {before / 1e6:.1f} MB in the middle third, {late / 1e6:.1f} MB in the last")
        if self.objects and self.objects[-1] > 1.05 * self.objects[0] + 2_000:
            found.append(f"objects: {self.objects[0]:,} after the first part, {self.objects[-1]:,} after the last")
        return found

    def __str__(self) -> str:
        counts = ", ".join(f"{count:,} {name}" for name, count in sorted(self.counts.items()))
        objects = " ".join(f"{one:,}" for one in self.objects)
        memory = " ".join(f"{one / 1e6:.1f}" for one in self.memory)
        return (
            f"{self.seconds:.0f} s: {counts}\n"
            f"before and after: files {self.files}, tasks {self.tasks}, threads {self.threads}\n"
            f"memory after each part, MB: {memory}\nobjects after each part: {objects}"
        )


def files() -> int:
    """Open file descriptors of this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def held() -> int:
    """Bytes of memory of this process."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) * 1024


async def client(url: str, number: int, until: float, counts: Counter[str]) -> None:
    """One agent: session after session until the time is over."""
    rng = random.Random(number)
    while time.monotonic() < until:
        async with aiohttp.ClientSession() as http:
            try:
                ws = await http.ws_connect(url, headers={"Authorization": "Bearer any"})
                counts["sessions"] += 1
                try:
                    await session(ws, rng, until, counts)
                finally:
                    ws._response.close()
            except (aiohttp.ClientError, ConnectionError, Cut):
                counts["cut by the server"] += 1
        await asyncio.sleep(rng.uniform(0, 0.2))


class Cut(Exception):
    """The server has ended the session."""


async def session(ws: aiohttp.ClientWebSocketResponse, rng: random.Random, until: float, counts: Counter[str]) -> None:
    """A few turns, then an end of some kind."""
    await frames(ws, "session.created")
    await ws.send_str(
        material.dump(
            {
                "type": "session.update",
                "session": {"type": "realtime", "output_modalities": ["text"]},
            }
        )
    )
    await frames(ws, "session.updated")
    for _ in range(rng.randrange(1, 5)):
        if time.monotonic() > until:
            break
        for _ in range(rng.randrange(0, 10)):
            await ws.send_str(material.append(20))
            counts["appends"] += 1
        await ws.send_str(
            material.dump(
                {
                    "type": "conversation.item.create",
                    "item": {
                        "type": "message",
                        "role": "user",
                        "content": [{"type": "input_text", "text": f"Number {rng.random()}"}],
                    },
                }
            )
        )
        await ws.send_str('{"type":"response.create"}')
        if rng.random() < 0.1:
            break  # in the middle of a response
        await frames(ws, "response.done")
        counts["turns"] += 1
        await asyncio.sleep(rng.uniform(0, 0.1))
    if rng.random() < 0.3:
        counts["resets by the client"] += 1
        connection = ws._response.connection
        if connection is not None and connection.transport is not None:
            sock: Any = connection.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.transport.abort()
    else:
        counts["closes by the client"] += 1
        await ws.close()


async def frames(ws: aiohttp.ClientWebSocketResponse, wanted: str) -> None:
    """Read until an event comes."""
    while True:
        message = await asyncio.wait_for(ws.receive(), 10)
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise Cut
        if json.loads(message.data)["type"] == wanted:
            return


async def part(sessions: int, seconds: float, seed: int, report: Report) -> None:
    """One server, many clients; it is closed while they run."""
    server = MockServer(simulator("openai", pace="instant"), faults=FAULTS, seed=seed)
    await server.start()
    until = time.monotonic() + seconds
    url = f"{server.ws_url}?model=gpt-realtime"
    agents = [asyncio.create_task(client(url, seed * sessions + one, until, report.counts)) for one in range(sessions)]
    await asyncio.sleep(max(0.0, until - time.monotonic() - 0.1))
    report.counts["running when the server closed"] += sum(not handle.over for handle in server.sessions)
    await server.close()
    report.counts["frames"] += len(server.journal)
    report.running += sum(not handle.over for handle in server.sessions)
    done = await asyncio.gather(*agents, return_exceptions=True)
    for one in done:
        if isinstance(one, BaseException):
            raise one
    problems = server.problems()
    if problems:
        raise problems[0]


async def stay(sessions: int, seconds: float, *, parts: int = 0, limit: int = 2_000, show: bool = False) -> Report:
    """One server for all the time, whose journal keeps ``limit`` entries in memory; a look at it every 20 seconds."""
    parts = parts or max(6, round(seconds / 20))
    report = Report()
    server = MockServer(simulator("openai", pace="instant"), faults=FAULTS, seed=1, journal_limit=limit)
    await server.start()
    report.tasks, report.threads = (len(asyncio.all_tasks()), 0), (threading.active_count(), 0)
    began = time.monotonic()
    until, url = began + seconds, f"{server.ws_url}?model=gpt-realtime"
    agents = [asyncio.create_task(client(url, one, until, report.counts)) for one in range(sessions)]
    for number in range(parts):
        await asyncio.sleep(max(0.0, began + seconds * (number + 1) / parts - 0.2 - time.monotonic()))
        report.memory.append(held())
        if not number:
            report.files = files(), 0
        if show:
            print(f"look {number + 1} of {parts}: {held() / 1e6:.1f} MB, {files()} files", flush=True)
    report.counts["entries"] += len(server.journal)
    done = await asyncio.gather(*agents, return_exceptions=True)
    await server.close()
    report.seconds = time.monotonic() - began
    report.running += sum(not handle.over for handle in server.sessions)
    await asyncio.sleep(0.1)
    report.files = report.files[0], files()
    report.tasks = report.tasks[0], len(asyncio.all_tasks())
    report.threads = report.threads[0], threading.active_count()
    for one in (*done, *server.problems()):
        if isinstance(one, BaseException):
            raise one
    return report


async def soak(sessions: int, seconds: float, *, parts: int = 0, show: bool = False) -> Report:
    """Parts of some seconds each, every one with a server of its own, because a server's journal keeps what it saw."""
    parts = parts or max(3, round(seconds / 20))
    report = Report()
    await part(sessions, min(1.0, seconds / parts), 0, Report())  # what is imported and cached once is not counted
    gc.collect()
    report.files, report.tasks, report.threads = (
        (count, 0) for count in (files(), len(asyncio.all_tasks()), threading.active_count())
    )
    began = time.monotonic()
    for number in range(parts):
        await part(sessions, seconds / parts, number + 1, report)
        await asyncio.sleep(0.05)
        gc.collect()
        report.memory.append(held())
        report.objects.append(len(gc.get_objects()))
        if show:
            print(
                f"part {number + 1} of {parts}: {report.memory[-1] / 1e6:.1f} MB, {files()} files",
                flush=True,
            )
    report.seconds = time.monotonic() - began
    await asyncio.sleep(0.1)
    gc.collect()
    report.files = report.files[0], files()
    report.tasks = report.tasks[0], len(asyncio.all_tasks())
    report.threads = report.threads[0], threading.active_count()
    return report
