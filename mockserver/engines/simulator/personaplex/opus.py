"""One Ogg-Opus stream each way, by ``sphn``, which is what the open server uses (personaplex.md#7, personaplex.md#13).

The encoder is an extra: ``pip install "realtime-mockserver[opus]"``. It draws no randomness: the same audio gives the
same pages.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mockserver.errors import UsageError

RATE = 24_000
FRAME_MS = 80
FRAME_BYTES = 2 * RATE * FRAME_MS // 1000
"""A frame of the model (personaplex.md#9), in PCM16."""


class NoOpus(Exception):
    """Bytes that are no Ogg-Opus."""


def available() -> None:
    """UsageError where the extra is not installed, or too old."""
    _codec()


class OpusOut:
    """PCM16 in frames of 80 ms to pages. The first has the stream's headers."""

    def __init__(self) -> None:
        self._numpy, sphn = _codec()
        self._writer = sphn.OpusStreamWriter(RATE)

    def page(self, frame: bytes) -> bytes:
        """The bytes that carry one frame."""
        samples = self._numpy.frombuffer(frame, dtype="<i2").astype("float32") / 32_768
        return bytes(self._writer.append_pcm(samples) or b"")

    def close(self) -> None:
        """No page is made any more: a coder has a quarter of a megabyte."""
        self._writer = None


class OpusIn:
    """Pages, cut anywhere, to PCM16."""

    def __init__(self) -> None:
        self._numpy, sphn = _codec()
        self._reader = sphn.OpusStreamReader(RATE)

    def pcm(self, data: bytes) -> bytes:
        """What can be decoded by now. NoOpus: from here on nothing can be."""
        try:
            samples = self._reader.append_bytes(data)
        except (ValueError, RuntimeError) as error:
            raise NoOpus(str(error)) from None
        if samples is None or not len(samples):
            return b""
        return bytes(self._numpy.clip(samples * 32_768, -32_768, 32_767).astype("<i2").tobytes())

    def close(self) -> None:
        """Nothing is decoded any more."""
        self._reader = None


def _codec() -> tuple[Any, Any]:
    try:
        numpy, sphn = import_module("numpy"), import_module("sphn")
    except ImportError as error:
        raise UsageError(
            f'simulator("personaplex") speaks Ogg-Opus, and {error.name} is not installed: '
            'pip install "realtime-mockserver[opus]"'
        ) from None
    return numpy, sphn
