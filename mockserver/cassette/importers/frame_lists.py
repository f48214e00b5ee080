"""Recordings that are a list of connections, each with a list of frames: cassetter, nimax, litellm's tests, aimock.

    cassetter 0.16 (YAML)   ws_interactions: [{uri, headers: {name: [value]}, frames: [{direction: send | recv,
                            frame_type: text | binary | close, body: {type: text | json | binary, content},
                            offset_ms}]}]
    nimax 1.1 (JSON, YAML)  websocket_sessions: [{uri, frames: [{direction: send | recv, type: text | binary | close |
                            ping | pong, payload, offset_ms, close_code, close_reason}]}]
    litellm (JSON)          {schema_version: 1, sessions: [{frames: [{direction: client_to_server | server_to_client,
                            opcode: text | binary, text, binary_b64}]}]}  (its tests/_vcr_ws_persister.py)
    aimock 1.43 (JSON)      fixtures: [{response: {live: {version: 1, entries: [{direction: client | server, atMs,
                            event}]}}}]: recorded or written sessions of GPT-Live

Binary data is hex in cassetter's files and base64 in litellm's; nimax decodes it to text as it records, so what is no
text is not there any more. Offsets are milliseconds since the connection was opened.
"""

from __future__ import annotations

import binascii
from typing import Any

from mockserver.cassette.audio import unbase64
from mockserver.cassette.importers import addresses
from mockserver.cassette.importers.build import Builder, Tell, bad, untold
from mockserver.cassette.importers.documents import listed
from mockserver.cassette.importers.neutral import LONGEST_MS, compact
from mockserver.cassette.model import Cassette
from mockserver.core.frames import Binary, Close, Frame, Micros, Pairs, Sender, Text

SENDERS = {
    **dict.fromkeys(("send", "client", "client_to_server"), Sender.CLIENT),
    **dict.fromkeys(("recv", "server", "server_to_client"), Sender.SERVER),
}


def import_cassetter(document: Any, name: str, *, provider: str | None = None, tell: Tell = untold) -> Cassette:
    """The cassette of one of cassetter. Its HTTP interactions are left out."""
    builder = _builder(provider, name, "cassetter", listed(document, "ws_interactions", "the file", name), tell)
    for where, one in _each(document, "ws_interactions", "", name):
        frames = _each(one, "frames", where, name)
        builder.connect(addresses.handshake(one.get("uri"), _headers(one.get("headers"))))
        for here, frame in frames:
            sender, at = _sender(frame, here, name), _at(frame, "offset_ms", here, name)
            builder.frame(sender, _cassetter_frame(frame, here, name), at_us=at)
    _left_out(document, "interactions", tell)
    return builder.cassette()


def import_nimax(document: Any, name: str, *, provider: str | None = None, tell: Tell = untold) -> Cassette:
    """The cassette of one of nimax. Its HTTP interactions are left out."""
    builder = _builder(provider, name, "nimax", listed(document, "websocket_sessions", "the file", name), tell)
    for where, one in _each(document, "websocket_sessions", "", name):
        frames = _each(one, "frames", where, name)
        builder.connect(addresses.handshake(one.get("uri") or one.get("url")))
        for here, frame in frames:
            sender, at = _sender(frame, here, name), _at(frame, "offset_ms", here, name)
            if frame.get("type") not in ("ping", "pong"):
                builder.frame(sender, _nimax_frame(frame, here, name), at_us=at)
    _left_out(document, "http_interactions", tell)
    return builder.cassette()


def import_litellm(document: Any, name: str, *, provider: str | None = None, tell: Tell = untold) -> Cassette:
    """The cassette of a websocket cassette of litellm's own tests. It knows no times and no addresses."""
    listed(document, "sessions", "the file", name)
    if document.get("schema_version") != 1:
        raise bad(name, 1, f"schema_version {document.get('schema_version')!r:.20} is not known, only 1")
    builder = _builder(provider, name, "litellm", [], tell)
    for where, one in _each(document, "sessions", "", name):
        frames = _each(one, "frames", where, name)
        builder.connect()
        for here, frame in frames:
            builder.frame(_sender(frame, here, name), _litellm_frame(frame, here, name))
    return builder.cassette()


def import_aimock(document: Any, name: str, *, provider: str | None = None, tell: Tell = untold) -> Cassette:
    """The cassette of aimock's fixtures for GPT-Live. Fixtures of other endpoints are no sessions and are left out."""
    fixtures = listed(document, "fixtures", "the file", name)
    live = [(n, found) for n, one in enumerate(fixtures) if (found := _live(one)) is not None]
    if not live:
        raise bad(name, 1, "none of its fixtures holds a recorded session (response.live)")
    if len(live) < len(fixtures):
        tell(f"{len(fixtures) - len(live)} fixture(s) that are no sessions are left out")
    builder = _builder(provider, name, "aimock", [], tell)
    for number, session in live:
        where = f"fixtures[{number}].response.live"
        if session.get("version") != 1:
            raise bad(name, 1, f"{where}: version {session.get('version')!r:.20} is not known, only 1")
        entries = _each(session, "entries", where, name)
        builder.connect()
        for here, entry in entries:
            sender, at = _sender(entry, here, name), _at(entry, "atMs", here, name)
            event = entry.get("event")
            if not isinstance(event, dict):
                raise bad(name, 1, f'{here}: expected an object "event"')
            builder.frame(sender, Text(compact(event)), at_us=at)
    return builder.cassette()


# --- inside ---


def _builder(provider: str | None, name: str, tool: str, sockets: list[Any], tell: Tell) -> Builder:
    first = sockets[0] if sockets and isinstance(sockets[0], dict) else {}
    return Builder(
        provider,
        name=name,
        origin=f"imported from {name.rsplit('/', 1)[-1]} ({tool})",
        upstream=addresses.upstream(first.get("uri") or first.get("url")),
        tell=tell,
    )


def _each(value: Any, key: str, where: str, name: str) -> list[tuple[str, Any]]:
    """The elements of the list under a key, each behind the place where it stands. ``where``: that of the value; "" is
    the file's top.
    """
    found = listed(value, key, where or "the file", name)
    return [(f"{where}.{key}[{number}]".removeprefix("."), one) for number, one in enumerate(found)]


def _live(fixture: Any) -> dict[str, Any] | None:
    response = fixture.get("response") if isinstance(fixture, dict) else None
    live = response.get("live") if isinstance(response, dict) else None
    return live if isinstance(live, dict) else None


def _left_out(document: dict[str, Any], key: str, tell: Tell) -> None:
    plain = document.get(key)
    if isinstance(plain, list) and plain:
        tell(f"{len(plain)} HTTP interaction(s) are no websocket messages and are left out")


def _headers(stated: Any) -> Pairs:
    """Name -> values, as pairs."""
    pairs = stated.items() if isinstance(stated, dict) else ()
    return tuple(
        (str(key), value)
        for key, values in pairs
        for value in (values if isinstance(values, list) else [values])
        if isinstance(value, str)
    )


def _sender(frame: Any, where: str, name: str) -> Sender:
    way = frame.get("direction") if isinstance(frame, dict) else None
    found = SENDERS.get(way) if isinstance(way, str) else None
    if found is None:
        raise bad(name, 1, f'{where}: expected an object with a "direction"')
    return found


def _at(frame: dict[str, Any], key: str, where: str, name: str) -> Micros | None:
    at = frame.get(key)
    if at is not None and (isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < LONGEST_MS):
        raise bad(name, 1, f'{where}: "{key}" is milliseconds since the connection began')
    return None if at is None else round(at * 1_000)


def _text(data: Any, where: str, name: str) -> Text:
    if not isinstance(data, str):
        raise bad(name, 1, f"{where}: a text frame without its text")
    return Text(data)


def _closed(code: Any, reason: Any, where: str, name: str) -> Close:
    if code is not None and (isinstance(code, bool) or not isinstance(code, int) or not 1000 <= code <= 4999):
        raise bad(name, 1, f"{where}: a close code is 1000 to 4999")
    return Close(code, reason if isinstance(reason, str) else "")


def _cassetter_frame(frame: dict[str, Any], where: str, name: str) -> Frame:
    body = frame.get("body")
    content = body.get("content") if isinstance(body, dict) else None
    kind = frame.get("frame_type", "text")
    if kind == "text":
        is_json = isinstance(body, dict) and body.get("type") == "json"
        return Text(compact(content)) if is_json else _text(content, where, name)
    if kind not in ("binary", "close") or not isinstance(content, str | None):
        raise bad(name, 1, f"{where}: expected a text, binary or close frame with its content")
    try:
        raw = binascii.unhexlify(content or "")
    except (binascii.Error, ValueError):
        raise bad(name, 1, f"{where}: its content is not hexadecimal") from None
    if kind == "binary":
        return Binary(raw)
    code = int.from_bytes(raw[:2], "big") if len(raw) >= 2 else None
    return _closed(code, raw[2:].decode(errors="replace"), where, name)


def _nimax_frame(frame: dict[str, Any], where: str, name: str) -> Frame:
    match frame.get("type", "text"):
        case "text":
            return _text(frame.get("payload"), where, name)
        case "binary":
            return Binary(_text(frame.get("payload"), where, name).data.encode(errors="replace"))
        case "close":
            return _closed(frame.get("close_code"), frame.get("close_reason"), where, name)
    raise bad(name, 1, f'{where}: "type" is text, binary, close, ping or pong, not {frame.get("type")!r:.20}')


def _litellm_frame(frame: dict[str, Any], where: str, name: str) -> Frame:
    if frame.get("opcode") == "text":
        return _text(frame.get("text"), where, name)
    encoded = frame.get("binary_b64")
    raw = unbase64(encoded) if frame.get("opcode") == "binary" and isinstance(encoded, str) else None
    if raw is None:
        raise bad(name, 1, f'{where}: expected "opcode" text with its text, or binary with its base64')
    return Binary(raw)
