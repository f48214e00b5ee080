"""What the package's metadata takes from where it is built: project URLs, and README links that work on an index.

A package index shows the README without the repository around it, so a relative link leads nowhere there. The address
of the repository is not written down in this project: the release workflow knows it (``GITHUB_SERVER_URL``,
``GITHUB_REPOSITORY``), a fork's build names the fork. Elsewhere ``PROJECT_REPOSITORY=https://... python -m build``
says it. Without either the package has no URLs and its links stay as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(\]\()(?!https?:|#|mailto:)([^)\s]+)(\))")
PAGES = {
    "Homepage": "",
    "Documentation": "/blob/{ref}/docs/index.md",
    "Source": "",
    "Issues": "/issues",
    "Changelog": "/blob/{ref}/CHANGELOG.md",
    "Security": "/blob/{ref}/SECURITY.md",
}


def repository(env: Mapping[str, str]) -> str:
    """The address of the repository that is built, or empty where nobody says it."""
    if named := env.get("PROJECT_REPOSITORY", "").rstrip("/"):
        return named
    server, name = env.get("GITHUB_SERVER_URL", ""), env.get("GITHUB_REPOSITORY", "")
    return f"{server}/{name}" if server and name else ""


def absolute(text: str, base: str) -> str:
    """``text`` with its relative links below ``base``."""
    return LINK.sub(lambda link: f"{link[1]}{base}/{link[2].removeprefix('./')}{link[3]}", text)


class CustomMetadataHook(MetadataHookInterface):
    """Fills the fields that pyproject.toml calls dynamic, but for the version."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        where = repository(os.environ)
        if where:
            # A release's links lead to the files of that release.
            ref = os.environ.get("GITHUB_REF_NAME", "main") if os.environ.get("GITHUB_REF_TYPE") == "tag" else "main"
            text = absolute(text, f"{where}/blob/{ref}")
            metadata["urls"] = {name: where + path.format(ref=ref) for name, path in PAGES.items()}
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
