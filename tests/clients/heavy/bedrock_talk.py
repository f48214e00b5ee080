"""aws-sdk-bedrock-runtime by its CRT transport: a bidirectional stream of Nova Sonic's, spoken to."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import talk
from aws_sdk_bedrock_runtime.client import AsyncBedrockRuntimeClient
from aws_sdk_bedrock_runtime.config import AsyncBedrockRuntimeConfig
from aws_sdk_bedrock_runtime.models import (
    BidirectionalInputPayloadPart,
    InvokeModelWithBidirectionalStreamInputChunk,
    InvokeModelWithBidirectionalStreamOperationInput,
)
from smithy_aws_core.identity import AWSCredentialsIdentity
from smithy_http.aio.crt import AWSCRTHTTPClient

IDS = {"promptName": "p"}
SCHEMA = json.dumps({"type": "object", "properties": {"city": {"type": "string"}}})
TOOL = {"toolSpec": {"name": "get_weather", "description": "The weather.", "inputSchema": {"json": SCHEMA}}}
SPEECH = {"mediaType": "audio/lpcm", "sampleSizeBits": 16, "channelCount": 1, "encoding": "base64"}
SPEECH |= {"audioType": "SPEECH"}


class Keys:
    """Any key: signatures are not checked."""

    async def get_identity(self, **_: Any) -> AWSCredentialsIdentity:
        return AWSCredentialsIdentity(access_key_id="AKIDMOCK", secret_access_key="mock")


class Stream:
    """One stream of the SDK's."""

    def __init__(self, line: talk.Loud, stream: Any) -> None:
        self.line, self.stream = line, stream
        self.blocks = 0
        self._sending = asyncio.Lock()

    async def tell(self, name: str, **fields: Any) -> None:
        data = json.dumps({"event": {name: fields}}).encode()
        part = InvokeModelWithBidirectionalStreamInputChunk(value=BidirectionalInputPayloadPart(bytes_=data))
        async with self._sending:
            await self.stream.input_stream.send(part)

    async def block(self, kind: str, role: str, piece: str, content: str, **fields: Any) -> None:
        self.blocks += 1
        ids = {**IDS, "contentName": f"block {self.blocks}"}
        await self.tell("contentStart", **ids, type=kind, role=role, interactive=False, **fields)
        await self.tell(piece, **ids, content=content)
        await self.tell("contentEnd", **ids)

    async def begin(self) -> None:
        await self.tell("sessionStart", inferenceConfiguration={"maxTokens": 1_024, "topP": 0.9, "temperature": 0.7})
        await self.tell(
            "promptStart",
            **IDS,
            textOutputConfiguration={"mediaType": "text/plain"},
            audioOutputConfiguration={**SPEECH, "sampleRateHertz": 24_000, "voiceId": "matthew"},
            toolUseOutputConfiguration={"mediaType": "application/json"},
            toolConfiguration={"tools": [TOOL]},
        )
        text = {"textInputConfiguration": {"mediaType": "text/plain"}}
        await self.block("TEXT", "SYSTEM", "textInput", "Be brief.", **text)
        await self.tell(
            "contentStart",
            **IDS,
            contentName="audio",
            type="AUDIO",
            role="USER",
            interactive=True,
            audioInputConfiguration={**SPEECH, "sampleRateHertz": 16_000},
        )

    async def audio(self, pcm: bytes) -> None:
        content = base64.b64encode(pcm).decode()
        try:
            await self.tell("audioInput", **IDS, contentName="audio", content=content)
        except Exception:  # noqa: BLE001 - a stream that is going is told by the other side
            await asyncio.sleep(0.1)

    async def end(self) -> None:
        await self.tell("contentEnd", **IDS, contentName="audio")
        await self.tell("promptEnd", **IDS)
        await self.tell("sessionEnd")
        await self.stream.input_stream.close()

    async def run(self) -> None:
        """Until it ends."""
        try:
            _, output = await self.stream.await_output()
            while (result := await output.receive()) is not None:
                ((name, told),) = json.loads(result.value.bytes_)["event"].items()
                await self.take(name, told)
            self.line.over("the stream has ended")
        except Exception as error:  # noqa: BLE001 - what the SDK raises is what an application is told
            self.line.over(f"{type(error).__name__}: {getattr(error, 'message', error)}")

    async def take(self, name: str, told: dict[str, Any]) -> None:
        line = self.line
        match name:
            case "audioOutput":
                line.receive(base64.b64decode(told["content"]))
            case "textOutput" if told["role"] == "ASSISTANT":
                line.read(f" {told['content']}")
            case "toolUse":
                output = line.called(told["toolName"], json.loads(told["content"]))
                configuration = {"toolUseId": told["toolUseId"], "type": "TEXT"}
                configuration |= {"textInputConfiguration": {"mediaType": "text/plain"}}
                await self.block(
                    "TOOL", "TOOL", "toolResult", json.dumps(output), toolResultInputConfiguration=configuration
                )
            case "contentEnd" if told["type"] == "TEXT" and told["stopReason"] == "END_TURN":
                line.done()
            case "contentEnd" if told["stopReason"] == "INTERRUPTED":
                line.cut()
            case _:
                pass


@asynccontextmanager
async def opened(provider: str, folder: Path) -> AsyncIterator[talk.Line]:
    talk.pointed(provider)
    line = talk.Loud(folder, spoken=16_000)
    config = await AsyncBedrockRuntimeConfig.resolve(
        endpoint_uri=os.environ["MOCKSERVER_URL"],
        region="us-east-1",
        aws_credentials_identity_resolver=Keys(),
        transport=AWSCRTHTTPClient(),
    )
    stream = Stream(
        line,
        await AsyncBedrockRuntimeClient(config=config).invoke_model_with_bidirectional_stream(
            InvokeModelWithBidirectionalStreamOperationInput(model_id="amazon.nova-2-sonic-v1:0")
        ),
    )
    async with talk.beside(stream.run(), line.loudspeaker()):
        await stream.begin()
        async with talk.beside(line.microphone(stream.audio)):
            yield line
        if not line.told:
            await stream.end()


talk.main(opened)
sys.stdout.flush()
os._exit(0)  # the CRT's threads outlive a client that was broken off
