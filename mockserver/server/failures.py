"""What raised inside a server, as a problem of the test."""

from __future__ import annotations

from collections.abc import Sequence

from mockserver.errors import ExpectationFailed


def failure(where: str, error: BaseException) -> ExpectationFailed:
    """An exception inside the server as a problem of the test."""
    made = ExpectationFailed(f"{where}: {type(error).__name__}: {error}")
    made.__cause__ = error
    return made


def raise_all(found: Sequence[ExpectationFailed]) -> None:
    """Raise the first of these, with all of them in its message. Nothing happens where there are none."""
    if len(found) == 1:
        raise found[0]
    if found:
        text = [f"{len(found)} problems", *(f"{number}. {one}" for number, one in enumerate(found, 1))]
        raise type(found[0])("\n\n".join(text)) from found[0]
