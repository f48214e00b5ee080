"""Are bytes on their way between two sockets of one selector? Asked by the virtual clock before it moves.

On Linux the kernel says how many bytes each socket has sent and received (``TCP_INFO``, ``linux/tcp.h``), so the answer
is exact for two ends that are both here. Elsewhere it is unknown, and a short wait stands in for it. Every hold is
bounded: a connection whose other end stays away (nobody reads it, or it is in another process) is given up.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

HOLD_S = 0.05
"""Real seconds that one connection can hold the clock in a row. Delivery on loopback takes microseconds."""
GRACE_S = 0.002
"""Real seconds to wait before each jump where the kernel does not say what is under way."""

ESTABLISHED, SYN_SENT, LISTEN = 1, 2, 10
"""States of ``tcpi_state``."""

Address = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class End:
    """One TCP socket. ``sent``: bytes that have left it or wait in it; ``received``: bytes that have come to it."""

    state: int
    local: Address
    peer: Address | None
    sent: int = 0
    received: int = 0


class Wire:
    """What is known of the connections between the sockets of a selector. ``exact``: the kernel can be asked."""

    def __init__(self, selector: Any, *, exact: bool = sys.platform == "linux") -> None:
        self._selector = selector
        self._exact = exact
        self._met: set[tuple[Address, Address]] = set()
        self._given_up: set[tuple[Address, Address | None]] = set()

    def under_way(self) -> Iterator[None]:
        """One item for each look at the sockets that the clock should make before it moves."""
        if not self._exact:
            deadline = time.monotonic() + GRACE_S
            while time.monotonic() < deadline:
                yield
            return
        deadline = time.monotonic() + HOLD_S
        while late := self.late(ends(self._selector)):
            if time.monotonic() > deadline:
                self._given_up |= late
                return
            yield

    def late(self, there: Iterable[End]) -> set[tuple[Address, Address | None]]:
        """The connections (local, peer) on which something is still to arrive at this or the other end."""
        known = {(end.local, end.peer): end for end in there}
        listening = {end.local[1] for end in known.values() if end.state == LISTEN}
        late = set()
        for (local, peer), end in known.items():
            if end.state == SYN_SENT:
                late.add((local, peer))
            elif peer is not None:
                other = known.get((peer, local))
                if other is not None:
                    self._met.add((local, peer))
                    if end.sent > other.received:
                        late.add((local, peer))
                elif (local, peer) in self._met:
                    # The other end was closed: its FIN is still to come. (Or nobody reads it for now.)
                    if end.state == ESTABLISHED:
                        late.add((local, peer))
                elif peer[1] in listening:
                    late.add((local, peer))  # not accepted yet
        return late - self._given_up


def ends(selector: Any) -> Iterator[End]:
    """The TCP sockets of a selector."""
    for key in (selector.get_map() or {}).values():
        # A socket object that borrows the number for a moment; anything that is not TCP answers with an error.
        borrowed = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=key.fd)
        try:
            end = _end(borrowed)
        except OSError:
            continue
        finally:
            borrowed.detach()
        if end is not None:
            yield end


_COUNTS = struct.Struct("=B127xQ8xI52xQQ")  # state, bytes_received @128, notsent @144, bytes_sent @200, bytes_retrans


def _end(sock: socket.socket) -> End | None:
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    local = sock.getsockname()[:2]
    if len(info) < _COUNTS.size:  # before Linux 4.19
        return None
    state, received, waiting, sent, again = _COUNTS.unpack_from(info)
    if state in (LISTEN, SYN_SENT):
        return End(state, local, None)
    return End(state, local, sock.getpeername()[:2], sent - again + waiting, received)
