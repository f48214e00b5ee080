"""The pages of docs/examples show the code of tests/examples, word for word. That folder runs where it is copied to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import docs

HERE = Path(__file__).parent / "examples"
PAGES = sorted((docs.TOP / "docs" / "examples").glob("*.md"))
SHOWN = sorted(path.name for path in HERE.glob("*.py") if path.stem != "conftest")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_snippet_is_code_that_runs(page: Path) -> None:
    found = [snippet for snippet in docs.snippets(page) if snippet.language != "sh"]
    assert found
    for snippet in found:
        where = f"{page.name}:{snippet.line}"
        assert snippet.language == "python", where
        file = (HERE / snippet.name).read_text(encoding="utf-8")
        for piece in snippet.text.partition("\n")[2].rstrip("\n").split("\n\n\n"):
            assert piece.strip(), where
            assert f"\n{piece}\n" in file, where


def test_every_file_is_shown_or_linked() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    shown = {snippet.name for page in PAGES for snippet in docs.snippets(page)}
    assert [name for name in SHOWN if name not in shown and f"/{name})" not in text] == []


def test_every_page_is_listed() -> None:
    listed = (docs.TOP / "docs" / "examples" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if page.stem != "README" and f"]({page.name})" not in listed] == []


def copied(folder: Path, *arguments: str) -> str:
    """The command of the page, in a copy of the folder that has nothing of the repository around it."""
    place = folder / "examples"
    if not place.exists():
        shutil.copytree(HERE, place, ignore=shutil.ignore_patterns("__pycache__"))
    text = (docs.TOP / "docs" / "examples" / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^    pytest (.*)$", text, re.MULTILINE)
    assert found
    command = [sys.executable, "-m", "pytest", *found[1].split(), *arguments]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(120)
def test_a_copy_of_the_folder_is_collected_and_runs(tmp_path: Path) -> None:
    # One run: -k leaves out after all is collected, so the real clients are imported once.
    told = copied(tmp_path, "-k", "test_metadata", "-rA")
    assert re.search(r"\d+ passed, \d+ deselected", told)
    assert "test_metadata.py" in told
