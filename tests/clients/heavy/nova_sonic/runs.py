"""Runs a client in an environment of its own: a program that prints what it saw as one line of JSON."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

CLIENTS = Path(os.environ.get("MOCKSERVER_CLIENTS", ""))
"""Where ``make test-clients`` makes the environments."""
TOP = Path(__file__).resolve().parents[4]
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDMOCK", "AWS_SECRET_ACCESS_KEY": "mock", "AWS_EC2_METADATA_DISABLED": "true"}


def needed(name: str) -> Any:
    """A mark: the environment of this name is there. ``make test-clients`` says why one is not."""
    return pytest.mark.skipif(not (CLIENTS / name / "installed").exists(), reason=f"environment {name} is not there")


def run(*command: str | Path, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What a program saw. ``env`` is added to the environment."""
    told = {**os.environ, **(env or {})}
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, env=told)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4_000:]
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def python(name: str, module: str, *words: str | Path) -> dict[str, Any]:
    """What a client in Python saw. It finds this checkout's tests and package beside its own packages."""
    program = CLIENTS / name / "bin" / "python"
    return run(program, "-m", f"tests.clients.heavy.nova_sonic.{module}", *words, env={"PYTHONPATH": str(TOP), **KEYS})


def script(name: str) -> Path:
    """A script for Node, beside the packages: that is where Node looks for them."""
    return Path(shutil.copy(Path(__file__).with_name(name), CLIENTS / "node" / name))
