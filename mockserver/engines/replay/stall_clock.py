"""How long nothing has happened, and when that is a stall."""

from __future__ import annotations

from mockserver.core.frames import Micros


class StallClock:
    """``after``: so much silence on both sides is a stall (0: none ever is). ``lasted``: how long the silence had
    lasted when it became one; None while there is none.
    """

    __slots__ = ("_after", "_last", "lasted")

    def __init__(self, after: Micros) -> None:
        self.lasted: Micros | None = None
        self._after = after
        self._last: Micros = 0

    def server_spoke(self, now: Micros) -> None:
        """Something went out."""
        self._last = now

    def client_spoke(self, now: Micros) -> None:
        """Something came in: a stall is over."""
        self._last, self.lasted = now, None

    def due(self) -> Micros | None:
        """When silence will be a stall, if something is waited for."""
        return self._last + self._after if self._after and self.lasted is None else None

    def stalls(self, now: Micros) -> Micros:
        """It is one now. Returns how long the silence has lasted."""
        self.lasted = now - self._last
        return self.lasted
