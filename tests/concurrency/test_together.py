"""Several loops, threads and processes at once; a server that is closed while sessions run leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mockserver import MockServer, script, simulator
from mockserver.core.journal import Journal
from tests.bench.child import TOP
from tests.bench.wire import Client


def files() -> int:
    """Open file descriptors of this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def settled(*, threads: int, descriptors: int) -> bool:
    """Whether threads and files are back to what they were; sockets in TIME_WAIT belong to the kernel."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        gc.collect()
        if threading.active_count() <= threads and files() <= descriptors:
            return True
        threading.Event().wait(0.05)
    return False


def turn(port: int) -> str:
    """One text turn with a simulator; the id of its response."""
    client = Client(port)
    client.until("session.created")
    client.send('{"type":"response.create","response":{"output_modalities":["text"]}}')
    last = client.until('"response.done"')[-1]
    client.close()
    return last


def test_many_servers_in_many_threads_at_once() -> None:
    """Each with its own loop, port, journal and ids."""
    before = threading.active_count(), files()

    def live(number: int) -> tuple[int, Journal]:
        server = MockServer(simulator("openai", pace="instant"), seed=number)
        with server.in_thread():
            for _ in range(3):
                assert '"completed"' in turn(server.port)
            return server.port, server.journal

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(live, range(24)))
    journals = [journal for _, journal in found]
    assert all(len(journal.sessions) == 3 for journal in journals)
    assert len({id(journal) for journal in journals}) == 24
    first = [next(iter(journal.frames())).what for journal in journals]
    assert len(set(map(str, first))) == 24, "each server mints ids of its own"
    assert settled(threads=before[0], descriptors=before[1])


def test_the_same_seed_says_the_same_in_any_loop() -> None:
    said = []
    for _ in range(2):
        server = MockServer(simulator("openai", pace="instant"), seed=7)
        with server.in_thread():
            turn(server.port)
        said.append([str(entry.what) for entry in server.journal.frames() if "expires_at" not in str(entry.what)])
    assert said[0] == said[1]


def test_many_clients_of_one_server_from_many_threads() -> None:
    server = MockServer(simulator("openai", pace="instant"))
    with server.in_thread(), ThreadPoolExecutor(16) as pool:
        ends = list(pool.map(lambda _: turn(server.port), range(100)))
    assert len(set(ends)) == 100
    assert len(server.sessions) == 100
    assert all(handle.over for handle in server.sessions)


@pytest.mark.parametrize("sessions", [50])
async def test_closing_while_sessions_run_takes_no_time_and_leaves_nothing(sessions: int) -> None:
    tasks, descriptors = len(asyncio.all_tasks()), files()
    server = MockServer(simulator("openai", pace="natural"))
    await server.start()

    def connect() -> list[Client]:
        made = [Client(server.port) for _ in range(sessions)]
        for client in made:
            client.until("session.created")
            client.send('{"type":"response.create"}')
        return made

    clients = await asyncio.to_thread(connect)
    running = sum(not handle.over for handle in server.sessions)
    assert running == sessions
    began = time.perf_counter()
    await server.close()
    took = time.perf_counter() - began
    assert took < 1.0, f"closing took {took:.2f} s"
    for client in clients:
        client.close()
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == tasks
    assert all(handle.over for handle in server.sessions)
    await asyncio.get_running_loop().shutdown_default_executor()
    assert settled(threads=threading.active_count(), descriptors=descriptors)


def test_xdist_workers_each_have_their_own(tmp_path: Path) -> None:
    """Four forked workers, 24 tests with the fixture: none waits for another's port."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    (tmp_path / "test_many.py").write_text(
        "import pytest\nfrom mockserver import MockServer, simulator\nfrom tests.bench.wire import Client\n"
        "@pytest.mark.parametrize('number', range(24))\n"
        "def test_one(number):\n"
        "    with MockServer(simulator('openai', pace='instant')).in_thread() as server:\n"
        "        client = Client(server.port)\n"
        "        assert 'session.created' in client.receive()\n"
        "        client.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "4", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TOP)},
        check=False,
    )
    assert "24 passed" in done.stdout, done.stdout + done.stderr


FORKED = """
import os, sys
from mockserver import MockServer, script
from tests.bench.wire import Client
server = MockServer(script(script.send({"type": "hello"}), script.wait(ms=60000)))
with server.in_thread():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    client = Client(server.port)
    assert "hello" in client.receive()
    client.close()
    server.source._engines.clear()
print("ok")
"""


@pytest.mark.parametrize("name", ["python3.11", "python3.12", "python3.13", "python3.14", "python3.13t", "python3.14t"])
def test_the_core_runs_on_every_python_of_this_machine(name: str) -> None:
    """The pure part needs the standard library only. A Python that is not here has nothing to show."""
    found = python(name)
    if found is None:
        assert name != f"python3.{sys.version_info.minor}"
        return
    done = subprocess.run(
        [*found, "-c", CORE],
        capture_output=True,
        text=True,
        cwd=TOP,
        check=False,
        env={**os.environ, "PYTHONPATH": str(TOP), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.stdout.strip() == "ok", done.stderr


CORE = """
import threading
from mockserver.core.frames import *
from mockserver.core.journal import Journal
from mockserver.core.machine import Plan
from mockserver.core.session import Session
from mockserver.core.view import PlainLens
class Echo:
    def __init__(self): self.plan = Plan()
    def feed(self, event, now):
        if isinstance(event, Opened): return [Accept()]
        if isinstance(event, Received) and isinstance(event.frame, Text): self.plan.add(now + 5, to_client(event.frame))
        return []
    def wake_at(self): return self.plan.next_due()
    def wake(self, now): return self.plan.take(now)
def run(out):
    journal = Journal()
    session = Session(Echo(), journal=journal, log=journal.open(PlainLens()))
    session.feed(Opened(Handshake()), 0)
    for number in range(2000):
        session.feed(Received(Peer.CLIENT, Text(str(number))), number)
    session.wake(10_000)
    out.append([entry.what.data for entry in journal.frames(Sender.SERVER)])
results = []
threads = [threading.Thread(target=run, args=(results,)) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert len(results) == 8 and all(one == [str(n) for n in range(2000)] for one in results)
print("ok")
"""


def python(name: str) -> list[str] | None:
    """How to start a Python by name: this one, one on the path, or one of pyenv's versions."""
    if name == f"python3.{sys.version_info.minor}" and "t" not in name[6:]:
        return [sys.executable]
    for root in (
        Path.home() / ".pyenv" / "versions",
        Path(os.environ.get("PYENV_ROOT", "/nowhere")) / "versions",
    ):
        for made in sorted(root.glob(f"{name.removeprefix('python').removesuffix('t')}*/bin/{name}")):
            return [str(made)]
    on_path = shutil.which(name)
    works = on_path and subprocess.run([on_path, "-c", ""], capture_output=True, check=False).returncode == 0
    return [on_path] if on_path and works else None


def test_a_forked_child_that_ends_leaves_the_server_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED],
        capture_output=True,
        text=True,
        cwd=TOP,
        check=False,
        env={**os.environ, "PYTHONPATH": str(TOP)},
        timeout=30,
    )
    assert done.stdout.strip() == "ok", done.stderr


def test_a_script_in_two_loops_one_after_the_other() -> None:
    async def once() -> int:
        async with MockServer(script(script.expect("never", optional=True))) as server:
            return server.port

    assert asyncio.run(once()) != 0
    assert asyncio.run(once()) != 0
