"""A running server as a page: what is drawn of its sessions as they go on, and sessions that are paused."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import deque
from itertools import islice
from typing import Any

from mockserver.core.frames import Answer, Handshake
from mockserver.core.journal import Journal
from mockserver.engines.base import HttpReply
from mockserver.server.bit_by_bit import breathing
from mockserver.server.coming import entry_comes
from mockserver.server.rim import Serving
from mockserver.view.pack import TICK_US, bars, heard, waves
from mockserver.view.page import document
from mockserver.view.scene import Line, Scene, scene_of
from mockserver.view.sound import Track

MOST_LINES = 2_000
"""Entries in one answer; the page asks again at once for more."""
LONGEST_TEXT = 20_000
"""Characters of one frame's JSON that a live page is sent."""
MOST_SAMPLES = 48_000 * 600
"""Audio of one side that is drawn live: ten minutes. The page of the finished session draws all."""
LINES = 20_000
"""Entries that are kept for pages that come later or fall behind; ``TEXTS`` is the limit of their characters."""
TEXTS = 16 << 20
SCENES = 32
"""Sessions that can be drawn: those that were heard of last."""
BARS = 1_000
"""Replies and transcripts of a session that are drawn."""
CLOSED = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"))


def ui() -> HttpReply:
    """The page. It holds no data: what it shows it asks of the control API, under that one's rules."""
    from mockserver.view.files import assets

    data = {"sources": [], "differences": [], "report": "", "live": True}
    html = document(assets(), "mockserver", data, connect="'self'")
    return HttpReply(200, (("Content-Type", "text/html; charset=utf-8"), *CLOSED), html.encode())


class Live:
    """What one server's page has been told of. Each entry is read once; old entries and sessions are forgotten."""

    def __init__(self, server: Serving) -> None:
        self._server = server
        self._scenes: dict[int, Scene] = {}
        self._read = 0
        self._lines: deque[tuple[int, int, Line]] = deque()  # of each entry: its number, its session, what is shown
        self._texts = 0
        self._reading = asyncio.Lock()

    async def page(self, since: int) -> dict[str, Any]:
        """What came from this entry on, and how the sessions stand. A page that fell behind misses what is gone."""
        async with self._reading:
            await self._catch_up()
        lines: list[dict[str, Any]] = []
        touched: set[int] = set()
        last = max(since, self._read)
        behind = bisect_left(self._lines, since, key=lambda one: one[0])
        for number, session, (at, lane, kind, name, summary, text) in islice(self._lines, behind, None):
            if len(lines) == MOST_LINES:
                last = number
                break
            lines.append({"session": session, "line": [at // TICK_US, int(lane), kind, name, summary, text]})
            touched.add(session)
        sessions = [
            {
                "session": handle.number,
                "ended": handle.over,
                "paused": handle.paused,
                **(self._drawn(handle.number) if handle.number in touched else {}),
            }
            for handle in self._server.sessions
            if not handle.over or handle.number in touched
        ]
        return {"lines": lines, "next": last, "sessions": sessions}

    async def wait(self, since: int, seconds: float) -> None:
        """Until there is an entry from here on, or so long."""
        if len(self._server.journal) <= since:
            await entry_comes(self._server.journal, lambda entry: True, seconds)

    async def _catch_up(self) -> None:
        journal: Journal = self._server.journal
        end = len(journal)  # sessions may write as fast as this reads
        async for entry in breathing(journal.entries.since(self._read)):
            if entry.index >= end:
                break
            scene = self._scene(entry.session)
            what = entry.what
            shown = journal.shown(what) if isinstance(what, Handshake | Answer) else what
            line = scene.feed(entry.at, entry.sender, shown)
            scene.lines.clear()
            line = line._replace(text=line.text[:LONGEST_TEXT])
            self._lines.append((entry.index, entry.session, line))
            self._texts += len(line.text)
            while len(self._lines) > LINES or self._texts > TEXTS:
                self._texts -= len(self._lines.popleft()[2].text)
            if len(scene.bars) > BARS:
                del scene.bars[next(iter(scene.bars))]
            del scene.heard[:-BARS]
            self._read = entry.index + 1

    def _scene(self, session: int) -> Scene:
        scene = self._scenes.pop(session, None)
        if scene is None:
            scene = scene_of(self._server.journal.sessions[session])
            scene.client, scene.server = Track(MOST_SAMPLES), Track(MOST_SAMPLES)
            if len(self._scenes) >= SCENES:
                del self._scenes[next(iter(self._scenes))]
        self._scenes[session] = scene  # the last one that was heard of
        return scene

    def _drawn(self, session: int) -> dict[str, Any]:
        scene = self._scenes.get(session)
        if scene is None:
            return {}
        sides = (("client", scene.client), ("server", scene.server))
        tracks = [waves(side, track, words=False) for side, track in sides if not track.full]
        return {"bars": bars(scene), "heard": heard(scene), "tracks": tracks}
