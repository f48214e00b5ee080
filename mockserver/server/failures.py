"""What raised inside a server, as a problem of the test."""

from __future__ import annotations

from mockserver.errors import ExpectationFailed


def failure(where: str, error: BaseException) -> ExpectationFailed:
    """An exception inside the server as a problem of the test."""
    made = ExpectationFailed(f"{where}: {type(error).__name__}: {error}")
    made.__cause__ = error
    return made
