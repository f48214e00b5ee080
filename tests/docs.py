"""Runs the snippets of a page of the documentation, in order, in one folder, as a reader would.

A fenced block says what it is: one whose first line is ``# name.py`` or ``// name.mjs`` is written to that file; other
``python`` is run; other ``sh`` is run line by line. Blocks of other kinds, and indented ones, are output to be read.

Five things stand in for what a reader has. Files of other tools (docs/coming-from) are those of the importers' tests.
The helper of docs/js is copied as its pages say. A page that names a cassette of the repository has it. The provider's
real service (``--upstream openai``, ``OPENAI_API_KEY``) is a simulator on this machine. ``pip install`` and ``npm
install`` are not run: that their packages are among the project's own is checked instead. Pages whose commands need
packages of npm are played by ``make test-clients``.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import warm

TOP = Path(__file__).resolve().parents[1]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"(?:#|//) ((?:\S+/)*[\w.-]+\.\w+)")
SECONDS = 50
PLUGINS = ("hypothesispytest", "looptime_plugin", "looptime_chronometers", "looptime_timeproxies", "recording")
"""Plugins of pytest that this project's own tests need and a reader of its pages does not have."""
OTHERS = ("curl", "node")
"""What the project does not need, but a page for users of other languages may use."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """One fenced block. ``name`` is the file it is to be written to, or empty."""

    language: str
    text: str
    line: int
    name: str


def pages() -> list[Path]:
    """The README and every page of the documentation."""
    return [TOP / "README.md", *sorted((TOP / "docs").rglob("*.md"))]


def missing(page: Path) -> list[str]:
    """Programs of other languages that a page's commands run and this machine does not have."""
    commands = " ".join(snippet.text for snippet in snippets(page) if snippet.language == "sh")
    return [name for name in OTHERS if re.search(rf"\b{name}\b", commands) and shutil.which(name) is None]


def of_npm(page: Path) -> bool:
    """Whether the page's commands need packages of npm."""
    return any(snippet.language == "sh" and re.search(r"\bnpx ", snippet.text) for snippet in snippets(page))


def snippets(page: Path) -> Iterator[Snippet]:
    """The fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        first = found[2].partition("\n")[0]
        named = FILE.fullmatch(first)
        line = text.count("\n", 0, found.start()) + 1
        yield Snippet(found[1], found[2], line, named[1] if named else "")


def play(page: Path, folder: Path, upstream: str) -> list[str]:
    """Run a page's snippets in ``folder``; returns what was done, line by line. AssertionError where one fails."""
    done = []
    for file in given(page):
        shutil.copy(file, folder)
    for file in recordings(page):
        (folder / "cassettes").mkdir(exist_ok=True)
        shutil.copy(file, folder / "cassettes")
    for snippet in snippets(page):
        where = f"{page.relative_to(TOP)}:{snippet.line}"
        if snippet.name:
            path = folder / snippet.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(snippet.text, encoding="utf-8")
            done.append(f"{where} {snippet.name}")
        elif snippet.language == "python":
            run([warm.python(), "-W", "error", "-c", snippet.text], folder, upstream, where)
            done.append(f"{where} python")
        elif snippet.language == "sh":
            for line in lines(snippet.text):
                shell(line, folder, upstream, where)
                done.append(f"{where} {line}")
    return done


def given(page: Path) -> list[Path]:
    """The files that a reader of this page has beside what it says to write."""
    if page.parent == TOP / "docs" / "coming-from":
        return sorted((TOP / "tests" / "cassette" / "imports").iterdir())
    return sorted(page.parent.glob("mockserver.*")) if page.parent == TOP / "docs" / "js" else []


def recordings(page: Path) -> list[Path]:
    """The repository's own cassettes that a page's commands name: a reader of such a page has a clone."""
    commands = " ".join(snippet.text for snippet in snippets(page) if snippet.language == "sh")
    return [path for path in sorted((TOP / "cassettes").iterdir()) if f"cassettes/{path.name}" in commands]


def lines(text: str) -> Iterator[str]:
    """The commands of a block: comments and empty lines left out, continued lines joined."""
    for line in text.replace("\\\n", " ").splitlines():
        bare = re.sub(r"\s+#.*$", "", line).strip()
        if bare and not bare.startswith("#"):
            yield bare


def shell(line: str, folder: Path, upstream: str, where: str) -> None:
    """One command of a page."""
    words = shlex.split(line)
    if words[:2] == ["npm", "install"]:
        asked = json.loads((TOP / "tests/clients/heavy/package.json").read_text(encoding="utf-8"))["dependencies"]
        unknown = [word for word in words[2:] if not word.startswith("-") and word not in asked]
        assert not unknown, f"{where}: {unknown} is not among the packages of tests/clients/heavy"
        return
    if words[:2] == ["pip", "install"]:
        unknown = [word for word in words[2:] if requirement(word) not in installable()]
        assert not unknown, f"{where}: {unknown} is not among the project's own requirements"
        return
    run(
        ["sh", "-ec", line.replace("upstream openai", f"upstream {upstream}")],
        folder,
        upstream,
        where,
    )


def run(command: list[str], folder: Path, upstream: str, where: str) -> None:
    """Run one thing as the reader's shell would; AssertionError with its output where it fails."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "OPENAI"))}
    programs = [str(place) for place in (warm.folder(), Path(sys.executable).parent) if place is not None]
    env["PATH"] = os.pathsep.join([*programs, env["PATH"]])
    paths = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    env |= {"OPENAI_API_KEY": "a-key-of-the-reader", "PYTHONPATH": paths}
    env["PYTEST_ADDOPTS"] = " ".join(f"-p no:{name}" for name in PLUGINS)
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{where}: {command[-1]}\n{done.stdout}{done.stderr}"


def installable() -> set[str]:
    """What the project itself asks for, and its own name."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [project["name"], *project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        asked += extra
    return {requirement(word) for word in asked}


def requirement(text: str) -> str:
    """The bare name of a requirement."""
    return re.split(r"[\[<>=;!~ ]", text, maxsplit=1)[0].lower()
