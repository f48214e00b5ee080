"""An ordinary test of pipecat's service for OpenAI, as ``mockserver sweep`` takes it; it runs in pipecat's environment.

The pipeline is a real one: the context's aggregators on both sides, and an output transport of pipecat's own that plays
what it is given as long as it lasts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from loguru import logger
from pipecat.frames.frames import BotStoppedSpeakingFrame, InputAudioRawFrame, LLMRunFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

from mockserver import speech
from mockserver.server.host import MockServer
from mockserver.sweeping.watching import SweepRun

RATE = 24_000
CHUNK_S = 0.5
"""Longer than of a real microphone: a turn that hangs is waited for for 25 minutes, and each piece takes time."""
CHUNK = round(RATE * CHUNK_S) * 2


class Loudspeaker(BaseOutputTransport):
    """Plays. ``ended`` gets None when the bot stops to speak, and the error where pipecat tells its application one."""

    def __init__(self) -> None:
        super().__init__(TransportParams(audio_out_enabled=True, audio_out_sample_rate=RATE))
        self.played = b""
        self.ended: asyncio.Queue[str | None] = asyncio.Queue()

    async def start(self, frame: Any) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: Any) -> bool:
        self.played += frame.audio
        await asyncio.sleep(len(frame.audio) / (2 * RATE))
        return True

    async def push_frame(self, frame: Any, direction: Any = FrameDirection.DOWNSTREAM) -> None:
        if direction == FrameDirection.DOWNSTREAM and isinstance(frame, BotStoppedSpeakingFrame):
            self.ended.put_nowait(None)
        await super().push_frame(frame, direction)


class PipecatCall:
    """A pipeline that runs."""

    def __init__(self, server: MockServer, sweep: SweepRun, first: str) -> None:
        self._sweep = sweep
        self._waiting = b""
        self._loudspeaker = Loudspeaker()
        service = OpenAIRealtimeLLMService(api_key="any", base_url=server.ws_url)
        pair = LLMContextAggregatorPair(LLMContext([{"role": "user", "content": first}]))
        self.worker = PipelineWorker(
            Pipeline([pair.user(), service, self._loudspeaker, pair.assistant()]),
            params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
        )
        self.worker.add_event_handler("on_pipeline_error", self._failed)

    async def microphone(self) -> None:
        """It is open all the time; what the user says goes into it."""
        while True:
            pcm, self._waiting = self._waiting[:CHUNK].ljust(CHUNK, b"\0"), self._waiting[CHUNK:]
            await self.worker.queue_frame(InputAudioRawFrame(pcm, RATE, 1))
            await asyncio.sleep(CHUNK_S)

    async def begin(self) -> str:
        """The turn that answers to what stands in the context."""
        self._quiet()
        await self.worker.queue_frame(LLMRunFrame())
        return await self._heard()

    async def ask(self, text: str) -> str:
        """A turn by voice."""
        self._quiet()
        self._waiting = speech.encode(text, RATE)
        return await self._heard()

    def _quiet(self) -> None:
        while not self._loudspeaker.ended.empty():
            self._loudspeaker.ended.get_nowait()
        self._loudspeaker.played = b""

    async def _heard(self) -> str:
        error = await self._loudspeaker.ended.get()
        if error is not None:
            raise RuntimeError(error)
        return speech.decode(self._loudspeaker.played, RATE)

    async def _failed(self, _: Any, frame: Any) -> None:
        self._sweep.reported(frame.error)
        self._loudspeaker.ended.put_nowait(frame.error)


@asynccontextmanager
async def pipecat(server: MockServer, sweep: SweepRun, first: str) -> AsyncIterator[PipecatCall]:
    """pipecat-ai, with OpenAI's service."""
    logger.remove()
    call = PipecatCall(server, sweep, first)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(call.worker)
    running = asyncio.create_task(runner.run())
    listening = asyncio.create_task(call.microphone())
    try:
        yield call
    finally:
        listening.cancel()
        await call.worker.cancel()
        await running


async def pipecat_voice(server: MockServer, sweep: SweepRun) -> None:
    """Two turns, the second by voice."""
    async with sweep.client(pipecat(server, sweep, "one")) as call:
        await sweep.turn(call.begin(), expect="one")
        await sweep.turn(call.ask("two"), expect="two")
