"""``make test`` installs less than ``make check`` does: no short test may import what only the long ones have."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import HERE, is_long

OWN = {"mockserver", "tests"}


def needed(extra: str) -> set[str]:
    """The distributions that an extra of this project brings, with all that they need."""
    found: set[str] = set()
    waiting = [("realtime-mockserver", frozenset({extra}))]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        found.add(name)
        for line in requires(name) or ():
            one = Requirement(line)
            if one.marker is None or any(one.marker.evaluate({"extra": which}) for which in (*extras, "")):
                waiting.append((canonicalize_name(one.name), frozenset(one.extras)))
    return found


def imported(path: Path) -> Iterator[str]:
    """The packages that a file imports, wherever in it. What is imported for types alone is not."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


def test_no_short_test_imports_what_only_the_long_ones_have() -> None:
    there, homes = needed("unit"), packages_distributions()
    assert "openai" in there
    assert "livekit-agents" not in there, "the control: it is in the environment of the long ones"
    wrong = []
    files = [path for path in sorted(HERE.rglob("*.py")) if not is_long(path)]
    assert len(files) > 300
    for path in files:
        for package in sorted(set(imported(path)) - OWN - sys.stdlib_module_names):
            homed = {canonicalize_name(one) for one in homes.get(package, ())}
            if homed and not homed & there:
                wrong.append(f"{path.relative_to(HERE)} imports {package}")
    assert not wrong, "add it to the extra `unit`, or mark the test's file long"
