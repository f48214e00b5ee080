"""``--workers N``: the process that starts the others, passes signals on, and starts one again that has died.

It has no loop and no threads, so that it can fork: what was read before (scenarios, cassettes) is in memory once.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from mockserver.cli.common import CommandFailed, not_started, shell_status
from mockserver.errors import UsageError
from mockserver.server.entrance import SharedPort
from mockserver.server.local import cannot_listen
from mockserver.server.workers.control import never_fired
from mockserver.server.workers.crew import Crew

QUICK_SECONDS = 5.0
"""A process that dies so soon after its start would die again: then all end."""
Work = Callable[[Crew, SharedPort, Callable[[str], None]], int]
"""What a worker runs: it says once where it is (a line of JSON) when it listens, and returns its exit status."""


def check_system() -> None:
    """UsageError where processes cannot be forked."""
    if not hasattr(os, "fork") or not hasattr(socket, "AF_UNIX"):
        raise UsageError(
            "--workers forks processes, which this system cannot: start several servers on ports of their own and put "
            "a balancer before them (docs/scale.md)"
        )


@dataclass(slots=True)
class _Running:
    """One child: its number, and when it was started."""

    index: int
    began: float


@dataclass
class Foreman:
    """Starts ``count`` processes that do ``work`` on one port, and waits for their end."""

    count: int
    host: str
    port: int
    work: Work
    before_reload: Callable[[], bool]
    announce: Callable[[Mapping[str, Any]], None]
    command: Sequence[str] = ()
    _children: dict[int, _Running] = field(default_factory=dict)
    _folder: Path = Path()
    _secret: str = field(default_factory=lambda: secrets.token_hex(32))
    _ending: bool = False
    _status: int = 0

    def run(self) -> int:
        """The exit status: 0 where every worker ended well."""
        wanted = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
        try:
            with tempfile.TemporaryDirectory(prefix="mockserver-") as folder, contextlib.ExitStack() as stack:
                self._folder = Path(folder)
                listening = self._listening(stack)
                started: dict[str, Any] = {}
                for index in range(self.count):
                    started = self._start(index, listening, before)
                    if not started:
                        self._end(signal.SIGTERM)
                        break
                process, failed = None, None
                if started:
                    self.announce(started)
                    try:
                        process = self._commanded(started, before) if self.command else None
                    except CommandFailed as error:
                        failed = error
                        self._end(signal.SIGINT)
                self._attend(wanted, listening, before, process)
                if failed is not None:
                    raise failed
                return self._status or self._unfired()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    # --- the port ---

    def _listening(self, stack: contextlib.ExitStack) -> SharedPort:
        """One port for all: each listens on it for itself, or all on one socket where the system has no such way."""
        shares = hasattr(socket, "SO_REUSEPORT") and sys.platform.startswith(("linux", "freebsd"))
        try:
            family, kind, number, _, address = socket.getaddrinfo(
                self.host or None, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            held = stack.enter_context(socket.socket(family, kind, number))
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shares:
                held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            held.bind(address)
            if not shares:
                held.listen(1024)
        except (OSError, UnicodeError) as error:
            raise cannot_listen(self.host, self.port, error) from None
        port = int(held.getsockname()[1])
        return SharedPort(port=port, reuse_port=True) if shares else SharedPort(port=port, shared=held)

    # --- processes ---

    def _start(self, index: int, listening: SharedPort, mask: set[Any]) -> dict[str, Any]:
        """Start one, and wait until it listens: what it says then, {} where it could not."""
        reads, writes = os.pipe()
        crew = Crew(index, self.count, self._folder, self._secret)
        with contextlib.suppress(FileNotFoundError):
            crew.socket(index).unlink()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            status = 70
            try:
                os.close(reads)
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
                status = self._worker(crew, listening, writes)
            finally:
                with contextlib.suppress(OSError, ValueError):
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(status)
        os.close(writes)
        self._children[pid] = _Running(index, time.monotonic())
        with os.fdopen(reads, encoding="utf-8") as said:
            line = said.readline()
        return json.loads(line) if line else {}

    def _worker(self, crew: Crew, listening: SharedPort, writes: int) -> int:
        from mockserver.errors import MockServerError

        def ready(line: str) -> None:
            os.write(writes, line.encode() + b"\n")
            os.close(writes)

        try:
            return self.work(crew, listening, ready)
        except MockServerError as error:
            click.echo(f"mockserver: worker {crew.index}: {' '.join(str(error).split())}", err=True)
            return 2
        except KeyboardInterrupt:
            return 0

    def _commanded(self, started: Mapping[str, Any], mask: set[Any]) -> subprocess.Popen[bytes]:
        """The user's command. Signals stay blocked here, so that its end is not missed, and are not blocked there."""

        def unblock() -> None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

        env = {**os.environ, **started["env"]}
        try:
            return subprocess.Popen(list(self.command), env=env, preexec_fn=unblock)  # noqa: PLW1509 - no threads
        except OSError as error:
            raise not_started(self.command[0], error) from None

    def _attend(
        self, wanted: set[Any], listening: SharedPort, mask: set[Any], process: subprocess.Popen[bytes] | None
    ) -> None:
        """Until the last child has ended."""
        while self._children:
            number = signal.sigwait(wanted)
            if number == signal.SIGHUP:
                if not self._ending and self.before_reload():
                    self._tell(signal.SIGHUP)
            elif number in (signal.SIGTERM, signal.SIGINT):
                if process is not None and process.poll() is None:
                    process.send_signal(number)
                self._end(number)
            else:
                self._buried(listening, mask)
                if process is not None and process.poll() is not None and not self._ending:
                    self._status = shell_status(process.returncode)
                    self._end(signal.SIGINT)

    def _buried(self, listening: SharedPort, mask: set[Any]) -> None:
        for pid in list(self._children):
            done, status = os.waitpid(pid, os.WNOHANG)
            if not done:
                continue
            child = self._children.pop(pid)
            code = os.waitstatus_to_exitcode(status)
            if self._ending:
                self._status = self._status or int(code != 0)
                continue
            how = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
            if time.monotonic() - child.began < QUICK_SECONDS and code >= 0:
                click.echo(f"mockserver: worker {child.index} {how} at its start: all end", err=True)
                self._status = 1
                self._end(signal.SIGTERM)
                continue
            click.echo(
                f"mockserver: worker {child.index} {how}; its sessions are gone, another takes its place", err=True
            )
            self._start(child.index, listening, mask)

    def _tell(self, number: int) -> None:
        for pid in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _end(self, number: int) -> None:
        self._ending = True
        self._tell(number)

    def _unfired(self) -> int:
        """Faults that no worker has met, told once by all of them."""
        tables = []
        for index in range(self.count):
            with contextlib.suppress(OSError, ValueError):
                tables.append(json.loads((self._folder / f"{index}.unfired").read_text(encoding="utf-8")))
        told = never_fired(tables) if len(tables) == self.count else []
        for line in told:
            click.echo(f"mockserver: {line}", err=True)
        return 1 if told else 0
