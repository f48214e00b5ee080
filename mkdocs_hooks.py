"""What the site does with pages without a place and with links that leave ``docs/``.

Such links lead into the repository, where it is known, else nowhere.

Where it is built says where that is, as for the package: ``PROJECT_REPOSITORY``, or what GitHub sets in a workflow.
"""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Any

LINK = re.compile(r"\[([^\]]*)\]\(((?:\.\./)+[^)\s]+)\)")


def repository() -> str:
    """The address of the repository, or empty where nobody says it."""
    server, name = os.environ.get("GITHUB_SERVER_URL", ""), os.environ.get("GITHUB_REPOSITORY", "")
    return os.environ.get("PROJECT_REPOSITORY", f"{server}/{name}" if server and name else "").rstrip("/")


def led(text: str, source: str, base: str) -> str:
    """``text`` of the page ``source`` (below docs/), with its links that leave docs/ below ``base``, or as words."""

    def one(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(source), link[2]))
        if target.startswith("docs/"):
            return link[0]
        return f"[{link[1]}]({base}/blob/main/{target})" if base else link[1]

    return LINK.sub(one, text)


def leaves(nav: Any) -> list[str]:
    """The pages of a navigation."""
    if isinstance(nav, str):
        return [nav]
    return [page for one in (nav.values() if isinstance(nav, dict) else nav) for page in leaves(one)]


def completed(nav: list[Any], pages: list[str]) -> list[Any]:
    """The navigation with the pages that nobody has placed yet at its end."""
    placed = set(leaves(nav))
    more = [page for page in pages if page not in placed]
    return [*nav, {"More": more}] if more else nav


def on_config(config: Any) -> Any:
    """Tell the theme where the repository is, and give every page a place."""
    config.repo_url = repository() or None
    folder = Path(config.docs_dir)
    config.nav = completed(config.nav, sorted(page.relative_to(folder).as_posix() for page in folder.rglob("*.md")))
    return config


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Called by MkDocs for each page."""
    return led(markdown, page.file.src_uri, repository())
