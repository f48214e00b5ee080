# sdk_client.py
"""What an application writes around the openai SDK, which itself knows neither timeouts nor whose reply a reply is."""

import asyncio
from base64 import b64decode, b64encode
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

from openai import AsyncOpenAI


@dataclass
class Reply:
    """One reply as the user gets it."""

    response_id: str
    item_id: str = ""
    audio: bytes = b""
    text: str = ""
    status: str = "in_progress"
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Voice:
    """A voice client. ``careful`` False is the naive version: what is created next answers what was asked first."""

    def __init__(self, connection, *, careful=True):
        self.connection = connection
        self.careful = careful
        self.unasked = asyncio.Queue()  # replies that the server began of itself
        self.errors = []
        self._number = count(1)
        self._waiting = {}  # request -> future of its Reply
        self._given_up = set()
        self._replies = {}  # response id -> Reply

    async def ask(self, *, within=10, **response):
        """response.create; returns the reply as soon as it begins. TimeoutError after ``within`` seconds."""
        request = f"request_{next(self._number)}"
        self._waiting[request] = asyncio.get_running_loop().create_future()
        response = {**response, "metadata": {"request": request}}
        await self.connection.response.create(response=response)
        try:
            return await asyncio.wait_for(self._waiting[request], within)
        except TimeoutError:
            self._given_up.add(request)
            raise
        finally:
            del self._waiting[request]

    async def say(self, words):
        """The user types."""
        content = [{"type": "input_text", "text": words}]
        item = {"type": "message", "role": "user", "content": content}
        await self.connection.conversation.item.create(item=item)

    async def hear(self, pcm):
        """The user speaks: PCM16, 24 kHz."""
        audio = b64encode(pcm).decode()
        await self.connection.input_audio_buffer.append(audio=audio)

    async def listen(self):
        """Take what the server sends, for as long as the connection lives."""
        async for event in self.connection:
            reply = self._replies.get(getattr(event, "response_id", None))
            match event.type:
                case "response.created":
                    await self._created(event.response)
                case "response.output_audio.delta" if reply:
                    reply.item_id = event.item_id
                    reply.audio += b64decode(event.delta)
                case "response.output_audio_transcript.delta" if reply:
                    reply.text += event.delta
                case "response.done":
                    if event.response.id in self._replies:
                        reply = self._replies[event.response.id]
                        reply.status = event.response.status
                        reply.done.set()
                case "error":
                    self.errors.append(event.error.code)

    async def _created(self, response):
        request = (response.metadata or {}).get("request")
        if self.careful and request in self._given_up:
            await self.connection.response.cancel(response_id=response.id)
            return
        if not self.careful:
            request = next(iter(self._waiting), None)
        reply = self._replies[response.id] = Reply(response.id)
        if request in self._waiting:
            self._waiting[request].set_result(reply)
        else:
            self.unasked.put_nowait(reply)


@asynccontextmanager
async def voice(server, *, careful=True, **options):
    """A connected client that listens. ``options`` are those of the SDK's ``connect``."""
    async with (
        AsyncOpenAI(api_key="any", base_url=server.base_url) as sdk,
        sdk.realtime.connect(model="gpt-realtime", **options) as connection,
    ):
        client = Voice(connection, careful=careful)
        client.listening = asyncio.create_task(client.listen())
        try:
            yield client
        finally:
            client.listening.cancel()
            with suppress(asyncio.CancelledError):
                await client.listening
