"""HAR files with websocket messages: what browsers and mitmproxy export ("Save all as HAR").

Each ``log.entries[]`` with a ``_webSocketMessages`` list is a connection: ``{"type": "send" | "receive", "time":
seconds since 1970, "opcode": 1 | 2 | 8, "data": text, or base64 where the opcode is not 1}``. Entries without one are
plain HTTP and are left out. The form has no close frames of its own; Chrome writes none, others write opcode 8 with the
code and the reason as its data. Pings and pongs (opcodes 9 and 10) are below the messages and are left out, and so is
what Chrome notes of itself (``"type": "error", "opcode": -1``), which no side has sent.
"""

from __future__ import annotations

import re
from typing import Any

from mockserver.cassette.audio import unbase64
from mockserver.cassette.importers.addresses import handshake, upstream
from mockserver.cassette.importers.build import Builder, Tell, bad, untold
from mockserver.cassette.model import Cassette
from mockserver.core.frames import Answer, Binary, Close, Frame, Micros, Pairs, Sender, Text
from mockserver.dialects.base import shorten

SENDERS = {"send": Sender.CLIENT, "receive": Sender.SERVER}

_NUMBER = re.compile(r"\d{1,11}(\.\d{1,9})?")


def import_har(loaded: Any, name: str = "session.har", *, provider: str | None = None, tell: Tell = untold) -> Cassette:
    """The cassette of a HAR file. Times are kept; keys in its headers and queries are the redaction's to take out."""
    log = loaded.get("log") if isinstance(loaded, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        raise bad(name, 1, 'expected "log" with "entries"')
    sockets = [(n, e) for n, e in enumerate(entries) if isinstance(e, dict) and e.get("_webSocketMessages")]
    if not sockets:
        raise bad(name, 1, "none of its entries has websocket messages; export it while the socket is in the list")
    first = min(_time(name, number, entry["_webSocketMessages"], 0) for number, entry in sockets)
    builder = Builder(
        provider,
        name=name,
        origin=f"imported from {name.rsplit('/', 1)[-1]} (HAR)",
        upstream=upstream(_url(sockets[0][1])),
        tell=tell,
    )
    for number, entry in sockets:
        messages = entry["_webSocketMessages"]
        began = _time(name, number, messages, 0)
        shake = handshake(_url(entry), _headers(entry.get("request")))
        builder.connect(shake, answer=_answer(entry), opened_us=began - first)
        for place, message in enumerate(messages):
            at = _time(name, number, messages, place) - began
            if message.get("type") == "error":
                what = shorten(str(message.get("data", "")), 60)
                tell(f"an error that the browser noted is no frame and is left out: {what!r}")
                continue
            if message.get("opcode") in (9, 10):
                continue
            sender = SENDERS.get(message.get("type", ""))
            if sender is None:
                raise _wrong(name, number, place, '"type" is "send" or "receive"')
            builder.frame(sender, _frame(name, number, place, message), at_us=at)
    return builder.cassette()


def _wrong(name: str, entry: int, place: int, what: str) -> Exception:
    return bad(name, 1, f"log.entries[{entry}]._webSocketMessages[{place}]: {what}")


def _time(name: str, entry: int, messages: Any, place: int) -> Micros:
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages[place : place + 1]):
        raise _wrong(name, entry, place, "expected an object")
    time = messages[place].get("time")
    if isinstance(time, str) and _NUMBER.fullmatch(time):
        time = float(time)
    if isinstance(time, bool) or not isinstance(time, int | float) or not 0 <= time < 1e11:
        raise _wrong(name, entry, place, '"time" is seconds since 1970')
    return round(time * 1_000_000)


def _frame(name: str, entry: int, place: int, message: dict[str, Any]) -> Frame:
    data, opcode = message.get("data", ""), message.get("opcode", 1)
    if not isinstance(data, str):
        raise _wrong(name, entry, place, '"data" is a text')
    if opcode == 8:
        return _close(data)
    if opcode == 2:
        raw = unbase64(data)
        if raw is None:
            raise _wrong(name, entry, place, "a binary message whose data is not base64")
        return Binary(raw)
    if opcode != 1:
        raise _wrong(name, entry, place, f"opcode {opcode!r:.20} is not 1, 2 or 8")
    try:
        data.encode()
    except UnicodeEncodeError:
        raise _wrong(name, entry, place, "half a character (a lone surrogate), which no text message holds") from None
    return Text(data)


def _close(data: str) -> Close:
    """Two bytes of code and the reason, in base64 (RFC 6455, 5.5.1). Other data is a reason without a code."""
    raw = unbase64(data) or b""
    code = int.from_bytes(raw[:2], "big")
    try:
        return Close(code, raw[2:].decode()) if 1000 <= code <= 4999 else Close(None, data)
    except UnicodeDecodeError:
        return Close(None, data)


def _url(entry: dict[str, Any]) -> Any:
    request = entry.get("request")
    return request.get("url") if isinstance(request, dict) else None


def _answer(entry: dict[str, Any]) -> Answer:
    response = entry.get("response")
    status = response.get("status") if isinstance(response, dict) else None
    headers = _headers(response)
    chosen = next((value for key, value in headers if key.lower() == "sec-websocket-protocol"), None)
    return Answer(status if isinstance(status, int) and 100 <= status <= 599 else 101, headers, chosen)


def _headers(message: Any) -> Pairs:
    listed = message.get("headers") if isinstance(message, dict) else None
    return tuple(
        (str(one.get("name", "")), str(one.get("value", "")))
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict) and not str(one.get("name", "")).startswith(":")
    )
