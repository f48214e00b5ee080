"""The documentation's site: it builds without a warning, finds what is looked for, and leaves no link behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

import mkdocs_hooks
from tests import docs

TOP = docs.TOP
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]+))?\)")


def test_every_page_has_a_place_in_the_navigation() -> None:
    nav = yaml.safe_load((TOP / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    pages = [path.relative_to(TOP / "docs").as_posix() for path in docs.pages() if path != TOP / "README.md"]
    assert set(mkdocs_hooks.leaves(nav)) <= set(pages)
    assert sorted(mkdocs_hooks.leaves(mkdocs_hooks.completed(nav, pages))) == sorted(pages)
    assert mkdocs_hooks.completed(nav, [*pages, "new.md"])[-1]["More"][-1] == "new.md"
    assert mkdocs_hooks.completed(["a.md"], ["a.md"]) == ["a.md"]


def anchors(page: Path) -> set[str]:
    """What a heading is called in a link, as forges and MkDocs make it."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading).lower()
        found.add(re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", plain).strip()))
    return found


def test_every_link_to_a_heading_finds_it() -> None:
    lost = []
    for page in (*docs.pages(), *TOP.glob("*.md")):
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        for path, anchor in LINK.findall(text):
            target = (page.parent / path) if path else page
            if anchor and target.suffix == ".md" and anchor not in anchors(target):
                lost.append(f"{page.relative_to(TOP)}: {path}#{anchor}")
    assert lost == []


def test_links_into_the_repository_lead_there_or_are_words() -> None:
    text = "See [the file](../../Makefile), [a page](../pytest.md) and [out](https://example.test)."
    there = mkdocs_hooks.led(text, "ci/README.md", "https://forge.example/a/b")
    assert "[the file](https://forge.example/a/b/blob/main/Makefile), [a page](../pytest.md)" in there
    assert mkdocs_hooks.led(text, "ci/README.md", "").startswith("See the file, [a page](../pytest.md)")


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path)]
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PROJECT_REPOSITORY": "https://forge.example/someone/theirs"}
    done = subprocess.run(command, cwd=TOP, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    index = json.loads((tmp_path / "search" / "search_index.json").read_text(encoding="utf-8"))
    found = {one["location"] for one in index["docs"] if "realtime_mock_factory" in one["text"]}
    assert "pytest.html#two-servers-and-wider-scopes" in found
    assert "https://forge.example/someone/theirs/blob/main/Makefile" in (tmp_path / "install.html").read_text("utf-8")
