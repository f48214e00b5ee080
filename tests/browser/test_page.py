"""The pages in a real browser: looked at, zoomed, filtered, played, compared, and full of hostile content."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import wave
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from mockserver import MockServer, simulator, speech
from mockserver.cassette.model import Cassette, Connection, Header, Record
from mockserver.cassette.store import load, save
from mockserver.cli import main
from mockserver.core.frames import Handshake, Sender, Text
from mockserver.pytest_plugin.pages import index, page_of
from tests.browser.chromium import Page, launched

# A browser takes its time where two cores do other work too.
pytestmark = pytest.mark.timeout(240)

DEMO = Path(__file__).resolve().parents[2] / "cassettes" / "demo.cassette"
EVIL = '</script><script>window.evil=1</script><img src=x onerror="window.evil=2">\u202e\x1b[31m'
AXE = (files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")


def viewed(*arguments: str | Path) -> Path:
    """The page that the command writes."""
    done = CliRunner().invoke(main, ["view", *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return Path(arguments[-1])


async def opened(page: Page, path: Path) -> None:
    await page.goto(path.as_uri())
    await page.until("document.body && document.body.dataset.ready")


async def looks_right(page: Page, folder: Path, name: str) -> None:
    """A picture, no complaint in the console, no serious finding of the accessibility check."""
    print("picture:", await page.screenshot(folder / f"{name}.png"))
    await page.run(AXE)
    found = json.loads(
        await page.run(
            "axe.run().then((one) => JSON.stringify(one.violations.map((v) => [v.impact, v.id, v.nodes[0].html])))"
        )
    )
    assert [one for one in found if one[0] in ("serious", "critical")] == []
    assert page.console == []


async def played(page: Page, side: str) -> str:
    """What our own listener reads in the data of an audio element."""
    data = await page.run(
        f"fetch_(document.querySelector('audio[data-side={side}]').src)".replace(
            "fetch_(", "((src) => new Promise((done) => { const r = new XMLHttpRequest(); r.open('GET', src); "
            "r.responseType = 'arraybuffer'; r.onload = () => { const b = new Uint8Array(r.response); let s = ''; "
            "for (const one of b) s += String.fromCharCode(one); done(btoa(s)); }; r.send(); }))(")
    )  # fmt: skip
    with wave.open(io.BytesIO(base64.b64decode(data))) as file:
        return speech.decode(file.readframes(file.getnframes()), file.getframerate())


async def test_a_recording_can_be_looked_at(tmp_path: Path) -> None:
    page_file = viewed(DEMO, "--to", tmp_path / "demo.html")
    recording = load(DEMO)
    frames = len(recording.connections[0].records)
    async with launched() as page:
        await opened(page, page_file)
        assert f"{frames + 2} of {frames + 2} frames" in await page.run("document.getElementById('count').textContent")
        before = await page.run("document.querySelector('canvas').getAttribute('aria-label')")
        await page.press("+", "+")
        await page.until(f"document.querySelector('canvas').getAttribute('aria-label') !== {json.dumps(before)}")
        await page.press("0", "0")
        await page.until(f"document.querySelector('canvas').getAttribute('aria-label') === {json.dumps(before)}")

        await page.run("document.getElementById('list').focus()")
        for _ in range(3):
            await page.press("ArrowDown")
        await page.until(
            "document.getElementById('one-title').textContent.startsWith('session.update, from the client')"
        )
        assert '"session.update"' in await page.run("document.getElementById('one-text').textContent")

        await page.run(
            "const f = document.getElementById('filter'); f.value = 'Oslo'; f.dispatchEvent(new Event('input'))"
        )
        await page.until(f"!document.getElementById('count').textContent.includes('{frames + 2} of')")
        shown = await page.run("[...document.querySelectorAll('.row .name')].map((one) => one.textContent)")
        assert "conversation.item.create" in shown
        assert "session.created" not in shown
        await looks_right(page, tmp_path, "recording")

        await page.run("document.getElementById('theme').click()")
        await looks_right(page, tmp_path, "recording-dark")

        await page.run("document.querySelector('audio').play()")
        await page.until("document.querySelector('audio').currentTime > 0")
        assert page.console == []
        # The page's own policy lets no script read the sound; this test may.
        await page.call("Page.setBypassCSP", enabled=True)
        await opened(page, page_file)
        assert await played(page, "server") == "It is snowing in Oslo, and two degrees below zero."


async def test_two_recordings_side_by_side(tmp_path: Path) -> None:
    recording = load(DEMO)
    one = recording.connections[0]
    changed = [
        replace(record, frame=Text(record.frame.data.replace("Oslo?", "Bergen?")))
        if isinstance(record.frame, Text) and record.sender is Sender.CLIENT
        else record
        for record in one.records
    ]
    other = tmp_path / "other.cassette"
    save(replace(recording, connections=(replace(one, records=tuple(changed)),)), other)
    page_file = viewed(DEMO, other, "--to", tmp_path / "both.html")
    async with launched() as page:
        await opened(page, page_file)
        told = await page.run("document.getElementById('differences').textContent")
        assert "Bergen" in told
        await page.run("document.querySelector('#differences button').click()")
        await page.until("document.getElementById('one-title').textContent.startsWith('conversation.item.create')")
        assert await page.run("document.querySelectorAll('.source canvas').length") == 2
        await page.until("document.querySelector('#other-text mark')")
        marks = "[...document.querySelectorAll('#one mark')].map((one) => one.textContent.match(/Oslo|Bergen/)[0])"
        assert await page.run(marks) == ["Oslo", "Bergen"]
        await looks_right(page, tmp_path, "two")
    same = viewed(DEMO, DEMO, "--to", tmp_path / "same.html")
    async with launched() as page:  # the control
        await opened(page, same)
        assert "No difference" in await page.run("document.getElementById('differences').textContent")


def hostile(tmp_path: Path) -> Path:
    bodies: list[dict[str, Any]] = [
        {"type": EVIL, "event_id": EVIL},
        {"type": "error", "error": {"message": EVIL, "code": EVIL}},
        {"type": "response.created", "response": {"id": EVIL, "metadata": {EVIL: EVIL}}},
        {"type": "response.output_text.delta", "response_id": EVIL, "delta": EVIL},
        {"type": "x", "text": "long " * 2_000_000},
    ]
    shake = Handshake(f"/v1/realtime{EVIL}", query=((EVIL, EVIL),), headers=((EVIL, EVIL),), target="/")
    records = tuple(Record(number, Sender.SERVER, Text(json.dumps(body))) for number, body in enumerate(bodies))
    path = tmp_path / "evil.cassette"
    save(Cassette(Header("openai", origin=EVIL), (Connection(0, shake, records=records),)), path)
    return path


async def test_hostile_content_is_inert(tmp_path: Path) -> None:
    page_file = viewed(hostile(tmp_path), "--to", tmp_path / "evil.html")
    async with launched() as page:
        await opened(page, page_file)
        for frame in range(7):
            await page.run("document.getElementById('list').focus()")
            await page.press("ArrowDown")
            await asyncio.sleep(0)
            await page.until("document.getElementById('one-text').textContent.length > 0")
            assert frame < 7
        assert await page.run("window.evil") is None
        assert await page.run("document.querySelectorAll('img, iframe, object').length") == 0
        assert "\u202e" not in await page.run("document.body.innerText")
        await looks_right(page, tmp_path, "hostile")


async def test_the_page_of_a_failed_test_opens_where_it_failed(tmp_path: Path) -> None:
    async with MockServer(simulator("openai", pace="instant"), faults=["drop on session.created"]) as server:
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(f"{server.ws_url}?model=gpt-realtime", headers={"Authorization": "Bearer any"}) as socket,
        ):
            await socket.send_json({"type": "response.create"})
            async for message in socket:
                if message.json()["type"] == "response.done":
                    break
        written = page_of(tmp_path, EVIL, server, f"AssertionError: {EVIL}\nand more")
    listed = index(tmp_path)
    assert listed is not None
    async with launched() as page:
        await opened(page, written)
        await page.until("document.getElementById('one-title').textContent.startsWith('failed, note')")
        assert "onerror" in await page.run("document.getElementById('one-text').textContent")
        await page.press("p", "p")
        await page.until("document.getElementById('one-title').textContent.startsWith('fault, note')")
        await page.press("n", "n")
        await page.until("document.getElementById('one-title').textContent.startsWith('failed, note')")
        await looks_right(page, tmp_path, "failed")
        await page.goto(f"{written.as_uri()}#0-1")
        await page.until("document.getElementById('one-title').textContent.startsWith('handshake')")
        await page.reload()
        await page.until("document.getElementById('one-title').textContent.startsWith('handshake')")
        await page.goto(listed.as_uri())
        await page.until("document.querySelector('td')")
        assert "AssertionError" in await page.run("document.querySelector('td').textContent")
        for theme in ("light", "dark"):
            await page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
            await looks_right(page, tmp_path, f"index-{theme}")
        assert await page.run("window.evil") is None


async def test_an_hour_opens_soon_and_only_what_is_seen_is_drawn(tmp_path: Path) -> None:
    """How soon is told by the benchmark; here it is that the document stays small."""
    delta = {"type": "response.output_text.delta", "response_id": "r", "item_id": "i", "delta": "word "}
    text = Text(json.dumps(delta))
    records = tuple(Record(20_000 * number, Sender.SERVER, text) for number in range(60_000))
    path = tmp_path / "hour.cassette"
    save(Cassette(Header("openai"), (Connection(0, Handshake("/v1/realtime", target="/"), records=records),)), path)
    page_file = viewed(path, "--to", tmp_path / "hour.html")
    async with launched() as page:
        await opened(page, page_file)
        assert await page.run("document.querySelectorAll('.row').length") < 60
        await page.run("document.getElementById('list').focus()")
        await page.press("End")
        await page.until("document.getElementById('one-title').textContent.includes('frame 60001')")
        assert await page.run("document.querySelectorAll('.row').length") < 60
        await page.until("performance.getEntriesByName('first-contentful-paint').length > 0")
        print(
            "to first paint:",
            await page.run("performance.getEntriesByName('first-contentful-paint')[0].startTime"),
            "ms",
        )
        assert page.console == []
