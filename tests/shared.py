"""Where the shared folder is: real captures and published schemas, which are no part of this project.

``MOCKSERVER_SHARED`` names it, else it is looked for beside the checkout. Most machines do not have it, so what reads
it is a check on top of the project's own tests, never instead of them.
"""

from __future__ import annotations

import os
from pathlib import Path


def folder() -> Path | None:
    """The shared folder, or None where there is none. A variable that points nowhere is an error, not an absence."""
    named = os.environ.get("MOCKSERVER_SHARED")
    if named is None:
        beside = Path(__file__).resolve().parents[2] / "shared"
        return beside if (beside / "captures").is_dir() else None
    if not (Path(named) / "captures").is_dir():
        raise FileNotFoundError(f"MOCKSERVER_SHARED={named}: expected a folder that holds captures/")
    return Path(named)


def captures(pattern: str = "*.jsonl") -> list[Path]:
    """The captured sessions whose file name matches; none where the folder is absent."""
    shared = folder()
    return (
        sorted((*(shared / "captures").glob(pattern), *(shared / "captures" / "more").glob(pattern))) if shared else []
    )


def specs(pattern: str = "*.json") -> list[Path]:
    """The published schemas and examples whose file name matches; none where the folder is absent."""
    shared = folder()
    return sorted((shared / "spec").glob(pattern)) if shared else []
