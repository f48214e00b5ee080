"""aws-sdk-bedrock-runtime by its CRT transport: a conversation with a simulated Nova Sonic, printed as JSON.

Run as ``python -m tests.clients.heavy.nova_sonic.bedrock SCENE [CASSETTE]`` in the environment that has the SDK.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from typing import Any

from aws_sdk_bedrock_runtime.client import AsyncBedrockRuntimeClient
from aws_sdk_bedrock_runtime.config import AsyncBedrockRuntimeConfig
from aws_sdk_bedrock_runtime.models import (
    BidirectionalInputPayloadPart,
    InvokeModelWithBidirectionalStreamInputChunk,
    InvokeModelWithBidirectionalStreamOperationInput,
)
from smithy_aws_core.identity import AWSCredentialsIdentity
from smithy_http.aio.crt import AWSCRTHTTPClient

from mockserver import MockServer, replay, simulator, speech
from mockserver.dialects.nova_sonic import INTERRUPTED
from mockserver.dialects.pointing import bedrock_clients
from mockserver.server.record import Recording
from tests.clients.heavy.nova_sonic.scenes import pointed, replier, spoken

MODEL = "amazon.nova-2-sonic-v1:0"
IDS = {"promptName": "p"}
TOOL = {"toolSpec": {"name": "weather", "description": "", "inputSchema": {"json": '{"type":"object"}'}}}


class Keys:
    """Any key: signatures are not checked."""

    async def get_identity(self, **_: Any) -> AWSCredentialsIdentity:
        return AWSCredentialsIdentity(access_key_id="AKIDMOCK", secret_access_key="mock")


class Talk:
    """One stream of the SDK's."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.told: list[dict[str, Any]] = []
        self.failure = ""
        self.ended = False
        self.audio = b""
        self._changed = asyncio.Event()
        self._sending = asyncio.Lock()

    async def say(self, name: str, **fields: Any) -> None:
        data = json.dumps({"event": {name: fields}}).encode()
        async with self._sending:
            part = InvokeModelWithBidirectionalStreamInputChunk(value=BidirectionalInputPayloadPart(bytes_=data))
            await self.stream.input_stream.send(part)

    async def read(self) -> None:
        try:
            _, output = await self.stream.await_output()
            while (result := await output.receive()) is not None:
                body = json.loads(result.value.bytes_)["event"]
                self.told.append(body)
                self.audio += base64.b64decode(body.get("audioOutput", {}).get("content", ""))
                self._changed.set()
        except Exception as error:  # noqa: BLE001 - what the SDK raises is what is looked at
            self.failure = f"{type(error).__name__}: {getattr(error, 'message', error)}"
        self.ended = True
        self._changed.set()

    async def until(self, true: Any) -> None:
        async with asyncio.timeout(30):
            while not true() and not self.ended:
                self._changed.clear()
                await self._changed.wait()

    def all(self, name: str) -> list[dict[str, Any]]:
        return [one[name] for one in self.told if name in one]

    def turns(self) -> int:
        return sum((one["type"], one["stopReason"]) == ("TEXT", "END_TURN") for one in self.all("contentEnd"))

    async def speak(self, pcm: bytes) -> None:
        for place in range(0, len(pcm), 1_024):
            content = base64.b64encode(pcm[place : place + 1_024]).decode()
            await self.say("audioInput", **IDS, contentName="audio", content=content)

    async def block(self, name: str, kind: str, role: str, piece: str, content: str, **fields: Any) -> None:
        await self.say("contentStart", **IDS, contentName=name, type=kind, role=role, **fields)
        await self.say(piece, **IDS, contentName=name, content=content)
        await self.say("contentEnd", **IDS, contentName=name)

    async def begin(self) -> None:
        await self.say("sessionStart", inferenceConfiguration={"maxTokens": 1_024, "topP": 0.9, "temperature": 0.7})
        await self.say("promptStart", **IDS, toolConfiguration={"tools": [TOOL]})
        await self.block("system", "TEXT", "SYSTEM", "textInput", "Be brief.")
        await self.say(
            "contentStart",
            **IDS,
            contentName="audio",
            type="AUDIO",
            role="USER",
            interactive=True,
            audioInputConfiguration={"mediaType": "audio/lpcm", "sampleRateHertz": 16_000},
        )

    async def end(self) -> None:
        await self.say("contentEnd", **IDS, contentName="audio")
        await self.say("promptEnd", **IDS)
        await self.say("sessionEnd")
        await self.stream.input_stream.close()


async def conversation(talk: Talk) -> dict[str, Any]:
    """A turn, a tool round, a barge-in, an end."""
    await talk.begin()
    await talk.speak(spoken("good morning"))
    await talk.until(lambda: talk.turns() >= 1)
    first = speech.decode(talk.audio, 24_000)
    await talk.speak(spoken("what is the weather"))
    await talk.until(lambda: talk.all("toolUse"))
    for use in talk.all("toolUse"):
        configuration = {"toolUseId": use["toolUseId"], "type": "TEXT"}
        told = json.dumps({"sky": "fog"})
        await talk.block("t", "TOOL", "TOOL", "toolResult", told, toolResultInputConfiguration=configuration)
    await talk.until(lambda: talk.turns() >= 2)
    await talk.speak(spoken("tell me a story"))
    await talk.until(lambda: len(talk.all("toolUse")) and talk.told[-1].get("audioOutput") is not None)
    await talk.speak(spoken("stop"))
    await talk.until(lambda: talk.turns() >= 3)
    await talk.end()
    await talk.until(lambda: talk.ended)
    return {"first": first}


async def run(server: MockServer) -> dict[str, Any]:
    """One client against one server."""
    config = await AsyncBedrockRuntimeConfig.resolve(
        endpoint_uri=server.url,
        region="us-east-1",
        aws_credentials_identity_resolver=Keys(),
        transport=AWSCRTHTTPClient(),
    )
    client = AsyncBedrockRuntimeClient(config=config)
    stream = await client.invoke_model_with_bidirectional_stream(
        InvokeModelWithBidirectionalStreamOperationInput(model_id=MODEL)
    )
    talk = Talk(stream)
    reading = asyncio.create_task(talk.read())
    seen = await conversation(talk) if server.faults == {} else await faulty(talk)
    await asyncio.wait([reading], timeout=5)
    texts = talk.all("textOutput")
    return {
        **seen,
        "user": [one["content"] for one in texts if one["role"] == "USER"],
        "interrupted": [one["content"] for one in texts].count(INTERRUPTED),
        "tools": [(one["toolName"], json.loads(one["content"])) for one in talk.all("toolUse")],
        "last": next(iter(talk.told[-1])),
        "said": [one["content"] for one in texts if one["role"] == "ASSISTANT"],
        "failure": talk.failure,
        "ended": talk.ended,
    }


async def faulty(talk: Talk) -> dict[str, Any]:
    """A turn that something happens to."""
    await talk.begin()
    await talk.speak(spoken("good morning"))
    await talk.until(lambda: talk.ended)
    return {}


async def main(scene: str, path: str) -> dict[str, Any]:
    """The scene's server, and the client."""
    source: Any = replay(path) if scene == "replay" else simulator("nova_sonic", replier=replier())
    faults = [scene] if scene not in ("talk", "record", "replay") else []
    if scene == "record":
        async with Recording(source, path, tls=True) as recording:
            with pointed(recording.server, bedrock_clients):
                return await run(recording.server)
    async with MockServer(source, tls=True, faults=faults) as server:
        with pointed(server, bedrock_clients) as told:
            return {"patched": told, **await run(server)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""))))
