"""Digests in a file: a few bytes that stand for many. What they claim is added up before any of it is made."""

from __future__ import annotations

from mockserver.cassette.codec import DIGEST

LARGEST_DIGEST = 1 << 24
"""Bytes of audio that the digests of one frame may stand for; they are made up when the frame is read. A provider takes
15 MiB at most in one event."""
LARGEST_DIGESTS = 1 << 31
"""The same for all frames of a file: twelve hours of PCM16 at 24 kHz."""


class _Digest(bytes):
    """The zeros that stand for audio, with its hash."""

    sha256: str = ""


class Claim:
    """A digest as it lies in the file: how many bytes it says it stands for, and their hash."""

    __slots__ = ("_hash", "_size")

    def __init__(self, size: int, hashed: bytes) -> None:
        self._size, self._hash = size, hashed

    def zeros(self) -> _Digest:
        """What it stands for."""
        made = _Digest(self._size)
        made.sha256 = self._hash.hex()
        return made


class Claims:
    """What the digests of a file have claimed so far; a frame that is read again is counted once."""

    def __init__(self) -> None:
        self._places: set[int] = set()
        self._total = 0

    def take(self, place: int, size: int) -> None:
        """Count the frame at this place. ValueError where it, or the file with it, claims too much."""
        if size > LARGEST_DIGEST:
            raise ValueError(f"digests of {size} bytes in one frame, {LARGEST_DIGEST} at most")
        if place not in self._places:
            self._places.add(place)
            self._total += size
        if self._total > LARGEST_DIGESTS:
            raise ValueError(f"digests of more than {LARGEST_DIGESTS} bytes in one file")


def claim(code: int, data: bytes, claimed: list[int]) -> Claim:
    """What an extension of msgpack holds in a cassette; its size is added to ``claimed``. ValueError for any other."""
    if code != DIGEST or len(data) != 40:
        raise ValueError(f"unknown extension {code}")
    size = int.from_bytes(data[:8], "big")
    claimed.append(size)
    return Claim(size, data[8:])
