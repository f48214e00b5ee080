"""Tries every client and writes docs/clients.md from what was seen: ``make clients-page`` (about half an hour).

    python -m tests.clients.heavy.page [--workers N] [--missing|--write] [NAME ...]

NAME: only these clients are tried; of the others the page tells what was seen last, which stands in build/clients.
--missing: only those of which nothing was seen yet. --write: none, the page is only written.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.clients.heavy.clients import CLIENTS, FAMILY, INSTALLED, PAIRS, ROOT, Client
from tests.clients.heavy.scenes import SCENES, Failed, voices

PAGE = ROOT / "docs" / "clients.md"
SEEN = INSTALLED / "seen.json"
COLUMNS = ("tape", "broken", "ended")
TOP = """# Clients that were tried

Written by `make clients-page` on {day}, from what was seen: each client is a program of its own, talks aloud with a
simulated server, is recorded by `mockserver record` and replayed by `mockserver replay`. The programs are in
`tests/clients/heavy`.

- **talk**: a turn, a tool round and a barge-in by speech, through `mockserver record`; then the same twice from the
  cassette, once at the recorded pace and once without waiting. What is heard is compared word by word.
- **breaks off**: the connection is closed with 1011 in the middle of a reply. What the application is told.
- **ends**: the session reaches its longest duration; with Gemini, `goAway` before it. What the application is told.

"not run" stands where the last run was stopped before, "failed" where something else was seen: the first line of what.

Other clients are pointed at a server as [quickstart.md](quickstart.md) says. What each needs from a server is in
[providers/clients.md](providers/clients.md).

"""


def tried(client: Client, provider: str) -> list[str]:
    """What was seen in each scene, in the order of COLUMNS."""
    found = []
    for name in COLUMNS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                found.append(SCENES[name](client, provider, voices(Path(folder))))
            except Failed as failed:
                print(f"{client.name} {provider} {name}: {failed}", file=sys.stderr, flush=True)
                found.append(f"**failed**: {str(failed).splitlines()[0][:120]}")
    print(f"{client.name} {provider}: {found}", file=sys.stderr, flush=True)
    return found


def cell(text: str) -> str:
    """Text for a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def page(seen: Mapping[str, list[str]], day: str) -> str:
    """The page. ``seen``: what is in SEEN."""
    lines = ["| client | version | provider | talk | breaks off | ends |", "|---|---|---|---|---|---|"]
    for client, provider in PAIRS:
        found = seen.get(f"{client.name} {provider}", ["not run"] * len(COLUMNS))
        row = (client.name, client.version, provider, *map(cell, found))
        lines.append(f"| {' | '.join(row)} |")
    lines += ["", "## Pairs that were not", "", "| client | provider | why |", "|---|---|---|"]
    lines += [
        f"| {client.name} | {other} | {cell(why)} |" for client in CLIENTS for other, why in client.cannot.items()
    ]
    notes = [f"- {client.name}: {client.note}." for client in CLIENTS if client.note]
    return TOP.format(day=day) + "\n".join([*lines, "", "## Settings", "", *notes]) + "\n"


def main() -> None:
    """Tries, then writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--missing", action="store_true")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    pairs = [pair for pair in PAIRS if not chosen.names or pair[0].name in chosen.names]
    if chosen.write:
        pairs = []
    absent = {client.name for client, _ in pairs if not client.home.ready()}
    if absent:
        sys.exit(f"not installed: {', '.join(sorted(absent))}; the page tells of all, so it is left as it is")
    kept = chosen.names or chosen.missing or chosen.write
    seen = json.loads(SEEN.read_text()) if kept and SEEN.exists() else {}
    if chosen.missing:
        pairs = [(client, provider) for client, provider in pairs if f"{client.name} {provider}" not in seen]
    # Conversations take their time, not the processor's.
    with ThreadPoolExecutor(chosen.workers) as pool:
        running = {pool.submit(tried, *pair): pair for pair in pairs}
        for done in as_completed(running):
            client, provider = running[done]
            seen[f"{client.name} {provider}"] = done.result()
            SEEN.write_text(json.dumps(seen, indent=2))
    made = page(seen, datetime.date.today().isoformat())  # noqa: DTZ011 - the day where it was run
    PAGE.write_text(made)
    if "**failed**" in made:
        sys.exit(1)


def missing(client: Client) -> set[str]:
    """Members of OpenAI's family of which nothing is said for a client that speaks to one of them."""
    spoken = set(client.tells) & set(FAMILY)
    return set(FAMILY) - spoken - set(client.cannot) if spoken else set()


if __name__ == "__main__":
    main()
