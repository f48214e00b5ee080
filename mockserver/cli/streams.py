"""The three streams that every process is taken to have."""

from __future__ import annotations

import os
import sys


def with_streams() -> None:
    """Give a process that was started without stdin, stdout or stderr (``>&-``) one that leads nowhere.

    Python has None in its place then. And the next file or socket that is opened would get its number, so that what a
    command prints would go into a cassette.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            free = os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this stream's
            os.set_inheritable(free, True)  # the command behind -- is to have it too
            setattr(sys, name, os.fdopen(free, "w" if number else "r"))
