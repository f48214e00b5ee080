"""A page that calls: served from an origin of its own, with a microphone and an ear that the test holds."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from mockserver import speech
from tests.browser.chromium import Page, launched

RATE = 24_000
JS = Path(__file__).parent / "call.js"


class Phone:
    """A page, as somebody who speaks and listens through it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    async def say(self, words: str) -> None:
        """Words into the page's microphone."""
        await self.page.run(f"say('{base64.b64encode(speech.encode(words, RATE)).decode()}')")

    async def heard(self) -> str:
        """The words of all that was played so far."""
        pcm = base64.b64decode(await self.page.run("ear()"))
        return speech.decode(pcm, RATE)

    async def hears(self, words: str, *, seconds: float = 10.0) -> None:
        """Wait until these words have been played, and no others behind them."""
        heard = ""
        try:
            async with asyncio.timeout(seconds):
                while not (heard := await self.heard()).endswith(words):  # noqa: ASYNC110 - sound has no event
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"expected to hear {words!r}, heard {heard!r}") from None

    async def answered(self, question: str, words: str) -> None:
        """Say ``question``; wait until ``words`` were heard. On a busy machine packets come late, and a browser makes
        up what it has not: then, as people do, the question is said again.
        """
        for once_more in (True, True, False):
            await self.forget()
            await self.say(question)
            try:
                await self.hears(words)
                return
            except AssertionError:
                if not once_more:
                    raise

    async def forget(self) -> None:
        """What was heard so far is not looked at any more."""
        await self.page.run("heard = []")

    async def event(self, name: str, count: int = 1) -> None:
        """Wait for the n-th event of this name on the data channel."""
        await self.page.until(f"events.filter((one) => one.type === '{name}').length >= {count}")

    async def events(self, name: str) -> list[dict[str, object]]:
        """The events of this name."""
        return list(await self.page.run(f"events.filter((one) => one.type === '{name}')"))


@asynccontextmanager
async def phone(
    files: Mapping[str, str | Path] | None = None, *flags: str, ready: str = "window.say"
) -> AsyncIterator[Phone]:
    """A browser at a page of its own origin. ``files``: what the page has beside, by path: text of HTML, or a file.
    ``ready``: what is true of a page that is loaded.
    """
    served: dict[str, str | Path] = {
        "/": "<!doctype html><script src=call.js></script>",
        "/call.js": JS,
        **(files or {}),
    }

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        found = served.get(request.path)
        if found is None:
            return web.Response(status=404)
        if isinstance(found, Path):
            return web.FileResponse(found)
        return web.Response(text=found, content_type="text/html")

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with launched(*flags) as page:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
            await page.goto(url)
            await page.until(ready)
            yield Phone(page, url)
    finally:
        await runner.cleanup()
