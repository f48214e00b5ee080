"""What a contributor and a reporter meet: the pages are there, and name commands and files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
import yaml

from mockserver.cli import COMMANDS, main
from tests.docs import TOP

FORMS = TOP / ".github" / "ISSUE_TEMPLATE"
PAGES = ["CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "docs/roadmap.md", ".github/ISSUE_TEMPLATE/bug.yml"]
PAGES.append(".github/ISSUE_TEMPLATE/drift.yml")


@pytest.mark.parametrize("name", PAGES)
def test_commands_that_a_page_names_exist_with_their_options(name: str) -> None:
    text = (TOP / name).read_text(encoding="utf-8")
    for command, rest in re.findall(r"`mockserver ([a-z][a-z-]*)([^`]*)`", text):
        assert command in COMMANDS
        found = main.get_command(click.Context(main), command)
        assert found is not None
        known = {word for one in found.params for word in one.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, f"{name}: mockserver {command}{rest}"


def test_links_of_the_pages_beside_the_readme_lead_to_files() -> None:
    for page in TOP.glob("*.md"):
        links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
        assert [link for link in links if not (TOP / link).exists()] == [], page.name


def test_what_contributing_says_to_run_is_a_target() -> None:
    makefile = (TOP / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"make ([a-z]+)", (TOP / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert {"test", "check", "format"} <= set(named)
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert {name for name in named if f"`make {name}`" in (TOP / "CONTRIBUTING.md").read_text("utf-8")} <= targets


@pytest.mark.parametrize("path", sorted(FORMS.glob("[!c]*.yml")), ids=lambda path: path.stem)
def test_a_form_is_one_that_the_forge_takes(path: Path) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(form)
    kinds = {"input", "textarea", "checkboxes", "dropdown", "markdown"}
    assert {field["type"] for field in form["body"]} <= kinds
    names = [field["id"] for field in form["body"]]
    assert len(set(names)) == len(names)
    # Whoever attaches a recording says that it was looked at.
    assert "clean" in names
    assert "mockserver scrub" in path.read_text(encoding="utf-8")
