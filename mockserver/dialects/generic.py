"""Any websocket: no facts at all, so that an unknown provider can be recorded and replayed the day it appears."""

from __future__ import annotations

from mockserver.dialects.base import Dialect


class Generic(Dialect):
    """The defaults of ``Dialect``, as they are."""

    socket_path = "/"
    env_vars = {"MOCKSERVER_URL": "{http}", "MOCKSERVER_WS_URL": "{ws_url}"}


GENERIC = Generic()
