"""The pictures of docs/review.md: its three pairs of recordings side by side, as ``mockserver view`` shows them.

python -m tests.browser.pictures        needs Chromium; writes docs/pictures/*.png
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import docs
from tests.browser.chromium import launched

PAGE = docs.TOP / "docs" / "review.md"
PICTURES = docs.TOP / "docs" / "pictures"
PAIRS = ("argument", "word", "delay")


def recorded(folder: Path) -> None:
    """The recordings of the page, by the page's own program and commands."""
    blocks = list(docs.snippets(PAGE))
    for block in blocks:
        if block.name:
            (folder / block.name).write_text(block.text, encoding="utf-8")
    subprocess.run([sys.executable, "recordings.py"], cwd=folder, check=True)
    for name in ("before", *PAIRS):
        mockserver("import", f"{name}.jsonl", "--to", f"{name}.cassette", folder=folder)
    for name in PAIRS:
        mockserver("view", "before.cassette", f"{name}.cassette", "--to", f"{name}.html", folder=folder)


def mockserver(*words: str, folder: Path) -> None:
    """One command."""
    subprocess.run([sys.executable, "-m", "mockserver", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)


async def drawn(folder: Path) -> None:
    """A picture of each page, with the first difference chosen."""
    PICTURES.mkdir(exist_ok=True)
    async with launched() as page:
        size = {"width": 1280, "height": 1060, "deviceScaleFactor": 1, "mobile": False}
        await page.call("Emulation.setDeviceMetricsOverride", **size)
        for name in PAIRS:
            await page.goto((folder / f"{name}.html").as_uri())
            await page.until("document.body && document.body.dataset.ready")
            await page.run("(document.querySelector('#differences button') || document.body).click()")
            await page.until("document.querySelector('.row .name')")
            await page.until("document.querySelector('#other-text').textContent")
            print(await page.screenshot(PICTURES / f"review-{name}.png"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        recorded(Path(made))
        asyncio.run(drawn(Path(made)))
