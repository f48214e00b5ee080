"""What one server counts of itself, as plain numbers: for Prometheus (``metrics``), whichever process tells it.

A scenario's name is "" where the server has none. Snapshots of several processes can be told side by side.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import Any

from mockserver.core.entry import Entry, SessionLog
from mockserver.core.frames import Answer, Binary, Close, Lost, Micros, Note, Sender, Text
from mockserver.core.journal import Journal

BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000)
"""Upper bounds of the lateness histogram, in milliseconds."""
Place = tuple[str, str]
"""Scenario and provider."""


class Meters:
    """Listens to a journal from the begin of its server."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._open: Counter[Place] = Counter()
        self._begun: Counter[Place] = Counter()
        self._ended: Counter[tuple[str, str, str, int]] = Counter()
        self._frames: Counter[tuple[str, str, str]] = Counter()
        self._bytes: Counter[tuple[str, str, str]] = Counter()
        self._mismatches: Counter[Place] = Counter()
        self._fired: Counter[tuple[str, str, str]] = Counter()
        self._last: dict[int, tuple[str, int]] = {}
        self._late = [0] * (len(BOUNDS_MS) + 1)
        self._late_us = 0
        journal.listen(self._entry)

    def began(self, log: SessionLog) -> None:
        """One more connection."""
        self._open[_place(log)] += 1
        self._begun[_place(log)] += 1

    def closed(self, log: SessionLog) -> None:
        """A connection is gone."""
        place = _place(log)
        self._open[place] -= 1
        reason, code = self._last.pop(log.number, ("unknown", 0))
        self._ended[(*place, reason, code)] += 1

    def late(self, by: Micros) -> None:
        """Something that was due was done so much later."""
        self._late[bisect_left(BOUNDS_MS, by / 1_000)] += 1
        self._late_us += by

    def _entry(self, entry: Entry) -> None:
        what, sender = entry.what, entry.sender
        if type(what) is Text or type(what) is Binary:
            log = self._journal.sessions[entry.session]
            key = (log.scenario, log.lens.name, "in" if sender is Sender.CLIENT else "out")
            self._frames[key] += 1
            data = what.data
            self._bytes[key] += len(data) if isinstance(data, bytes) or data.isascii() else len(data.encode())
        elif type(what) is Close or type(what) is Lost:
            who = "server" if sender is Sender.SERVER else "client"
            how = (f"{who}_close", what.code or 0) if type(what) is Close else (f"{who}_lost", 0)
            self._last.setdefault(entry.session, how)
        elif type(what) is Answer and what.status != 101:
            self._last.setdefault(entry.session, ("refused", what.status))
        elif type(what) is Note:
            self._note(entry.session, what)

    def _note(self, session: int, note: Note) -> None:
        place = _place(self._journal.sessions[session])
        if note.kind == "replay" and note.data.get("departed"):
            self._mismatches[place] += 1
        elif note.kind == "fault" and "fault" in note.data:
            self._fired[(*place, str(note.data["fault"]))] += 1

    def snapshot(self) -> dict[str, Any]:
        """All of it, as JSON takes it: rows of labels and a number."""
        counts: dict[str, Counter[Any]] = {
            "open": self._open,
            "begun": self._begun,
            "ended": self._ended,
            "frames": self._frames,
            "bytes": self._bytes,
            "mismatches": self._mismatches,
            "fired": self._fired,
        }
        kept = self._journal.entries
        return {
            **{name: [[list(key), count] for key, count in rows.items()] for name, rows in counts.items()},
            "late": list(self._late),
            "late_us": self._late_us,
            "journal": len(kept),
        }


def _place(log: SessionLog) -> Place:
    return log.scenario, log.lens.name
