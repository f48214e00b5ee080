"""The page's template, style and scripts as they lie in the package, and pages written. All that touches files here."""

from __future__ import annotations

import os
from functools import cache
from importlib.resources import files
from pathlib import Path

from mockserver.errors import UsageError
from mockserver.view.page import MADE_BY, Assets, Page

SCRIPTS = ("data.js", "timeline.js", "list.js", "audio.js", "live.js", "main.js")
"""In the order in which they build on each other; together they are one script."""


@cache
def assets() -> Assets:
    """Read once."""
    folder = files("mockserver.view") / "page"
    script = "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return Assets(
        (folder / "page.html").read_text(encoding="utf-8"),
        (folder / "page.css").read_text(encoding="utf-8"),
        f'"use strict";\n(() => {{\n{script}\n}})();\n',
    )


def write(page: Page, target: Path, *, force: bool = False) -> None:
    """Write a page and what lies beside it. UsageError where that would replace something that is no such page."""
    try:
        if target.exists() and not force and not (target.is_file() and _is_page(target)):
            raise UsageError(f"{target} is there and is no page of ours: choose another name with --to, or say --force")
        for name, data in page.files.items():
            beside = target.parent / name
            beside.parent.mkdir(parents=True, exist_ok=True)
            _put(beside, data)
        target.parent.mkdir(parents=True, exist_ok=True)
        _put(target, page.html.encode())
    except OSError as error:
        raise UsageError(f"{target}: the page cannot be written: {error.strerror or error}") from None


def _put(target: Path, data: bytes) -> None:
    """All or nothing: a page that is cut off would look like a short session."""
    made = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        made.write_bytes(data)
        made.replace(target)
    finally:
        made.unlink(missing_ok=True)


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return MADE_BY.encode() in file.read(4096)
