"""pipecat's speech-to-speech services.

It runs in pipecat's own environment. The pipeline is a real one: the context's aggregators on both sides, and an output
transport of pipecat's own that plays in real time. So pipecat knows how much was heard, when the bot stopped, and cuts
off what was queued when the user speaks.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import urllib.request
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import talk
from loguru import logger
from pipecat.adapters.schemas.function_schema import FunctionSchema
from pipecat.adapters.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMRunFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

BASE_URL = os.environ["MOCKSERVER_BASE_URL"]
WS_URL = os.environ["MOCKSERVER_WS_URL"]


def openai() -> Any:
    from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService

    return OpenAIRealtimeLLMService(api_key="any", base_url=WS_URL)


def azure() -> Any:
    from pipecat.services.azure.realtime.llm import AzureRealtimeLLMService

    return AzureRealtimeLLMService(
        api_key="any", base_url=WS_URL, settings=AzureRealtimeLLMService.Settings(model="gpt-realtime")
    )


def azure_voice_live() -> Any:
    from pipecat.services.azure.voice_live.llm import AzureVoiceLiveLLMService

    return AzureVoiceLiveLLMService(api_key="any", endpoint=BASE_URL)


def xai() -> Any:
    from pipecat.services.xai.realtime.llm import GrokRealtimeLLMService

    return GrokRealtimeLLMService(api_key="any", base_url=WS_URL)


def gemini() -> Any:
    from google.genai.types import HttpOptions
    from pipecat.services.google.gemini_live.llm import GeminiLiveLLMService

    return GeminiLiveLLMService(api_key="any", http_options=HttpOptions(base_url=BASE_URL))


def gpt_live() -> Any:
    from pipecat.services.openai.live.llm import OpenAILiveLLMService
    from pipecat.services.openai.responses.llm import OpenAIResponsesLLMService

    backend = OpenAILiveLLMService.ResponsesDelegation(
        settings=OpenAIResponsesLLMService.Settings(model="gpt-5.4-mini")
    )
    return OpenAILiveLLMService(api_key="any", base_url=WS_URL, delegation=backend)


def ultravox() -> Any:
    from pipecat.services.ultravox.llm import JoinUrlInputParams, UltravoxRealtimeLLMService

    return UltravoxRealtimeLLMService(params=JoinUrlInputParams(join_url=joinable()))


def joinable() -> str:
    """The address of a call that was made for pipecat, which takes 48 kHz for granted both ways."""
    city = {"name": "city", "location": "PARAMETER_LOCATION_BODY", "schema": {"type": "string"}, "required": True}
    tool = {"modelToolName": "get_weather", "description": "", "client": {}, "dynamicParameters": [city]}
    call = {
        "systemPrompt": "Be brief.",
        "medium": {"serverWebSocket": {"inputSampleRate": 48_000, "outputSampleRate": 48_000}},
        "selectedTools": [{"temporaryTool": tool}],
        "firstSpeakerSettings": {"user": {}},
    }
    headers = {"X-API-Key": "any.key", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"{BASE_URL}/calls", data=json.dumps(call).encode(), headers=headers)
    with urllib.request.urlopen(asked) as reply:
        return str(json.load(reply)["joinUrl"])


def nova_sonic() -> Any:
    from pipecat.services.aws.nova_sonic.llm import AWSNovaSonicLLMService

    talk.pointed("nova_sonic")
    return AWSNovaSonicLLMService(
        access_key_id="AKIDMOCK", secret_access_key="mock", region="us-east-1", system_instruction="Be brief."
    )


SERVICES = {
    "openai": openai,
    "azure": azure,
    "azure_voice_live": azure_voice_live,
    "xai": xai,
    "gemini": gemini,
    "gpt_live": gpt_live,
    "ultravox": ultravox,
    "nova_sonic": nova_sonic,
}
SPOKEN_TO = {"gpt_live", "ultravox", "nova_sonic"}
"""Whose agent waits for the user's voice; the others answer to what is written in the context."""
SPOKEN_AT = {"nova_sonic": 16_000}
"""The user's rate, where it is not the loudspeaker's: this service hands on what it is given."""


LEFT_S = 0.15
"""So much sound may be left of an utterance that was cut off, and is none by itself."""


def loud_s(pcm: bytes) -> float:
    """Seconds in which something is to be heard."""
    return sum(abs(one) > 500 for one in array("h", pcm)) / talk.RATE


class Loudspeaker(BaseOutputTransport):
    """Plays what it is given as long as it lasts. ``told``: what was played and said from when the bot started to speak
    until it stopped; None: pipecat has told its application of an error.
    """

    def __init__(self) -> None:
        super().__init__(TransportParams(audio_out_enabled=True, audio_out_sample_rate=talk.RATE))
        self.told: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.played, self.text, self.interrupted = b"", "", False
        self.speaking = False
        self.due = 0.0

    async def start(self, frame: Any) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: Any) -> bool:
        now = asyncio.get_running_loop().time()
        self.due = max(self.due, now) + len(frame.audio) / (2 * talk.RATE)
        if self.speaking:
            self.played += frame.audio
        # As a sound card does it: a little is buffered, the rest waits.
        await asyncio.sleep(max(0.0, self.due - now - 0.02))
        return True

    async def push_frame(self, frame: Any, direction: Any = FrameDirection.DOWNSTREAM) -> None:
        if direction == FrameDirection.DOWNSTREAM:
            if isinstance(frame, TTSTextFrame):
                self.text += frame.text
            elif isinstance(frame, InterruptionFrame):
                self.interrupted = self.interrupted or self.speaking or bool(self.played)
            elif isinstance(frame, BotStartedSpeakingFrame):
                self.speaking, self.played = True, b""
            elif isinstance(frame, BotStoppedSpeakingFrame):
                if loud_s(self.played) > LEFT_S:
                    self.told.put_nowait(talk.told(self.text, self.played, self.interrupted))
                self.speaking, self.played, self.text, self.interrupted = False, b"", "", False
        await super().push_frame(frame, direction)


class Call:
    """A pipeline that runs."""

    def __init__(self, provider: str, folder: Path) -> None:
        self.folder = folder
        self.calls: list[dict[str, Any]] = []
        self.told: list[str] = []
        self.waiting = b""
        self.listening: asyncio.Task[None] | None = None
        self.rate = SPOKEN_AT.get(provider, talk.RATE)
        # The user's first words are in the context, where the service answers to that.
        self.written = provider not in SPOKEN_TO
        weather = FunctionSchema("get_weather", "The weather in a city.", {"city": {"type": "string"}}, ["city"])
        greeting: Any = [{"role": "user", "content": "good morning"}] if self.written else []
        context = LLMContext(greeting, tools=ToolsSchema([weather]))
        llm = SERVICES[provider]()
        llm.register_function("get_weather", self.get_weather)
        self.ready = asyncio.Event()
        if provider == "gpt_live":
            llm.add_event_handler("on_session_started", self.started)
        else:
            self.ready.set()
        self.loudspeaker = Loudspeaker()
        pair = LLMContextAggregatorPair(context)
        self.worker = PipelineWorker(
            Pipeline([pair.user(), llm, self.loudspeaker, pair.assistant()]),
            params=PipelineParams(audio_in_sample_rate=self.rate, audio_out_sample_rate=talk.RATE),
        )
        self.worker.add_event_handler("on_pipeline_error", self.failed)

    async def get_weather(self, params: Any) -> None:
        self.calls.append({"name": params.function_name, "args": dict(params.arguments)})
        await params.result_callback("foggy")

    async def started(self, *_: Any) -> None:
        self.ready.set()

    async def failed(self, _: Any, frame: Any) -> None:
        self.told.append(frame.error)
        self.loudspeaker.told.put_nowait(None)

    async def microphone(self) -> None:
        loop = asyncio.get_running_loop()
        due, size = loop.time(), self.rate // 10 * 2
        while True:
            pcm, self.waiting = self.waiting[:size].ljust(size, b"\0"), self.waiting[size:]
            await self.worker.queue_frame(InputAudioRawFrame(pcm, sample_rate=self.rate, num_channels=1))
            due += 0.1
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def say(self, words: str) -> None:
        await self.ready.wait()
        if self.written:
            self.written = False
        else:
            # The user's microphone is opened by the first words, and stays open.
            self.listening = self.listening or asyncio.create_task(self.microphone())
            self.waiting += talk.pcm_of(self.folder, words, self.rate)

    async def turn(self) -> dict[str, Any]:
        found = await self.loudspeaker.told.get()
        if found is None:
            raise talk.Over
        return found

    async def heard(self, seconds: float) -> None:
        while len(self.loudspeaker.played) < 2 * talk.RATE * seconds:  # noqa: ASYNC110 - it grows by itself
            await asyncio.sleep(0.02)


@asynccontextmanager
async def opened(provider: str, folder: Path) -> AsyncIterator[Call]:
    call = Call(provider, folder)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(call.worker)
    running = asyncio.create_task(runner.run())
    await call.worker.queue_frame(LLMRunFrame())
    if provider in SPOKEN_TO:
        await asyncio.sleep(1)  # audio that comes before the service is connected is lost
    try:
        yield call
    finally:
        if call.listening is not None:
            call.listening.cancel()
        await call.worker.cancel()
        async with asyncio.timeout(talk.QUIET_S):
            await running


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="DEBUG")
    talk.main(opened)
