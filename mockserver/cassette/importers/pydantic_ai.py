"""pydantic-ai's realtime cassettes: YAML with one interaction an entry (its tests/realtime/ws_cassettes.py).

    version: 1
    interactions:
    - {kind: message, direction: sent | received, at: 0.826, data: {...}}
    - {kind: close, code: 1000, reason: '', ok: true, at: 2.869}

The oldest files have no ``kind``; ``at``, seconds since the file's first interaction, came last (both stand in its
cassettes). The form keeps JSON but not its bytes. A connection ends with its close, or where the next one's first
message comes. It names no provider, so the frames are asked, and the path where they do not tell.
"""

from __future__ import annotations

from typing import Any

from mockserver.cassette.importers.build import Builder, Tell, bad, untold
from mockserver.cassette.importers.neutral import compact
from mockserver.cassette.model import Cassette
from mockserver.core.frames import Close, Frame, Micros, Sender, Text
from mockserver.dialects.registry import named_in, opens

DIRECTIONS = {"sent": Sender.CLIENT, "received": Sender.SERVER}


def import_pydantic_ai(
    loaded: Any, name: str = "cassette.yaml", *, text: str = "", provider: str | None = None, tell: Tell = untold
) -> Cassette:
    """The cassette of a pydantic-ai realtime recording. ``text`` is what it was read from, for the lines of errors."""
    entries = loaded.get("interactions") if isinstance(loaded, dict) else None
    if not isinstance(entries, list):
        raise bad(name, 1, 'expected a list "interactions"')
    if loaded.get("version", 1) != 1:
        raise bad(name, 1, f"version {loaded.get('version')!r:.20} of this form is not known, only version 1")
    if entries and all(isinstance(one, dict) and "request" in one and "data" not in one for one in entries):
        raise bad(name, 1, "this is an HTTP recording; it holds no socket")
    starts = _starts(text)
    frames: list[tuple[Sender, Frame, Micros | None, bool]] = []
    for place, entry in enumerate(entries):
        line = starts[place] if place < len(starts) else 1
        at = entry.get("at") if isinstance(entry, dict) else None
        if at is not None and (isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < 1e9):
            raise bad(name, line, '"at" is seconds since the first interaction')
        at_us = None if at is None else round(at * 1_000_000)
        match {"kind": "message", **entry} if isinstance(entry, dict) else entry:
            case {"kind": "close", "code": int(code), **rest} if 1000 <= code <= 4999:
                frames.append((Sender.SERVER, Close(code, str(rest.get("reason") or "")), at_us, False))
            case {"kind": "close", "code": None, **rest}:  # the close frame had none
                frames.append((Sender.SERVER, Close(None, str(rest.get("reason") or "")), at_us, False))
            case {"kind": "message", "direction": "sent" | "received" as way, "data": dict(data)}:
                message = Text(compact(data))
                frames.append((DIRECTIONS[way], message, at_us, opens(DIRECTIONS[way], message)))
            case {"kind": str(kind)} if kind not in ("message", "close"):
                raise bad(name, line, f'"kind" is {kind!r:.40}: this is not a recording of websocket messages')
            case _:
                raise bad(name, line, "expected a message (direction, data) or a close (code, reason)")
    origin = f"imported from {name.rsplit('/', 1)[-1]} (pydantic-ai)"
    builder = Builder(provider, name=name, origin=origin, hints=_hints(name), tell=tell)
    began: Micros | None = None
    ended = True
    for place, (sender, frame, at_us, first) in enumerate(frames):
        if ended or (first and place > 0):
            began, ended = at_us, False
            builder.connect(opened_us=at_us or 0)
        builder.frame(sender, frame, at_us=None if at_us is None else at_us - (began or 0))
        ended = isinstance(frame, Close)
    return builder.cassette()


def _starts(text: str) -> list[int]:
    """The line on which each entry begins."""
    return [number for number, line in enumerate(text.split("\n"), 1) if line.startswith(("- ", "  - kind"))]


def _hints(name: str) -> list[str]:
    """The dialects that the path names (test_azure_ws, x[azure-current].yaml): the folder's before the file's own."""
    *_, folder, file = ("", *name.split("/"))
    return [*named_in(folder), *named_in(file)]
