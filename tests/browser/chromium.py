"""A real headless Chromium, driven over its own debugging protocol.

``CHROMIUM`` names the program, else one on the PATH is taken. Where there is none, ``launched`` raises ``Missing``: in
CI that is a failure, for ``.ci/run`` installs one.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    "--remote-debugging-port=0",
)
VIRTUAL = {"Tab": 9, "Enter": 13}
"""Keys that do something by themselves: the browser knows them by these numbers."""
PATIENCE = 90.0
"""Seconds for anything that the browser does."""


class Missing(Exception):
    """There is no Chromium on this machine."""


class PageError(AssertionError):
    """A script of the page raised, or the protocol said no."""


def program() -> str | None:
    """The browser, or None."""
    named = os.environ.get("CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


class Page:
    """One tab. ``console`` holds what it complained of: errors, warnings, exceptions, refused loads."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._count = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._parsed: set[str] = set()
        self._opened = asyncio.Event()
        self.console: list[str] = []
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            body = message.json()
            if "id" in body:
                self._waiting.pop(body["id"]).set_result(body)
                continue
            told = body.get("params", {})
            match body.get("method"):
                case "Runtime.consoleAPICalled" if told["type"] in ("error", "warning", "assert"):
                    self.console.append(str([one.get("value") for one in told["args"]]))
                case "Runtime.exceptionThrown":
                    self.console.append(str(told["exceptionDetails"].get("exception", told)))
                case "Page.lifecycleEvent" if told["name"] == "DOMContentLoaded":
                    self._parsed.add(told["loaderId"])
                    self._opened.set()
                case "Log.entryAdded" if told["entry"]["level"] in ("error", "warning"):
                    self.console.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
                case _:
                    pass

    async def call(self, method: str, **given: Any) -> dict[str, Any]:
        """One command of the protocol."""
        self._count += 1
        answer = self._waiting[self._count] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._count, "method": method, "params": given})
        body = await asyncio.wait_for(answer, PATIENCE)
        if "error" in body:
            raise PageError(f"{method}: {body['error']}")
        return dict(body["result"])

    async def goto(self, url: str) -> None:
        """Open an address, and wait for its document: the browser says yes before it leaves the page that it is at."""
        document = (await self.call("Page.navigate", url=url)).get("loaderId")
        if document is None:  # another place of the page that is open
            await self.until(f"location.href === {json.dumps(url)}")
        while document is not None and document not in self._parsed:
            await self._next_document()

    async def reload(self) -> None:
        """Open the same address again, and wait for its new document."""
        before = set(self._parsed)
        await self.call("Page.reload")
        while self._parsed == before:
            await self._next_document()

    async def _next_document(self) -> None:
        self._opened.clear()
        await asyncio.wait_for(self._opened.wait(), PATIENCE)

    async def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise is awaited."""
        body = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in body:
            raise PageError(f"{script[:200]}: {body['exceptionDetails']}")
        return body["result"].get("value")

    async def until(self, condition: str) -> Any:
        """Wait for an expression to be true; its value."""
        return await self.run(
            "new Promise((done, fail) => { const end = performance.now() + 60000; const look = () => { let value;"
            f" try {{ value = ({condition}); }} catch (error) {{ value = false; }}"
            " if (value) done(value); else if (performance.now() > end) fail(new Error('never')); "
            "else setTimeout(look, 20); }; look(); })"
        )

    async def press(self, key: str, text: str = "") -> None:
        """A key, as a person presses it."""
        for kind in ("keyDown", "keyUp"):
            more: dict[str, Any] = {"windowsVirtualKeyCode": VIRTUAL[key]} if key in VIRTUAL else {}
            if text and kind == "keyDown":
                more["text"] = text
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, **more)

    async def screenshot(self, path: Path) -> Path:
        """The page as a PNG file."""
        body = await self.call("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(body["data"]))
        return path


@asynccontextmanager
async def launched(*flags: str) -> AsyncIterator[Page]:
    """A browser with one empty tab; nothing of it is left."""
    found = program()
    if found is None:
        raise Missing("no Chromium: install Debian's package chromium, or name one with CHROMIUM=/path/to/it")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            *(found, *FLAGS, *flags, f"--user-data-dir={profile}", "--window-size=1280,1000", "about:blank"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        drain: asyncio.Task[bytes] | None = None
        try:
            assert process.stderr is not None
            address = await asyncio.wait_for(_address(process.stderr), PATIENCE)
            drain = asyncio.create_task(process.stderr.read())
            async with aiohttp.ClientSession() as http:
                targets = await (await http.get(f"http://{address}/json/list")).json()
                tab = next(one for one in targets if one["type"] == "page")
                async with http.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    page = Page(socket)
                    for domain in ("Page", "Runtime", "Log"):
                        await page.call(f"{domain}.enable")
                    await page.call("Page.setLifecycleEventsEnabled", enabled=True)
                    yield page
        finally:
            with_group = os.getpgid(process.pid) if process.returncode is None else None
            if with_group is not None:
                os.killpg(with_group, signal.SIGKILL)
            await process.wait()
            if drain is not None:
                await drain


async def _address(stderr: asyncio.StreamReader) -> str:
    """The host and port of the debugging protocol."""
    async for line in stderr:
        text = line.decode(errors="replace")
        if "DevTools listening on ws://" in text:
            return text.split("ws://")[1].split("/")[0]
    raise PageError("the browser ended before it was ready")
