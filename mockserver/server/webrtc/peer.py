"""One call: a peer connection, and the session that answers over it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack

from mockserver.core.frames import Binary, Close, Lost, Peer, Received, Text
from mockserver.dialects.calls import CUT_SHORT, CallFacts
from mockserver.engines.calls.layer import CallLayer
from mockserver.errors import ServerError
from mockserver.server.pump import Pump
from mockserver.server.webrtc import ice
from mockserver.server.webrtc.outlet import ChannelOutlet
from mockserver.server.webrtc.sound import CallerSound, Converter, Speaker

CONNECT_SECONDS = 20.0
"""Seconds that a client gets to connect after its offer was answered."""
DRAIN_SECONDS = 1.0
"""Seconds that the last events get to reach the client before the connection is closed."""
CLOSE_SECONDS = 5.0
MOST_LINES = 4
MOST_SDP = 64 * 1024


class BadOffer(Exception):
    """An offer that cannot be answered, and why."""


class PeerCall:
    """The client's end of a session. ``over`` is told once everything of it has ended."""

    def __init__(
        self,
        pump: Pump,
        layer: CallLayer,
        calls: CallFacts,
        *,
        addresses: tuple[str, ...],
        over: Callable[[PeerCall], object],
    ) -> None:
        self.pump = pump
        self._layer = layer
        self._calls = calls
        self._addresses = addresses
        self._over = over
        self._loop = pump.loop
        self._peer: RTCPeerConnection | None = None
        self._speaker = Speaker()
        self._converter = Converter()
        self._channel: RTCDataChannel | None = None
        self._listening: set[asyncio.Task[None]] = set()
        self._ending: asyncio.Task[None] | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._without_channel = False
        self._frozen = False
        outlet = pump.outlet
        assert isinstance(outlet, ChannelOutlet)
        self._outlet = outlet
        outlet.lens, outlet.line, outlet.speaker = pump.session.log.lens, self, self._speaker
        outlet.lingers = lambda: pump.lingers
        pump.transport = self

    # --- the offer ---

    async def answer(self, sdp: str) -> str:
        """The answer to an offer, as SDP. BadOffer."""
        offer = without_candidates(sdp)
        peer = self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.on("datachannel", self._channel_opened)
        peer.on("track", self._track_came)
        peer.on("connectionstatechange", self._changed)
        try:
            await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            peer.addTrack(self._speaker)
            ice.gather_at(peer, self._addresses)
            if self._without_channel:
                ice.no_channel(peer)
            await peer.setLocalDescription(await peer.createAnswer())
        except ServerError:
            raise
        except Exception as error:  # noqa: BLE001 - aiortc raises whatever it stumbles over in an SDP
            raise BadOffer(f"{type(error).__name__}: {error}"[:300]) from None
        if self._frozen:
            ice.freeze(peer)
        self._patience = self._loop.call_later(CONNECT_SECONDS, self._never_connected)
        return str(peer.localDescription.sdp)

    # --- what comes ---

    def _channel_opened(self, channel: RTCDataChannel) -> None:
        if channel.label != self._calls.channel or self._channel is not None:
            self.pump.note("webrtc", f"a data channel {channel.label!r:.60} is not used; it is {self._calls.channel!r}")
            return
        self._channel = channel
        channel.on("message", self._message)
        self._outlet.open(channel)

    def _message(self, data: str | bytes) -> None:
        if not self.pump.session.over and self.pump.reading:
            frame = Text(data) if isinstance(data, str) else Binary(data)
            self.pump.feed(Received(Peer.CLIENT, frame))

    def _track_came(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            task = self._loop.create_task(CallerSound(self._said).listen(track))
            self._listening.add(task)
            task.add_done_callback(self._listening.discard)

    def _said(self, pcm: bytes) -> None:
        if not self.pump.session.over and self.pump.reading:
            sound = self._converter.converted(pcm, *self._layer.input_sound)
            self.pump.feed(Received(Peer.CLIENT, self._calls.append(sound)))

    def _changed(self) -> None:
        state = None if self._peer is None else self._peer.connectionState
        if state == "connected" and self._patience is not None:
            self._patience.cancel()
            self._patience = None
        elif state in ("closed", "failed") and self._ending is None:
            # A client that closes says so (DTLS close_notify); one that is gone is noticed by its silence (RFC 7675).
            self._left(Close() if state == "closed" else Lost("the client does not answer any more"))

    def _never_connected(self) -> None:
        if self._ending is None:
            self._left(Lost(f"the client did not connect within {CONNECT_SECONDS:g} s of the answer to its offer"))

    def _left(self, frame: Close | Lost) -> None:
        if not self.pump.session.over:
            self.pump.feed(Received(Peer.CLIENT, frame))
        self.abort()

    def hung_up(self) -> None:
        """Somebody ended the call over HTTP."""
        if not self.pump.session.over:
            self.pump.note("call", "hung up over HTTP")
            self.pump.feed(Received(Peer.CLIENT, Close(1000, "hangup")))
        self.close()

    # --- a line for the pump ---

    def close(self) -> None:
        """End it once the client has what was said."""
        self._end(DRAIN_SECONDS)

    def abort(self) -> None:
        """End it now."""
        self._end(0)

    def pause_reading(self) -> None:
        """Half-open: the connection neither takes nor gives anything."""
        self._frozen = True
        if self._peer is not None:
            ice.freeze(self._peer)

    def media(self, word: str) -> None:
        """What a fault or the call itself does to audio and channel."""
        match word:
            case "clear":
                self._speaker.clear()
            case "silence" | "sound":
                self._speaker.silent = word == "silence"
            case "no channel":
                self._without_channel = True
                if self._peer is not None:
                    ice.no_channel(self._peer)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Nothing is known of the client's address before it connects."""
        return default

    # --- the end ---

    @property
    def ended(self) -> bool:
        """Whether the end has begun."""
        return self._ending is not None

    async def gone(self) -> None:
        """Return when nothing of it is left."""
        self.abort()
        if self._ending is not None:
            await asyncio.wait([self._ending])

    def _draining(self) -> bool:
        channel = self._channel
        return channel is not None and channel.readyState == "open" and channel.bufferedAmount > 0

    def _end(self, drain: float) -> None:
        if self._ending is None:
            self._ending = self._loop.create_task(self._finish(drain))

    async def _finish(self, drain: float) -> None:
        if self._patience is not None:
            self._patience.cancel()
        pump = self.pump
        try:
            until = self._loop.time() + drain
            while self._draining() and self._loop.time() < until:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.01)
            self._speaker.stop()
            for task in tuple(self._listening):
                task.cancel()
            if self._peer is not None:
                await asyncio.wait_for(self._peer.close(), CLOSE_SECONDS)
        except TimeoutError:
            pump.note("webrtc", f"the peer connection did not close within {CLOSE_SECONDS:g} s")
        finally:
            await pump.looked()
            await pump.outlasted()
            if pump.upstream is not None:
                await pump.upstream.finished()
            pump.stop()
            if not pump.left.done():
                pump.left.set_result(None)
            self._over(self)


def without_candidates(sdp: str) -> str:
    """An offer without its addresses: the client comes to us, and nothing is ever sent to where an SDP says. BadOffer.

    Names in mDNS (Chromium's) need no looking up that way either.
    """
    if len(sdp) > MOST_SDP:
        raise BadOffer(f"an SDP of {len(sdp)} characters; {MOST_SDP} are read")
    if sdp and not sdp.endswith("\n"):
        raise BadOffer(CUT_SHORT)
    lines = sdp.splitlines()
    kinds = [line[2:].split(" ", 1)[0] for line in lines if line.startswith("m=")]
    if not kinds or len(kinds) > MOST_LINES or kinds.count("audio") != 1 or set(kinds) - {"audio", "application"}:
        raise BadOffer(f"media {kinds[:8]}: expected one audio and a data channel")
    kept = [line for line in lines if not line.startswith(("a=candidate:", "a=end-of-candidates"))]
    return "\r\n".join([*kept, ""])
