"""The pages of docs/examples show the code of this folder, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import docs

HERE = Path(__file__).parent
PAGES = sorted((docs.TOP / "docs" / "examples").glob("*.md"))
SHOWN = sorted(path.name for path in HERE.glob("*.py") if path.stem not in ("conftest", "test_pages"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_snippet_is_code_that_runs(page: Path) -> None:
    found = list(docs.snippets(page))
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
