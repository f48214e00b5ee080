"""Tries every client and writes docs/clients.md from what was seen: ``make clients-page`` (about half an hour).

    python -m tests.clients.heavy.page [--workers N] [--missing|--write] [NAME ...]

NAME: only these are tried, CLIENT or CLIENT/PROVIDER; of the others the page keeps what it tells. --missing: only those
of which nothing was seen yet. --write: none, the page is only written.
"""

from __future__ import annotations

import argparse
import datetime
import re
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from mockserver.errors import ExpectationFailed
from tests.clients.heavy.clients import CLIENTS, FAMILY, PAIRS, ROOT, Client
from tests.clients.heavy.scenes import SCENES, Failed, voices

PAGE = ROOT / "docs" / "clients.md"
NOT_RUN = "not run"
COLUMNS = ("tape", "broken", "ended")
TOP = """# Clients that were tried

Written by `make clients-page` on {day}, from what was seen: each client is a program of its own, talks aloud with a
simulated server, is recorded by `mockserver record` and replayed by `mockserver replay`. The programs are in
`tests/clients/heavy`.

- **talk**: a turn, a tool round and a barge-in by speech, through `mockserver record`; then the same twice from the
  cassette, once at the recorded pace and once without waiting. What is heard is compared word by word.
  Amazon's clients sign each message for its host, so of Nova Sonic it is the simulated server that is recorded.
- **breaks off**: the connection is closed with 1011 in the middle of a reply (of Nova Sonic: throttled). What the
  application is told.
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
            except (Failed, ExpectationFailed) as failed:
                print(f"{client.name} {provider} {name}: {failed}", file=sys.stderr, flush=True)
                found.append(f"**failed**: {str(failed).splitlines()[0][:120]}")
    print(f"{client.name} {provider}: {found}", file=sys.stderr, flush=True)
    return found


def cell(text: str) -> str:
    """Text for a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def seen_in(text: str) -> dict[str, list[str]]:
    """What a page tells, by client and provider: a cell for each of COLUMNS. Rows that were not run are left out."""
    found = {}
    for line in text.partition("\n## ")[0].splitlines():
        cells = [one.strip().replace("\\|", "|") for one in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 3 + len(COLUMNS) and NOT_RUN not in cells:
            found[f"{cells[0]} {cells[2]}"] = cells[3:]
    return found


def page(seen: Mapping[str, list[str]], day: str) -> str:
    """The page. ``seen``: by client and provider, a cell for each of COLUMNS."""
    lines = ["| client | version | provider | talk | breaks off | ends |", "|---|---|---|---|---|---|"]
    for client, provider in PAIRS:
        found = seen.get(f"{client.name} {provider}", [NOT_RUN] * len(COLUMNS))
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
    names = set(chosen.names)
    pairs = [pair for pair in PAIRS if not names or {pair[0].name, f"{pair[0].name}/{pair[1]}"} & names]
    if chosen.write:
        pairs = []
    absent = {client.name for client, _ in pairs if not client.home.ready()}
    if absent:
        sys.exit(f"not installed: {', '.join(sorted(absent))}; the page tells of all, so it is left as it is")
    kept = chosen.names or chosen.missing or chosen.write
    seen = seen_in(PAGE.read_text()) if kept else {}
    if chosen.missing:
        pairs = [(client, provider) for client, provider in pairs if f"{client.name} {provider}" not in seen]
    today = datetime.date.today().isoformat()  # noqa: DTZ011 - the day where it was run
    # Conversations take their time, not the processor's.
    with ThreadPoolExecutor(chosen.workers) as pool:
        running = {pool.submit(tried, *pair): pair for pair in pairs}
        for done in as_completed(running):
            client, provider = running[done]
            seen[f"{client.name} {provider}"] = done.result()
            PAGE.write_text(page(seen, today))
    made = page(seen, today)
    PAGE.write_text(made)
    if "**failed**" in made:
        sys.exit(1)


def missing(client: Client) -> set[str]:
    """Members of OpenAI's family of which nothing is said for a client that speaks to one of them."""
    spoken = set(client.tells) & set(FAMILY)
    return set(FAMILY) - spoken - set(client.cannot) if spoken else set()


if __name__ == "__main__":
    main()
