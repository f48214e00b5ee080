"""Are bytes on their way between two sockets of one selector? Asked by the virtual clock before it moves.

On Linux the kernel says how many bytes each socket has sent and received (``TCP_INFO``, ``linux/tcp.h``), so the answer
is exact for two ends that are both here. Elsewhere it is unknown, and a short wait stands in for it. Every hold is
bounded. A connection whose other end is not here (another process, another thread's loop) is *foreign*: what its other
end is about to send nobody can know.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from selectors import EVENT_READ
from typing import Any, NamedTuple

SURE_S = 5.0
"""Real seconds that the clock waits for what must come: both ends are here and read. Delivery on loopback takes
microseconds, but a virtual processor can be away for tens of milliseconds."""
MAYBE_S = 0.2
"""Real seconds that the clock waits, once per connection, for what may never come."""
GRACE_S = 0.002
"""Real seconds to wait before each jump where the kernel does not say what is under way."""

ESTABLISHED, SYN_SENT, LISTEN = 1, 2, 10
"""States of ``tcpi_state``."""

Address = tuple[Any, ...]
Way = tuple[Address, Address | None]
"""The local and the other address of one end."""


class End(NamedTuple):
    """One TCP socket. ``sent``: bytes that have left it or wait in it; ``received``: bytes that have come to it.

    ``read``: whether the loop waits for bytes from it. (A named tuple: one is made for each socket and each jump.)
    """

    state: int
    local: Address
    peer: Address | None
    sent: int = 0
    received: int = 0
    read: bool = True


@dataclass(frozen=True, slots=True)
class Late:
    """Connections on which something must still arrive, on which something may, and those with somebody else."""

    sure: frozenset[Way] = frozenset()
    maybe: frozenset[Way] = frozenset()
    foreign: frozenset[Way] = frozenset()


class BytesInFlight:
    """What is known of the connections between the sockets of a selector. ``exact``: the kernel can be asked."""

    def __init__(self, selector: Any, *, exact: bool = sys.platform == "linux") -> None:
        self._sockets = Sockets(selector)
        self._exact = exact
        self.foreign = False  # whether there was a foreign connection at the last look
        self._met: set[Way] = set()
        self._given_up: set[Way] = set()

    def under_way(self) -> Iterator[None]:
        """One item for each look at the sockets that the clock should make before it moves."""
        began = time.monotonic()
        if not self._exact:
            while time.monotonic() < began + GRACE_S:
                yield
            return
        while True:
            late = self.late(self._sockets)
            self.foreign = bool(late.foreign)
            passed = time.monotonic() - began
            if passed > SURE_S:
                self._given_up |= late.sure
            if passed > MAYBE_S:
                self._given_up |= late.maybe
            if not (late.sure | late.maybe) - self._given_up:
                return
            yield

    def others(self, own: Any) -> bool:
        """Whether the selector waits for more than TCP sockets: pipes, processes, datagrams. ``own``: no such."""
        return self._sockets.others(-1 if own is None else own.fileno())

    def late(self, there: Iterable[End]) -> Late:
        """What is under way between these, as far as it has not been given up."""
        known = {(end.local, end.peer): end for end in there}
        doors = {end.local[1] for end in known.values() if end.state == LISTEN}
        sure: set[Way] = set()
        maybe: set[Way] = set()
        foreign: set[Way] = set()
        met = self._met
        for way, end in known.items():
            local, peer = way
            if peer is None:
                if end.state == SYN_SENT:
                    # To a listener of this machine, or to the world, which takes its time.
                    (sure if local[0] in ("127.0.0.1", "::1") else maybe).add(way)
            elif (other := known.get((peer, local))) is not None:
                if way not in met:
                    met |= {way, (peer, local)}
                if end.sent > other.received and other.read:
                    sure.add(way)
            elif end.state == ESTABLISHED:
                if way in met or peer[1] in doors:
                    # The other end was closed, so its FIN is still to come; or it has not been accepted yet. Or it is
                    # open and nobody reads it for now.
                    maybe.add(way)
                else:
                    foreign.add(way)
        return Late(frozenset(sure - self._given_up), frozenset(maybe - self._given_up), frozenset(foreign))


class Sockets:
    """The TCP sockets of a selector. Addresses are asked for once: they stay as long as a socket is registered."""

    def __init__(self, selector: Any) -> None:
        self._selector = selector
        self._names: dict[int, tuple[Any, Way | None]] = {}

    def others(self, own: int) -> bool:
        """Whether there is anything but TCP and the file number ``own``. Right after a look."""
        map_ = self._selector.get_map() or {}
        return any(fd != own and self._names.get(fd, (None, None)) == (key, None) for fd, key in map_.items())

    def __iter__(self) -> Iterator[End]:
        for key in (self._selector.get_map() or {}).values():
            seen, way = self._names.get(key.fd, (None, None))
            known = seen is key
            if known and way is None:
                continue  # not TCP
            # A socket object that borrows the number for a moment.
            borrowed = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=key.fd)
            try:
                info = borrowed.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _COUNTS.size)
                state, received, waiting, sent, again = _COUNTS.unpack(info)
                if not known or way is None:
                    way = _way(borrowed, state)
                    if state != SYN_SENT:
                        self._names[key.fd] = key, way
            except (OSError, struct.error):  # not TCP, or a Linux before 4.19
                self._names[key.fd] = key, None
                continue
            finally:
                borrowed.detach()
            yield End(state, *way, sent - again + waiting, received, bool(key.events & EVENT_READ))


_COUNTS = struct.Struct("=B127xQ8xI52xQQ")
"""state at 0, bytes_received at 128, notsent_bytes at 144, bytes_sent at 200, bytes_retrans at 208."""


def _way(sock: socket.socket, state: int) -> Way:
    local = sock.getsockname()[:2]
    return local, None if state in (LISTEN, SYN_SENT) else sock.getpeername()[:2]
