"""The page of a session of one hour in a real browser: how large, how long to write, how soon it is there."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.child import TOP
from tests.bench.costs import environment, write_hour
from tests.bench.figures import Figure, middle
from tests.browser.chromium import launched, program

OPENS_S = 2.0
"""A page of an hour has to be there within this time."""


def pages(rounds: int) -> list[Figure]:
    """180,000 frames of audio, whose sound lies beside the page. Nothing where there is no Chromium."""
    if program() is None:
        print("  (no Chromium: install it, or name one with CHROMIUM=)", flush=True)
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_hour(folder / "hour.cassette")
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "mockserver", "view", folder / "hour.cassette", "--to", folder / "hour.html"],
            check=True,
            capture_output=True,
            cwd=TOP,
            env=environment(),
        )
        wrote = time.perf_counter() - began
        page = folder / "hour.html"
        size = page.stat().st_size / 1e6
        beside = sum(one.stat().st_size for one in (folder / "hour.audio").glob("*")) / 1e6
        runs = [asyncio.run(opened(page)) for _ in range(rounds)]
    paint, ready, redraw, memory = (
        middle([run[key] for run in runs]) for key in ("paint", "ready", "redraw", "memory")
    )
    said = f"page {size:.1f} MB, sound beside it {beside:.0f} MB"
    return [
        Figure("one hour (180,000 audio frames): page written", wrote, "s", note=said),
        Figure("one hour: page, first paint", paint, "s", target=f"< {OPENS_S} s", ok=paint < OPENS_S),
        Figure("one hour: page, ready to be used", ready, "s", target=f"< {OPENS_S} s", ok=ready < OPENS_S),
        Figure("one hour: page, a zoom", redraw * 1000, "ms", note="the mean of 40 keys, drawn each"),
        Figure("one hour: page, memory of the script", memory, "MB"),
    ]


async def opened(path: Path) -> dict[str, float]:
    """Seconds to the first paint and to a page that can be used, a zoom's seconds, and MB in use."""
    async with launched() as page:
        await page.call("Performance.enable")
        await page.goto(path.as_uri())
        await page.until("document.body && document.body.dataset.ready")
        ready: float = await page.run("performance.now()")
        # The page can be ready before the browser has painted it for the first time.
        paint: float = await page.until("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        began = time.perf_counter()
        for key in "+" * 20 + "-" * 20:
            await page.press(key, key)
        await page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        redraw = (time.perf_counter() - began) / 40
        told: Any = await page.call("Performance.getMetrics")
        memory = next(one["value"] for one in told["metrics"] if re.fullmatch("JSHeapUsedSize", one["name"]))
        assert page.console == []
    return {"paint": paint / 1000, "ready": ready / 1000, "redraw": redraw, "memory": memory / 1e6}
