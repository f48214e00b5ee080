"""Which cassettes the tests use, kept beside pytest's own cache for ``mockserver orphans``.

Every process of a run (an xdist worker has its own) adds lines to its own file, so that none waits for another; a
reader takes all files together. One line is one cassette and one test that took it, as JSON.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

FOLDER = "realtime_mock"
"""Under ``.pytest_cache/d``, where pytest's cache plugin keeps folders of other plugins."""


def write(config: pytest.Config, used: Mapping[str, set[str]]) -> None:
    """Add what this process saw and its file does not say yet. Without pytest's cache plugin nothing is kept."""
    cache = getattr(config, "cache", None)
    if cache is None:
        return
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    path = Path(cache.mkdir(FOLDER)) / f"{worker}.jsonl"
    known = _read(path)
    new = [
        json.dumps({"cassette": cassette, "test": test})
        for cassette, tests in sorted(used.items())
        for test in sorted(tests - known.get(cassette, set()))
    ]
    if new:
        with path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in new))


def read(cache: Path) -> dict[str, set[str]]:
    """Cassette (relative to the root folder) -> node ids of the tests that took it, over all processes and runs."""
    whole: dict[str, set[str]] = {}
    for path in sorted((cache / "d" / FOLDER).glob("*.jsonl")):
        for cassette, tests in _read(path).items():
            whole.setdefault(cassette, set()).update(tests)
    return whole


def _read(path: Path) -> dict[str, set[str]]:
    used: dict[str, set[str]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return used
    for line in lines:
        try:
            note = json.loads(line)
            used.setdefault(note["cassette"], set()).add(note["test"])
        except (ValueError, KeyError, TypeError):
            continue  # a line that was cut by a kill: the next run writes it again
    return used
