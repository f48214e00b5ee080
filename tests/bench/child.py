"""Servers in processes of their own, and what they use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

TOP = Path(__file__).resolve().parents[2]


class Child:
    """``python -m tests.bench.serve ROLE {settings}``: prints where it listens, then answers questions on its stdin."""

    def __init__(self, role: str, *, loop: str = "asyncio", quiet: bool = False, **settings: Any) -> None:
        self.role = role
        env = {**os.environ, "PYTHONPATH": str(TOP), "BENCH_LOOP": loop}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.serve", role, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None,
            text=True,
            cwd=TOP,
            env=env,
        )
        self.ready = self._line()
        self.port: int = self.ready["port"]

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server {self.role} has ended with {self.process.wait()}; see above")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, what: str) -> dict[str, Any]:
        """A question: "usage" is answered with cpu (s), rss and peak (bytes)."""
        assert self.process.stdin is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self._line()

    def cpu(self) -> float:
        """Seconds of CPU used so far."""
        return float(self.ask("usage")["cpu"])

    def rss(self) -> int:
        """Bytes of memory in use."""
        return int(self.ask("usage")["rss"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
