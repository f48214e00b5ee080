"""The shape of the package holds (tests/structure.py), and what breaks it is seen."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests import structure
from tests.structure import Module, complaints


@pytest.mark.parametrize("heading", structure.CHECKS)
def test_no_more_than_allowed(heading: str) -> None:
    found = structure.CHECKS[heading]()
    assert found == [], "\n".join([heading, *found])


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
        ("cassette/importers/har.py", "import pathlib", "imports pathlib"),
        ("view/page.py", "x = open('f')", "calls open()"),
        ("cassette/model.py", "x = open('f')", "calls open()"),
        ("faults/a.py", "import random\nx = random.random()", "2: a pure module draws"),
        ("faults/a.py", "from random import choice", "(random.choice)"),
        ("core/a.py", "import msgpack", "standard library alone"),
        ("sweeping/verdict.py", "import time", "a pure module imports time"),
        ("sweeping/report.py", "from mockserver.server.host import MockServer", "is pure, but imports what runs"),
        (
            "sweeping/candidates.py",
            "from mockserver.sweeping.running import run_once",
            "is pure, but imports what runs",
        ),
        ("sweeping/new.py", "import multiprocessing", "a pure module imports multiprocessing"),
        ("sweeping/report.py", "x = open('f')", "calls open()"),
        (
            "sweeping/watching.py",
            "import multiprocessing",
            "watching.py, which does not need it, imports multi",
        ),
        ("sweeping/driver.py", "import asyncio", "driver.py, which does not need it, imports asyncio"),
        ("load/caller.py", "import asyncio", "a pure module imports asyncio"),
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
            "import os, pathlib\nfrom mockserver.version import __version__\nx = open('f')",
        ),
        ("faults/a.py", "import random\nfrom random import Random\nx = random.Random(1)"),
        ("sweeping/workers.py", "import multiprocessing, os\nfrom mockserver.sweeping.running import run_once"),
        ("sweeping/driver.py", "from mockserver.server.host import MockServer"),
        (
            "sweeping/report.py",
            "import json, random\nfrom .verdict import Verdict\nx = random.Random(1)",
        ),
        ("cassette/a.py", "import msgpack, timeit, urllib.parse\nfrom ..core import frames"),
        ("__init__.py", "from .server.host import MockServer\nfrom mockserver import speech"),
    ],
)
def test_what_keeps_to_the_rules_passes(module: str, source: str) -> None:
    assert complaints(source, Path("mockserver") / module) == []


def fields_of(source: str) -> set[str]:
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.ClassDef)
    return structure.all_state(node)


def test_fields_of_state_are_what_methods_set_and_what_a_dataclass_declares() -> None:
    body = """class A:
    fact: int = 1
    def __init__(self):
        self.a, (self.b, *self.c) = 1, (2, 3)
        self.d: int = 4
        other.e = self.a
    def later(self):
        self.f += 1
        with x as self.g:
            self.a = 2
    class Inner:
        def __init__(self):
            self.h = 1
"""
    assert fields_of(body) == set("abcdfg")
    declared = "class A:\n    a: int\n    b: int = 1\n    c: ClassVar[int] = 2"
    assert fields_of(f"@dataclass(slots=True)\n{declared}") == {"a", "b"}
    assert fields_of(declared) == set(), "facts of the class"
    assert fields_of(f"@dataclass(frozen=True)\n{declared}") == set(), "a value has no state"


def test_fields_of_a_class_that_it_derives_from_are_its_own_too() -> None:
    engine = next(name for name in structure.classes() if name == "DeskEngine")
    assert {"desk", "over", "mine"} <= fields_of(f"class A({engine}[X]):\n    def f(self):\n        self.mine = 1")


def test_the_architecture_names_the_modules_that_touch_files() -> None:
    page = (structure.TOP / "docs" / "architecture.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if "touche" in line and line.startswith("| ")]
    told = {f"mockserver/{one}" for row in rows for one in named(row)}
    assert told == set(structure.MAY_TOUCH_FILES)


def named(row: str) -> list[str]:
    """The modules of a row of the table, each in the area that stands last before it, and the rooms inside an area."""
    found, area = [], ""
    for one in re.findall(r"`([a-z_/]+(?:\.py)?)`", row):
        if "/" in one.rstrip("/"):
            found.append(one)
        elif one.endswith("/"):
            area = one
        else:
            found.append(f"{area}{one}")
    return found


def package(**sources: str) -> tuple[Module, ...]:
    paths = {Path("mockserver", *name.split("_")).with_suffix(".py"): source for name, source in sources.items()}
    return tuple(
        Module(path, ".".join(path.with_suffix("").parts), source, ast.parse(source)) for path, source in paths.items()
    )


def test_a_circle_is_seen_through_types_functions_and_a_third_module() -> None:
    made = package(
        a_one="from mockserver.a.two import Two",
        a_two="def f():\n    from mockserver.a import three",
        a_three="if TYPE_CHECKING:\n    from .one import One",
        b_four="from mockserver.a.one import One",
    )
    assert structure.rings(structure.arrows(made)) == [["mockserver.a.one", "mockserver.a.three", "mockserver.a.two"]]
    assert structure.rings(structure.arrows((made[0], made[1], made[3]))) == []
    lazy = package(a_one="x = 'mockserver.a.two'", a_two="from mockserver.a.one import One")
    assert structure.rings(structure.arrows(lazy)) == [["mockserver.a.one", "mockserver.a.two"]]


def test_strings_are_read_and_doc_strings_are_not() -> None:
    tree = ast.parse('"""response.done"""\nx = "response.done"\ndef f():\n    """openai"""\n    return f"{x} openai"')
    assert [text for _, text in structure.strings(tree)] == ["response.done", " openai"]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("delay 1s on response.created", True),
        ("serverContent.turnComplete", True),
        ("*.delta", True),
        ("delay 1s on response.*.delta", True),
        ("the response. Session", False),
        ("response.metadata", False),
    ],
)
def test_names_of_events(text: str, seen: bool) -> None:
    assert bool(structure.event_in(text)) is seen


@pytest.mark.parametrize(
    ("text", "seen"), [("OPENAI_API_KEY", True), ("gemini", True), ("xai", True), ("maxai", False), ("live", False)]
)
def test_names_of_providers(text: str, seen: bool) -> None:
    assert bool(structure.provider_words().search(text)) is seen
