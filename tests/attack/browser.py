"""Foreign pages in a real browser, against a relay that adds a key and against a control API.

The page tries whatever a page can: images, scripts, styles, frames, forms, ``fetch`` in every mode, beacons, event
sources and websockets. What gets through is counted at the upstream and in the server. Its control is the same page
with its origin named: that one gets its websocket.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from mockserver import MockServer, relay

KEY = "sk-of-the-user-0123456789abcdef"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PAGE = """<!doctype html><body><script>
const at = "%(server)s", ws = at.replace("http", "ws"), tried = [];
const put = (tag, attrs) => { const e = document.createElement(tag); Object.assign(e, attrs);
  document.body.append(e); tried.push(tag); return e; };
for (const path of ["/v1/responses/x", "/v1/models", "/__mockserver__/state", "/__mockserver__/journal"]) {
  put("img", {src: at + path}); put("script", {src: at + path}); put("iframe", {src: at + path});
  put("link", {rel: "stylesheet", href: at + path}); put("link", {rel: "prefetch", href: at + path});
  put("video", {src: at + path}); put("object", {data: at + path});
  for (const mode of ["cors", "no-cors"]) for (const method of ["GET", "POST"])
    { fetch(at + path, {mode, method, credentials: "include"}).catch(() => 0); tried.push("fetch"); }
  fetch(at + path, {mode: "no-cors", referrerPolicy: "no-referrer"}).catch(() => 0);
  navigator.sendBeacon(at + path, "x"); tried.push("beacon");
  new EventSource(at + path); tried.push("events");
}
fetch(at + "/__mockserver__/faults", {method: "POST", mode: "no-cors", body: '{"spec":"drop on *"}'}).catch(() => 0);
fetch(at + "/__mockserver__/faults/1", {method: "DELETE"}).catch(() => 0);
const inner = put("iframe", {name: "inner"}), form = put("form", {action: at + "/v1/responses", method: "POST",
  target: "inner", enctype: "text/plain"});
form.submit();
let opened = 0;
const settled = [new Promise(done => setTimeout(done, 1500))];
for (const protocols of [[], ["realtime", "openai-insecure-api-key.x"]]) {
  const socket = new WebSocket(ws + "/v1/realtime?model=m", protocols); tried.push("websocket");
  settled.push(new Promise(done => { socket.onopen = () => { opened += 1; done(); };
    socket.onerror = socket.onclose = done; }));
}
Promise.all(settled).then(() => fetch("/done?tried=" + tried.length + "&opened=" + opened));
</script>"""


def chromium() -> str | None:
    """The browser, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@dataclass(slots=True)
class Seen:
    """What a page tried, how many websockets it opened, and what reached the upstream with the key."""

    tried: int = 0
    opened: int = 0
    spent: list[str] = field(default_factory=list)
    faults: int = 0

    def __str__(self) -> str:
        got = f"{len(self.spent)} requests with the key reached the upstream"
        return f"{self.tried} ways tried, {self.opened} websockets opened, {got}, {self.faults} faults were set"


@asynccontextmanager
async def listening(handler: Any) -> AsyncIterator[int]:
    """A plain server."""
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def visit(browser: str, *, allowed: bool, host: str = "127.0.0.1") -> Seen:
    """Open the page; ``allowed`` names its origin, ``host`` is the name under which the page is served."""
    seen, done = Seen(), asyncio.Event()
    target = ""

    async def upstream(request: web.BaseRequest) -> web.StreamResponse:
        if KEY in str(request.headers.items()) + request.raw_path:
            seen.spent.append(f"{request.method} {request.path}")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            ws = web.WebSocketResponse()
            await ws.prepare(request)
            with suppress(Exception):
                await ws.receive()
            return ws
        return web.Response(text="{}")

    async def page(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/done":
            query = request.rel_url.query
            seen.tried, seen.opened = int(query["tried"]), int(query["opened"])
            done.set()
        return web.Response(text=PAGE % {"server": target}, content_type="text/html")

    os.environ["ATTACK_KEY"] = KEY
    try:
        async with listening(upstream) as up, listening(page) as port:
            origin = f"http://{host}:{port}"
            source = relay(f"ws://127.0.0.1:{up}/v1/realtime", dialect="openai", key_env="ATTACK_KEY")
            async with MockServer(source, allow_origins=[origin] if allowed else []) as server:
                target = server.url
                with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
                    process = await asyncio.create_subprocess_exec(
                        browser, *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", f"{origin}/",
                        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
                    )  # fmt: skip
                    try:
                        async with asyncio.timeout(90):
                            await done.wait()
                    finally:
                        with suppress(ProcessLookupError):
                            process.kill()
                        await process.wait()
                seen.faults = len(server.faults)
    finally:
        del os.environ["ATTACK_KEY"]
    return seen
