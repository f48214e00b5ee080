"""The figures that are not about serving: start, fixtures, the plugin, faults, cassettes, memory."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.bench import material
from tests.bench.child import TOP, Child
from tests.bench.figures import Figure, interleave, middle
from tests.bench.serving import begin

BARE_START = """
import asyncio, sys
from aiohttp import web
async def handle(request):
    ws = web.WebSocketResponse(); await ws.prepare(request)
    async for message in ws: await ws.send_str(message.data)
    return ws
async def main():
    app = web.Application(); app.router.add_get("/{tail:.*}", handle)
    runner = web.AppRunner(app); await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print("ready", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def environment() -> dict[str, str]:
    """This checkout first."""
    return {**os.environ, "PYTHONPATH": str(TOP)}


def ready(command: list[str]) -> tuple[float, float]:
    """Seconds from the start of a command to its first line, and its CPU time until it was killed then."""
    used, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=TOP, env=environment())
    assert process.stdout is not None
    line = process.stdout.readline()
    took = time.perf_counter() - began
    process.kill()
    process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    process.stdout.close()
    if b"ready" not in line.lower() and b"127.0.0.1" not in line:
        raise RuntimeError(f"{command}: the first line is {line!r}")
    return took, after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime


def starting(rounds: int) -> list[Figure]:
    """``mockserver replay`` and ``simulate`` to the ready line. Other work makes that longer, CPU time less so."""
    from mockserver.cassette.store import save

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.cassette"
        save(material.cassette(100, 600), path)
        got = interleave(
            rounds,
            bare=lambda: ready([sys.executable, "-c", BARE_START]),
            replay=lambda: ready([sys.executable, "-m", "mockserver", "replay", str(path), "--port", "0"]),
            simulate=lambda: ready([sys.executable, "-m", "mockserver", "simulate", "openai", "--port", "0"]),
        )
    rows = []
    for command, goal in (("replay", 400), ("simulate", 300)):
        mine, mine_cpu = ([took * 1e3 for took in part] for part in zip(*got[command], strict=True))
        theirs, theirs_cpu = ([took * 1e3 for took in part] for part in zip(*got["bare"], strict=True))
        ratio = middle([a / b for a, b in zip(mine, theirs, strict=True)])
        ratio_cpu = middle([a / b for a, b in zip(mine_cpu, theirs_cpu, strict=True)])
        name, target, met = f"`mockserver {command}` to its ready line", f"< {goal} ms", middle(mine) < goal
        note = f"CPU {middle(mine_cpu):.0f} ms, bare {middle(theirs_cpu):.0f}: {ratio_cpu:.2f}"
        rounds_of = {"mock": mine, "bare": theirs, "mock cpu": mine_cpu, "bare cpu": theirs_cpu}
        rows.append(Figure(name, middle(mine), "ms", middle(theirs), ratio, target, met, note, rounds_of))
    return rows


def journal(rounds: int, count: int) -> list[Figure]:
    """What a frame of 600 B adds in a journal, and in one that is bounded and holds it in a file.

    Each frame is an object of its own, as from a socket: a journal without bounds pays for its memory and for the
    garbage collector, one that is bounded for the file. What making and dropping the frame costs is subtracted from
    both. It is CPU time, the system's included.
    """
    from mockserver.cli.common import JOURNAL_LIMIT
    from mockserver.core.frames import Sender, Text
    from mockserver.core.journal import Journal
    from mockserver.dialects.registry import dialect_named
    from mockserver.server.journal_file import journal_of

    text, dialect = material.delta(600, 1), dialect_named("openai")
    head, tail = text[:20], text[20:]

    def run(made: Journal | None) -> float:
        gc.collect()
        log = (made or Journal()).open(dialect)
        began = time.process_time()
        for number in range(count):
            frame = Text(f"{head}{number}{tail}")
            if made is not None:
                made.write(log, number, Sender.SERVER, frame)
        return (time.process_time() - began) / count * 1e6

    got = interleave(
        rounds,
        bare=lambda: run(Journal()) - run(None),
        mock=lambda: run(journal_of(JOURNAL_LIMIT, seed=0, hide=lambda what: what)) - run(None),
    )
    mine, theirs = middle(got["mock"]), middle(got["bare"])
    note = "CPU time; bare: in memory, which grows with each frame"
    return [Figure("a frame in a bounded journal: adds", mine, "us", theirs, mine / theirs, "", None, note, got)]


# --- fixtures -------------------------------------------------------------------------------------------------------


async def fixture_times(count: int) -> dict[str, list[float]]:
    """Milliseconds to set up and tear down a server, nothing connected."""
    from aiohttp import web

    from mockserver import MockServer, replay, script

    steps = script(script.expect("response.create", optional=True))
    small = material.cassette(50, 600)

    async def mock() -> None:
        async with MockServer(steps):
            pass

    async def play() -> None:
        server = MockServer(replay(small))
        await server.start()
        await server.close()

    async def bare() -> None:
        app = web.Application()

        async def handle(request: web.Request) -> web.WebSocketResponse:
            return web.WebSocketResponse()

        app.router.add_get("/{tail:.*}", handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        await runner.cleanup()

    got: dict[str, list[float]] = {"mock": [], "bare": [], "replay": []}
    for turn in range(count + 3):
        for name, act in (("mock", mock), ("bare", bare), ("replay", play)):
            began = time.perf_counter()
            await act()
            if turn >= 3:
                got[name].append((time.perf_counter() - began) * 1e3)
    return got


def fixtures(count: int) -> list[Figure]:
    """Set-up and tear-down."""
    from mockserver import MockServer, script

    got = asyncio.run(fixture_times(count))
    threaded = []
    for _ in range(count):
        began = time.perf_counter()
        with MockServer(script(script.expect("x", optional=True))).in_thread():
            pass
        threaded.append((time.perf_counter() - began) * 1e3)
    mine, theirs = middle(got["mock"]), middle(got["bare"])
    return [
        Figure(
            "fixture: set-up and tear-down, in the test's loop",
            mine,
            "ms",
            theirs,
            mine / theirs,
            "< 3 ms",
            mine < 3,
            f"with a replay {middle(got['replay']):.2f} ms",
            got,
        ),
        Figure(
            "fixture: in a thread",
            middle(threaded),
            "ms",
            theirs,
            middle(threaded) / theirs,
            "< 3 ms",
            middle(threaded) < 3,
            "",
            {"mock": threaded},
        ),
    ]


# --- the plugin -----------------------------------------------------------------------------------------------------


def plugin(rounds: int) -> list[Figure]:
    """A pytest run of one test that does not use the plugin, with the plugin and without; no other plugin is loaded.

    It is CPU time: both are hundreds of milliseconds, and what other processes take of them is more than the plugin is.
    """

    def cpu() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    with tempfile.TemporaryDirectory() as folder:
        test = Path(folder) / "test_nothing.py"
        test.write_text("def test_nothing():\n    assert True\n")
        (Path(folder) / "pytest.ini").write_text("[pytest]\n")
        env = {**environment(), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

        def run(*options: str) -> float:
            before = cpu()
            subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(test)],
                check=True,
                capture_output=True,
                cwd=folder,
                env=env,
            )
            return cpu() - before

        run(), run("-p", "mockserver.pytest_plugin")
        got = interleave(rounds, bare=run, mock=lambda: run("-p", "mockserver.pytest_plugin"))
    mine, theirs = middle(got["mock"]), middle(got["bare"])
    adds = middle([a - b for a, b in zip(got["mock"], got["bare"], strict=True)]) * 1e3
    return [
        Figure(
            "plugin: adds to a pytest start",
            adds,
            "ms",
            theirs * 1e3,
            mine / theirs,
            "< 30 ms",
            adds < 30,
            "CPU time; bare: the whole pytest run without it",
            got,
        )
    ]


# --- faults ---------------------------------------------------------------------------------------------------------

FOUR = (
    "delay 1ms on never.happens",
    "drop on never.happens.either",
    "duplicate on absent.event",
    "strip metadata on no.such.event",
)


class _Pour:
    """An engine that answers each client frame with a frame."""

    def __init__(self, frames: list[Any]) -> None:
        self.frames = frames

    def feed(self, event: Any, now: int) -> list[Any]:
        return self.frames

    def wake_at(self) -> int | None:
        return None

    def wake(self, now: int) -> list[Any]:
        return []


def chain(rounds: int, count: int) -> list[Figure]:
    """What four faults that watch every frame cost, in the pure core."""
    from mockserver import faults
    from mockserver.core.frames import Peer, Received, Text, to_client
    from mockserver.core.journal import Journal
    from mockserver.core.session import Session
    from mockserver.dialects.registry import dialect_named

    dialect = dialect_named("openai")
    out = [to_client(Text(material.delta(240, number))) for number in range(100)]
    asked = Received(Peer.CLIENT, Text(material.append(20)))

    def run(specs: tuple[str, ...]) -> float:
        journal = Journal()
        log = journal.open(dialect)
        layers = [faults.parse(spec).arm(number).layer(log, dialect) for number, spec in enumerate(specs)]
        session = Session(_Pour(out), journal=journal, log=log, layers=layers)
        turns = count // len(out)
        began = time.perf_counter()
        for turn in range(turns):
            session.feed(asked, turn * 1000)
        return (time.perf_counter() - began) / (turns * (len(out) + 1)) * 1e6

    got = interleave(rounds, bare=lambda: run(()), mock=lambda: run(FOUR))
    mine, theirs = middle(got["mock"]), middle(got["bare"])
    return [
        Figure(
            "four faults, none of which fires",
            mine - theirs,
            "us/frame",
            theirs,
            mine / theirs,
            "",
            None,
            "bare: the session and its journal without faults",
            got,
        )
    ]


# --- cassettes ------------------------------------------------------------------------------------------------------

FIRST_FRAME = """
import asyncio, json, sys, time
began = time.perf_counter()
sys.path.insert(0, {top!r})
from pathlib import Path
def memory(key):
    return int(next(l for l in open('/proc/self/status') if l.startswith(key)).split()[1]) * 1024
async def main():
    from mockserver import MockServer, replay
    from tests.bench.wire import Client
    import mockserver.engines.replay.source, mockserver.cassette.store
    server0 = MockServer(replay({small!r})); await server0.start(); await server0.close()
    before = memory('VmRSS')
    began = time.perf_counter()
    server = MockServer(replay({path!r}, pacing='instant'))
    await server.start()
    def first():
        from tests.bench.serving import begin
        from tests.bench import material
        client = Client(server.port)
        client.until('"session.created"')
        one = time.perf_counter() - began
        client.close()
        return one
    took = await asyncio.to_thread(first)
    after, peak = memory('VmRSS'), memory('VmHWM')
    print(json.dumps({{"first": took, "memory": after - before, "peak": peak - before}}), flush=True)
    await server.close()
asyncio.run(main())
"""


def cassettes(rounds: int, count: int) -> list[Figure]:
    """Load and save in MB/s, and a session of one hour (180,000 frames of 20 ms of audio)."""
    from mockserver.cassette.store import load, save

    out = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = material.cassette(count, 1500, gap_us=20_000)
        bodies = [[record.at, str(record.sender), record.frame.data] for record in small.connections[0].records]  # type: ignore[union-attr]
        size = len(json.dumps(bodies))

        def save_mock() -> float:
            began = time.perf_counter()
            save(small, folder / "a.cassette", overwrite=True)
            return size / (time.perf_counter() - began) / 1e6

        def save_bare() -> float:
            began = time.perf_counter()
            with (folder / "a.jsonl").open("w") as file:
                for body in bodies:
                    file.write(json.dumps(body) + "\n")
            return size / (time.perf_counter() - began) / 1e6

        def load_mock() -> float:
            began = time.perf_counter()
            loaded = load(folder / "a.cassette")
            read = [record.frame for record in loaded.connections[0].records]
            assert len(read) == len(bodies)
            return size / (time.perf_counter() - began) / 1e6

        def load_bare() -> float:
            began = time.perf_counter()
            with (folder / "a.jsonl").open() as file:
                read = [json.loads(line) for line in file]
            assert len(read) == len(bodies)
            return size / (time.perf_counter() - began) / 1e6

        for what, mock, bare in (
            ("save, with redaction", save_mock, save_bare),
            ("load, every frame decoded", load_mock, load_bare),
        ):
            got = interleave(rounds, bare=bare, mock=mock)
            mine, theirs = middle(got["mock"]), middle(got["bare"])
            out.append(
                Figure(
                    f"cassette: {what}",
                    mine,
                    "MB/s",
                    theirs,
                    mine / theirs,
                    "",
                    None,
                    "MB of frames on the wire; bare: JSON lines",
                    got,
                )
            )
        tiny, hour = folder / "tiny.cassette", folder / "hour.cassette"
        save(material.cassette(5, 600), tiny)
        write_hour(hour)
        in_file = hour.stat().st_size
        command = [
            sys.executable,
            "-c",
            FIRST_FRAME.format(top=str(TOP), path=str(hour), small=str(tiny)),
        ]
        runs = [
            json.loads(
                subprocess.run(command, check=True, capture_output=True, text=True, cwd=TOP, env=environment()).stdout
            )
            for _ in range(rounds)
        ]
        first, held, peak = (middle([run[key] for run in runs]) for key in ("first", "memory", "peak"))
        out.append(
            Figure(
                "one hour (180,000 audio frames): first frame",
                first,
                "s",
                None,
                None,
                "< 0.5 s",
                first < 0.5,
                f"file {in_file / 1e6:.0f} MB",
                {"mock": [run["first"] for run in runs]},
            )
        )
        out.append(
            Figure(
                "one hour: memory",
                held / 1e6,
                "MB",
                in_file / 1e6,
                held / in_file,
                "<= 1.3 of the file",
                held / in_file <= 1.3,
                f"peak {peak / in_file:.2f} of the file; bare: the file's size",
                {"mock": [run["memory"] for run in runs]},
            )
        )
    return out


def write_hour(path: Path) -> None:
    """A session of an hour: 20 ms of audio in each of 180,000 frames."""
    from mockserver.cassette.store import save

    save(material.cassette(180_000, 1500, gap_us=20_000), path)


# --- memory ---------------------------------------------------------------------------------------------------------


def held(child: Child, sessions: int, busy: int) -> dict[str, float]:
    """Memory per session, idle and after ``busy`` frames."""
    base = child.rss()
    with ExitStack() as stack:
        clients = []
        for _ in range(sessions):
            client = begin(child.port)
            stack.callback(client.close)
            clients.append(client)
        idle = (child.rss() - base) / sessions
        _, request = material.ask(material.LIVE_ITEM, material.LIVE_TAG)
        for client in clients:
            client.send(request)
            client.swallow(material.LAST)
        after = (child.rss() - base) / sessions
    return {"idle": idle, "busy": after}


def memory(rounds: int, sessions: int, busy: int) -> list[Figure]:
    """Memory per session; each round in new processes, because memory that was freed is not given back."""

    def run(role: str) -> dict[str, float]:
        with Child(role, count=busy, size=600) as child:
            begin(child.port).close()
            return held(child, sessions, busy)

    got = interleave(rounds, bare=lambda: run("bare-flood"), mock=lambda: run("replay-instant"))
    out = []
    for part, note in (
        ("idle", ""),
        ("busy", f"after {busy} frames of 600 B, which the journal keeps"),
    ):
        mine, theirs = (middle([one[part] for one in got[side]]) for side in ("mock", "bare"))
        out.append(
            Figure(
                f"memory per {part} session",
                mine / 1e3,
                "kB",
                theirs / 1e3,
                mine / theirs,
                "",
                None,
                note,
                {side: [one[part] for one in got[side]] for side in got},
            )
        )
    return out
