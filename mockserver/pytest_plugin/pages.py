"""``--realtime-mock-report=DIR``: a page for each failed test, and an index of them."""

from __future__ import annotations

import re
import zlib
from html import escape, unescape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from mockserver.cassette.names import from_test
from mockserver.core.frames import Micros, Note
from mockserver.errors import UsageError
from mockserver.view.files import assets, write
from mockserver.view.page import MADE_BY, Page, ViewedFile, listing, page
from mockserver.view.scene import of_journal

if TYPE_CHECKING:
    from mockserver.server.host import MockServer

INDEX = "index.html"
TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
TOLD = re.compile(r'<meta name="description" content="([^"]*)">')


def page_of(folder: Path, nodeid: str, server: MockServer, why: str, *, failed_us: Micros = 0) -> Path:
    """Write the page of a failed test; where it lies. ``failed_us``: when it failed, since the server began."""
    facts = [f"seed {server.seed}", *(f"fault: {armed.fault.spec}" for armed in server.faults.values())]
    scenes = list(of_journal(server.journal))
    if scenes:
        last = scenes[-1]
        # At its place in time, but behind all that crossed the wire.
        at = max(failed_us - last.began_us, last.lines[-1].at if last.lines else 0)
        last.feed(at, None, Note("failed", why.partition("\n")[0]))
    made = page([ViewedFile(nodeid, facts, scenes)], assets(), name=_name(nodeid), report=why)
    target = folder / f"{_name(nodeid)}.html"
    write(made, target)
    return target


def clear(folder: Path) -> None:
    """Take away the pages of an earlier run, so that the index tells of this one. Other files stay."""
    for path in _pages(folder):
        path.unlink()


def index(folder: Path) -> Path | None:
    """Write the index of the pages that are there; None where no test failed."""
    found = [path for path in _pages(folder) if path.name != INDEX]
    if not found:
        return None
    rows = []
    for path in found:
        head = path.read_text(encoding="utf-8", errors="replace")[:8192]
        title, told = (one.search(head) for one in (TITLE, TOLD))
        name = unescape(title[1]) if title else path.stem
        why = unescape(told[1]) if told else ""
        link = f'<a href="{quote(path.name)}">{escape(name)}</a>'
        rows.append(f'<tr><th scope="row">{link}</th><td>{escape(why)}</td></tr>')
    write(Page(listing(assets(), f"{len(found)} failed", ("test", "why"), rows)), folder / INDEX)
    return folder / INDEX


def folder_of(config: pytest.Config) -> Path | None:
    """Where the pages go, or None. UsageError where that is a file."""
    named = config.getoption("realtime_mock_report", None)
    if not named:
        return None
    folder = Path(named)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--realtime-mock-report {folder}: expected a folder, but this is a file")
    return folder


def _pages(folder: Path) -> list[Path]:
    """Our own pages in a folder."""
    found = sorted(folder.glob("*.html")) if folder.is_dir() else []
    return [path for path in found if MADE_BY in path.read_text(encoding="utf-8", errors="replace")[:4096]]


def _name(nodeid: str) -> str:
    return f"{from_test(nodeid)[:120]}-{zlib.crc32(nodeid.encode()):08x}"
