"""The server's token: checked where it is given, and read from a place that no process list shows."""

from __future__ import annotations

import os
from pathlib import Path

from mockserver.errors import UsageError
from mockserver.server.text_files import text_of

LARGEST_FILE = 4096
"""Bytes that a file with a token may have."""


def checked_token(token: str | None, given: str = "token") -> str | None:
    """The token, if it can be one. UsageError for an empty one: an unset variable would let everybody in."""
    if token is None:
        return None
    if not isinstance(token, str):
        raise UsageError(f"{given}: expected text, got {type(token).__name__}")
    if not token.strip():
        raise UsageError(
            f"{given} is empty (an unset variable?): everybody would know it; give a token, or leave it out"
        )
    if token != token.strip() or not token.isascii() or not token.isprintable():
        raise UsageError(
            f"{given} holds spaces at an end, control characters or other than ASCII: no header can carry it"
        )
    return token


def token_from(*, value: str | None = None, env: str | None = None, file: Path | None = None) -> str | None:
    """The token that ``--token``, ``--token-env`` or ``--token-file`` gives; None where none of them does."""
    named = [
        name for name, one in (("--token", value), ("--token-env", env), ("--token-file", file)) if one is not None
    ]
    if len(named) > 1:
        raise UsageError(f"{' and '.join(named)} both give the token; keep one of them")
    if env is not None:
        found = os.environ.get(env)
        if found is None:
            raise UsageError(f"--token-env {env}: the environment variable is not set; it should hold the token")
        return checked_token(found, f"--token-env {env}: the token")
    if file is not None:
        return checked_token(_first_line(file), f"--token-file {file}: the token")
    return checked_token(value, "--token")


def _first_line(file: Path) -> str:
    text = text_of(file, named=f"--token-file {file}", expected="one line with the token", largest=LARGEST_FILE)
    lines = text.splitlines()
    if len(lines) > 1 and any(line.strip() for line in lines[1:]):
        raise UsageError(f"--token-file {file}: more than one line; expected one line with the token")
    return lines[0].strip() if lines else ""
