"""What raised inside a server, as a problem of the test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mockserver.errors import ExpectationFailed


def failure(where: str, error: BaseException) -> ExpectationFailed:
    """An exception inside the server as a problem of the test."""
    made = ExpectationFailed(f"{where}: {type(error).__name__}: {error}")
    made.__cause__ = error
    return made


class Failures:
    """What a test should fail for because of the server itself. ``lost``: lines of what clients brought back to the
    wrong machine, each told once.
    """

    def __init__(self) -> None:
        self.lost: dict[str, None] = {}
        self._found: list[ExpectationFailed] = []

    def add(self, problem: ExpectationFailed) -> None:
        """One more."""
        self._found.append(problem)

    def raised(self, where: str, error: BaseException) -> None:
        """Something raised there."""
        self.add(failure(where, error))

    def __iter__(self) -> Iterator[ExpectationFailed]:
        return iter([*self._found, *map(ExpectationFailed, self.lost)])


def raise_all(found: Sequence[ExpectationFailed]) -> None:
    """Raise the first of these, with all of them in its message. Nothing happens where there are none."""
    if len(found) == 1:
        raise found[0]
    if found:
        text = [f"{len(found)} problems", *(f"{number}. {one}" for number, one in enumerate(found, 1))]
        raise type(found[0])("\n\n".join(text)) from found[0]
