from __future__ import annotations

import asyncio

from mockserver.server.clock import Clock
from mockserver.server.session_clock import Farewell, SessionClock
from mockserver.server.virtual import virtual_time


async def test_a_session_counts_from_its_begin_and_never_back() -> None:
    with virtual_time():
        clock = Clock(asyncio.get_running_loop())
        await asyncio.sleep(2)
        session = SessionClock(clock, clock.micros())
        assert session.now() == 0
        await asyncio.sleep(3)
        came = session.loop.time()
        await asyncio.sleep(1)
        assert session.loop_at(came) == 3_000_000
        assert session.server_at(6_500_000) == 4_500_000
        assert session.now() == 4_500_000, "what was said once is not taken back"


async def test_the_client_is_waited_for_as_long_as_a_fault_says_and_not_for_ever() -> None:
    with virtual_time():
        clock = SessionClock(Clock(asyncio.get_running_loop()), 0)
        farewell = Farewell(clock)
        hung_up: list[int] = []

        def hang_up() -> None:
            hung_up.append(clock.now())

        farewell.wait(5.0, hang_up)
        await asyncio.sleep(6)
        farewell.linger_us = 2_000_000
        farewell.wait(5.0, hang_up)
        await asyncio.sleep(6)
        farewell.wait(5.0, hang_up)
        farewell.cancel()
        await asyncio.sleep(6)
        assert hung_up == [5_000_000, 8_000_000]
