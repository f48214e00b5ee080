"""The page of the example, in a real browser: what it says is understood, and what is answered can be heard there."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from mockserver import MockServer, Scripted, simulator, speech
from tests.browser.calling import JS, RATE, phone

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "browser-call" / "index.html"

# A browser takes its time where two cores do other work too.
pytestmark = pytest.mark.timeout(240)


async def test_the_page_of_the_example_hears_and_is_heard(tmp_path: Path) -> None:
    """Its microphone is a file that Chromium plays, so the whole way of a browser's voice is in it."""
    spoken = tmp_path / "spoken.wav"
    silence = bytes(RATE * 2)
    with wave.open(str(spoken), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(silence * 3 + speech.encode("Weather?", RATE) + silence * 20)
    flags = (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={spoken}%noloop",
    )
    source = simulator("openai", replier=Scripted(["It is sunny."] * 9))
    async with MockServer(source) as server, phone({"/": EXAMPLE}, *flags, ready="call") as caller:
        page = caller.page
        await page.goto(f"{caller.url}?server={server.base_url}")
        await page.run("document.getElementById('call').click()")
        await page.until("document.querySelector('li.assistant')")
        told = await page.run("[...document.querySelectorAll('li')].map((one) => one.textContent).sort()")
        assert told[0] == "assistant: It is sunny."
        assert server.sessions[0].inspect().values["contexts"][0].user == "Weather?"
        # What is played can be heard, and is what was written down.
        await page.run(JS.read_text("utf-8"))
        await page.run("listen(document.getElementById('voice').srcObject); settled(peer)")
        for once_more in (True, True, False):
            await caller.forget()
            await page.run("document.getElementById('words').value = 'And tomorrow?'")
            await page.run("document.getElementById('form').requestSubmit()")
            try:
                await caller.hears("It is sunny.")
                break
            except AssertionError:  # packets came late on a busy machine, and the browser made a word up
                assert once_more
        await page.run("document.getElementById('end').click()")
        await page.until("document.getElementById('state').textContent === 'ended'")
