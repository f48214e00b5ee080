"""The way from a server to the real services: its parts are made when first used, because most servers never dial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mockserver.server.lines import Upstream
from mockserver.server.pump import Pump

if TYPE_CHECKING:
    from mockserver.server.websocket.upstream import Dialler


class WayOut:
    """``timeout``: seconds that an upstream gets to answer."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._dialler: Dialler | None = None

    def dialler(self) -> Dialler:
        """What dials."""
        if self._dialler is None:
            from mockserver.server.websocket.upstream import Dialler

            self._dialler = Dialler(timeout=self._timeout)
        return self._dialler

    def upstream(self, pump: Pump) -> Upstream:
        """The other end of one session."""
        from mockserver.server.websocket.upstream import AiohttpUpstream

        return AiohttpUpstream(pump, self.dialler())

    async def close(self) -> None:
        """Nothing is dialled any more."""
        if self._dialler is not None:
            await self._dialler.close()
