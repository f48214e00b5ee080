"""A scene as small JSON: columns of numbers and compressed blocks of text, so that an hour of frames opens at once.

A page holds, for each session, the columns that every drawing needs (time, lane, kind, name) and the texts of its
frames in blocks of ``BLOCK``, which the page unpacks only when one is looked at.
"""

from __future__ import annotations

import gzip
import json
from array import array
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from mockserver.core.timeline import safe
from mockserver.view.scene import LONGEST_SAID, Line, Scene
from mockserver.view.sound import PEAK_MS, Track

BLOCK = 256
"""Frames whose texts are packed together."""
TICK_US = 100
"""The unit of time on the page; four bytes of it reach beyond a hundred hours."""


def packed(scene: Scene) -> dict[str, Any]:
    """A session for the page. Its audio is told of (``tracks``), not held."""
    lines = scene.lines
    names: dict[str, int] = {}
    kinds: dict[str, int] = {}
    return {
        "number": scene.number,
        "began": scene.began_us // TICK_US,
        "timed": scene.timed,
        "title": scene.title,
        "count": len(lines),
        "at": _column("I", [max(0, line.at) // TICK_US for line in lines]),
        "lane": _column("B", [line.lane for line in lines]),
        "kind": _column("B", [kinds.setdefault(line.kind, len(kinds)) for line in lines]),
        "name": _column("H", [min(65_535, names.setdefault(line.name, len(names))) for line in lines]),
        "names": [*names][:65_536],
        "kinds": [*kinds],
        "block": BLOCK,
        "texts": [_block(lines[place : place + BLOCK]) for place in range(0, len(lines), BLOCK)],
        "bars": bars(scene),
        "heard": heard(scene),
        "tracks": [waves("client", scene.client), waves("server", scene.server)],
    }


def bars(scene: Scene) -> list[list[Any]]:
    """The replies: id, begin, end (null: still open), status, what was said."""
    return [
        [
            _shown(bar.id),
            bar.begin // TICK_US,
            None if bar.end is None else bar.end // TICK_US,
            bar.status,
            _shown(bar.said),
        ]
        for bar in scene.bars.values()
    ]


def heard(scene: Scene) -> list[list[Any]]:
    """What was heard of the user, and when."""
    return [[at // TICK_US, _shown(words)] for at, words in scene.heard]


def _shown(text: str) -> str:
    return safe(text, LONGEST_SAID)


def waves(side: str, track: Track, *, words: bool = True) -> dict[str, Any]:
    """One side's audio as it is drawn. ``words`` False leaves out what our speech says: reading it takes a while."""
    return {
        "side": side,
        "rate": track.rate,
        "unread": track.unread,
        "peak_ms": PEAK_MS,
        "peaks": _base64(track.peaks()),
        "clips": [[one.at // TICK_US, one.offset, one.size] for one in track.heard()],
        "words": [
            [begin // TICK_US, end // TICK_US, _shown(text)] for begin, end, text in (track.words() if words else ())
        ],
    }


def _column(kind: str, numbers: Sequence[int]) -> str:
    packed = array(kind, numbers)
    if packed.itemsize > 1 and array("H", [1]).tobytes()[0] == 0:
        packed.byteswap()  # the page reads little endian
    return _base64(packed.tobytes())


def _block(lines: Sequence[Line]) -> str:
    text = json.dumps([[line.summary, line.text] for line in lines], ensure_ascii=True)
    return _base64(gzip.compress(text.encode(), 6, mtime=0))


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")
