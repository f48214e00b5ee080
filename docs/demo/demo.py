"""``make demo``: record a session with ``mockserver record``, replay it, and show that the client sees the same.

Three processes, as in real use: an upstream (here our own simulator instead of the real service, so that the demo needs
no key and no network), the recorder, and a client that knows nothing of either. Then the upstream is gone and the
cassette alone answers. Exit status 1 if the client saw something else the second time.

    python docs/demo/demo.py [--keep]     --keep puts the cassette into cassettes/, else it goes to a temporary folder
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CASSETTES = HERE.parents[1] / "cassettes"
MOCKSERVER = (sys.executable, "-m", "mockserver")
CLIENT = (sys.executable, str(HERE / "client.py"))
Run = tuple[list[dict[str, Any]], str]


def main() -> int:
    if "--keep" in sys.argv[1:]:
        CASSETTES.mkdir(exist_ok=True)
        return demo(CASSETTES / "demo.cassette")
    with tempfile.TemporaryDirectory(prefix="mockserver-demo-") as folder:
        return demo(Path(folder) / "demo.cassette")


def demo(cassette: Path) -> int:
    print("1. An upstream starts on this machine: mockserver simulate openai")
    command = [*MOCKSERVER, "simulate", "openai", "--replies", str(HERE / "replies.yaml"), "--json"]
    upstream = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert upstream.stdout is not None
        line = upstream.stdout.readline()
        if not line:
            raise SystemExit("the upstream did not start; what it said stands above")
        ready = json.loads(line)
        print(f"2. A client talks to it through: mockserver record --upstream {ready['base_url']} --to {cassette.name}")
        recorded = client("record", "--upstream", ready["base_url"], "--to", str(cassette), "--force")
    finally:
        upstream.terminate()
        upstream.wait()
    print(f"3. The upstream is gone. The same client again, through: mockserver replay {cassette.name}")
    replayed = client("replay", str(cassette))
    print()
    side_by_side(recorded, replayed)
    same = names(recorded) == names(replayed) and recorded[1] == replayed[1]
    print("\nThe client saw the same events and words both times." if same else "\nThe client saw something else!")
    return 0 if same else 1


def client(*arguments: str) -> Run:
    """Run the client under a command of mockserver; returns its timeline and the words it heard."""
    done = subprocess.run([*MOCKSERVER, *arguments, "--", *CLIENT], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"mockserver {arguments[0]} ended with status {done.returncode}")
    *events, end = (json.loads(line) for line in done.stdout.splitlines())
    return events, end["said"]


def names(run: Run) -> list[str]:
    """What the client sent and got, in the order of each direction (sending and receiving race by nature)."""
    events = run[0]
    return [event["event"] for arrow in "><" for event in events if event["arrow"] == arrow]


def side_by_side(recorded: Run, replayed: Run) -> None:
    left, right = folded(recorded[0]), folded(replayed[0])
    left, right = (
        ["recording", *left, f"heard: {recorded[1]}"],
        ["replay", *right, f"heard: {replayed[1]}"],
    )
    width = max(len(line) for line in left) + 3
    rows = max(len(left), len(right))
    for row in range(rows):
        one, other = (lines[row] if row < len(lines) else "" for lines in (left, right))
        print(f"{one:<{width}}{other}".rstrip())


def folded(events: list[dict[str, Any]]) -> list[str]:
    """The timeline, with a run of deltas as one line."""
    lines: list[str] = []
    run: list[dict[str, Any]] = []
    for event in [*events, None]:
        if event is not None and event["event"].endswith(".delta"):
            run.append(event)
            continue
        if run:
            kinds = " and ".join(sorted({part["event"].removeprefix("response.") for part in run}))
            lines.append(f"{run[0]['ms']:>5} ms < {len(run)} x {kinds}")
            run = []
        if event is not None:
            lines.append(f"{event['ms']:>5} ms {event['arrow']} {event['event']}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
