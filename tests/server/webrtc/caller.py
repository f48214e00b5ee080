"""A client that calls over WebRTC: aiortc, with a channel for events, a microphone and an ear."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamTrack

from mockserver import MockServer, speech
from mockserver.server.webrtc.ice import gather_at
from mockserver.server.webrtc.sound import CallerSound, Speaker

RATE = 24_000
PATIENCE = 8.0
SESSION = {"type": "realtime", "model": "gpt-realtime"}


class Refused(Exception):
    """The offer was not answered with 201."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body


class Caller:
    """One call. ``events`` holds what came over the channel, ``ear`` the audio, as PCM16 24 kHz."""

    def __init__(self, channel: str = "oai-events") -> None:
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.mouth = Speaker()
        self.peer.addTrack(self.mouth)
        self.channel = self.peer.createDataChannel(channel)
        self.events: list[dict[str, Any]] = []
        self.ear = bytearray()
        self.location = ""
        self.tools: Callable[[dict[str, Any]], object] | None = None
        """What runs the functions that the model calls."""
        self._news = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self.channel.on("message", self._came)
        self.channel.on("open", self._news.set)
        self.channel.on("close", self._news.set)
        self.peer.on("track", self._track)
        self.peer.on("connectionstatechange", self._news.set)

    def _came(self, data: str) -> None:
        event = json.loads(data)
        self.events.append(event)
        if self.tools is not None and event["type"] == "response.function_call_arguments.done":
            self.tools(event)
        self._news.set()

    def _track(self, track: MediaStreamTrack) -> None:
        self._listening = asyncio.create_task(CallerSound(self._heard).listen(track))

    def _heard(self, pcm: bytes) -> None:
        self.ear += pcm
        self._news.set()

    @property
    def call_id(self) -> str:
        return self.location.rpartition("/")[2]

    async def dial(
        self, server: MockServer, session: Any = None, *, key: str | None = "any", path: str = "/realtime/calls"
    ) -> None:
        await self.peer.setLocalDescription(await self._offer())
        sdp = self.peer.localDescription.sdp
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        data: Any = sdp
        if session is None:
            headers["Content-Type"] = "application/sdp"
        else:
            data = aiohttp.FormData()
            data.add_field("sdp", sdp, content_type="application/sdp")
            data.add_field("session", json.dumps(session), content_type="application/json")
        async with (
            aiohttp.ClientSession() as http,
            http.post(server.base_url + path, data=data, headers=headers) as reply,
        ):
            body = await reply.text()
            if reply.status != 201:
                raise Refused(reply.status, body)
            self.location = reply.headers["Location"]
        await self.peer.setRemoteDescription(RTCSessionDescription(body, "answer"))

    async def dial_live(self, server: MockServer, session: Any) -> str:
        """A call to GPT-Live; the id of its session."""
        await self.peer.setLocalDescription(await self._offer())
        body = {"session": session, "transport": {"type": "webrtc", "sdp": self.peer.localDescription.sdp}}
        async with (
            aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as http,
            http.post(server.base_url + "/live/sessions", json=body) as reply,
        ):
            told = await reply.text()
            if reply.status != 201:
                raise Refused(reply.status, told)
        made = json.loads(told)
        await self.peer.setRemoteDescription(RTCSessionDescription(made["transport"]["sdp"], "answer"))
        return str(made["session"]["id"])

    async def _offer(self) -> RTCSessionDescription:
        offer = await self.peer.createOffer()
        gather_at(self.peer, ("127.0.0.1",))
        return offer

    def send(self, **event: Any) -> None:
        self.channel.send(json.dumps(event))

    def say(self, words: str) -> None:
        self.mouth.put(speech.encode(words, RATE), RATE, "pcm")

    @property
    def heard(self) -> str:
        """The words of what was played since the last question."""
        return speech.decode(bytes(self.ear), RATE)

    async def answered(self, question: str, words: str) -> None:
        """Ask until these words were heard as the answer. On a machine that stands still for a moment packets come
        late, and a word is lost: then, as people do, the question is asked again.
        """
        for patience in (4.0, 4.0, PATIENCE):
            self.ear.clear()
            self.say(question)
            try:
                await self.until(lambda: self.heard == words, patience)
            except TimeoutError:
                continue
            return
        raise AssertionError(f"expected to hear {words!r}, heard {self.heard!r}")

    def named(self, name: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one["type"] == name]

    async def until(self, condition: Any, patience: float = PATIENCE) -> Any:
        async with asyncio.timeout(patience):
            while not (found := condition()):
                self._news.clear()
                await self._news.wait()
        return found

    async def event(self, name: str, count: int = 1) -> dict[str, Any]:
        """The event of this name, or the n-th of it."""
        try:
            await self.until(lambda: len(self.named(name)) >= count)
        except TimeoutError:
            raise AssertionError(f"no {name} number {count}; came: {[one['type'] for one in self.events]}") from None
        return self.named(name)[count - 1]

    async def close(self) -> None:
        self.mouth.stop()
        if self._listening is not None:
            self._listening.cancel()
        await self.peer.close()


@asynccontextmanager
async def calling(server: MockServer, session: Any = SESSION, **how: Any) -> AsyncIterator[Caller]:
    """A call that is on: its channel is open and the session has begun."""
    caller = Caller()
    try:
        await caller.dial(server, session, **how)
        await caller.event("session.created")
        yield caller
    finally:
        await caller.close()
