# gpt_live_client.py
"""A caller of GPT-Live by the openai package: a microphone that never stops, a loudspeaker, and tools."""

import asyncio
import base64
import json
from contextlib import asynccontextmanager

from openai import AsyncOpenAI

from mockserver import speech

CHUNK_MS = 100
CHUNK = 48 * CHUNK_MS


class Caller:
    """``tools``: functions by name. ``events``: everything the service said, ``heard``: its audio."""

    def __init__(self, connection, tools):
        self.connection = connection
        self.tools = tools
        self.events = []
        self.heard = b""
        self.over = asyncio.Event()
        self._pcm = b""

    def say(self, words):
        self._pcm += speech.encode(words)

    @property
    def words(self):
        """What the user heard so far."""
        return speech.decode(self.heard)

    async def microphone(self):
        """Silence is sent as well: without audio the service's clock stands still."""
        while not self.over.is_set():
            chunk, self._pcm = self._pcm[:CHUNK].ljust(CHUNK, b"\0"), self._pcm[CHUNK:]
            audio = base64.b64encode(chunk).decode()
            await self.connection.send({"type": "session.input_audio.append", "audio": audio})
            await asyncio.sleep(CHUNK_MS / 1_000)

    async def listen(self):
        async for event in self.connection:
            self.events.append(event)
            if event.type == "session.output_audio.delta":
                self.heard += base64.b64decode(event.delta)
            elif event.type == "response.event" and event.event["type"] == "response.output_item.done":
                await self.call(event.event["item"])
            elif event.type == "session.closed":
                break
        self.over.set()

    async def call(self, item):
        """A tool's output goes back, and the backend is asked to go on."""
        if item["type"] != "function_call":
            return
        output = self.tools[item["name"]](**json.loads(item["arguments"]))
        answer = {"type": "function_call_output", "call_id": item["call_id"], "output": output}
        await self.connection.send({"type": "response.item.create", "item": answer})
        await self.connection.send({"type": "response.create"})


@asynccontextmanager
async def calling(base_url, *, tools=None, **session):
    """A session that has begun."""
    client = AsyncOpenAI(base_url=base_url, api_key="any")
    async with client.live.connect() as connection:
        await connection.send({"type": "session.start", "session": {"model": "gpt-live-1", **session}})
        caller = Caller(connection, tools or {})
        tasks = []
        async for event in connection:
            caller.events.append(event)
            if event.type == "session.started":
                tasks = [asyncio.create_task(caller.microphone()), asyncio.create_task(caller.listen())]
                break
        try:
            yield caller
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
