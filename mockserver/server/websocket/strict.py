"""What RFC 6455 forbids a client and aiohttp takes: refused here, before aiohttp sees it.

``handshake_problem`` looks at the request (section 4.2.1), ``Frames`` at the bytes that come after it (section 5): only
at the heads of frames, so that a long message costs no more than a short one. What a head says that aiohttp itself
refuses (reserved bits, unknown opcodes, long control frames) is left to it.
"""

from __future__ import annotations

import re
from collections import Counter

from mockserver.core.frames import Pairs, first

_KEY = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==")
"""Sixteen bytes in base64."""
_ONCE = ("host", "sec-websocket-key", "sec-websocket-version", "upgrade")
REFUSED = b"\xff\xff"
"""The head of no frame: all reserved bits are set. aiohttp answers it with 1002, which is what such a client gets."""
NEVER_SENT = (1005, 1006, 1015)
"""Codes that only say what was not sent (RFC 6455 section 7.4.1)."""
CONTROL, RESERVED_1 = 0x08, 0x40


def handshake_problem(method: str, version: tuple[int, int], headers: Pairs) -> str | None:
    """What is wrong with a request that asks for a websocket, or None."""
    if method != "GET":
        return f"a websocket handshake is a GET, not a {method:.20}"
    if version < (1, 1):
        return "a websocket handshake needs HTTP/1.1"
    counts = Counter(name.lower() for name, _ in headers)
    for name in _ONCE:
        if counts[name] != 1:
            return f"a websocket handshake has one {name} header, not {counts[name]}"
    if (first(headers, "sec-websocket-version") or "").strip() != "13":
        return "Sec-WebSocket-Version: expected 13"
    if _KEY.fullmatch((first(headers, "sec-websocket-key") or "").strip()) is None:
        return "Sec-WebSocket-Key: expected 16 bytes in base64"
    if counts["transfer-encoding"] or (first(headers, "content-length") or "0").strip() != "0":
        return "a websocket handshake has no body"
    return None


class Frames:
    """The frames of one client. ``problem`` is set by the first that breaks a rule; nothing is read after it."""

    __slots__ = ("_fragments", "_given", "_held", "_skip", "problem")

    def __init__(self) -> None:
        self.problem: str | None = None
        self._held = b""  # a head that is not whole yet
        self._given = 0  # bytes of it that went on all the same
        self._skip = 0  # bytes of a payload that are still to come
        self._fragments = False  # whether a message is under way

    def went_on(self, data: bytes) -> None:
        """These bytes have gone on already; they are looked at all the same."""
        self.passed(data)
        self._given = len(self._held)

    def passed(self, data: bytes) -> bytes:
        """What of the client's bytes may go on. After a broken rule that is ``REFUSED``, or nothing where a part of
        the head that breaks it has gone on; and from then on nothing.
        """
        if self.problem is not None:
            return b""
        given, self._given = self._given, 0
        if self._held:
            data, self._held = self._held + data, b""
        passed = self._looked_at(data)
        if not given:
            return passed
        if not passed:
            self._given = given  # the head is still not whole
        return b"" if passed == REFUSED else passed[given:]

    def _looked_at(self, data: bytes) -> bytes:
        at, size = self._skip, len(data)
        while at + 1 < size:
            begin, length = at, data[at + 1]
            if length < 0x80:
                return self._broken(data[:begin], "frames of a client are masked (RFC 6455 section 5.1)")
            head = data[at]
            if head & CONTROL:
                if head & RESERVED_1:
                    return self._broken(data[:begin], "control frames are not compressed (RFC 7692 section 6.1)")
            elif (head & 0x0F != 0) is self._fragments and head & 0x0F < 3:
                what = "a new message in the middle of another" if self._fragments else "a continuation of nothing"
                return self._broken(data[:begin], f"{what} (RFC 6455 section 5.4)")
            length &= 0x7F
            at += 6  # two bytes of head and the mask
            if length >= 126:
                least, more = (126, 2) if length == 126 else (65_536, 8)
                if begin + 2 + more > size:
                    at = begin
                    break  # the rest of the head is still to come
                length = int.from_bytes(data[begin + 2 : begin + 2 + more], "big")
                if length < least or length >> 63:
                    return self._broken(data[:begin], "the length of a frame takes no more bytes than it needs")
                at += more
            if not head & CONTROL:
                self._fragments = head < 0x80
            at += length
        if at < size:
            self._held = data[at:]
            self._skip = 0
            return data[:at]
        self._skip = at - size
        return data

    def _broken(self, good: bytes, problem: str) -> bytes:
        self.problem = problem
        return good + REFUSED
