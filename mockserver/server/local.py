"""What counts as this machine, and how a listener is closed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
from collections.abc import Sized

from mockserver.errors import ServerError


def loopback(host: str) -> bool:
    """Whether this names the loopback interface: an address or the name localhost, and no other name."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


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


async def settled(journal: Sized) -> None:
    """Read what clients sent just before the end: on loopback it is here already, it only waits to be read."""
    for _ in range(3):
        seen = len(journal)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if len(journal) == seen:
            return


def cannot_listen(host: str, port: int, error: OSError | UnicodeError) -> ServerError:
    """Why a listener could not be opened, and what to do."""
    if isinstance(error, UnicodeError):
        return ServerError(f"cannot listen on {host!r:.80}: that is no host name; give an address such as 127.0.0.1")
    if error.errno == errno.EADDRINUSE:
        return ServerError(f"port {port} is in use: choose another with --port, or leave it out for any free one")
    if error.errno == errno.EACCES:
        return ServerError(f"port {port} may not be used by this user: choose one above 1023 with --port")
    return ServerError(f"cannot listen on {host}:{port}: {error.strerror or error}")
