"""Finds out what a recording is by looking into it, and imports it. The file's name is not asked for its form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mockserver.cassette.codec import PREFIX
from mockserver.cassette.foreign import FLOWS, HEAD, looks_like
from mockserver.cassette.importers.build import Tell, untold
from mockserver.cassette.importers.cut_audio import with_lengths
from mockserver.cassette.importers.documents import json_document, yaml_document
from mockserver.cassette.importers.event_log import import_event_log, lines_of
from mockserver.cassette.importers.frame_lists import import_aimock, import_cassetter, import_litellm, import_nimax
from mockserver.cassette.importers.genai_log import import_genai_log
from mockserver.cassette.importers.har import import_har
from mockserver.cassette.importers.mitmproxy_flows import import_mitmproxy
from mockserver.cassette.importers.neutral import import_neutral
from mockserver.cassette.importers.pydantic_ai import import_pydantic_ai
from mockserver.cassette.importers.text_log import holds_frames, import_livekit_log, import_websockets_log
from mockserver.cassette.model import Cassette
from mockserver.cassette.reader import decode
from mockserver.dialects.registry import dialect_named
from mockserver.errors import CassetteDamaged, CassetteForeign

FORMS = (
    "a neutral capture (JSON lines), pydantic-ai's realtime YAML, a HAR file, a test-server websocket log, a flow file "
    "of mitmproxy, a cassette of cassetter, nimax or litellm, a fixture of aimock, or a log that holds the events"
)
DOCUMENTS: dict[str, Callable[..., Cassette]] = {
    "log": import_har,
    "ws_interactions": import_cassetter,
    "websocket_sessions": import_nimax,
    "interactions": import_pydantic_ai,
    "fixtures": import_aimock,
    "sessions": import_litellm,
}
"""A key that only documents of one form have, and who reads them. A file of cassetter has ``interactions`` too."""


def import_bytes(
    data: bytes, name: str, *, provider: str | None = None, tell: Tell = untold, piece_ms: float | None = None
) -> Cassette:
    """The cassette of any recording that this package can read, unfinished ones of its own included.

    ``name``: what errors call it. ``provider`` names the dialect where the file does not. Nothing is redacted here:
    saving does that. ``tell`` is given a line about whatever is imported otherwise than the file states it. Raises
    CassetteForeign (with what it looks like), CassetteDamaged (with the line), UsageError for a provider that nobody
    knows.

    ``piece_ms``: how long each piece of the client's audio is, where the source has cut it (``cut_audio``).
    """
    made = _imported(data, name, provider, tell)
    return made if data.startswith(PREFIX) else with_lengths(made, tell, piece_ms=piece_ms)


def _imported(data: bytes, name: str, provider: str | None, tell: Tell) -> Cassette:
    if provider is not None:
        dialect_named(provider)
    if not data.strip():
        raise CassetteDamaged(f"{name}: the file is empty; expected {FORMS}")
    if data.startswith(PREFIX):
        cassette = decode(data, name)  # a finished one must be whole
        cassette = replace(cassette, header=replace(cassette.header, dialect=provider or cassette.header.dialect))
        _look(cassette, name, tell)
        return cassette
    looks = looks_like(data[:HEAD])
    if looks.startswith("a websocket log"):
        return import_genai_log(data, name, provider=provider, tell=tell)
    if FLOWS.match(data[:HEAD].decode("latin-1")):
        return import_mitmproxy(data, name, provider=provider, tell=tell)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CassetteForeign(f"{name}: cannot be imported, it looks like {looks}; expected {FORMS}") from None
    if looks.startswith("a capture"):
        return import_neutral(text, name, provider=provider, tell=tell)
    made = _told(text, name, looks, provider, tell)
    if made is None:
        raise CassetteForeign(f"{name}: cannot be imported, it looks like {looks}; expected {FORMS}")
    return made


def _told(text: str, name: str, looks: str, provider: str | None, tell: Tell) -> Cassette | None:
    """The cassette of a document or a log; None where it is neither."""
    if looks.startswith("JSON lines"):
        return import_event_log(lines_of(text, name), name, provider=provider, tell=tell)
    if text.lstrip().startswith(("{", "[")):
        return _of_document(json_document(text, name), text, name, provider, tell)
    if looks.startswith("a YAML cassette"):
        return _of_document(yaml_document(text, name), text, name, provider, tell)
    match holds_frames(text):
        case "websockets":
            return import_websockets_log(text, name, provider=provider, tell=tell)
        case "livekit":
            return import_livekit_log(text, name, provider=provider, tell=tell)
    return None


def _of_document(document: Any, text: str, name: str, provider: str | None, tell: Tell) -> Cassette | None:
    """The cassette of a whole JSON or YAML document; None where it is of no form that is known."""
    found = document.get("events") if isinstance(document, dict) else document
    if isinstance(found, list):
        return import_event_log(((1, one) for one in found), name, provider=provider, tell=tell)
    if not isinstance(document, dict):
        return None
    for key, read in DOCUMENTS.items():
        if key in document:
            more = {"text": text} if read is import_pydantic_ai else {}
            return read(document, name, provider=provider, tell=tell, **more)
    if isinstance(document.get("type"), str):
        return import_event_log([(1, document)], name, provider=provider, tell=tell)
    return None


def _look(cassette: Cassette, name: str, tell: Tell) -> None:
    """Tell an unfinished recording, with its end. A refused connection has no frames, and is something all the same."""
    frames = sum(len(connection.records) for connection in cassette.connections)
    if not frames and all(connection.answer.status == 101 for connection in cassette.connections):
        raise CassetteDamaged(f"{name}: cannot be imported: there is no frame in it")
    if cassette.header.ended == "killed":
        ends = [(one.opened_us + one.records[-1].at, one) for one in cassette.connections if len(one.records)]
        where = ""
        if ends:
            at, last = max(ends, key=lambda end: end[0])
            spoken = dialect_named(cassette.header.dialect).view(last.records[-1].frame, last.records[-1].sender)
            where = f", cut after {spoken.name} in connection {last.number}, {at / 1_000_000:.1f} s after it began"
        tell(f"{name} was not finished: {frames} frames are there{where}")
