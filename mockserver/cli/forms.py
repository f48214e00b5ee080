"""A cassette in other forms: lines of JSON for programs, and its audio as WAV files."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mockserver.errors import UsageError

if TYPE_CHECKING:
    from mockserver.cassette.model import Cassette, Connection, Record
    from mockserver.core.frames import Frame
    from mockserver.core.view import View


def json_lines(cassette: Cassette, *, connection: int | None = None, limit: int | None = None) -> Iterator[str]:
    """An object a line: the header, then each connection with its frames behind it, then the HTTP exchanges.

    Times are in microseconds since the connection was opened. A text frame is there verbatim, any other as base64.
    """
    from mockserver.cassette.render import lens_of

    lens = lens_of(cassette)
    yield json.dumps({"header": asdict(cassette.header)})
    for one in cassette.connections:
        if connection not in (None, one.number):
            continue
        yield json.dumps({"connection": one.number, **_opened(one)})
        for number, record in enumerate(one.records[:limit]):
            view = lens.view(record.frame, record.sender)
            told = {"connection": one.number, "frame": number, "at_us": record.at if one.timed else None}
            yield json.dumps({**told, **_frame(record, view)})
    for exchange in cassette.exchanges if connection is None else ():
        yield json.dumps(
            {
                "http": {"method": exchange.method, "path": exchange.path, "status": exchange.status},
                "at_us": exchange.at,
                "request": b64encode(exchange.request).decode(),
                "body": b64encode(exchange.body).decode(),
            }
        )


def _opened(one: Connection) -> dict[str, Any]:
    shake, answer = one.handshake, one.answer
    return {
        "opened_us": one.opened_us,
        "frames": len(one.records),
        "handshake": {
            "path": shake.path,
            "query": shake.query,
            "headers": shake.headers,
            "subprotocols": shake.subprotocols,
        },
        "answer": {
            "status": answer.status,
            "headers": answer.headers,
            "subprotocol": answer.subprotocol,
            "body": b64encode(answer.body).decode(),
        },
    }


def _frame(record: Record, view: View) -> dict[str, Any]:
    told: dict[str, Any] = {"from": str(record.sender), "kind": str(view.kind), "name": view.name}
    if view.audio is not None:
        told["audio_ms"] = round(view.audio.milliseconds(), 3)
    return {**told, **_carried(record.frame)}


def _carried(frame: Frame) -> dict[str, Any]:
    from mockserver.core.frames import Binary, Close, Lost, Text

    match frame:
        case Text(data):
            return {"text": data}
        case Binary(raw):
            return {"base64": b64encode(raw).decode()}
        case Close(code, reason):
            return {"close": {"code": code, "reason": reason}}
        case Lost(reason):
            return {"lost": reason}


def write_wavs(cassette: Cassette, folder: Path, *, connection: int | None = None) -> Iterator[str]:
    """Each side of each connection that has audio, as a WAV file of what was heard. Returns a line for each.

    UsageError where a file of that name stands there.
    """
    from mockserver.view.scene import of_cassette

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = "is no folder" if folder.exists() else f"cannot be made: {error.strerror}"
        raise UsageError(f"--wav {folder}: {why}; expected a folder for the WAV files") from None
    found = 0
    for scene in of_cassette(cassette):
        if connection not in (None, scene.number):
            continue
        for side, track in (("client", scene.client), ("server", scene.server)):
            left_out = f"; {track.unread} pieces of another rate or encoding left out" if track.unread else ""
            size = sum(clip.size for clip in track.heard())
            if not size:
                if left_out:
                    yield f"connection {scene.number}, {side}{left_out}"
                continue
            place = folder / f"connection-{scene.number}-{side}.wav"
            try:
                with place.open("xb") as stream:
                    stream.write(track.wav())
            except FileExistsError:
                raise UsageError(f"{place}: exists already; remove it, or name another folder") from None
            found += 1
            yield f"{place}: {size / track.rate:.3f} s, {track.rate} Hz{left_out}"
    if not found:
        yield "no audio that could be written"
