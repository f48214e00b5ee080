"""Flow files of mitmproxy (``mitmdump -w FILE``), read without mitmproxy.

A file is one flow after another, each a tnetstring: a length, a colon, so many bytes, and a letter for the type (``,``
bytes, ``;`` text, ``#`` integer, ``^`` float, ``!`` boolean, ``~`` null, ``]`` list, ``}`` dictionary; mitmproxy's
io/tnetstring.py). A flow with ``websocket`` is a connection: ``messages`` of [opcode, from client, bytes, time,
dropped, injected], and how it was closed. Flows of other kinds are left out, and so is a message that was dropped on
the way. Seen with the files of mitmproxy 11.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mockserver.cassette.importers import addresses
from mockserver.cassette.importers.build import Builder, Tell, bad, untold
from mockserver.cassette.model import Cassette
from mockserver.core.frames import Answer, Binary, Close, Frame, Micros, Pairs, Sender, Text

DEEPEST = 30
_LENGTH = re.compile(rb"(\d{1,10}):")


def import_mitmproxy(data: bytes, name: str = "flows", *, provider: str | None = None, tell: Tell = untold) -> Cassette:
    """The cassette of a file of flows. Times are kept; keys are the redaction's to take out."""
    flows, place = [], 0
    while place < len(data):
        flow, place = _value(data, place, len(data), name, 0)
        if isinstance(flow, dict) and isinstance(flow.get("websocket"), dict):
            flows.append(flow)
    if not flows:
        raise bad(name, 1, "none of its flows is a websocket")
    url = _url(flows[0])
    began = [_start(flow, name) for flow in flows]
    origin = f"imported from {name.rsplit('/', 1)[-1]} (mitmproxy)"
    builder = Builder(provider, name=name, origin=origin, upstream=addresses.upstream(url), tell=tell)
    for number, flow in enumerate(flows):
        request, response, socket = flow.get("request"), flow.get("response"), flow["websocket"]
        shake = addresses.handshake(_url(flow), _headers(request))
        builder.connect(shake, answer=_answer(response), opened_us=max(began[number] - min(began), 0))
        messages = socket.get("messages")
        dropped = 0
        for one, message in enumerate(messages if isinstance(messages, list) else []):
            match message:
                case [int(opcode), bool(mine), bytes(content), float() | int() as time, *rest] if opcode in (1, 2):
                    if rest[:1] == [True]:
                        dropped += 1
                        continue
                    sender = Sender.CLIENT if mine else Sender.SERVER
                    at = _micros(time, name) - began[number]
                    builder.frame(sender, _frame(opcode, content, f"flow {number}, message {one}", name), at_us=at)
                case _:
                    raise bad(name, 1, f"flow {number}, message {one}: expected opcode, direction, content and time")
        if dropped:
            tell(f"{dropped} message(s) that mitmproxy was told to drop are left out")
        _end(builder, socket, began[number], name)
    return builder.cassette()


def _frame(opcode: int, content: bytes, where: str, name: str) -> Frame:
    if opcode == 2:
        return Binary(content)
    try:
        return Text(content.decode())
    except UnicodeDecodeError as error:
        raise bad(name, 1, f"{where}: a text message that is not UTF-8 ({error.reason})") from None


def _end(builder: Builder, socket: dict[str, Any], began: Micros, name: str) -> None:
    mine, code, reason = (socket.get(f"close{key}") for key in ("d_by_client", "_code", "_reason"))
    if isinstance(mine, bool) and isinstance(code, int) and 1000 <= code <= 4999:
        end = socket.get("timestamp_end")
        at = None if end is None else _micros(end, name) - began
        sender = Sender.CLIENT if mine else Sender.SERVER
        builder.frame(sender, Close(code, reason if isinstance(reason, str) else ""), at_us=at)


def _start(flow: dict[str, Any], name: str) -> Micros:
    """When the handshake was answered; the frames' times count from there."""
    for part in ("response", "request"):
        one = flow.get(part)
        time = one.get("timestamp_end") if isinstance(one, dict) else None
        if time is not None:
            return _micros(time, name)
    return 0


def _micros(time: Any, name: str) -> Micros:
    if isinstance(time, bool) or not isinstance(time, int | float) or not 0 <= time < 1e11:
        raise bad(name, 1, f"a time is seconds since 1970, not {time!r:.30}")
    return round(time * 1_000_000)


def _url(flow: dict[str, Any]) -> str:
    request = flow.get("request")
    if not isinstance(request, dict):
        return ""
    scheme, host, path = (_word(request.get(key)) for key in ("scheme", "host", "path"))
    port = request.get("port")
    usual = {"https": 443, "http": 80}.get(scheme)
    place = host if port == usual or not isinstance(port, int) else f"{host}:{port}"
    return f"{'wss' if scheme == 'https' else 'ws'}://{place}{path}" if host else path


def _answer(response: Any) -> Answer:
    status = response.get("status_code") if isinstance(response, dict) else None
    headers = _headers(response)
    chosen = next((value for key, value in headers if key.lower() == "sec-websocket-protocol"), None)
    return Answer(status if isinstance(status, int) and 100 <= status <= 599 else 101, headers, chosen)


def _headers(message: Any) -> Pairs:
    found = message.get("headers") if isinstance(message, dict) else None
    pairs = [one for one in found if isinstance(one, list) and len(one) == 2] if isinstance(found, list) else []
    return tuple((_word(key), _word(value)) for key, value in pairs)


def _word(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value if isinstance(value, str) else ""


# --- tnetstrings ---


def _value(data: bytes, start: int, end: int, name: str, depth: int) -> tuple[Any, int]:
    """The value at ``start`` and the place behind it. CassetteDamaged with the byte where there is none."""
    head = _LENGTH.match(data, start, end)
    if head is None or depth > DEEPEST:
        raise bad(name, 1, f"byte {start}: {'expected a length' if head is None else 'values in values without end'}")
    begin = head.end()
    over = begin + int(head[1])
    if over >= end:
        raise bad(name, 1, f"byte {start}: {head[1].decode()} bytes, of which {end - begin} are there: the file is cut")
    kind = data[over : over + 1]
    if kind in (b"]", b"}"):
        parts, place = [], begin
        while place < over:
            part, place = _value(data, place, over, name, depth + 1)
            parts.append(part)
        if kind == b"]":
            return parts, over + 1
        if len(parts) % 2 == 0:
            return dict(zip((_word(key) for key in parts[::2]), parts[1::2], strict=True)), over + 1
    elif kind == b"~" or kind in _READ:
        try:
            return (_READ[kind](data[begin:over]) if kind != b"~" else None), over + 1
        except ValueError:
            pass  # said below
    raise bad(name, 1, f"byte {start}: a value that is none of its type {kind!r}")


_READ: dict[bytes, Callable[[bytes], Any]] = {
    b",": bytes,
    b";": bytes.decode,
    b"#": lambda raw: int(raw) if len(raw) <= 20 else _no(raw),
    b"^": float,
    b"!": lambda raw: raw == b"true",
}


def _no(raw: bytes) -> int:
    raise ValueError(f"{len(raw)} digits")
