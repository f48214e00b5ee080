"""Facts about the providers and where the repository cites them.

``docs/providers/<name>.md`` is a numbered list of facts; ``openai.md#12`` in code, tests and docs cites one of them.
``python -m tests.citations`` prints what is wrong.
"""

from __future__ import annotations

import importlib
import re
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "providers"
FACT = re.compile(r"(\d+)\. \S")
CITATION = re.compile(r"\b([a-z][a-z_]*)\.md#(\d+)\b")
UNREADABLE = re.compile(
    r"""
    \bFACTS(?:\ \d|\.md) | \bCLIENTS(?:\.md|\ §?\d) | \b(?:DESIGN|STYLE)\.md   # notes outside the repository
    | \bLK(?:[OLGXVPANU]e?|[A-Z]{1,2}:\d)\b                                       # short names of source files
    | \b(?:OPY(?:az|b)?|OJSw?|OAG|OAJ|GPYa?|GJS|PC[OEUGAX]|PHO):\d
    | (?<![\w)\]])\((?:C|D|I|P)\)                                                # marks for a kind of source
    | (?:[(\#;]|\""")\ ?(?:C|D|I|P):\  | \((?:D|I|P),\ [a-z]
    | (?<![\w-])(?:openai|openai_beta|azure|azure_voice_live|xai|gemini|gpt_live|elevenlabs)-[a-z_*]+:\d
    | /work/(?:shared|main|h)\b
    """,
    re.VERBOSE,
)
"""Forms of citations that a reader of the repository cannot follow."""
POINTER = re.compile(r'"""See [^"]*\."""$')
DOTTED = re.compile(r"``((?:core|dialects|engines|faults|cassette|cli|pytest_plugin|speech|assertions)(?:\.\w+)+)``")


@cache
def pages() -> dict[str, list[int]]:
    """The numbers of each page's facts, in the order of the page."""
    found = {}
    for path in sorted(PAGES.glob("*.md")):
        if path.name == "README.md":
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        found[path.stem] = [int(told[1]) for line in lines if (told := FACT.match(line))]
    return found


@cache
def lines() -> tuple[tuple[str, str], ...]:
    """Every line of the repository that may cite something: ``path:line`` and the line."""
    paths = [path for room in ("mockserver", "tests") for path in (ROOT / room).rglob("*.py")]
    paths += [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    return tuple(
        (f"{place}:{number}", line)
        for place, path in sorted((path.relative_to(ROOT).as_posix(), path) for path in paths)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    )


def missing() -> list[str]:
    """Citations of a fact that does not exist."""
    known = {name: set(numbers) for name, numbers in pages().items()}
    return [
        f"{place}: {found[0]}: docs/providers/ has no such fact"
        for place, line in lines()
        for found in CITATION.finditer(line)
        if int(found[2]) not in known.get(found[1], ())
    ]


def unreadable() -> list[str]:
    """Citations that a reader of the repository cannot follow."""
    here = f"{Path(__file__).relative_to(ROOT)}:"
    return [
        f"{place}: {found[0]!r} is nowhere to be read: cite a fact (openai.md#12) or a public address"
        for place, line in lines()
        if not place.startswith(here) and (found := UNREADABLE.search(line))
    ]


def pointers() -> list[str]:
    """Docstrings that only point elsewhere, where one sentence would say it."""
    return [
        f"{place}: {line.strip()}: say it in a sentence"
        for place, line in lines()
        if place.startswith("mockserver/") and POINTER.search(line)
    ]


def stale() -> list[str]:
    """Modules and names that prose in the package calls by a dotted name (``core.view``) and that are not there."""
    return [
        f"{place}: ``{found[1]}`` is not there"
        for place, line in lines()
        if place.startswith("mockserver/")
        for found in DOTTED.finditer(line)
        if not _there(found[1])
    ]


@cache
def _there(name: str) -> bool:
    module: object = importlib.import_module("mockserver")
    path = "mockserver"
    for step in name.split("."):
        path = f"{path}.{step}"
        if hasattr(module, step):
            module = getattr(module, step)
        elif hasattr(module, "__path__") and find_spec(path) is not None:
            module = importlib.import_module(path)
        else:
            return False
    return True


def misnumbered() -> list[str]:
    """Pages whose numbers are not 1, 2, 3 ... in order: a number that landed keeps its fact, new ones are appended."""
    return [
        f"docs/providers/{name}.md: fact {number} stands where {place} is expected"
        for name, numbers in pages().items()
        for place, number in enumerate(numbers, 1)
        if number != place
    ]


def unsourced() -> list[str]:
    """Facts without a source, outside the section that says what is unknown."""
    wrong = []
    for name in pages():
        section = ""
        for line in (PAGES / f"{name}.md").read_text(encoding="utf-8").splitlines():
            if line.startswith("## "):
                section = line[3:]
            told = FACT.match(line)
            if told and section != "Unknown" and "Source:" not in line:
                wrong.append(f"docs/providers/{name}.md: fact {told[1]} has no source")
    return wrong


def problems() -> list[str]:
    """All of the above."""
    return [*missing(), *unreadable(), *pointers(), *stale(), *misnumbered(), *unsourced()]


if __name__ == "__main__":
    print("\n".join(problems()) or "every citation has its fact")
    sys.exit(bool(problems()))
