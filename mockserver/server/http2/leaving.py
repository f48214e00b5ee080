"""Takes frames that a client sends about the connection out of its bytes, before they are read.

Node says GOAWAY right after it has opened its only stream, and sends the stream's data behind it. That is allowed
(RFC 9113 section 6.8: it only promises to open no more of them), but h2 takes the connection as closed from there on
(nova_sonic.md#9). A ping is taken out where a fault wants it unanswered: h2 answers by itself.
"""

from __future__ import annotations

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What every client sends first (RFC 9113 section 3.4)."""
HEAD = 9
LONGEST = 16_384
"""Bytes of a frame where a server allows no more (RFC 9113 section 4.2). h2 would wait for all of a longer one."""
PING, GOAWAY = 6, 7


class FrameTooLong(Exception):
    """A frame that is longer than this server allows."""


class Sieve:
    """Bytes of a client, cut anywhere, without the frames of some types. Holds a frame's head at most."""

    def __init__(self) -> None:
        self.without: frozenset[int] = frozenset({GOAWAY})
        self._preface = len(PREFACE)
        self._head = bytearray()
        self._left = 0  # bytes of the frame at hand that are still to come
        self._dropping = False

    def passed(self, data: bytes) -> bytes:
        """What of these bytes goes on. FrameTooLong."""
        kept = []
        place = min(self._preface, len(data))
        self._preface -= place
        if place:
            kept.append(data[:place])
        while place < len(data):
            if not self._left:
                wanted = HEAD - len(self._head)
                self._head += data[place : place + wanted]
                place += wanted
                if len(self._head) < HEAD:
                    break
                self._left = int.from_bytes(self._head[:3], "big")
                if self._left > LONGEST:
                    raise FrameTooLong(f"a frame of {self._left} bytes: expected at most {LONGEST}")
                self._dropping = self._head[3] in self.without
                if not self._dropping:
                    kept.append(bytes(self._head))
                self._head.clear()
                continue
            piece = data[place : place + self._left]
            place += len(piece)
            self._left -= len(piece)
            if not self._dropping:
                kept.append(piece)
        return b"".join(kept)
