"""Where a call is answered: on addresses that are named, on loopback unless told otherwise, and found by no server.

aiortc has no setting for it: aioice gathers all of the machine's addresses but 127.0.0.1. So each connection of each
call is told its addresses before it gathers; nothing of the library is changed for others. What is private of the two
packages and used here stands in this module alone, and a newer one that has it no more is told of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiortc import RTCPeerConnection

from mockserver.errors import ServerError

NAMED = ("get_component_candidates", "_protocols")


def gather_at(peer: RTCPeerConnection, addresses: tuple[str, ...]) -> None:
    """Let ``peer`` gather at these addresses; ``*`` adds all that the machine has. Before its local description."""
    for connection in connections(peer):
        _narrow(connection, addresses)


def freeze(peer: RTCPeerConnection) -> None:
    """From now on nothing comes in and nothing goes out, not even an answer to a check of the connection."""
    for connection in connections(peer):
        for protocol in connection._protocols:
            protocol.datagram_received = _nothing
            protocol.send_stun = _nothing
            protocol.send_data = _nothing_later


def no_channel(peer: RTCPeerConnection) -> None:
    """The association under the data channels never comes to be: what comes for it is dropped."""
    sctp = peer.sctp
    if sctp is not None:
        setattr(sctp, "_handle_data", _nothing_later)  # noqa: B010 - a method of the library's, of this one call


def connections(peer: RTCPeerConnection) -> Iterator[Any]:
    """The aioice connections of a peer. ServerError where this version of the packages has none of what is needed."""
    seen = set()
    secure = [one.sender.transport for one in peer.getTransceivers()]
    if peer.sctp is not None:
        secure.append(peer.sctp.transport)
    for transport in secure:
        gatherer = transport.transport.iceGatherer
        if id(gatherer) in seen:
            continue
        seen.add(id(gatherer))
        connection = getattr(gatherer, "_connection", None)
        if any(not hasattr(connection, name) for name in NAMED):
            raise ServerError(
                "this version of aiortc or aioice is not known here: calls cannot be kept on named addresses; "
                "install the versions that 'realtime-mockserver[webrtc]' names"
            )
        yield connection


def _narrow(connection: Any, addresses: tuple[str, ...]) -> None:
    gather = connection.get_component_candidates

    async def at_addresses(component: int, addresses: list[str], **more: Any) -> Any:
        named = [one for one in wanted if one != "*"]
        return await gather(component, [*named, *(addresses if "*" in wanted else ())], **more)

    wanted = addresses
    connection.get_component_candidates = at_addresses


def _nothing(*_: object) -> None:
    pass


async def _nothing_later(*_: object) -> None:
    pass
