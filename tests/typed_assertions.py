"""Journal, assertions and virtual time as a user types them: checked by mypy (strict), and run by test_assertions."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from mockserver import MockServer, simulator, virtual_time
from mockserver.assertions import (
    assert_isolated,
    assert_metadata_echoed,
    assert_one_at_a_time,
    assert_spoken,
    audio_of,
    in_order,
    said_in,
)
from mockserver.core.expect import Selection

WORDS = "your table is ready"


async def reply(socket: aiohttp.ClientWebSocketResponse, response: dict[str, Any]) -> str:
    """Ask for a response and wait for its end; returns its id."""
    await socket.send_json({"type": "response.create", "response": response})
    while True:
        body = await socket.receive_json()
        if body["type"] == "response.done":
            return str(body["response"]["id"])


async def main() -> float:
    """A session with all of it; returns how long it took, in virtual seconds."""
    with virtual_time() as clock:
        async with (
            MockServer(simulator("openai"), faults=["delay 30s on 1st response.created"]) as server,
            aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as http,
            http.ws_connect(f"{server.ws_url}?model=gpt-realtime") as socket,
        ):
            aside = await reply(
                socket,
                {
                    "conversation": "none",
                    "input": [],
                    "instructions": WORDS,
                    "metadata": {"a": "b"},
                },
            )
            await reply(socket, {"instructions": "anything else"})
            await asyncio.sleep(60)

    session = server.sessions[0]
    created: Selection = session.sent_by_server("response.created").exactly(2)
    first = server.journal.sent_by_server("response.created", metadata={"a": "b"}).once()
    in_order(session.sent_by_client("response.create"), created)
    session.sent_by_client(where={"response.conversation": "none"}).once().before(first)
    first.within(seconds=31, of=session.sent_by_client("response.create"))
    heard: str = assert_spoken(WORDS, audio_of(server.journal, response=aside), only=True)
    said: list[str] = said_in(server.journal, aside)
    assert said == [heard]
    assert_isolated(WORDS, session, surfaced=["anything else"])
    assert_metadata_echoed(server.journal)
    assert_one_at_a_time(server.journal, session=session.number)
    return clock.seconds
