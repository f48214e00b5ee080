"""One HTML file that needs nothing else: styles, scripts and data are inside, and a policy that lets nothing in.

What came from the wire is data in the page, never markup: the scripts only ever set text.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from html import escape
from typing import Any

from mockserver.view.pack import packed
from mockserver.view.scene import Scene

MADE_BY = '<meta name="generator" content="mockserver view">'
"""By which a page of ours is known again, so that nothing else is overwritten."""
PLACE = re.compile(r"\{\{(policy|title|style|script|data)\}\}")
INLINE_LIMIT = 20 * 1024 * 1024
"""Bytes of audio that a page holds itself; more lies in a folder beside it."""


@dataclass(frozen=True, slots=True)
class Assets:
    """The parts of a page that are the same for all: a template with ``{{places}}``, its style and its script."""

    template: str
    style: str
    script: str


@dataclass(slots=True)
class ViewedFile:
    """One file, or one server's journal. ``facts``: what is known of it, as lines."""

    title: str
    facts: Sequence[str]
    scenes: Sequence[Scene]


@dataclass(slots=True)
class Page:
    """A page and the files that lie beside it, by their names relative to it."""

    html: str
    files: dict[str, bytes] = field(default_factory=dict)


def page(
    sources: Sequence[ViewedFile],
    assets: Assets,
    *,
    name: str = "page",
    differences: Sequence[Mapping[str, Any]] = (),
    report: str = "",
) -> Page:
    """The page of one source, or of two side by side with what differs.

    ``name``: of the folder beside it, should the audio not fit inside. ``differences``: ``where``, ``frames`` (the
    number in each source, or None) and ``what``. ``report``: why a test failed.
    """
    size = sum(len(track.pcm) for one in sources for scene in one.scenes for track in (scene.client, scene.server))
    made = Page("")
    data: dict[str, Any] = {"sources": [], "differences": list(differences), "report": report}
    for number, source in enumerate(sources):
        sessions = []
        for scene in source.scenes:
            shown = packed(scene)
            for told, track in zip(shown["tracks"], (scene.client, scene.server), strict=True):
                if not track.samples:
                    continue
                wav = track.wav()
                if size <= INLINE_LIMIT:
                    told["wav"] = b64encode(wav).decode("ascii")
                else:
                    told["href"] = f"{name}.audio/{number}-{scene.number}-{told['side']}.wav"
                    made.files[told["href"]] = wav
            sessions.append(shown)
        data["sources"].append({"title": source.title, "facts": list(source.facts), "sessions": sessions})
    made.html = document(assets, " and ".join(source.title for source in sources), data)
    return made


def document(assets: Assets, title: str, data: Mapping[str, Any], *, connect: str = "'none'") -> str:
    """The HTML. ``connect``: where its script may connect to, as in a Content-Security-Policy."""
    # "<" never stands in the data as such, so no text of a frame can end the element that holds it.
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    places = {
        "policy": policy(assets, connect),
        "title": escape(title),
        "style": assets.style,
        "script": assets.script,
        "data": text,
    }
    # One pass: what stands in a title is not looked at again.
    return PLACE.sub(lambda found: places[found[1]], assets.template)


def policy(assets: Assets, connect: str) -> str:
    """The Content-Security-Policy: our own style and script by their hashes, audio from this page or beside it."""
    allowed = {
        "default-src": "'none'",
        "script-src": _hashed(assets.script),
        "style-src": _hashed(assets.style),
        "media-src": "blob: data: file: 'self'",
        "connect-src": connect,
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in allowed.items())


def _hashed(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode('ascii')}'"
