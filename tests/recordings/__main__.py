"""Writes ``cassettes/``: a recorder in front of a simulated server, and the client's talk through it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from mockserver import Rules, simulator
from mockserver.dialects.registry import DIALECTS
from mockserver.server.record import Recording
from tests.recordings import UNRECORDED
from tests.recordings.talks import SAID, TALKS, TLS

TOP = Path(__file__).resolve().parents[2]
REPLIES = TOP / "tests" / "recordings" / "replies.yaml"
MOCKSERVER = (sys.executable, "-m", "mockserver")


def main(names: list[str]) -> int:
    failed = [name for name in names or list(TALKS) if not made(name)]
    for name in failed:
        print(f"{name}: not recorded, see above", file=sys.stderr)
    return 1 if failed else 0


def made(name: str) -> bool:
    """Record one talk; whether it went as it should."""
    if DIALECTS[name].transport != "websocket":
        return asyncio.run(kept(name))
    command = [*MOCKSERVER, "simulate", name, "--json", "-q", "--replies", str(REPLIES)]
    upstream = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=TOP)
    try:
        assert upstream.stdout is not None
        line = upstream.stdout.readline()
        if not line:
            return False
        ready = json.loads(line)
        target = f"cassettes/{name}.cassette"
        record = ["record", "--upstream", ready["base_url"], "--dialect", name, "--to", target, "--force", "-q"]
        tls = ["--tls"] if name in TLS else []
        talk = [sys.executable, "-m", "tests.recordings.talks", name]
        done = subprocess.run([*MOCKSERVER, *record, *tls, "--", *talk], cwd=TOP, timeout=120, check=False)
        return done.returncode == 0
    finally:
        upstream.terminate()
        upstream.wait()


async def kept(name: str) -> bool:
    """A provider before which no recorder stands: its simulated server is recorded as it speaks."""
    source = simulator(name, replier=Rules.from_yaml(REPLIES.read_text(encoding="utf-8")))
    path = TOP / "cassettes" / f"{name}.cassette"
    async with Recording(source, path, overwrite=True, origin=UNRECORDED) as recording:
        return await TALKS[name](recording.server.env()) == SAID


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
