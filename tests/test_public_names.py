"""Public names come from ``mockserver`` or from one documented module each; what a page ever showed still imports."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

import mockserver

TOP = Path(__file__).parents[1]
MODULES = ("assertions", "errors", "faults", "providers", "replies", "speech")
DOCUMENTED = ("mockserver", *(f"mockserver.{name}" for name in MODULES))
SHOWN_BEFORE = {
    "mockserver.core.expect": ("in_order",),
    "mockserver.core.frames": ("Item", "Micros", "Text", "to_client"),
    "mockserver.core.machine": ("Plan",),
    "mockserver.engines.simulator.personaplex.opus": ("FRAME_BYTES", "OpusIn", "OpusOut"),
    "mockserver.engines.simulator": ("Context", "Failure", "Reply", "Rule", "ToolCall"),
}
"""What README and docs showed before there was one module for each kind of name."""


def shown() -> list[tuple[str, str, str]]:
    """(page, module, name) of every import of ours in README and docs."""
    found = []
    for page in (TOP / "README.md", *sorted((TOP / "docs").rglob("*.md"))):
        for module, names in re.findall(
            r"^from (mockserver[\w.]*) import ([\w, ]+)$", page.read_text("utf-8"), re.MULTILINE
        ):
            found += [(page.name, module, name.strip().partition(" as ")[0]) for name in names.split(",")]
    return found


def test_pages_import_from_the_documented_modules_only() -> None:
    assert len(shown()) > 20
    astray = [one for one in shown() if one[1] not in DOCUMENTED]
    assert astray == []


def test_every_shown_name_is_there_and_public() -> None:
    missing = [
        one for one in shown() if one[2] not in getattr(import_module(one[1]), "__all__", dir(import_module(one[1])))
    ]
    assert missing == []


def test_what_was_shown_before_still_imports() -> None:
    for module, names in SHOWN_BEFORE.items():
        for name in names:
            assert getattr(import_module(module), name) is not None


def test_the_names_of_a_module_exist_and_are_the_same_thing_everywhere() -> None:
    for module in DOCUMENTED:
        made = import_module(module)
        for name in getattr(made, "__all__", ()):
            assert getattr(made, name) is not None, (module, name)
    assert mockserver.replies.Rules is mockserver.Rules
    assert import_module("mockserver.engines.simulator").Reply is mockserver.replies.Reply


def test_a_name_that_changed_says_so() -> None:
    with pytest.warns(DeprecationWarning, match="called FaultEntry now"):
        assert mockserver.faults.Entry is mockserver.faults.FaultEntry
