"""Writes a sweep's report into files: JSON, Markdown, JUnit, and a page to look at for each finding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

from mockserver.errors import UsageError
from mockserver.server.host import MockServer
from mockserver.sweep.driver import Sweeping
from mockserver.sweep.report import SweepReport
from mockserver.view.files import assets, write
from mockserver.view.page import ViewedFile, page
from mockserver.view.scene import of_journal


def write_report(folder: Path, head: str, report: SweepReport) -> None:
    """``head``.json, .md and .xml."""
    folder.mkdir(parents=True, exist_ok=True)
    for ending, text in (("json", report.json()), ("md", report.markdown()), ("xml", report.junit())):
        put(folder / f"{head}.{ending}", text)


def write_pages(folder: Path, head: str, sweeping: Sweeping, report: SweepReport) -> None:
    """A page for each finding, of a run of its line; the report then says where it is."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {}
    for finding in report.findings:
        server = _again(sweeping, finding.line)
        name = f"{head}-{crc32(f'{finding.verdict} {finding.line}'.encode()):08x}"
        facts = [f"fault: {finding.line}", f"verdict: {finding.verdict}", finding.how]
        viewed = ViewedFile(finding.line, facts, list(of_journal(server.journal)))
        write(page([viewed], assets(), name=name, report=finding.timeline), folder / f"{name}.html", force=True)
        pages[finding.line] = str(folder / f"{name}.html")
    report.with_pages(pages)


def put(path: Path, text: str) -> None:
    """Write a text file. UsageError where the folder is missing."""
    try:
        path.write_text(text, encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no folder {path.parent}") from None


def _again(sweeping: Sweeping, line: str) -> MockServer:
    servers: list[MockServer] = []
    make = sweeping.setting.make

    def kept(specs: Sequence[str]) -> MockServer:
        servers.append(make(specs))
        return servers[-1]

    sweeping.once((line,), make=kept)
    return servers[-1]
