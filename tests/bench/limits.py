"""What the machine can do at all, measured in the same run: a frame of 1500 bytes through a raw socket, into a plain
file, through a check sum. Beside the other figures it says how much of them is the machine.
"""

from __future__ import annotations

import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from zlib import crc32

from tests.bench.figures import Figure, middle

SIZE = 1500
TOGETHER = 43
"""Frames in 64 KiB, which is what a server hands to a socket at once."""


def per_frame(act: Callable[[], int]) -> float:
    """Microseconds a frame; ``act`` returns how many there were."""
    began = time.perf_counter()
    count = act()
    return (time.perf_counter() - began) / count * 1e6


def sent(count: int, together: int) -> int:
    """Frames through a socket pair, so many in one call; another thread takes them."""
    one, two = socket.socketpair()
    data = b"x" * SIZE * together

    def drain() -> None:
        while two.recv(1 << 18):
            pass

    thread = threading.Thread(target=drain)
    thread.start()
    with closing(one), closing(two):
        for _ in range(count // together):
            one.sendall(data)
        one.shutdown(socket.SHUT_WR)
        thread.join()
    return count // together * together


def written(count: int, together: int) -> int:
    """Frames into a file, so many in one call."""
    data = b"x" * SIZE * together
    with tempfile.TemporaryFile(buffering=0) as file:
        descriptor = file.fileno()
        for _ in range(count // together):
            os.write(descriptor, data)
    return count // together * together


def summed(count: int) -> int:
    """Check sums."""
    data, crc = b"x" * SIZE, 0
    for _ in range(count):
        crc = crc32(data, crc)
    return count


def limits(rounds: int, count: int) -> list[Figure]:
    """Each of them."""
    acts: dict[str, Callable[[], int]] = {
        "limit: a frame through a socket, one by one": lambda: sent(count, 1),
        f"limit: a frame through a socket, {TOGETHER} together": lambda: sent(count, TOGETHER),
        "limit: a frame into a file, one by one": lambda: written(count, 1),
        f"limit: a frame into a file, {TOGETHER} together": lambda: written(count, TOGETHER),
        "limit: a check sum of a frame": lambda: summed(count),
    }
    out = []
    for name, act in acts.items():
        act()
        took = [per_frame(act) for _ in range(rounds)]
        out.append(Figure(name, middle(took), "us", note=f"{SIZE} B", rounds={"mock": took}))
    return out
