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

import yaml

from mockserver.cassette.importers.build import Builder, Tell, bad, untold
from mockserver.cassette.importers.neutral import compact
from mockserver.cassette.model import Cassette
from mockserver.core.frames import Close, Frame, Micros, Sender, Text
from mockserver.dialects.registry import named_in, opens

DIRECTIONS = {"sent": Sender.CLIENT, "received": Sender.SERVER}
MOST_NODES = 5_000_000
DEEPEST = 100
"""What an ElevenLabs client says first."""


class _Loader(yaml.SafeLoader):
    """The safe loader with limits: no aliases (which multiply a small file into a huge value), no depth without end.

    Timestamps stay texts, because JSON knows none.
    """

    nodes = 0
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.MarkedYAMLError(problem="an alias, which this form never has", problem_mark=mark)
        self.nodes += 1
        self.depth += 1
        try:
            if self.nodes > MOST_NODES or self.depth > DEEPEST:
                raise yaml.MarkedYAMLError(problem="more or deeper values than a session has", problem_mark=mark)
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def import_pydantic_ai(
    text: str, name: str = "cassette.yaml", *, provider: str | None = None, tell: Tell = untold
) -> Cassette:
    """The cassette of a pydantic-ai realtime recording. ``provider`` where the frames do not show it."""
    try:
        loaded = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "not YAML"
        raise bad(name, 1 if mark is None else mark.line + 1, str(what)) from None
    except (ValueError, RecursionError) as error:
        raise bad(name, 1, str(error)) from None
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
