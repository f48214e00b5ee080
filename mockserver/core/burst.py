"""Text frames to the client that go out together.

Most of a recording is one stream of small frames that differ in one number and in what they carry. A burst keeps the
recorded frames as they are, with what is to be put into each; a frame of its own is made when somebody looks at it (the
journal of a test that failed), its bytes when they are written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from mockserver.core.frames import Text

Fill = tuple[int, int, str]
"""What takes the place of ``text[begin:end]``."""


def filled(text: str, fill: Fill | None) -> str:
    """A frame's text with what is put into it."""
    return text if fill is None else f"{text[:fill[0]]}{fill[2]}{text[fill[1]:]}"


class Burst(Sequence[Text]):
    """``fills``: for each recorded frame what is put into it, or None; None where nothing is put into any."""

    __slots__ = ("_fills", "_frames")

    def __init__(self, frames: Sequence[Text], fills: Sequence[Fill | None] | None = None) -> None:
        self._frames = frames
        self._fills = fills

    def __len__(self) -> int:
        return len(self._frames)

    @overload
    def __getitem__(self, at: int) -> Text: ...
    @overload
    def __getitem__(self, at: slice) -> Burst: ...
    def __getitem__(self, at: int | slice) -> Text | Burst:
        fills = self._fills
        if isinstance(at, slice):
            return Burst(self._frames[at], None if fills is None else fills[at])
        frame, fill = self._frames[at], None if fills is None else fills[at]
        return frame if fill is None else Text(filled(frame.data, fill))

    def last(self, most: int) -> list[tuple[str, Fill | None]]:
        """Text and fill of the newest frames: what is left of them where many are kept (they hold nothing else)."""
        frames, fills = self._frames, self._fills
        if len(frames) == 1:
            return [(frames[0].data, None if fills is None else fills[0])]
        if fills is None:
            return [(frame.data, None) for frame in frames[-most:]]
        return [(frame.data, fill) for frame, fill in zip(frames[-most:], fills[-most:], strict=True)]

    def payloads(self) -> Iterator[bytes]:
        """The bytes of each frame, one after another."""
        if self._fills is None:
            for frame in self._frames:
                yield frame.data.encode()
            return
        for frame, fill in zip(self._frames, self._fills, strict=True):
            yield filled(frame.data, fill).encode()
