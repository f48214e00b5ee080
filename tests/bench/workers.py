"""``mockserver serve`` with one worker and with two: how many sessions a second of CPU carries, children counted."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from tests.bench.figures import Figure, interleave, middle

SCENARIOS = "default: talk\nscenarios:\n  talk: {simulate: openai, set: {pace: instant}}\n"
TICKS = os.sysconf("SC_CLK_TCK")
ASK = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Is it snowing in Oslo?"}]}
TURN = (
    {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text"]}},
    {"type": "conversation.item.create", "item": ASK},
    {"type": "response.create"},
)
AT_ONCE = 16


def workers(rounds: int, sessions: int) -> list[Figure]:
    """Sessions of one text turn, made and ended, for a second of CPU of all the server's processes."""
    found = interleave(rounds, one=lambda: carried(1, sessions), two=lambda: carried(2, sessions))
    one, two = middle(found["one"]), middle(found["two"])
    ratio = middle([b / a for a, b in zip(found["one"], found["two"], strict=True)])
    note = "a session of one text turn; the CPU of all the server's processes, without their start"
    return [
        Figure("serve, one worker: sessions", one, "1/CPU s", note=note, rounds={"one": found["one"]}),
        Figure(
            "serve, two workers: sessions",
            two,
            "1/CPU s",
            one,
            ratio,
            ">= 0.9 of one worker",
            ratio >= 0.9,
            "bare is one worker",
            {"two": found["two"]},
        ),
    ]


def carried(count: int, sessions: int) -> float:
    """Sessions for each second of CPU."""
    with served(count) as (pid, url):
        asyncio.run(talks(url, sessions // 10))  # what is imported with the first session is no part of it
        before = cpu_of(pid)
        asyncio.run(talks(url, sessions))
        return sessions / (cpu_of(pid) - before)


@contextmanager
def served(count: int) -> Iterator[tuple[int, str]]:
    """The server as a process: its number, and the socket's address."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scenarios.yaml"
        file.write_text(SCENARIOS, encoding="utf-8")
        command = [sys.executable, "-m", "mockserver", "serve", str(file), "-q", "--json", "--workers", str(count)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                yield process.pid, json.loads(process.stdout.readline())["ws_url"]
            finally:
                process.terminate()


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process and its children have used so far."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    total = 0
    for one in (str(pid), *children):
        fields = Path(f"/proc/{one}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


async def talks(url: str, sessions: int) -> None:
    """So many sessions, some at once."""
    left = iter(range(sessions))

    async def client(http: aiohttp.ClientSession) -> None:
        for _ in left:
            async with http.ws_connect(f"{url}?model=gpt-realtime", max_msg_size=0) as line:
                for event in TURN:
                    await line.send_json(event)
                async for message in line:
                    if '"response.done"' in message.data:
                        break

    async with aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as http:
        await asyncio.gather(*(client(http) for _ in range(AT_ONCE)))
