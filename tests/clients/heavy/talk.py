"""What the Python scripts of this folder have in common. The standard library only: some run in environments of their own."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

RATE = 24_000
QUIET_S = 15
"""How long a script waits for a reply."""
PAUSE_S = 5
GAP_S = 0.6
"""Silence that ends an utterance, where the wire has no end of one."""


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


def told(said: str, pcm: bytes, interrupted: bool = False) -> dict[str, Any]:
    """One utterance as it is printed."""
    return {"said": said.strip(), "audio": base64.b64encode(pcm).decode(), "interrupted": interrupted}


async def walk(caller: Caller, steps: list[str]) -> dict[str, Any]:
    """The steps, and what was heard in each. It stops where the session ends or nothing comes."""
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
                        await caller.say("how is the weather")
                        seen["tool"] = await caller.turn()
                        if "check" in seen["tool"]["said"]:  # a model that speaks while its tool works
                            seen["tool"] = await caller.turn()
                    case "barge_in":
                        await caller.say("count for me")
                        await caller.heard(1)
                        await caller.say("stop please")
                        seen["cut"] = await caller.turn()
                        seen["after"] = await caller.turn()
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


def main(opened: Callable[[str, Path], AbstractAsyncContextManager[Caller]]) -> None:
    """Runs a script: ``opened(provider, folder)`` is its session."""

    async def run() -> dict[str, Any]:
        provider, folder, *steps = sys.argv[1:]
        async with opened(provider, Path(folder)) as caller:
            return await walk(caller, steps or ["turn", "tool", "barge_in"])

    print(json.dumps(asyncio.run(run())))
