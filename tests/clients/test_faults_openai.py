"""The openai SDK under the three faults that the project is named for, each beside the session without it.

The SDK has no rules of its own for any of this, so what an application does with it stands in ``Conversation``: it
asks, listens, gives up after ten seconds, and cancels by id what comes too late.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from mockserver import MockServer, Scripted, simulator, speech
from mockserver.engines.simulator import Reply
from mockserver.server.virtual import virtual_time

FIRST = "the tide comes in twice a day and leaves shells of every colour on the sand"
SECOND = "the second answer"


class Conversation:
    """An application on top of the SDK."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.asked = 0
        self.orphans: set[str] = set()
        self.unexpected = 0
        self.status = ""

    async def ask(self) -> str | None:
        """What is heard in answer to a request; None where nothing has come after ten seconds."""
        self.asked += 1
        mine = f"request {self.asked}"
        await self.connection.response.create(response={"metadata": {"asked": mine}})
        try:
            async with asyncio.timeout(10):
                return await self._listen(mine)
        except TimeoutError:
            self.orphans.add(mine)
            return None

    async def _listen(self, mine: str) -> str:
        audio, current = b"", ""
        while True:
            event = await self.connection.recv()
            if event.type == "response.created":
                metadata = getattr(event.response, "metadata", None)
                asked = metadata.get("asked") if metadata else None
                if asked in self.orphans:
                    await self.connection.response.cancel(response_id=event.response.id or "")
                elif asked == mine:
                    current = event.response.id or ""
                else:
                    self.unexpected += 1
            elif event.type == "response.output_audio.delta" and event.response_id == current:
                audio += base64.b64decode(event.delta)
            elif event.type == "response.done" and event.response.id == current:
                self.status = event.response.status or ""
                return speech.decode(audio)


@asynccontextmanager
async def conversation(*faults: str) -> AsyncIterator[tuple[MockServer, Conversation]]:
    source = simulator("openai", replier=Scripted([Reply(text=FIRST), Reply(text=SECOND)]))
    with virtual_time():
        async with MockServer(source, faults=faults) as server:
            client = AsyncOpenAI(base_url=server.base_url, api_key="any")
            async with client.realtime.connect(model="gpt-realtime") as connection:
                yield server, Conversation(connection)
            await client.close()


async def test_control_both_turns_are_heard() -> None:
    async with conversation() as (server, app):
        assert [await app.ask(), await app.ask()] == [FIRST, SECOND]
        assert (app.status, app.unexpected) == ("completed", 0)
        server.journal.sent_by_client("response.cancel").never()


@pytest.mark.parametrize("fault", ["delay 11s on 1st response.create", "delay 11s on 1st response.created"])
async def test_a_late_response_is_cancelled_by_id_and_nothing_surfaces(fault: str) -> None:
    async with conversation(fault) as (server, app):
        assert await app.ask() is None
        await asyncio.sleep(5)
        server.journal.sent_by_client("response.cancel").never()  # nobody has read the orphan yet
        while (heard := await app.ask()) is None:
            assert app.asked < 4
        assert heard == SECOND
        orphan = server.journal.sent_by_server("response.created").views[0]
        [cancel] = server.journal.sent_by_client("response.cancel").once().bodies
        assert cancel["response_id"] == orphan.response_id
        assert app.unexpected == 0


async def test_a_reply_without_metadata_is_not_recognised() -> None:
    async with conversation("drop metadata on response.created") as (_, app):
        assert await app.ask() is None
        assert app.unexpected == 1


async def test_a_cancel_in_mid_stream() -> None:
    fault = "cancel midway because turn_detected after 900ms of audio in 1st response"
    async with conversation(fault) as (_, app):
        heard = await app.ask()
        assert heard
        assert app.status == "cancelled"
        assert FIRST.startswith(heard)
        assert heard != FIRST
        assert await app.ask() == SECOND
        assert app.status == "completed"
