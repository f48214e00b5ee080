"""What a real client does often: twenty recordings that ``diff`` must find equal, twenty replays at each pacing.

    python -m tests.clients.heavy.repeat [--runs 20] [--row same|race|cut] [CLIENT/PROVIDER ...]

- ``same``: a turn is recorded as often, and each recording is compared with the first by ``mockserver diff``.
- ``race``: it is recorded once with and once without a pause before the session's first event, then replayed at each
  pacing from what ``mockserver learn`` makes of both: a client that races its own set-up.
- ``cut``: an interruption is recorded, then replayed at each pacing: what one cause brought keeps its order.

It prints a line for each, with how many of how many went well. No client of the list is left out without a word.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.clients.heavy.clients import PAIRS, Client
from tests.clients.heavy.scenes import COMMAND, Failed, judge_cut, run, serving, voices

PACINGS = ("recorded", "instant")
DEFAULT = ("pipecat-ai/openai", "openai (npm)/openai", "livekit-plugins-openai/openai")
TURN = "You said good morning."


def record(client: Client, provider: str, folder: Path, path: Path, *steps: str, fault: str = "") -> dict[str, Any]:
    """One recording through the command."""
    tls = ("--tls",) if provider in client.tls else ()
    faults = ("--fault", fault) if fault else ()
    with serving(client, provider) as server:
        begin = (*COMMAND, "record", "--upstream", server.base_url, "--dialect", provider, "--to", path)
        return run(client, provider, folder, *steps, before=(*begin, *tls, *faults, "--"), env=None)


def replay(client: Client, provider: str, folder: Path, path: Path, pacing: str, *steps: str) -> dict[str, Any]:
    """One replay by the command; it fails where the client departs."""
    tls = ("--tls",) if provider in client.tls else ()
    begin = (*COMMAND, "replay", path, "--pacing", pacing, *tls, "--")
    return run(client, provider, folder, *steps, before=begin, env=None)


def said(seen: dict[str, Any]) -> None:
    """A plain turn."""
    if seen.get("turn", {}).get("heard") != TURN:
        raise Failed(f"not what was to be heard: {seen}")


def command(*words: str | Path) -> tuple[int, str]:
    """A command of ours: its exit status and what it printed."""
    done = subprocess.run((*COMMAND, *words), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def count(what: str, outcomes: Iterator[str]) -> bool:
    """Prints how many went well, and what the first that did not says."""
    found = list(outcomes)
    bad = [text for text in found if text]
    print(f"{what:70} {len(found) - len(bad)} of {len(found)}", flush=True)
    if bad:
        print("   " + bad[0][:1_500].replace("\n", "\n   "), flush=True)
    return not bad


def tries(times: int, once: Any) -> Iterator[str]:
    """What each try says that failed; "" where it did not."""
    for number in range(times):
        try:
            yield once(number) or ""
        except Failed as failed:
            yield str(failed)


def same(client: Client, provider: str, folder: Path, runs: int) -> bool:
    """Two recordings of one conversation are equal to ``diff``.

    A client that races its own set-up sends one thing or another: it is held to one of them, and ``race`` has both.
    """
    first = folder / "first.cassette"
    said(record(client, provider, folder, first, "turn", fault=client.races))

    def once(number: int) -> str:
        path = folder / f"again{number}.cassette"
        said(record(client, provider, folder, path, "turn", fault=client.races))
        status, text = command("diff", first, path)
        return text if status else ""

    return count(f"{client.name} {provider}: recorded again, diff finds nothing", tries(runs, once))


def race(client: Client, provider: str, folder: Path, runs: int) -> bool:
    """A client whose set-up races the session's beginning."""
    early, late, made = (folder / f"{name}.cassette" for name in ("early", "late", "made"))
    said(record(client, provider, folder, early, "turn"))
    said(record(client, provider, folder, late, "turn", fault="delay 400ms on session.created"))
    status, text = command("learn", early, late, "--to", made)
    if status:
        print(f"{client.name} {provider}: learn: {text}", flush=True)
        return False
    well = True
    for pacing in PACINGS:
        one = tries(runs, lambda _, pacing=pacing: said(replay(client, provider, folder, made, pacing, "turn")))
        well &= count(f"{client.name} {provider}: replayed from what was learned, {pacing}", one)
    return well


def cut(client: Client, provider: str, folder: Path, runs: int) -> bool:
    """An interruption: cancel and truncate, and what comes of them."""
    path = folder / "cut.cassette"
    judge_cut(record(client, provider, folder, path, "turn", "barge_in"))
    well = True
    for pacing in PACINGS:
        one = tries(
            runs, lambda _, pacing=pacing: judge_cut(replay(client, provider, folder, path, pacing, "turn", "barge_in"))
        )
        well &= count(f"{client.name} {provider}: an interruption replayed, {pacing}", one)
    return well


ROWS = {"same": same, "race": race, "cut": cut}


def main() -> None:
    """Runs the rows, and exits with 1 where one did not go well each time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="*", default=DEFAULT)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--row", choices=ROWS, action="append")
    chosen = parser.parse_args()
    known = {f"{client.name}/{provider}": (client, provider) for client, provider in PAIRS}
    well = True
    for name in chosen.pairs:
        client, provider = known[name]
        if not client.home.ready():
            print(f"{name}: not installed (make test-clients installs it)")
            well = False
            continue
        for row in chosen.row or ROWS:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    well &= ROWS[row](client, provider, voices(Path(folder)), chosen.runs)
                except Failed as failed:
                    print(f"{name} {row}: {failed}", flush=True)
                    well = False
    sys.exit(not well)


if __name__ == "__main__":
    main()
