"""The page of a running server, in a real browser: it follows, pauses, sets a fault and takes it away."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp
import pytest

from mockserver import MockServer, Scripted, simulator
from tests.browser.chromium import launched
from tests.browser.test_page import EVIL, looks_right

# A browser takes its time where two cores do other work too.
pytestmark = pytest.mark.timeout(240)

KEY = {"Authorization": "Bearer any"}


async def test_a_running_server_can_be_watched_and_disturbed(tmp_path: Path) -> None:
    source = simulator("openai", replier=Scripted(["it snows", "it thaws", "it rains"]), pace="instant")
    async with MockServer(source, token="t0ken") as server, aiohttp.ClientSession() as http, launched() as page:
        await page.goto(f"{server.url}/__mockserver__/ui#token=t0ken")
        await page.until("document.body && document.body.dataset.since === '0'")
        socket = await http.ws_connect(f"{server.ws_url}?model=gpt-realtime", headers=KEY)
        await socket.send_json({"type": "response.create"})
        await page.until("document.querySelector('canvas') && document.getElementById('count').textContent")
        await page.until("document.getElementById('rows').textContent.includes('response.done')")

        await page.run(
            f"document.getElementById('fault').value = {json.dumps(f'dorp on response.done {EVIL}')};"
            "document.querySelector('#live form').requestSubmit()"
        )
        await page.until("document.querySelector('#live [role=alert]').textContent.includes('did you mean')")
        assert not server.faults
        assert await page.run("window.evil || document.querySelectorAll('#live img').length") == 0
        assert "\u202e" not in await page.run("document.querySelector('#live').innerText")
        assert len(page.console) == 1  # the browser's own line about the answer
        assert "400" in page.console.pop()
        # By the keyboard: from the filter on, Tab reaches the form.
        await page.run("document.getElementById('fault').value = ''; document.getElementById('theme').focus()")
        await page.press("Tab")
        assert await page.run("document.activeElement.id") == "fault"
        await page.call("Input.insertText", text="drop on response.created")
        await page.press("Enter", "\r")
        await page.until("document.querySelector('#live code')")
        assert [one.fault.spec for one in server.faults.values()] == ["drop on response.created"]
        # A second session is drawn beside the first, and what is in focus stays so while frames come.
        await page.run("document.querySelector('[aria-label^=Pause]').focus()")
        other = await http.ws_connect(f"{server.ws_url}?model=gpt-realtime", headers=KEY)
        await other.send_json({"type": "response.create"})
        await page.until("document.querySelector('#live ul').textContent.includes('fired 1x')")
        await page.until("document.querySelectorAll('canvas').length === 2")
        await page.until("document.querySelectorAll('canvas')[1].getAttribute('aria-label').includes('Session 1')")
        await page.until("document.querySelectorAll('[aria-label^=Pause]').length === 2")
        assert await page.run("document.activeElement.getAttribute('aria-label')") == "Pause: session 0"

        await page.press("Enter", "\r")
        while not server.sessions[0].paused:
            await page.run("new Promise((done) => setTimeout(done, 10))")
        await page.until("document.activeElement.getAttribute('aria-label') === 'Go on: session 0'")
        assert not server.sessions[1].paused
        for theme in ("light", "dark"):
            await page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
            await looks_right(page, tmp_path, f"live-{theme}")
        await page.press("Enter", "\r")
        while server.sessions[0].paused:
            await page.run("new Promise((done) => setTimeout(done, 10))")

        await page.run("document.querySelector('#live ul button').click()")
        await page.until("!document.querySelector('#live code')")
        assert not server.faults
        # Of many sessions the last are shown, and the one that is looked at.
        for _ in range(34):
            await (await http.ws_connect(f"{server.ws_url}?model=gpt-realtime", headers=KEY)).close()
        await page.until(
            "document.querySelector('#live [role=status]').textContent === '36 sessions, the last 32 shown'"
        )
        assert await page.run("document.querySelectorAll('canvas').length") == 32
        assert await page.run("document.querySelector('.session.chosen').textContent.includes('Session 0')")
        assert page.console == []
        await socket.close()
        await other.close()


async def test_without_the_token_the_page_is_told_no(tmp_path: Path) -> None:
    async with MockServer(simulator("openai"), token="t0ken") as server, launched() as page:
        await page.goto(f"{server.url}/__mockserver__/ui")
        await page.until("document.querySelector('#live [role=alert]').textContent")
        assert "Authorization" in await page.run("document.querySelector('#live [role=alert]').textContent")
