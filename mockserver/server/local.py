"""What counts as this machine, who may connect from elsewhere, and how a listener is closed."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
from collections.abc import Iterator

from mockserver.core.frames import Pairs
from mockserver.dialects.base import Dialect


def loopback(host: str) -> bool:
    """Whether this names the loopback interface: an address or the name localhost, and no other name."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def carries(token: str, dialect: Dialect, headers: Pairs, query: Pairs, subprotocols: tuple[str, ...] = ()) -> bool:
    """Whether a client carries the server's token where it would carry its key."""
    wanted = token.encode()
    found = list(_credentials(dialect, headers, query, subprotocols))
    return sum(hmac.compare_digest(one.encode(errors="replace"), wanted) for one in found) > 0


def _credentials(dialect: Dialect, headers: Pairs, query: Pairs, subprotocols: tuple[str, ...]) -> Iterator[str]:
    names = {"authorization", "x-mockserver-token", *(name.lower() for name in dialect.key_headers)}
    for name, value in headers:
        if name.lower() in names:
            scheme, _, rest = value.partition(" ")
            yield rest.strip() if scheme.lower() in ("bearer", "token") else value.strip()
    params = {name.lower() for name in dialect.key_params}
    yield from (value for name, value in query if name.lower() in params)
    for one in subprotocols:
        yield from (one.removeprefix(prefix) for prefix in dialect.key_subprotocols if one.startswith(prefix))


async def stop_listening(listener: asyncio.Server) -> None:
    """Close a listener without losing a connection that it has just accepted.

    That takes three turns of the loop until aiohttp knows of it; a listener closed before that makes asyncio drop
    it while it is open.
    """
    loop = asyncio.get_running_loop()
    for sock in listener.sockets:
        with contextlib.suppress(NotImplementedError):  # Windows accepts in another way
            loop.remove_reader(sock.fileno())
    for _ in range(4):
        await asyncio.sleep(0)
    listener.close()
