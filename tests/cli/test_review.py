"""docs/review.md shows what its commands print."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import docs

PAGE = docs.TOP / "docs" / "review.md"


@pytest.mark.timeout(180)  # some twenty commands, each a process
def test_the_page_shows_what_its_commands_print(tmp_path: Path) -> None:
    blocks = list(docs.snippets(PAGE))
    for block in blocks:
        if block.name:
            (tmp_path / block.name).write_text(block.text, encoding="utf-8")
    text = PAGE.read_text(encoding="utf-8")
    compared = 0
    for block in (one for one in blocks if one.language == "sh"):
        printed = "".join(told(line, tmp_path) for line in docs.lines(block.text))
        shown = re.match(r"\n((?:    .*\n|\n)+)", text.partition(f"{block.text}```\n")[2])
        if shown is not None:
            assert re.sub(r"(?m)^    ", "", shown[1]).strip() == printed.strip()
            compared += 1
    assert compared == 3


def told(line: str, folder: Path) -> str:
    """What a command prints."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["sh", "-ec", line], cwd=folder, env={"PATH": path}, capture_output=True, text=True, check=True
    )
    return done.stdout
