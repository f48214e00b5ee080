"""pipecat's Nova Sonic and Ultravox services: a turn, a tool round, a barge-in, a fault, an end, printed as JSON.

Run as ``python -m tests.clients.heavy.nova_sonic.pipecat_calls SERVICE SCENE`` in the environment that has pipecat.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import urllib.request
from typing import Any

from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from mockserver import MockServer, simulator, speech
from mockserver.dialects.pointing import bedrock_clients
from tests.clients.heavy.nova_sonic.scenes import pointed, replier, spoken


class Sink(FrameProcessor):
    """What comes out of the service."""

    def __init__(self) -> None:
        super().__init__()
        self.audio = b""
        self.user: list[str] = []
        self.interruptions = 0
        self.errors: list[str] = []

    async def process_frame(self, frame: Any, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            self.audio += frame.audio
        elif isinstance(frame, InterruptionFrame):
            self.interruptions += 1
        elif isinstance(frame, ErrorFrame):
            self.errors.append(str(frame.error))
        await self.push_frame(frame, direction)


class Source(FrameProcessor):
    """What comes back from the service, upstream."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self.sink = sink

    async def process_frame(self, frame: Any, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            self.sink.user.append(frame.text)
        elif isinstance(frame, ErrorFrame):
            self.sink.errors.append(str(frame.error))
        await self.push_frame(frame, direction)


async def weather(params: Any) -> None:
    """The weather of a city."""
    await params.result_callback({"sky": "fog"})


def service_of(kind: str, server: MockServer) -> Any:
    if kind == "nova":
        from pipecat.services.aws.nova_sonic.llm import AWSNovaSonicLLMService

        return AWSNovaSonicLLMService(access_key_id="AKIDMOCK", secret_access_key="mock", region="us-east-1")
    from pipecat.services.ultravox.llm import JoinUrlInputParams, UltravoxRealtimeLLMService

    return UltravoxRealtimeLLMService(params=JoinUrlInputParams(join_url=joinable(server)))


def joinable(server: MockServer) -> str:
    """The address of a call that was made for pipecat, which takes 48 kHz for granted both ways."""
    tool = {"modelToolName": "weather", "description": "", "client": {}}
    call = {
        "systemPrompt": "Be brief.",
        "medium": {"serverWebSocket": {"inputSampleRate": 48_000, "outputSampleRate": 48_000}},
        "selectedTools": [{"temporaryTool": tool}],
        "firstSpeakerSettings": {"user": {}},
    }
    asked = urllib.request.Request(
        f"{server.base_url}/calls",
        data=json.dumps(call).encode(),
        headers={"X-API-Key": "any", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked) as reply:
        return str(json.load(reply)["joinUrl"])


async def run(kind: str, server: MockServer, *, faulty: bool) -> dict[str, Any]:
    """One pipeline against one server."""
    from pipecat.adapters.schemas.function_schema import FunctionSchema
    from pipecat.adapters.schemas.tools_schema import ToolsSchema

    service = await asyncio.to_thread(service_of, kind, server)
    service.register_function("weather", weather)
    schema = FunctionSchema(name="weather", description="", properties={"city": {"type": "string"}}, required=[])
    context = LLMContext([{"role": "system", "content": "Be brief."}], ToolsSchema(standard_tools=[schema]))
    pair = LLMContextAggregatorPair(context)
    sink = Sink()
    task = PipelineTask(
        Pipeline([Source(sink), pair.user(), service, sink, pair.assistant()]),
        params=PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=24_000),
    )
    runner = asyncio.create_task(PipelineRunner(handle_sigint=False).run(task))

    async def until(true: Any) -> None:
        async with asyncio.timeout(25):
            while not true():  # noqa: ASYNC110 - looks at others' state
                await asyncio.sleep(0.02)

    async def speak(text: str) -> None:
        pcm = spoken(text)
        for place in range(0, len(pcm), 1_280):
            await task.queue_frame(InputAudioRawFrame(pcm[place : place + 1_280], 16_000, 1))
            await asyncio.sleep(0.005)

    def heard() -> str:
        return speech.decode(sink.audio, 24_000 if kind == "nova" else 48_000)

    from pipecat.frames.frames import LLMRunFrame

    await task.queue_frame(LLMRunFrame())
    await until(lambda: server.sessions)
    if kind == "nova":
        await until(lambda: len(server.journal.sent_by_client("contentStart")) > 1)
    else:
        await until(lambda: server.journal.sent_by_server("call_started"))
    await speak("good morning")
    if faulty and kind == "ultravox":
        await until(lambda: server.sessions[0].over)
        await task.queue_frame(EndFrame())
        done, _ = await asyncio.wait([runner], timeout=10)
        return {"errors": sink.errors, "finished": bool(done)}
    if faulty:
        await until(lambda: sink.errors or len(server.sessions) > 1)
        await task.cancel()
        return {"errors": sink.errors, "sessions": len(server.sessions)}
    await until(lambda: "Yes." in heard())
    await asyncio.sleep(1.5)
    await speak("what is the weather")
    await until(lambda: "It is foggy." in heard())
    await asyncio.sleep(1.5)
    await speak("tell me a story")
    await until(lambda: "The tide" in heard())
    cut = sink.interruptions
    await speak("stop")
    await until(lambda: heard().endswith("Yes.") and len(heard()) > 30)
    await asyncio.sleep(1)
    await task.queue_frame(EndFrame())
    await asyncio.wait([runner], timeout=10)
    return {"heard": heard(), "interruptions": sink.interruptions - cut, "user": sink.user, "errors": sink.errors}


async def main(kind: str, scene: str) -> dict[str, Any]:
    """The scene's server, and the client."""
    nova = kind == "nova"
    settings: dict[str, Any] = {} if nova else {"first_speaker": "user"}
    source = simulator("nova_sonic" if nova else "ultravox", replier=replier(), **settings)
    server = MockServer(source, tls=nova, faults=[] if scene == "talk" else [scene])
    await server.start()
    try:
        if nova:
            with pointed(server, bedrock_clients):
                seen = await run(kind, server, faulty=scene != "talk")
        else:
            seen = await run(kind, server, faulty=scene != "talk")
        over = [one.over for one in server.sessions]
        return {**seen, "over": over, "problems": [str(one) for one in server.problems()]}
    finally:
        await server.close()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], sys.argv[2]))))
    sys.stdout.flush()
    os._exit(0)  # the CRT's threads outlive a client that was broken off
