"""Faults of media, on the wire: what a client has of them, and the same client without them."""

from __future__ import annotations

import asyncio

import pytest

from mockserver import MockServer, Scripted, simulator
from tests.server.webrtc.caller import SESSION, Caller

WORDS = "It is sunny."


class Had:
    """What a client had of one turn: when its channel opened and audio came, what it was told and heard."""

    def __init__(self, caller: Caller, server: MockServer) -> None:
        self.opened = caller.channel.readyState == "open"
        self.told = [one["type"] for one in caller.events]
        self.heard = caller.heard
        self.frames = len(server.sessions[0].sent_by_server("response.output_audio.delta").entries)


async def turn(*faults: str, until: str = "output_audio_buffer.stopped", seconds: float = 0.6) -> Had:
    """One turn. Where ``until`` does not come, the client waits ``seconds`` longer than the server is at it."""
    source = simulator("openai", replier=Scripted([WORDS] * 2))
    async with MockServer(source, faults=faults) as server:
        caller = Caller()
        await caller.dial(server, SESSION)
        try:
            await caller.event("session.created")
            caller.send(type="response.create")
            await caller.event(until)
            await asyncio.sleep(seconds)  # what is played is a moment behind what is told
        except AssertionError:
            pass
        had = Had(caller, server)
        await caller.close()
        return had


async def test_what_a_client_has_of_each_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.server.webrtc.caller.PATIENCE", 2.5)
    control, silent, gap, late, shut, frozen = await asyncio.gather(
        turn(),
        turn("silent audio on response.created"),
        turn("drop on 2nd response.output_audio.delta"),
        turn("delay 2s alone on 1st response.output_audio.delta", until="response.done"),
        turn("no data channel"),
        turn("half open on 1st response.output_audio.delta"),
    )
    assert control.opened
    assert control.heard
    assert silent.told == control.told  # every event says that something is said
    assert silent.heard == ""
    assert gap.frames == control.frames - 1
    assert gap.heard != control.heard
    assert late.heard != control.heard
    assert (shut.opened, shut.told) == (False, [])
    assert "output_audio_buffer.started" not in frozen.told or frozen.heard == ""
    assert "response.done" not in frozen.told
    assert "response.done" in control.told
