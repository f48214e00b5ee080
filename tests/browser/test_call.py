"""A call from a page in a real browser: what it says is understood, and what is answered can be heard there."""

from __future__ import annotations

import pytest

from mockserver import MockServer, Scripted, simulator
from tests.browser.calling import phone

# A browser takes its time where two cores do other work too.
pytestmark = pytest.mark.timeout(240)


async def test_a_page_calls_speaks_and_hears() -> None:
    source = simulator("openai", replier=Scripted(["It is sunny."] * 3))
    async with MockServer(source) as server, phone() as caller:
        where = await caller.page.run(f"call('{server.base_url}/realtime/calls?model=gpt-realtime', 'any')")
        assert where.startswith("/v1/realtime/calls/rtc_")  # from another origin: the server lets the page read it
        await caller.event("session.created")
        await caller.page.run("settled(peer)")
        await caller.answered("Weather?", "It is sunny.")
        context, *_ = server.sessions[0].inspect().values["contexts"]
        assert context.user == "Weather?"
        await caller.page.run("peer.close()")
        await caller.page.until("peer.connectionState === 'closed'")
