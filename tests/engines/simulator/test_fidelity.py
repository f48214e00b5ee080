"""docs/fidelity.md is true: its rules are the ones that tests keep, and its settings exist."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from mockserver.engines.simulator import Misbehaviour
from mockserver.engines.simulator.openai.options import OpenAIOptions
from mockserver.engines.simulator.openai.profiles import PROFILES
from mockserver.engines.simulator.options import SimulatorOptions
from mockserver.engines.simulator.providers import HOMES, provider_named

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "fidelity.md"
PLACES = (HERE, HERE.parent / "calls", HERE.parents[1] / "server" / "webrtc")
ROW = re.compile(r"^\| ([a-z0-9-]+) \| (.+?) \| (.+?) \| ?(.*?) ?\|$")
GUIDES = sorted((PAGE.parent / "simulators").glob("*.md"))
KNOWN = ("capture", "schema", "probe", "issue", "unknown", "clients")
# Arguments of simulator() that are not fields of Options.
ARGUMENTS = {"replier"}


def rows() -> list[tuple[str, str, str, str]]:
    """The page's rules: name, what, source, setting."""
    found = [ROW.match(line) for line in PAGE.read_text(encoding="utf-8").splitlines()]
    return [(row[1], row[2], row[3], row[4]) for row in found if row and row[1] != "rule"]


@cache
def kept() -> dict[str, list[str]]:
    """The rules that tests name, with the tests."""
    found: dict[str, list[str]] = {}
    for path in sorted(path for place in PLACES for path in place.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.parse(text).body if "keeps(" in text else ():
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "keeps":
                    for rule in mark.args:
                        assert isinstance(rule, ast.Constant)
                        found.setdefault(str(rule.value), []).append(f"{path.name}::{node.name}")
    return found


def test_the_page_and_the_tests_name_the_same_rules() -> None:
    names = [name for name, *_ in rows()]
    assert len(names) == len(set(names))
    assert set(names) == set(kept())
    assert len(names) > 60


def test_every_rule_has_a_source_and_the_unknown_a_setting() -> None:
    for name, what, source, setting in rows():
        assert what, name
        assert any(word in source for word in KNOWN), f"{name}: {source}"
        if "unknown" in source:
            assert setting, f"{name}: unknown, but no setting decides it"


FAMILY = (
    *("Session", "Conversation", "Input audio", "Transcription", "Responses", "Errors", "Translation sessions"),
    "Calls over WebRTC",
    *("Azure", "xAI"),
)


def unknown(sections: tuple[str, ...] = ()) -> str:
    """How many rules have an unknown part, of how many; of these sections, or of all."""
    text = PAGE.read_text(encoding="utf-8")
    parts = [part for part in text.split("\n## ") if not sections or part.partition("\n")[0] in sections]
    found = [row for part in parts for line in part.splitlines() if (row := ROW.match(line)) and row[1] != "rule"]
    return f"{sum('unknown' in row[3] for row in found)} of {len(found)}"


def test_the_page_counts_what_is_unknown() -> None:
    told = " ".join(PAGE.read_text(encoding="utf-8").split())
    print(f"unknown: {unknown(FAMILY)} of the family, {unknown()} of all")  # pytest -rP shows it
    assert f"(OpenAI, Azure, xAI) {unknown(FAMILY)} have a part" in told


def test_every_setting_exists() -> None:
    known = {one.name for name in HOMES for one in fields(provider_named(name).options)} | ARGUMENTS
    for name, _, _, setting in rows():
        for one in re.findall(r"`(\w+)`", setting):
            assert one in known, f"{name}: no setting {one}"
        assert not setting or setting == "fixed" or "`" in setting, name


def test_the_guide_lists_every_setting_and_every_switch() -> None:
    guide = (PAGE.parent / "simulator.md").read_text(encoding="utf-8")
    tables = {
        part.partition("\n")[0]: set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)) for part in guide.split("\n## ")
    }
    assert tables["Settings"] == {one.name for one in fields(OpenAIOptions)} | ARGUMENTS
    assert tables["Misbehaving on purpose"] == set(Misbehaviour)
    assert tables["Providers"] == set(PROFILES) | {guide.stem for guide in GUIDES}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_providers_own_guide_lists_its_settings_and_switches(guide: Path) -> None:
    """What every simulator has stands in the general guide."""
    options = provider_named(guide.stem).options
    text = guide.read_text(encoding="utf-8")
    tables = {
        part.partition("\n")[0]: set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)) for part in text.split("\n## ")
    }
    assert tables["Settings"] == {one.name for one in fields(options)} - {one.name for one in fields(SimulatorOptions)}
    assert tables["Misbehaving on purpose"] == set(options.SWITCHES)
    assert set(HOMES) >= {guide.stem}


def test_a_rule_that_nobody_keeps_would_be_seen(tmp_path: Path) -> None:
    assert "no-such-rule" not in kept()
    assert ROW.match("| no-such-rule | x | capture | |")
    assert ROW.match("| no-such-rule | x | unknown | `pace` |")
