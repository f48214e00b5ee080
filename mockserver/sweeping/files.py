"""Writes a sweep's report into files: JSON, Markdown, JUnit, and a page to look at for each finding."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

from mockserver.errors import UsageError
from mockserver.sweeping.driver import Sweeping
from mockserver.sweeping.report import SweepReport
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
        server = sweeping.seen(finding.faults)
        if server is None:
            continue
        title = ", ".join(finding.faults)
        name = f"{head}-{crc32(f'{finding.verdict} {title}'.encode()):08x}"
        facts = [f"fault: {title}", f"verdict: {finding.verdict}", finding.how]
        viewed = ViewedFile(title, facts, list(of_journal(server.journal)))
        write(page([viewed], assets(), name=name, report=finding.timeline), folder / f"{name}.html", force=True)
        pages[finding.faults] = str(folder / f"{name}.html")
    report.with_pages(pages)


def put(path: Path, text: str) -> None:
    """Write a text file. UsageError where the folder is missing."""
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no folder {path.parent}") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None


def text_of(path: Path) -> str | None:
    """What stands in a text file, None where there is none. UsageError where it is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: expected text in UTF-8") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
