"""Runs a client in Node: a script that prints what it saw as one line of JSON."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

HOME = Path(os.environ.get("MOCKSERVER_CLIENTS", "")) / "node"
"""Where ``make test-clients`` installs the packages of package.json."""

needed = pytest.mark.skipif(not (HOME / "installed").exists(), reason="the packages of Node could not be installed")


def script(name: str) -> Path:
    """The script, beside the packages: that is where Node looks for them."""
    return Path(shutil.copy(Path(__file__).with_name(name), HOME / name))


def run(*command: str | Path, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What the client saw. ``env`` is added to the environment."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=90, check=False, env={**os.environ, **(env or {})}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen
