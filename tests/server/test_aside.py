"""A frame that takes long is looked at by a thread: its session waits and keeps its order, others do not wait."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import aiohttp

from mockserver import MockServer, relay, script, simulator, speech
from mockserver.cassette.entries import LONG
from mockserver.cassette.store import load
from mockserver.cli import turns
from mockserver.core.frames import Close, Event, Frame, Peer, Received, Sender, Text
from mockserver.core.yielding import yielding
from mockserver.server.aside import LOOK, SLICE, Aside, OneThread, Resting
from mockserver.server.record import Recording
from mockserver.server.virtual import virtual_time

LARGE = Text("x" * LONG)
PUSH_TO_TALK = {"audio": {"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}}}
TRANSCRIBED = "conversation.item.input_audio_transcription.completed"
SMALL = Text("x" * (LONG - 1))


class Thread:
    """A recorder whose thread does nothing before it is told to."""

    def __init__(self) -> None:
        self.work: list[tuple[Callable[[], None], Future[None]]] = []
        self.seen: list[Frame] = []
        self.broken = False

    def commit(self) -> None:
        pass

    def ahead(self, session: int, sender: Sender, frame: Frame) -> Callable[[], None] | None:
        return None if frame in self.seen else lambda: self.seen.append(frame)

    def submit(self, work: Callable[[], None]) -> Future[None]:
        made: Future[None] = Future()
        self.work.append((work, made))
        return made

    def wait(self, given: Future[None]) -> None:
        given.result()

    def close(self) -> None:
        pass

    def do(self) -> None:
        work, made = self.work.pop(0)
        if self.broken:
            made.set_exception(RuntimeError("it broke"))
            return
        work()
        made.set_result(None)


class FedPump:
    """A pump of one session, without layers; what is fed lands in ``fed`` unless the thread has to see it first."""

    def __init__(self, thread: Thread) -> None:
        self.loop = asyncio.get_running_loop()
        self.session: Any = type(
            "S", (), {"layers": [], "over": False, "ahead": None, "log": type("L", (), {"number": 0})}
        )
        self.fed: list[tuple[Event, float | None]] = []
        self.aside = Aside(self, thread, thread)

    def feed(self, event: Event, *, came: float | None = None) -> None:
        if not self.aside.takes(event, came):
            self.fed.append((event, came))


def came(frame: Frame, peer: Peer = Peer.CLIENT) -> Received:
    return Received(peer, frame)


async def test_what_comes_meanwhile_waits_and_counts_as_come_when_it_came() -> None:
    pump = FedPump(thread := Thread())
    pump.feed(came(SMALL), came=1.0)
    pump.feed(came(LARGE), came=2.0)
    pump.feed(came(SMALL, Peer.UPSTREAM), came=3.0)
    pump.feed(came(Close(1000)), came=4.0)
    assert pump.fed == [(came(SMALL), 1.0)]
    assert pump.aside.busy
    thread.do()
    await pump.aside.over()
    assert not pump.aside.busy
    rest = [(came(LARGE), 2.0), (came(SMALL, Peer.UPSTREAM), 3.0), (came(Close(1000)), 4.0)]
    assert pump.fed[1:] == rest


async def test_virtual_time_stands_still_while_the_thread_looks() -> None:
    seen: list[float] = []
    with virtual_time() as clock:
        pump = FedPump(thread := Thread())
        pump.loop.call_later(20, lambda: seen.append(clock.seconds))  # a client's ping, say
        pump.feed(came(LARGE), came=1.0)
        threading.Timer(0.05, thread.do).start()
        await pump.aside.over()
        assert seen == []
        assert clock.seconds < 20
        await asyncio.sleep(21)
    assert len(seen) == 1, "the control: then it goes on"


async def test_a_second_large_frame_waits_for_its_own_turn() -> None:
    pump = FedPump(thread := Thread())
    other = Text("y" * LONG)
    for frame in (LARGE, other, SMALL):
        pump.feed(came(frame), came=1.0)
    thread.do()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [event for event, _ in pump.fed] == [came(LARGE)]
    assert pump.aside.busy
    thread.do()
    await pump.aside.over()
    assert [event for event, _ in pump.fed] == [came(LARGE), came(other), came(SMALL)]


async def test_a_look_that_fails_is_done_again_where_an_error_belongs_to_the_session() -> None:
    pump = FedPump(thread := Thread())
    thread.broken = True
    pump.feed(came(LARGE), came=1.0)
    thread.do()
    await pump.aside.over()
    assert pump.fed == [(came(LARGE), 1.0)]
    assert not thread.work


async def test_a_session_with_a_fault_around_it_is_recorded_in_its_own_turn() -> None:
    pump = FedPump(thread := Thread())
    pump.session.layers = [object()]
    pump.feed(came(LARGE), came=1.0)
    assert pump.fed == [(came(LARGE), 1.0)]
    assert not thread.work


async def test_an_end_waits_for_the_thread() -> None:
    pump = FedPump(thread := Thread())
    pump.feed(came(LARGE), came=1.0)
    pump.loop.run_in_executor(None, thread.do)
    pump.aside.finish()
    assert pump.fed == [(came(LARGE), 1.0)]


async def test_a_long_utterance_is_made_out_by_the_thread_while_others_go_on() -> None:
    spoken, short = speech.encode("a table for two please"), speech.encode("hi")
    thread = Thread()
    commit, clear = '{"type":"input_audio_buffer.commit"}', '{"type":"input_audio_buffer.clear"}'
    server = MockServer(simulator("openai", pace="instant"))
    server.recorders.thread = thread  # type: ignore[assignment]
    key = {"Authorization": "Bearer any"}
    async with (
        server,
        aiohttp.ClientSession() as http,
        http.ws_connect(server.ws_url + "?model=gpt-realtime", headers=key) as one,
        http.ws_connect(server.ws_url + "?model=gpt-realtime", headers=key) as two,
    ):
        for client in (one, two):
            assert "session.created" in await client.receive_str()
            await client.send_json({"type": "session.update", "session": {"type": "realtime", **PUSH_TO_TALK}})
            assert "session.updated" in await client.receive_str()
        await one.send_json({"type": "input_audio_buffer.append", "audio": base64.b64encode(spoken).decode()})
        await one.send_str(commit)
        await one.send_str(clear)
        await two.send_json({"type": "input_audio_buffer.append", "audio": base64.b64encode(short).decode()})
        await two.send_str(commit)
        assert "input_audio_buffer.committed" in await two.receive_str(), "what is short is made out at once"
        assert len(thread.work) == 1
        assert not server.journal.sent_by_server("input_audio_buffer.committed", session=0)
        thread.do()
        assert "input_audio_buffer.committed" in await one.receive_str()
        came = {}
        while not {TRANSCRIBED, "input_audio_buffer.cleared"} <= set(came):
            body = json.loads(await one.receive_str())
            came[body["type"]] = body
        assert came[TRANSCRIBED]["transcript"] == "a table for two please"
        assert thread.work == []


def secretive(size: int) -> str:
    """JSON in JSON with many marks: the walk through it takes long."""
    return json.dumps({"type": "x", "a": json.dumps([{"token": "abc", "n": n} for n in range(size // 24)])})


async def test_another_session_is_served_while_a_large_frame_is_looked_at(tmp_path: Path) -> None:
    echo = script.repeat(script.expect("*"), script.send({"type": "pong"}))
    slow = secretive(60_000)
    async with (
        MockServer(script(echo)) as upstream,
        Recording(relay(upstream.base_url), tmp_path / "x.cassette") as recording,
        aiohttp.ClientSession() as http,
        http.ws_connect(recording.server.ws_url, max_msg_size=0) as one,
        http.ws_connect(recording.server.ws_url) as two,
    ):
        await two.send_str('{"type":"ping"}')
        await two.receive()
        await one.send_str(slow)
        await one.send_str('{"type":"after"}')
        turns = 0
        waiting = asyncio.ensure_future(one.receive())
        while not waiting.done():
            await two.send_str('{"type":"ping"}')
            await two.receive()
            turns += 1
        await one.receive()
    assert turns > 1, "the loop stood still"
    cassette = load(tmp_path / "x.cassette")
    frames = [record.frame for record in cassette.connections[0].records if record.sender is Sender.CLIENT]
    assert frames[:2] == [Text(slow), Text('{"type":"after"}')]
    assert recording.problems == []


class Clocked:
    """A loop that is at work for so many looks, and a clock that goes on while somebody waits."""

    def __init__(self, looks: int) -> None:
        self.looks, self.time, self.waited = looks, 0.0, 0.0

    def at_work(self) -> bool:
        self.looks -= 1
        return self.looks >= 0

    def wait(self, seconds: float) -> None:
        self.time += seconds
        self.waited += seconds

    def rest(self) -> Resting:
        made = Resting(self, lambda: self.time, self.wait)
        self.time += SLICE
        return made


def test_the_thread_rests_while_the_loop_is_at_work_and_no_longer() -> None:
    loop = Clocked(looks=3)  # the first is before it rests
    loop.rest()()
    assert loop.waited == 2 * LOOK
    loop = Clocked(looks=0)
    loop.rest()()
    assert not loop.waited, "the control: the loop waits for its sockets"


def test_a_loop_that_is_always_at_work_leaves_the_thread_a_tenth() -> None:
    loop = Clocked(looks=1_000_000)
    rest = loop.rest()
    for _ in range(1_000):
        rest()
        loop.time += SLICE / 10
    worked = loop.time - loop.waited
    assert 0.05 < worked / loop.time < 0.15


def test_a_thread_for_which_the_loop_waits_does_not_rest() -> None:
    loop = Clocked(looks=1_000_000)
    rest = loop.rest()
    rest.awaited = True
    rest()
    assert not loop.waited
    rest.awaited = False
    rest()
    assert loop.waited


def test_a_thread_knows_that_the_loop_waits_for_it() -> None:
    async def work() -> list[bool]:
        thread, seen = OneThread(), []

        def look() -> None:
            while not (thread._resting and thread._resting.awaited):  # else this never ends
                pass
            seen.append(True)

        thread.wait(thread.submit(look))
        thread.submit(look)
        thread.close()
        return seen

    with asyncio.Runner(loop_factory=turns.new_loop) as runner:
        assert runner.run(work()) == [True, True]


async def test_the_thread_of_any_other_loop_never_rests() -> None:
    thread = OneThread()
    found: list[object] = []
    thread.submit(lambda: found.append(yielding(items := [1]) is items)).result()
    thread.close()
    assert found == [True]
