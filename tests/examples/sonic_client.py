# sonic_client.py
"""A client of Amazon Nova Sonic without AWS' SDK, which needs Python 3.12: one stream of HTTP/2, unsigned."""

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived

from mockserver import speech
from mockserver.core.event_stream import EventStreamReader, StreamMessage, chunk, encode, said

PATH = "/model/amazon.nova-2-sonic-v1%3A0/invoke-with-bidirectional-stream"
INTERRUPTED = '{ "interrupted" : true }'


class Talk:
    """One stream. It plays what comes at the pace of speech, and clears what is left when it is interrupted."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.http = H2Connection(H2Configuration(client_side=True))
        self.http.initiate_connection()
        head = [(":method", "POST"), (":path", PATH), (":scheme", "http"), (":authority", "bedrock")]
        self.http.send_headers(1, head)
        self.messages = EventStreamReader()
        self.queue = b""
        self.played = b""
        self.texts = []

    def say(self, name, **fields):
        """One event, wrapped twice as an SDK does, without a signature."""
        inner = encode(chunk(json.dumps({"event": {name: {"promptName": "p", **fields}}}).encode()))
        self.http.send_data(1, encode(StreamMessage(payload=inner)))
        self.writer.write(self.http.data_to_send())

    def begin(self, prompt):
        """Session, prompt, system text, and the microphone."""
        self.say("sessionStart", inferenceConfiguration={"maxTokens": 1024})
        self.say("promptStart")
        self.say("contentStart", contentName="system", type="TEXT", role="SYSTEM")
        self.say("textInput", contentName="system", content=prompt)
        self.say("contentEnd", contentName="system")
        self.say("contentStart", contentName="audio", type="AUDIO", role="USER", interactive=True)

    async def speak(self, text, silence_s):
        """At the pace of speech, with what is heard meanwhile."""
        pcm = speech.encode(text, 16_000) + bytes(int(32_000 * silence_s))
        for place in range(0, len(pcm), 1_280):
            content = base64.b64encode(pcm[place : place + 1_280]).decode()
            self.say("audioInput", contentName="audio", content=content)
            await asyncio.sleep(0.04)
            self.played, self.queue = self.played + self.queue[:1_920], self.queue[1_920:]

    async def read(self):
        while data := await self.reader.read(65_536):
            for event in self.http.receive_data(data):
                if isinstance(event, DataReceived):
                    self.http.acknowledge_received_data(event.flow_controlled_length, 1)
                    for message in self.messages.feed(event.data):
                        self._told(json.loads(said(message)))
            self.writer.write(self.http.data_to_send())

    def _told(self, body):
        event = body.get("event", {})
        if "audioOutput" in event:
            self.queue += base64.b64decode(event["audioOutput"]["content"])
        elif "textOutput" in event and event["textOutput"]["content"] == INTERRUPTED:
            self.queue = b""
        elif "textOutput" in event:
            self.texts.append((event["textOutput"]["role"], event["textOutput"]["content"]))


@asynccontextmanager
async def talking(server):
    at = urlsplit(server.base_url)
    talk = Talk(*await asyncio.open_connection(at.hostname, at.port))
    reading = asyncio.create_task(talk.read())
    try:
        yield talk
    finally:
        talk.writer.close()
        await asyncio.wait([reading])
