"""Frames that go out together leave as if each had been put by itself, whatever room there is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mockserver.core.burst import Burst
from mockserver.core.frames import Close, Text
from mockserver.server.websocket.outlet import BATCH, Backlog, Outlet

SIZES = (0, 5, 125, 126, 2_600, 65_535, 65_536, 100_000)
BURST = Burst([(f"{size:06d}" + "x" * size, None if size % 2 else (0, 6, "né")) for size in SIZES])


def test_what_waits_is_counted_and_what_is_left_of_it_goes_first() -> None:
    backlog = Backlog()
    backlog.add(Text("abc"))
    backlog.add(Burst([("xy", None), ("z", None)]))
    assert (backlog.size, len(backlog)) == (6, 2)
    assert backlog.take() == Text("abc")
    burst = backlog.take()
    assert isinstance(burst, Burst)
    backlog.add(Close(1000))
    backlog.put_back(burst[1:])
    assert (backlog.size, len(backlog)) == (1, 2)
    assert list(backlog.take()) == [Text("z")]  # type: ignore[arg-type]
    backlog.add(Text("abc"))
    backlog.clear()
    assert (backlog.size, len(backlog), bool(backlog)) == (0, 0, False)


class Pipe:
    """A transport whose reader takes what it holds only when the outlet waits for that."""

    def __init__(self, high: int) -> None:
        self.high, self.held, self.closing = high, 0, False
        self.data = bytearray()
        self.writes: list[int] = []

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self.high // 4, self.high

    def get_write_buffer_size(self) -> int:
        return self.held

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        self.data += data
        self.held += len(data)
        self.writes.append(len(data))

    async def drain(self) -> None:
        await asyncio.sleep(0)
        self.held = 0


async def written(high: int, *, together: bool, **options: Any) -> Pipe:
    pipe = Pipe(high)
    outlet = Outlet(lambda last: None)
    outlet.open(pipe, pipe.drain, **options)  # type: ignore[arg-type]
    outlet.put(Text("first"))
    if together:
        outlet.put_all(BURST)
        outlet.put_all(BURST[2:])
    else:
        for frame in (*BURST, *BURST[2:]):
            outlet.put(frame)
    outlet.put(Text("last"))
    outlet.put(Close(1000))
    outlet.flush()
    await outlet.room()
    assert not outlet.held
    return pipe


@pytest.mark.parametrize("high", [100, 70_000, 10_000_000])
@pytest.mark.parametrize("window_bits", [0, 15])
async def test_a_burst_is_written_as_its_frames_are(high: int, window_bits: int) -> None:
    one_by_one = await written(high, together=False, window_bits=window_bits)
    together = await written(high, together=True, window_bits=window_bits)
    assert together.data == one_by_one.data
    assert together.data.endswith(b"\x88\x02\x03\xe8")


async def test_who_has_stopped_keeps_no_window_of_the_compression() -> None:
    """256 KiB each, held by a socket's objects, which refer to each other."""
    pipe = Pipe(1_000)
    outlet = Outlet(lambda last: None)
    outlet.open(pipe, pipe.drain, window_bits=15)  # type: ignore[arg-type]
    outlet.put(Text("hello"))
    assert outlet._deflater is not None
    outlet.stop()
    assert outlet._deflater is None
    outlet.put(Text("after the end"))
    outlet.flush()
    assert not pipe.data


async def test_no_more_is_written_than_there_is_room_for() -> None:
    pipe = Pipe(1_000)
    outlet = Outlet(lambda last: None)
    outlet.open(pipe, pipe.drain)  # type: ignore[arg-type]
    outlet.put_all(Burst([("x" * 2_600, None)] * 1_000))
    assert pipe.held <= BATCH + 2_604
    assert outlet.held == 1
    await outlet.room()
    assert len(pipe.data) == 2_604 * 1_000
    assert max(pipe.writes) <= BATCH + 2_604
    outlet.stop()
    outlet.put_all(BURST)
    outlet.flush()
    assert len(pipe.data) == 2_604 * 1_000


@pytest.mark.parametrize("together", [True, False])
async def test_what_may_not_leave_takes_the_rest_with_it(together: bool) -> None:
    """As when the disk is full: the session ends, and of what was put with it nothing follows its close frame."""
    pipe = Pipe(10_000_000)
    outlet = Outlet(lambda last: None)
    outlet.open(pipe, pipe.drain)  # type: ignore[arg-type]

    def full() -> bool:
        outlet.before = None
        outlet.drop()
        outlet.put(Close(1011))
        return False

    outlet.before = full
    burst = Burst([("x" * 60_000, None)] * 4)
    if together:
        outlet.put_all(burst)
    else:
        for frame in burst:
            outlet.put(frame)
    outlet.flush()
    assert bytes(pipe.data) == b"\x88\x02\x03\xf3"


async def test_what_comes_before_the_handshake_waits_for_it() -> None:
    pipe = Pipe(1_000)
    outlet = Outlet(lambda last: None)
    outlet.put_all(BURST[:1])
    assert outlet.held == 1
    outlet.open(pipe, pipe.drain)  # type: ignore[arg-type]
    assert bytes(pipe.data) == b"\x81\x03n\xc3\xa9"


async def test_a_frame_alone_leaves_at_once_and_those_that_follow_it_closely_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [100.0]
    monkeypatch.setattr("mockserver.server.websocket.outlet.monotonic", lambda: clock[0])
    pipe = Pipe(10_000)
    outlet = Outlet(lambda last: None)
    outlet.open(pipe, pipe.drain)  # type: ignore[arg-type]

    def put(text: str) -> None:
        outlet.put(Text(text))
        outlet.flush_soon()

    put("a")
    assert pipe.data == b"\x81\x01a"
    for text in "bcd":
        put(text)
    assert len(pipe.writes) == 1
    await asyncio.sleep(0)
    assert pipe.writes == [3, 9]
    clock[0] += 0.001
    put("e")
    assert pipe.writes == [3, 9, 3]
    assert pipe.data.endswith(b"\x81\x01e")


async def test_nothing_leaves_before_it_is_recorded_and_nothing_at_all_where_that_fails() -> None:
    pipe = Pipe(10_000)
    outlet = Outlet(lambda last: None)
    outlet.open(pipe, pipe.drain)  # type: ignore[arg-type]
    seen: list[int] = []
    outlet.before = lambda: seen.append(len(pipe.data)) is None
    outlet.put(Text("one"))
    outlet.put(Text("two"))
    outlet.flush()
    assert (seen, pipe.writes) == ([0], [10])

    def full() -> bool:
        outlet.before = None
        outlet.put(Close(1011))  # as a session that cannot be recorded ends
        return False

    outlet.before = full
    outlet.put(Text("lost"))
    outlet.flush()
    assert bytes(pipe.data) == b"\x81\x03one\x81\x03two\x88\x02\x03\xf3"
