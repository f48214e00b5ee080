"""Base64 inside text frames: kept as bytes where the same text comes out again; and what is kept of audio.

``split`` and ``join`` know nothing of audio: any quoted base64 of some length goes through them, and
``join(split(text))`` is ``text``, always. What *is* audio is for the dialect's lens to say; ``quiet`` asks it.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any, Literal

from mockserver.cassette.model import Record
from mockserver.core.frames import Binary, Sender, Text
from mockserver.core.view import Lens, View

Policy = Literal["keep", "silence", "digest"]
POLICIES: tuple[Policy, ...] = ("keep", "silence", "digest")

PAYLOAD = re.compile(r'"([A-Za-z0-9+/]{64,}={0,2})"')
"""A quoted string of nothing but base64. Shorter ones gain nothing from being kept as bytes."""


URL_SAFE = str.maketrans("-_", "+/")
"""google-genai sends audio in the URL-safe alphabet of base64 (RFC 4648 section 5)."""


def unbase64(text: str) -> bytes | None:
    """The bytes of a standard, padded base64 text; None unless encoding them gives exactly this text again."""
    if len(text) % 4:
        return None
    try:
        raw = a2b_base64(text)
    except ValueError:  # binascii.Error is one; text beyond ASCII raises another
        return None
    # Same length, and the last three bytes give the last four characters: nothing was skipped, no bit was lost.
    canonical = len(raw) == len(text) // 4 * 3 - text[-2:].count("=")
    return raw if canonical and b2a_base64(raw[len(text) // 4 * 3 - 3 :], newline=False) == text[-4:].encode() else None


def base64(raw: bytes) -> str:
    """Standard base64, padded, on one line."""
    return b2a_base64(raw, newline=False).decode("ascii")


def split(text: str) -> list[str | bytes]:
    """Text, payload, text, payload ... text: a text at every even place, decoded base64 at every odd one."""
    parts: list[str | bytes] = []
    done = 0
    for found in PAYLOAD.finditer(text):
        raw = unbase64(found[1])
        if raw is not None:
            parts += (text[done : found.start(1)], raw)
            done = found.end(1)
    parts.append(text[done:])
    return parts


def join(parts: Sequence[str | bytes]) -> str:
    """The text that ``split`` was given."""
    return "".join(part if isinstance(part, str) else base64(part) for part in parts)


def audio_of(record: Record, view: View) -> bytes:
    """The audio of a frame; b"" for none. Where it is no base64, its text."""
    if view.audio is None:
        return b""
    if isinstance(record.frame, Binary):
        return record.frame.data
    here = view.body
    for step in view.audio.path:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            return b""
    if not isinstance(here, str):
        return b""
    raw = unbase64(here.translate(URL_SAFE))
    return here.encode("utf-8", "surrogatepass") if raw is None else raw


def digest(raw: bytes) -> str:
    """What a ``digest`` cassette keeps of audio beside its length."""
    return sha256(raw).hexdigest()


def quiet(record: Record, lens: Lens, policy: Policy) -> Record:
    """The record under an audio policy: as many zero bytes for its audio, for ``digest`` with their hash beside.

    Only what the lens calls audio, and Gemini's ``audio/*`` parts, are touched; an image stays. Audio shorter than
    ``split`` looks at (48 bytes, 1 ms) is silenced too but gets no digest.
    """
    if policy == "keep" or record.digests:
        return record
    keep_hash = policy == "digest"
    match record.frame:
        case Binary(data):
            if lens.view(record.frame, record.sender).audio is None or not data:
                return record
            silent = Binary(bytes(len(data)))
            return Record(record.at, record.sender, silent, (digest(data),) if keep_hash else ())
        case Text(text):
            said = set(_spoken(record.frame, record.sender, lens))
            if not said:
                return record
            spoken = {payload.translate(URL_SAFE) for payload in said}
            for payload in said - spoken:
                text = text.replace(f'"{payload}"', f'"{payload.translate(URL_SAFE)}"')
            for payload in spoken:
                if len(payload) < 64 and (raw := unbase64(payload)) is not None:
                    text = text.replace(f'"{payload}"', f'"{base64(bytes(len(raw)))}"')
            parts = split(text)
            found: list[str] = []
            for place, part in enumerate(parts):
                if isinstance(part, bytes):
                    heard = base64(part) in spoken
                    found.append(digest(part) if heard and keep_hash else "")
                    parts[place] = bytes(len(part)) if heard else part
            return Record(record.at, record.sender, Text(join(parts)), tuple(found) if any(found) else ())
        case _:
            return record


def _spoken(frame: Text, sender: Sender, lens: Lens) -> Iterator[str]:
    """The base64 texts of a frame that are audio."""
    view = lens.view(frame, sender)
    if view.audio is not None:
        here = view.body
        try:
            for step in view.audio.path:
                here = here[step]
        except (KeyError, IndexError, TypeError):
            here = None
        if isinstance(here, str) and here:
            yield here
    yield from _audio_parts(view.body)


def _audio_parts(body: Any, depth: int = 0) -> Iterator[str]:
    """Every ``{"mimeType": "audio/...", "data": ...}`` in a body (Gemini Live, both spellings of the key)."""
    if depth > 32:
        return
    if isinstance(body, dict):
        kind = body.get("mimeType", body.get("mime_type"))
        data = body.get("data")
        if isinstance(kind, str) and kind.startswith("audio/") and isinstance(data, str) and data:
            yield data
        for value in body.values():
            yield from _audio_parts(value, depth + 1)
    elif isinstance(body, list):
        for value in body:
            yield from _audio_parts(value, depth + 1)
