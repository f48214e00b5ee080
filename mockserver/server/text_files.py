"""Files that the user names: read with a bound, and never from what only looks like a file.

Opening a FIFO waits for a writer, and a device may never end. So a file is opened without waiting, and looked at first.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from mockserver.errors import UsageError

LARGEST = 4 << 20
"""Bytes of such a file."""
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def text_of(path: Path, *, named: str, expected: str, largest: int = LARGEST) -> str:
    """The text of a file. UsageError where there is none: ``named`` is what the user called it, ``expected`` what
    should have been there.
    """
    return decoded(bytes_of(path, named=named, expected=expected, largest=largest), named=named, expected=expected)


def decoded(data: bytes, *, named: str, expected: str) -> str:
    """The bytes of a file as its text, in UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{named}: not a text file; expected {expected}") from None


def bytes_of(path: Path, *, named: str, expected: str, largest: int = LARGEST) -> bytes:
    """The bytes of a file, as ``text_of`` reads it."""
    data = bytearray()
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
            while regular and len(data) <= largest and (chunk := os.read(descriptor, 1 << 16)):
                data += chunk
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UsageError(f"{named}: cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise UsageError(f"{named!r:.120}: not a file name") from None
    if not regular:
        raise UsageError(f"{named}: is not a regular file; expected {expected}")
    if len(data) > largest:
        raise UsageError(f"{named}: more than {largest} bytes; expected {expected}")
    return bytes(data)
