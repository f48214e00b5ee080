"""``mockserver orphans``: cassettes that no test uses, and those that have grown old."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from mockserver.cli.common import escaped
from mockserver.cli.kinds import FOLDER
from mockserver.errors import CassetteError, UsageError

SKIPPED = {".git", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".nox"}
UNITS = {"d": 1, "w": 7, "m": 30, "y": 365}


@click.command("orphans")
@click.argument("root", type=FOLDER, default=".")
@click.option("--max-age", metavar="AGE", help="Also list cassettes recorded longer ago than this: 90d, 12w, 6m, 1y.")
@click.option("--json", "as_json", is_flag=True, help="Print one object of JSON.")
def orphans_command(root: Path, max_age: str | None, as_json: bool) -> None:
    """List the cassettes under ROOT (where pytest runs) that no test uses.

    Run all the tests first: the plugin notes which test takes which cassette (under xdist too), and this command reads
    the notes. A note counts only while the test still stands in its file. Exit status 1 where something is listed.
    """
    from mockserver.pytest_plugin.notes import read

    days = None if max_age is None else _days(max_age)
    root = root.resolve()
    if not root.is_dir():
        raise UsageError(f"orphans: no such folder: {root}")
    used = read(root / ".pytest_cache")
    if not used:
        raise UsageError(
            f"orphans: no test run is noted under {root}; run pytest there first (its cache plugin must be on), "
            "or name pytest's root folder"
        )
    listed: list[dict[str, str]] = []
    for path in cassettes(root):
        for complaint in _complaints(path, root, used, days):
            listed.append({"file": path.relative_to(root).as_posix(), "what": complaint})
            if not as_json:
                click.echo(escaped(f"{listed[-1]['file']}: {complaint}"))
    if as_json:
        click.echo(json.dumps({"listed": listed}))
    if listed:
        raise SystemExit(1)


def cassettes(root: Path) -> Iterator[Path]:
    """Every cassette under a folder, environments and caches left out."""
    for path in sorted(root.rglob("*.cassette")):
        if path.is_file() and not SKIPPED & set(path.relative_to(root).parts):
            yield path


def unused(path: Path, root: Path, used: dict[str, set[str]]) -> str:
    """What is wrong where no test under ``root`` uses this cassette; else an empty text."""
    tests = used.get(path.relative_to(root).as_posix(), set())
    if any(_stands(test, root) for test in tests):
        return ""
    return f"no test uses it ({', '.join(sorted(tests))} is gone)" if tests else "no test uses it"


def _complaints(path: Path, root: Path, used: dict[str, set[str]], days: int | None) -> Iterator[str]:
    complaint = unused(path, root, used)
    if complaint:
        yield complaint
    if days is not None:
        yield from _too_old(path, days)


def _stands(test: str, root: Path) -> bool:
    """Whether a test still is in its file. A note outlives its test, and a cassette must not live by it."""
    file, _, names = test.partition("::")
    function = re.split(r"\[", names.split("::")[-1], maxsplit=1)[0]
    try:
        text = (root / file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return re.search(rf"\bdef {re.escape(function)}\b", text) is not None


def _too_old(path: Path, days: int) -> Iterator[str]:
    from mockserver.cassette.store import load

    try:
        recorded = load(path).header.recorded_on
    except CassetteError as error:
        yield str(error)
        return
    if not recorded:
        yield "its header has no date"
        return
    age = (datetime.now(UTC).date() - datetime.fromisoformat(recorded).date()).days
    if age > days:
        yield f"recorded {age} days ago, on {recorded[:10]}"


def _days(text: str) -> int:
    found = re.fullmatch(r"(\d+)([dwmy])?", text)
    if not found:
        raise UsageError(f"--max-age: expected a number and d, w, m or y (90d, 12w), got {text!r}")
    return int(found[1]) * UNITS[found[2] or "d"]
