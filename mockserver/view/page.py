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

from mockserver.core.timeline import safe
from mockserver.view.pack import packed
from mockserver.view.scene import Scene, lined

MADE_BY = '<meta name="generator" content="mockserver view">'
"""By which a page of ours is known again, so that nothing else is overwritten."""
PLACE = re.compile(r"\{\{(policy|title|told|style|script|data)\}\}")
INLINE_LIMIT = 20 * 1024 * 1024
"""Bytes of audio that a page holds itself; more lies in a folder beside it."""
LONGEST_FACT = 600


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
    told = [{key: lined(one) if isinstance(one, str) else one for key, one in each.items()} for each in differences]
    data: dict[str, Any] = {"sources": [], "differences": told, "report": lined(report)}
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
        facts = [safe(fact, LONGEST_FACT) for fact in source.facts]
        data["sources"].append({"title": safe(source.title, LONGEST_FACT), "facts": facts, "sessions": sessions})
    made.html = document(assets, " and ".join(one["title"] for one in data["sources"]), data)
    return made


def document(assets: Assets, title: str, data: Mapping[str, Any], *, connect: str = "'none'") -> str:
    """The HTML. ``connect``: where its script may connect to, as in a Content-Security-Policy."""
    # "<" never stands in the data as such, so no text of a frame can end the element that holds it.
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c")
    places = {
        "policy": policy(assets, connect),
        "title": escape(title),
        "told": escape(str(data.get("report", "")).partition("\n")[0][:200]),
        "style": assets.style,
        "script": assets.script,
        "data": text,
    }
    # One pass: what stands in a title is not looked at again.
    return PLACE.sub(lambda found: places[found[1]], assets.template)


def listing(assets: Assets, title: str, heads: Sequence[str], rows: Sequence[str]) -> str:
    """A page that lists others: a table in the style of them. ``rows`` are HTML."""
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
    allowed = f"default-src 'none'; style-src {_hashed(assets.style)}; base-uri 'none'; form-action 'none'"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n{MADE_BY}\n'
        f'<meta http-equiv="Content-Security-Policy" content="{allowed}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{assets.style}</style></head>\n<body><main><h1>{escape(title)}</h1>\n"
        f"<table><thead><tr>{head}</tr></thead><tbody>\n"
        + "\n".join(rows)
        + "\n</tbody></table></main></body></html>\n"
    )


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
