"""Text frames to the client that go out together.

Most of a recording is one stream of small frames that differ in one number and in what they carry. A burst keeps the
recorded texts as they are, with what is to be put into each; a frame of its own is made when somebody looks at it (the
journal of a test that failed), its bytes when they are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from mockserver.core.frames import Text

Fill = tuple[int, int, str]
"""What takes the place of ``text[begin:end]``."""

Piece = tuple[str, Fill | None]
"""A frame's text as recorded, and what is put into it."""


def filled(text: str, fill: Fill | None) -> str:
    """A frame's text with what is put into it."""
    return text if fill is None else f"{text[: fill[0]]}{fill[2]}{text[fill[1] :]}"


class Burst(Sequence[Text]):
    """``pieces``: the text of each recorded frame and what is put into it."""

    __slots__ = ("pieces",)

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces

    def __len__(self) -> int:
        return len(self.pieces)

    @overload
    def __getitem__(self, at: int) -> Text: ...
    @overload
    def __getitem__(self, at: slice) -> Burst: ...
    def __getitem__(self, at: int | slice) -> Text | Burst:
        if isinstance(at, slice):
            return Burst(self.pieces[at])
        return Text(filled(*self.pieces[at]))
