"""``--realtime-mock-report``: a page for each failed test, none for others, an index; no file of others is lost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.conftest import Run

TESTS = """
import pytest
from talk import WHOLE, ask_sync, talk

@pytest.mark.realtime_mock(script=talk)
def test_passes(realtime_mock):
    assert ask_sync(realtime_mock.ws_url) == WHOLE

@pytest.mark.realtime_mock(script=talk, faults=["delay 1ms on response.created"])
@pytest.mark.parametrize("name", ["a", "<b>"])
def test_fails(realtime_mock, name):
    assert ask_sync(realtime_mock.ws_url, instructions="say it snows") == name

@pytest.mark.realtime_mock(script=talk, faults=["delay 1ms on response.cancel from client"])
def test_swallows(realtime_mock):
    assert ask_sync(realtime_mock.ws_url) == WHOLE
"""


def data_of(page: Path) -> dict[str, Any]:
    found = re.search(r'id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_page_for_each_failed_test(project: pytest.Pytester, inner: Run, workers: int) -> None:
    project.makepyfile(TESTS)
    folder = project.path / "pages"
    folder.mkdir()
    (folder / "notes.html").write_text("mine")
    plugins = ("xdist",) if workers else ()
    arguments = (f"--realtime-mock-report={folder}", *(("-n", str(workers)) if workers else ()))
    result = inner(*arguments, plugins=plugins) if plugins else inner(*arguments)
    result.assert_outcomes(passed=1, failed=3)
    pages = sorted(path.name for path in folder.glob("test_*.html"))
    assert len(pages) == 3
    assert not any("test_passes" in name for name in pages)
    result.stdout.fnmatch_lines(
        ["*a page to look at*", "file *test_fails*.html", "*pages of the failed tests: *index.html"]
    )
    (swallows,) = folder.glob("*test_swallows*.html")
    assert "never fired" in data_of(swallows)["report"]
    fails = data_of(next(folder.glob("*test_fails_a_*.html"), None) or next(folder.glob("*test_fails*.html")))
    assert "assert" in fails["report"]
    (session,) = fails["sources"][0]["sessions"]
    assert {"session.created", "response.create", "response.done", "fault"} <= set(session["names"])
    index = (folder / "index.html").read_text(encoding="utf-8")
    assert index.count('<th scope="row">') == 3
    assert index.count("AssertionError") == 2
    assert "never fired" in index
    assert "&lt;b&gt;" in index
    assert (folder / "notes.html").read_text() == "mine"


def test_the_pages_of_the_run_before_go(project: pytest.Pytester, inner: Run) -> None:
    project.makepyfile(TESTS)
    folder = project.path / "pages"
    inner(f"--realtime-mock-report={folder}")
    assert [*folder.glob("test_*.html")]
    inner(f"--realtime-mock-report={folder}", "-k", "passes").assert_outcomes(passed=1, deselected=3)
    assert [*folder.glob("*.html")] == []


def test_without_the_option_nothing_is_written(project: pytest.Pytester, inner: Run) -> None:
    project.makepyfile(TESTS)
    result = inner()
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.no_fnmatch_line("*a page to look at*")
    assert [*project.path.rglob("*.html")] == []


def test_a_file_in_the_place_of_the_folder_is_told_in_one_line(project: pytest.Pytester, inner: Run) -> None:
    project.makepyfile(TESTS)
    (project.path / "pages").write_text("")
    result = inner("--realtime-mock-report=pages")
    result.stderr.fnmatch_lines(["ERROR: --realtime-mock-report pages: expected a folder, but this is a file"])
