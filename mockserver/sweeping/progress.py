"""A line that shows how far a sweep is and how long it still takes."""

from __future__ import annotations

import time
from typing import TextIO

WIDTH = 30


class ProgressBar:
    """Called with how many runs are made, and of how many. It writes over its own line."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._began = time.monotonic()

    def __call__(self, made: int, all_: int) -> None:
        """One more run is made."""
        left = (time.monotonic() - self._began) / made * (all_ - made)
        full = WIDTH * made // all_
        text = f"\r[{'#' * full}{'.' * (WIDTH - full)}] {made}/{all_} runs, {left:.0f} s left "
        self._file.write(text if made < all_ else f"\r{' ' * len(text)}\r")
        self._file.flush()
