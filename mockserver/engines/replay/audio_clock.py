"""One side's audio in microseconds: a running count of bytes in a format that may change on the way."""

from __future__ import annotations

from base64 import b64decode

from mockserver.cassette.audio import URL_SAFE
from mockserver.core.frames import Binary, Frame, Micros
from mockserver.core.view import Audio, View
from mockserver.dialects.base import SampleFormat


class AudioClock:
    """Counts one side's audio, recorded or live. The count of bytes is exact, so chunking cannot change the time."""

    __slots__ = ("_since", "format", "size", "us")

    def __init__(self) -> None:
        self.format = SampleFormat()
        self.size = 0
        self.us: Micros = 0
        self._since: tuple[Micros, int] = (0, 0)

    def take(self, audio: Audio) -> None:
        """One more piece. What it says of its own rate goes before what the session said."""
        if audio.rate:
            self.switch(SampleFormat(audio.rate, 1 if audio.encoding in ("ulaw", "alaw") else 2))
        self.size += audio.size
        start, size = self._since
        self.us = start + self.format.micros(self.size - size)

    def switch(self, wanted: SampleFormat) -> None:
        """What comes now has another format."""
        if wanted != self.format:
            self._since = self.us, self.size
            self.format = wanted

    def jump(self, position: Micros) -> None:
        """What has come so far counts as ``position``."""
        self.us = position
        self._since = position, self.size


def audio_bytes(view: View, frame: Frame) -> bytes:
    """The audio of a frame, decoded; b"" where it is no base64."""
    if view.audio is None or not view.audio.path:
        return frame.data if isinstance(frame, Binary) else b""
    here = view.body
    for part in view.audio.path:
        here = here[part]
    try:
        return b64decode(here.translate(URL_SAFE))
    except ValueError:
        return b""
