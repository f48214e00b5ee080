"""``mockserver record`` under load, ended by SIGKILL, a full disk, Ctrl-C, and the loss of either side.

Each time the cassette must be readable, complete up to the last frame that the client got, and say how it ended; and
what stood in its place before must not be harmed. CRASHES=100 makes a hundred random kills of the twenty.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mockserver.cassette.model import Cassette
from mockserver.cassette.store import load
from mockserver.core.frames import Close, Lost, Sender, Text
from tests.bench.child import TOP, Child
from tests.bench.wire import Client

KILLS = int(os.environ.get("CRASHES", "20"))
OLD = b"what stood there before"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Child]:
    """A service that floods whoever asks."""
    with Child("bare-echo", count=50_000, size=700) as child:
        yield child


class Recorder:
    """``mockserver record`` in a process of its own."""

    def __init__(
        self,
        upstream: Child,
        path: Path,
        *,
        before: Callable[[], None] | None = None,
        force: bool = True,
    ) -> None:
        command = [
            sys.executable,
            "-m",
            "mockserver",
            "record",
            "--upstream",
            f"ws://127.0.0.1:{upstream.port}/v1/realtime",
            "--dialect",
            "openai",
            "--to",
            str(path),
            "--json",
            *(["--force"] if force else []),
        ]
        self.path = path
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=TOP,
            preexec_fn=before,  # noqa: PLW1509 - this process has one thread
            env={**os.environ, "PYTHONPATH": str(TOP)},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        self.port = int(json.loads(line)["port"])

    def end(self, number: int) -> str:
        """Send a signal, wait, return stderr."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=30)[1]


def partial(path: Path) -> Path:
    """The unfinished recording beside a cassette."""
    found = sorted(path.parent.glob(f"{path.name}*.partial"))
    assert len(found) == 1, found
    return found[0]


def from_server(cassette: Cassette) -> list[str]:
    """What the server sent, as recorded, over all connections."""
    return [
        record.frame.data
        for connection in cassette.connections
        for record in connection.records
        if record.sender is Sender.SERVER and isinstance(record.frame, Text)
    ]


def drain(client: Client) -> list[str]:
    """Every whole frame that came, to the end of the connection."""
    got: list[str] = []
    with suppress(OSError):
        while True:
            got.append(client.receive())
    client.close()
    return got


@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_at_a_random_moment_under_load(upstream: Child, tmp_path: Path, seed: int) -> None:
    path = tmp_path / "x.cassette"
    path.write_bytes(OLD)
    recorder = Recorder(upstream, path)
    client = Client(recorder.port)
    client.send('{"type":"flood"}')
    moment = time.monotonic() + random.Random(seed).uniform(0.0, 0.4)
    got: list[str] = []
    while time.monotonic() < moment:
        got.append(client.receive())
    recorder.end(signal.SIGKILL)
    got += drain(client)
    read = load(partial(path))
    recorded = from_server(read)
    assert read.header.ended == "killed"
    assert recorded[: len(got)] == got, "a frame that the client got is not in the recording"
    assert path.read_bytes() == OLD


def test_ctrl_c_saves_what_there_is_and_says_so(upstream: Child, tmp_path: Path) -> None:
    path = tmp_path / "x.cassette"
    recorder = Recorder(upstream, path)
    client = Client(recorder.port)
    client.send('{"type":"flood"}')
    got = [client.receive() for _ in range(200)]
    told = recorder.end(signal.SIGINT)
    got += drain(client)
    assert recorder.process.returncode in (0, 1)
    assert "Traceback" not in told
    read = load(path)
    assert from_server(read)[: len(got)] == got
    assert list(tmp_path.iterdir()) == [path]
    last = read.connections[0].records[-1].frame
    assert isinstance(last, Close | Lost), "a session that was running is marked as ended by the server"


@pytest.mark.parametrize(("number", "size"), [(signal.SIGTERM, 50_000_000), (signal.SIGINT, 12_000_000)])
def test_a_long_recording_is_stopped_in_time_and_finished_by_the_next_command(
    tmp_path: Path, number: int, size: int
) -> None:
    """`docker stop` kills after ten seconds; a recording of 50 MB takes longer to be redacted and checked."""
    path = tmp_path / "x.cassette"
    path.write_bytes(OLD)
    with Child("bare-echo", count=70_000, size=800) as upstream:
        recorder = Recorder(upstream, path)
        client = Client(recorder.port)
        client.send('{"type":"flood"}')
        got: list[str] = []
        while len(got) * 800 < size:
            got.append(client.receive())
        began = time.monotonic()
        told = recorder.end(number)
        took = time.monotonic() - began
        got += drain(client)
    assert took < 3, f"{took:.1f} s"
    assert recorder.process.returncode in (0, 1)
    assert "Traceback" not in told
    assert "x.cassette.stopped, and the next command that opens" in told
    assert path.read_bytes() == OLD
    shown = subprocess.run(
        [sys.executable, "-m", "mockserver", "show", "--limit", "5", str(path)],
        capture_output=True, text=True, cwd=TOP, check=True,
    )  # fmt: skip
    assert "ended: stopped while 1 session was running" in shown.stdout
    assert from_server(load(path))[: len(got)] == got
    assert list(tmp_path.iterdir()) == [path]


def test_a_recording_that_is_not_forced_leaves_the_old_cassette(upstream: Child, tmp_path: Path) -> None:
    path = tmp_path / "x.cassette"
    path.write_bytes(OLD)
    with pytest.raises(AssertionError, match="exists already"):
        Recorder(upstream, path, force=False)
    assert path.read_bytes() == OLD


def test_the_client_is_lost(upstream: Child, tmp_path: Path) -> None:
    path = tmp_path / "x.cassette"
    recorder = Recorder(upstream, path)
    client = Client(recorder.port)
    client.send('{"type":"flood"}')
    got = [client.receive() for _ in range(50)]
    client.sock.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER 0: a reset
    client.close()
    again = Client(recorder.port)
    again.send('{"type":"hello"}')
    assert again.receive() == '{"type":"hello"}', "another session goes on"
    again.close()
    recorder.end(signal.SIGTERM)
    read = load(path)
    assert len(read.connections) == 2
    assert from_server(read)[: len(got)] == got
    first = read.connections[0].records
    assert any(isinstance(record.frame, Lost) and record.sender is Sender.CLIENT for record in first)


def test_the_upstream_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "x.cassette"
    with Child("bare-echo", count=200_000, size=700) as upstream:
        recorder = Recorder(upstream, path)
        client = Client(recorder.port)
        client.send('{"type":"flood"}')
        got = [client.receive() for _ in range(100)]
        upstream.process.kill()
        got += drain(client)
    recorder.end(signal.SIGTERM)
    read = load(path)
    assert from_server(read) == got
    last = read.connections[0].records[-1]
    assert last.sender is Sender.SERVER
    assert isinstance(last.frame, Lost | Close), "the recording says how the session ended"


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A file system of one megabyte, where this machine lets us mount one."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    ).returncode == 0  # fmt: skip
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def limit_files() -> None:
    """No file of more than a megabyte, and the signal that comes with it ignored: writing fails as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


def filled(upstream: Child, path: Path, before: Callable[[], None] | None) -> tuple[list[str], list[str]]:
    """Record more than the disk holds; what the client got, and what is left."""
    path.write_bytes(OLD)
    recorder = Recorder(upstream, path, before=before)
    client = Client(recorder.port)
    client.send('{"type":"flood"}')
    got = drain(client)  # the session ends when the disk is full
    told = recorder.end(signal.SIGTERM)
    assert 100 < len(got) < 50_000
    assert "Traceback" not in told
    assert "cannot be written" in told
    assert recorder.process.returncode != 0
    if path.read_bytes() == OLD:
        read = load(partial(path))
        assert read.header.ended == "killed"
    else:  # the end found room after all
        read = load(path)
        assert "cannot be written" in read.header.ended
    return got, from_server(read)


def test_the_disk_is_full(upstream: Child, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as mounted:
        path = tmp_path / "disk" / "x.cassette"
        got, recorded = filled(upstream, path, None if mounted else limit_files)
        assert recorded[: len(got)] == got


def test_the_file_may_not_grow(upstream: Child, tmp_path: Path) -> None:
    got, recorded = filled(upstream, tmp_path / "x.cassette", limit_files)
    assert recorded[: len(got)] == got
