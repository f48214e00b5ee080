"""Bodies of plain requests that came compressed: as a recording can be searched, and an address in them be led here."""

from __future__ import annotations

import zlib
from typing import NamedTuple

from mockserver.core.frames import Pairs, first

MOST = 64 << 20
"""Bytes that a body may have when it is unpacked."""
_WINDOW = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class Plain(NamedTuple):
    """Headers and body without a content encoding. ``read``: False where it could not be taken off."""

    headers: Pairs
    body: bytes
    read: bool = True


def plain(headers: Pairs, body: bytes) -> Plain:
    """A message as it is without its content encoding; the same where it has none.

    What cannot be read is left out: nobody could say what secrets stand in it.
    """
    encoding = (first(headers, "content-encoding") or "identity").strip().lower()
    if encoding == "identity" or not body:
        return Plain(headers, body)
    bare = tuple(one for one in headers if one[0].lower() not in ("content-encoding", "content-length"))
    window = _WINDOW.get(encoding)
    if window is None:
        return Plain(bare, b"", read=False)
    try:
        unpacker = zlib.decompressobj(window)
        unpacked = unpacker.decompress(body, MOST)
    except zlib.error:
        return Plain(bare, b"", read=False)
    return Plain(bare, b"", read=False) if unpacker.unconsumed_tail else Plain(bare, unpacked)
