"""Bad moments: two recorders for one cassette, and a wall clock that jumps."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from unittest.mock import patch

from mockserver import MockServer, simulator
from mockserver.cassette.files.leftovers import leftovers
from mockserver.cassette.store import load
from tests.attack.pauses import server
from tests.bench.wire import Client


def two_recorders(folder: Path) -> str:
    """Both record into one name. One gets it; what the other has is whole, and is kept beside it."""
    place = folder / "same.cassette"
    with server("simulate", "openai", "--set", "pace=instant") as (upstream, _):
        arguments = ("record", "--upstream", f"ws://127.0.0.1:{upstream}/v1/realtime", "--dialect", "openai")
        with (
            server(*arguments, "--to", str(place)) as (one, first),
            server(*arguments, "--to", str(place)) as (
                two,
                second,
            ),
        ):
            for port, turns in ((one, 10), (two, 20)):
                client = Client(port)
                client.until("session.created")
                for _ in range(turns):
                    client.send('{"type":"input_audio_buffer.clear"}')
                    client.until("input_audio_buffer.cleared")
                client.close()
            for process in (first, second):
                process.send_signal(signal.SIGTERM)
                process.wait(30)
    kept = [place, *leftovers(place)]
    counts = sorted(sum(len(one.records) for one in load(path).connections) for path in kept)
    assert len(counts) == 2, kept
    assert counts[0] >= 20, counts
    assert counts[1] >= 40, counts
    return f"two recorders of one name: {counts[0]} and {counts[1]} frames, none lost"


def clock_jumps() -> str:
    """The wall clock goes back a day, on a year, and back again: answers come, and no time in the journal goes back."""
    real = time.time
    with MockServer(simulator("openai", pace="instant")).in_thread() as running:
        client = Client(running.port)
        client.until("session.created")
        for jump in (-86_400.0, 31_536_000.0, -3600.0, 0.0):
            with patch("time.time", lambda jump=jump: real() + jump):
                for _ in range(20):
                    client.send('{"type":"input_audio_buffer.clear"}')
                    client.until("input_audio_buffer.cleared")
        client.close()
        times = [entry.at for entry in running.journal if entry.session == 0]
    assert times == sorted(times)
    assert times[-1] < 60_000_000
    return f"clock jumps: {len(times)} entries in order, {times[-1] / 1e6:.2f} s by the loop's clock"
