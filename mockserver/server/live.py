"""A running server as a page: what is drawn of its sessions as they go on, and sessions that are paused."""

from __future__ import annotations

import asyncio
from typing import Any

from mockserver.core.entry import Entry
from mockserver.core.frames import Answer, Handshake
from mockserver.core.journal import Journal
from mockserver.engines.base import HttpReply
from mockserver.server.rim import Serving
from mockserver.view.pack import TICK_US, bars, waves
from mockserver.view.page import document
from mockserver.view.scene import Scene, scene_of

MOST_LINES = 2_000
"""Entries in one answer; the page asks again at once for more."""
LONGEST_TEXT = 20_000
"""Characters of one frame's JSON that a live page is sent."""
MOST_SAMPLES = 48_000 * 600
"""Audio of one side that is drawn live: ten minutes. The page of the finished session draws all."""
CLOSED = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"))


def ui() -> HttpReply:
    """The page. It holds no data: what it shows it asks of the control API, under that one's rules."""
    from mockserver.view.files import assets

    data = {"sources": [], "differences": [], "report": "", "live": True}
    html = document(assets(), "mockserver", data, connect="'self'")
    return HttpReply(200, (("Content-Type", "text/html; charset=utf-8"), *CLOSED), html.encode())


class Live:
    """What one server's page has been told of. Scenes grow with the journal; each entry is read once."""

    def __init__(self, server: Serving) -> None:
        self._server = server
        self._scenes: dict[int, Scene] = {}
        self._read = 0
        self._lines: list[tuple[int, int]] = []  # of each entry: its session, its place in the scene

    def page(self, since: int) -> dict[str, Any]:
        """What came from this entry on, and how the sessions stand."""
        self._catch_up()
        last = min(len(self._lines), since + MOST_LINES)
        lines = []
        touched = set()
        for session, place in self._lines[since:last]:
            at, lane, kind, name, summary, text = self._scenes[session].lines[place]
            line = [at // TICK_US, int(lane), kind, name, summary, text[:LONGEST_TEXT]]
            lines.append({"session": session, "line": line})
            touched.add(session)
        sessions = [
            {
                "session": handle.number,
                "ended": handle.over,
                "paused": handle.paused,
                **(self._drawn(handle.number) if handle.number in touched else {}),
            }
            for handle in self._server.sessions
        ]
        return {"lines": lines, "next": last, "sessions": sessions}

    async def wait(self, since: int, seconds: float) -> None:
        """Until there is an entry from here on, or so long."""
        journal, came = self._server.journal, asyncio.Event()
        if len(journal) > since:
            return

        def look(entry: Entry) -> None:
            came.set()

        forget = journal.listen(look)
        try:
            async with asyncio.timeout(seconds):
                await came.wait()
        except TimeoutError:
            pass  # the page is empty then, which says as much
        finally:
            forget()

    def _catch_up(self) -> None:
        journal: Journal = self._server.journal
        for entry in journal.entries.since(self._read):
            scene = self._scenes.get(entry.session)
            if scene is None:
                scene = self._scenes[entry.session] = scene_of(journal.sessions[entry.session])
            what = entry.what
            scene.feed(entry.at, entry.sender, journal.shown(what) if isinstance(what, Handshake | Answer) else what)
            self._lines.append((entry.session, len(scene.lines) - 1))
            self._read = entry.index + 1

    def _drawn(self, session: int) -> dict[str, Any]:
        scene = self._scenes[session]
        tracks = [
            waves(side, track, words=False)
            for side, track in (("client", scene.client), ("server", scene.server))
            if track.samples <= MOST_SAMPLES
        ]
        heard = [[at // TICK_US, words] for at, words in scene.heard]
        return {"bars": bars(scene), "heard": heard, "tracks": tracks}
