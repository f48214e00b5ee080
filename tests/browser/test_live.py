"""The page of a running server, in a real browser: it follows, pauses, sets a fault and takes it away."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from mockserver import MockServer, Scripted, simulator
from tests.browser.chromium import launched

# A browser takes its time where two cores do other work too.
pytestmark = pytest.mark.timeout(240)

KEY = {"Authorization": "Bearer any"}


async def test_a_running_server_can_be_watched_and_disturbed(tmp_path: Path) -> None:
    source = simulator("openai", replier=Scripted(["it snows", "it thaws"]), pace="instant")
    async with MockServer(source, token="t0ken") as server, aiohttp.ClientSession() as http, launched() as page:
        await page.goto(f"{server.url}/__mockserver__/ui#token=t0ken")
        await page.until("document.body && document.body.dataset.since === '0'")
        socket = await http.ws_connect(f"{server.ws_url}?model=gpt-realtime", headers=KEY)
        await socket.send_json({"type": "response.create"})
        await page.until("document.querySelector('canvas') && document.getElementById('count').textContent")
        await page.until("document.getElementById('rows').textContent.includes('response.done')")

        await page.run(
            "document.getElementById('fault').value = 'dorp on response.done';"
            "document.querySelector('#live form').requestSubmit()"
        )
        await page.until("document.querySelector('#live [role=alert]').textContent.includes('did you mean')")
        assert not server.faults
        await page.run(
            "document.getElementById('fault').value = 'drop on response.created';"
            "document.querySelector('#live form').requestSubmit()"
        )
        await page.until("document.querySelector('#live code')")
        assert [one.fault.spec for one in server.faults.values()] == ["drop on response.created"]
        await socket.send_json({"type": "response.create"})
        await page.until("document.querySelector('#live ul').textContent.includes('fired 1x')")
        await page.run("document.querySelector('#live ul button').click()")
        await page.until("!document.querySelector('#live code')")
        assert not server.faults

        await page.run("[...document.querySelectorAll('#live button')].find((b) => b.textContent === 'Pause').click()")
        while not server.sessions[0].paused:
            await page.run("new Promise((done) => setTimeout(done, 10))")
        await page.until("[...document.querySelectorAll('#live button')].some((b) => b.textContent === 'Go on')")
        print("picture:", await page.screenshot(tmp_path / "live.png"))
        await page.run("[...document.querySelectorAll('#live button')].find((b) => b.textContent === 'Go on').click()")
        while server.sessions[0].paused:
            await page.run("new Promise((done) => setTimeout(done, 10))")
        assert page.console == [] or all("400" in one for one in page.console)  # the misspelt fault was refused
        await socket.close()


async def test_without_the_token_the_page_is_told_no(tmp_path: Path) -> None:
    async with MockServer(simulator("openai"), token="t0ken") as server, launched() as page:
        await page.goto(f"{server.url}/__mockserver__/ui")
        await page.until("document.querySelector('#live [role=alert]').textContent")
        assert "Authorization" in await page.run("document.querySelector('#live [role=alert]').textContent")
