import asyncio
import socket
import sys
import threading
import time

import pytest

from mockserver.errors import UsageError
from mockserver.server.virtual import VirtualClock, virtual_time


async def ping_pong(rounds: int) -> list[str]:
    """A peer that answers after 10 ms, and a client that waits one microsecond longer: who wins, round by round."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while word := await reader.readline():
            await asyncio.sleep(0.010)
            writer.write(word)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    won = []
    for _ in range(rounds):
        writer.write(b"word\n")
        try:
            async with asyncio.timeout(0.010001):
                await reader.readline()
            won.append("answer")
        except TimeoutError:
            won.append("timeout")
            await reader.readline()
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()
    return won


async def test_ten_seconds_take_milliseconds() -> None:
    began = time.perf_counter()
    with virtual_time() as clock:
        await asyncio.sleep(10)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 3_590)
    assert clock.seconds == 3_600
    assert time.perf_counter() - began < 1


async def test_time_never_passes_what_is_on_its_way() -> None:
    with virtual_time() as clock:
        won = await ping_pong(500)
    assert won == ["answer"] * 500
    assert clock.seconds == pytest.approx(5, abs=1e-6)
    assert clock.jumps == 500


async def test_without_asking_the_kernel_a_short_wait_does_the_same() -> None:
    with virtual_time(exact=False) as clock:
        assert await ping_pong(20) == ["answer"] * 20
    assert clock.seconds == pytest.approx(0.2, abs=1e-6)


async def test_the_same_moments_in_every_run() -> None:
    async def run() -> list[float]:
        moments = []
        with virtual_time() as clock:
            for step in (0.1, 0.2, 0.3, 1e-6, 7.7):
                await asyncio.sleep(step)
                moments.append(clock.seconds)
        return moments

    runs = [await run() for _ in range(5)]
    assert runs == [runs[0]] * 5
    assert runs[0] == pytest.approx([0.1, 0.3, 0.6, 0.600001, 8.300001], abs=1e-9)


async def test_what_is_ready_runs_before_time_passes() -> None:
    seen = []

    async def chain(depth: int) -> None:
        for _ in range(depth):
            await asyncio.sleep(0)
        seen.append(asyncio.get_running_loop().time())

    with virtual_time() as clock:
        now = clock.now
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0.001))
            group.create_task(chain(1_000))
    assert seen == [now]


async def test_time_is_real_while_a_thread_works() -> None:
    never = threading.Event()
    with virtual_time() as clock:
        sleeper = asyncio.create_task(asyncio.sleep(60))
        began = time.monotonic()
        await asyncio.get_running_loop().run_in_executor(None, never.wait, 0.05)
        await asyncio.to_thread(never.wait, 0.02)
        real = time.monotonic() - began
        assert real >= 0.07
        # A timer was waiting all the time, and the clock did not jump to it.
        assert clock.seconds <= real
        assert not sleeper.done()
        await sleeper
        assert 60 <= clock.seconds <= 60 + real


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a foreign connection is not seen")
async def test_time_is_real_while_somebody_else_is_connected() -> None:
    there = socket.create_server(("127.0.0.1", 0))
    with there, virtual_time() as clock:
        began = time.monotonic()
        _, writer = await asyncio.open_connection(*there.getsockname())
        await asyncio.sleep(0.05)  # its answer could come at any moment
        assert time.monotonic() - began >= 0.05
        assert clock.seconds == pytest.approx(time.monotonic() - began, abs=0.05)
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(60)
        assert time.monotonic() - began < 5


async def test_a_peer_that_does_not_read_does_not_hold_the_clock() -> None:
    async def leave_it(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(90)
        writer.close()

    began = time.monotonic()
    with virtual_time() as clock:
        server = await asyncio.start_server(leave_it, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"anybody?")
        with pytest.raises(ConnectionResetError):  # what it closes with bytes unread
            await reader.read()
        writer.close()
        server.close()
        await server.wait_closed()
        assert clock.seconds == pytest.approx(90, abs=1)
    assert time.monotonic() - began < 2


async def test_afterwards_the_clock_is_real_and_does_not_go_back() -> None:
    loop = asyncio.get_running_loop()
    fired: list[str] = []
    loop.call_later(5, fired.append, "set before the block")
    with virtual_time() as clock:
        await asyncio.sleep(10)
        loop.call_later(0.02, fired.append, "set in the block")
    after = loop.time()
    assert after >= clock.now
    assert after - clock.now < 1
    began = time.monotonic()
    await asyncio.sleep(0.05)
    assert time.monotonic() - began >= 0.04
    assert fired == ["set before the block", "set in the block"]


async def test_an_error_puts_the_clock_back_too() -> None:
    loop = asyncio.get_running_loop()
    with pytest.raises(TimeoutError), virtual_time():
        await asyncio.wait_for(asyncio.Event().wait(), 1)
    began = time.monotonic()
    await asyncio.sleep(0.02)
    assert time.monotonic() - began >= 0.015
    with virtual_time() as again:
        await asyncio.sleep(1)
    assert again.seconds == 1
    assert loop.time() >= again.now


async def test_twice_is_once_too_often() -> None:
    with virtual_time(), pytest.raises(UsageError, match="virtual already"), virtual_time():
        pass


@pytest.mark.looptime
async def test_under_looptime_it_says_so() -> None:
    with pytest.raises(UsageError, match="one of looptime and virtual_time"), virtual_time():
        pass


async def test_a_loop_without_a_selector_is_named() -> None:
    class Foreign:
        def time(self) -> float:
            return 0.0

    with pytest.raises(UsageError, match=r"event loops, not .*Foreign: run this test without uvloop"):
        VirtualClock(Foreign())  # type: ignore[arg-type]
