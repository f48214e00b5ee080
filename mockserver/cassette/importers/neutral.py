"""The neutral capture form: one JSON object a line, for captures that no tool of ours recorded.

    {"capture": 1, "provider": "openai", "source": "...", ...}       the first line describes the capture
    {"from": "client" | "server", "json": {...}}                    a text frame whose JSON is known, not its bytes
    {"from": "client" | "server", "text": "..."}                    a text frame, exact
    {"from": "client" | "server", "base64": "..."}                  a binary frame, exact
    {"from": "client" | "server", "close": {"code": 1011, "reason": "..."}}
    {"from": "client" | "server", "lost": "..."}                    the connection ended without a close frame
    {"connect": {"path": "/v1/realtime", "query": [["model", "gpt-realtime"]]}}   the next connection begins

Any frame may have ``"at_ms"``: milliseconds since its connection began; where a connection has none, only its order
is known (``Connection.timed`` is False). On a ``connect`` line it is when the connection was opened, since the first
was. A frame after a close begins another connection of the same kind. ``docs/cassettes.md`` documents the form.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mockserver.cassette.audio import unbase64
from mockserver.cassette.importers.build import Builder, Tell, bad, untold
from mockserver.cassette.model import Cassette
from mockserver.core.frames import Binary, Close, Frame, Handshake, Lost, Sender, Text
from mockserver.dialects.registry import dialect_named
from mockserver.errors import UsageError

SENDERS = {"client": Sender.CLIENT, "server": Sender.SERVER}
LONGEST_MS = 1e9
"""Eleven days. Seconds and milliseconds since 1970 are more."""


def import_neutral(text: str, name: str = "capture", *, provider: str | None = None, tell: Tell = untold) -> Cassette:
    """The cassette of a neutral capture. CassetteDamaged names the line that is wrong."""
    lines = _lines(text, name)
    number, head = next(lines, (1, {}))
    if not isinstance(head, dict) or head.get("capture") != 1:
        raise bad(name, number, 'the first line of a neutral capture is {"capture": 1, "provider": ...}')
    builder = Builder(_provider(head, name, number, provider), name=name, origin=_origin(head, name), tell=tell)
    for number, line in lines:
        if not isinstance(line, dict):
            raise bad(name, number, "expected a JSON object")
        at = line.get("at_ms")
        if at is not None and (not isinstance(at, int | float) or isinstance(at, bool) or not 0 <= at < LONGEST_MS):
            raise bad(name, number, '"at_ms" is milliseconds since the connection began, 0 or more, and no date')
        if "connect" in line:
            opened = 0 if at is None else round(at * 1_000)
            builder.connect(_handshake(line["connect"], name, number), opened_us=opened)
            continue
        sender = SENDERS.get(line.get("from", ""))
        if sender is None:
            raise bad(name, number, f'"from" is "client" or "server", not {line.get("from")!r:.40}')
        builder.frame(sender, _frame(line, name, number), at_us=None if at is None else round(at * 1_000))
    return builder.cassette()


def _provider(head: dict[str, Any], name: str, number: int, named: str | None) -> str | None:
    """The dialect's name: what the caller says goes before what the file says."""
    told = head.get("provider")
    if named is not None or told is None:
        return named
    try:
        return dialect_named(str(told)).name
    except UsageError as error:
        raise bad(name, number, f"{error} (or say --provider NAME)") from None


def _lines(text: str, name: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise bad(name, number, f"not JSON ({error})") from None


def _origin(head: dict[str, Any], name: str) -> str:
    """Where the capture says that it comes from; its licence and what was cut stay with it."""
    keys = ("source", "licence", "audio", "timing", "client_ids", "note")
    told = [f"{key}: {head[key]}" for key in keys if head.get(key)]
    return "; ".join((f"imported from {name.rsplit('/', 1)[-1]}", *told))


def _handshake(stated: Any, name: str, number: int) -> Handshake:
    if not isinstance(stated, dict):
        raise bad(name, number, '"connect" is an object with "path" and "query"')
    query = stated.get("query", [])
    pairs = [pair for pair in query if isinstance(pair, list) and len(pair) == 2] if isinstance(query, list) else None
    if pairs is None or len(pairs) != len(query) or not all(isinstance(word, str) for pair in pairs for word in pair):
        raise bad(name, number, '"query" is a list of [name, value]')
    path = stated.get("path", "/")
    if not isinstance(path, str):
        raise bad(name, number, '"path" is a text')
    return Handshake(path, tuple((key, value) for key, value in pairs), target=path)


def _frame(line: dict[str, Any], name: str, number: int) -> Frame:
    match line:
        case {"text": str(text)}:
            return Text(text)
        case {"json": body}:
            return Text(compact(body))
        case {"base64": str(encoded)}:
            raw = unbase64(encoded)
            if raw is None:
                raise bad(name, number, '"base64" is not standard, padded base64')
            return Binary(raw)
        case {"close": dict(close)}:
            code, reason = close.get("code"), close.get("reason", "")
            if (code is None or (isinstance(code, int) and 1000 <= code <= 4999)) and isinstance(reason, str):
                return Close(code, reason)
            raise bad(name, number, '"close" is {"code": 1000 to 4999 or null, "reason": text}')
        case {"lost": str(reason)}:
            return Lost(reason)
    raise bad(name, number, 'expected one of "json", "text", "base64", "close", "lost"')


def compact(body: Any) -> str:
    """JSON as the providers' clients write it: no spaces, not ASCII-escaped unless it could not be sent otherwise."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which only an escape can hold
        return json.dumps(body, separators=(",", ":"))
    return text
