"""The shape of the package: what may import what, what is pure, how long a module may be.

Ruff's banned-api says the same of single imports (pyproject.toml); here is what it cannot see: direction, the builtin
``open``, dependencies of the core, and a part of the package that has no row.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]
MODULES = sorted(path.relative_to(TOP) for path in (TOP / "mockserver").rglob("*.py"))
LIMIT = 400

ROWS = (
    {"errors"},
    {"core", "speech"},
    {"dialects", "assertions", "bounded_yaml"},
    {"cassette"},
    {"engines", "faults"},
    {"server"},
    {"cli", "pytest_plugin"},
    {"__init__", "__main__"},
)
ROW = {area: row for row, areas in enumerate(ROWS) for area in areas}
STANDARD_LIBRARY_ONLY = {"errors", "core", "speech"}
# Two areas of one row that must stay strangers: any fault goes with any engine.
STRANGERS = {("engines", "faults"), ("faults", "engines")}

PURE = {"errors", "core", "speech", "assertions", "bounded_yaml", "dialects", "cassette", "engines", "faults"}
MAY_TOUCH_FILES = ("mockserver/cassette/store.py", "mockserver/cassette/importers/")
IMPURE = {
    *(
        "aiohttp",
        "asyncio",
        "concurrent",
        "http",
        "select",
        "selectors",
        "socket",
        "ssl",
        "urllib.request",
    ),
    *("multiprocessing", "os", "signal", "subprocess", "threading"),
    *("datetime", "time", "secrets", "uuid"),
    *("pathlib", "shutil", "tempfile"),
}


def imports(tree: ast.Module, module: Path) -> Iterator[tuple[int, str]]:
    """Each import as (line, full dotted name), relative ones resolved. ``from a import b`` is ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module.parts[: -node.level] if node.level else ()
            base = ".".join([*package, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def area_of(name: str) -> str:
    """Which part of the package ``mockserver.x.y`` belongs to; a name of the package itself is in the top row."""
    part = name.split(".")[1] if "." in name else "__init__"
    if part == "__version__":
        return "errors"  # a constant that stands above every import
    return part if part in ROW else "__init__"


def complaints(source: str, module: Path) -> list[str]:
    """What is wrong with one module, as ``line: what``. ``module`` is relative to the checkout."""
    area = module.parts[1].removesuffix(".py")
    if area not in ROW:
        return [f"1: {area} has no row in the layers; put it in one of them, or give it a row"]
    tree = ast.parse(source)
    pure = area in PURE and not module.as_posix().startswith(MAY_TOUCH_FILES)
    found = []
    for line, name in imports(tree, module):
        head = name.split(".")[0]
        if head == "mockserver":
            target = area_of(name)
            if ROW[target] > ROW[area]:
                found.append(f"{line}: imports upwards, {area} -> {target}")
            if (area, target) in STRANGERS:
                found.append(f"{line}: {area} imports {target}, its neighbour")
        elif pure and any(f"{name}.".startswith(f"{banned}.") for banned in IMPURE):
            found.append(f"{line}: a pure module imports {head}")
        elif pure and head == "random" and name not in ("random", "random.Random"):
            found.append(f"{line}: a pure module draws from the shared generator ({name})")
        elif area in STANDARD_LIBRARY_ONLY and head not in sys.stdlib_module_names:
            found.append(f"{line}: {area} stands on the standard library alone, but imports {head}")
    for node in ast.walk(tree) if pure else ():
        match node:
            case ast.Call(func=ast.Name(id="open" | "input" | "print" as name)):
                found.append(f"{node.lineno}: a pure module calls {name}()")
            case ast.Attribute(value=ast.Name(id="random"), attr=name) if name != "Random":
                found.append(f"{node.lineno}: a pure module draws from the shared generator (random.{name})")
    return found


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_module_keeps_to_its_layer(module: Path) -> None:
    assert complaints((TOP / module).read_text(encoding="utf-8"), module) == []


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_module_is_short(module: Path) -> None:
    assert len((TOP / module).read_text(encoding="utf-8").splitlines()) <= LIMIT


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("core/a.py", "from mockserver.engines.base import Engine", "upwards, core -> engines"),
        ("core/a.py", "from ..server import app", "upwards, core -> server"),
        ("core/a.py", "def f():\n    from mockserver import server", "upwards, core -> server"),
        ("engines/a.py", "from mockserver import MockServer", "upwards, engines -> __init__"),
        ("engines/simulator/a.py", "from ...faults import base", "engines imports faults"),
        ("faults/a.py", "import mockserver.engines.replay.source", "faults imports engines"),
        ("dialects/a.py", "import asyncio.subprocess", "imports asyncio"),
        ("cassette/model.py", "from datetime import date", "imports datetime"),
        ("cassette/model.py", "import urllib.request", "imports urllib"),
        ("cassette/model.py", "x = open('f')", "calls open()"),
        ("faults/a.py", "import random\nx = random.random()", "2: a pure module draws"),
        ("faults/a.py", "from random import choice", "(random.choice)"),
        ("core/a.py", "import msgpack", "standard library alone"),
        ("helpers/a.py", "", "no row"),
    ],
)
def test_what_breaks_the_rules_is_seen(module: str, source: str, complaint: str) -> None:
    found = complaints(source, Path("mockserver") / module)
    assert len(found) == 1, found
    assert complaint in found[0]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "server/websocket/app.py",
            "import asyncio, os\nfrom mockserver.engines import base\nfrom . import clock",
        ),
        (
            "cassette/store.py",
            "import os, pathlib\nfrom mockserver import __version__\nx = open('f')",
        ),
        ("faults/a.py", "import random\nfrom random import Random\nx = random.Random(1)"),
        ("cassette/a.py", "import msgpack, timeit, urllib.parse\nfrom ..core import frames"),
        ("__init__.py", "from .server.host import MockServer\nfrom mockserver import speech"),
    ],
)
def test_what_keeps_to_the_rules_passes(module: str, source: str) -> None:
    assert complaints(source, Path("mockserver") / module) == []
