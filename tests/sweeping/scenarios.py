"""Scenarios that the tests of the sweep run, as a user would write them."""

from __future__ import annotations

from mockserver.server.host import MockServer
from mockserver.sweeping.running import Scenario
from mockserver.sweeping.watching import SweepRun
from tests.sweeping.talker import Talker


def talking(defect: str = "", words: tuple[str, ...] = ("one", "two", "three")) -> Scenario:
    """A conversation of so many turns with the client of ours."""

    async def turns(server: MockServer, sweep: SweepRun) -> None:
        url = f"{server.ws_url}?model=gpt-realtime"
        async with sweep.client(Talker(url, defect=defect, tell=sweep.reported)) as talker:
            for word in words:
                await sweep.turn(talker.ask(word), expect=word)

    return turns


sound = talking()
hangs = talking("no timeout")
