"""The websocket logs of google/test-server, which js-genai's tests are recorded with (``*.websocket.log``).

One message after another: ``>`` (client) or ``<`` (server), the length in bytes, a space, and so many bytes. The
recorder puts a line feed at the end of every message, forwards it so and counts it, so it is part of the message here
too.
"""

from __future__ import annotations

import re

from mockserver.cassette.importers.build import Builder, Tell, bad, untold
from mockserver.cassette.model import Cassette
from mockserver.core.frames import Sender, Text
from mockserver.dialects.registry import recorded_with

_HEAD = re.compile(rb"([<>])(\d{1,10}) ")
RECORDER = "google/test-server"
SENDERS = {b">": Sender.CLIENT, b"<": Sender.SERVER}


def import_genai_log(
    data: bytes, name: str = "session.websocket.log", *, provider: str | None = None, tell: Tell = untold
) -> Cassette:
    """The cassette of a test-server websocket log."""
    origin = f"imported from {name.rsplit('/', 1)[-1]} ({RECORDER})"
    theirs = recorded_with(RECORDER)
    builder = Builder(provider or (theirs.name if theirs else None), name=name, origin=origin, tell=tell)
    at, seen, line = 0, 0, 1
    while at < len(data):
        head = _HEAD.match(data, at)
        line += data.count(b"\n", seen, at)
        seen = at
        if head is None:
            raise bad(name, line, "expected '>' or '<', a length and a space")
        begin, size = head.end(), int(head[2])
        body = data[begin : begin + size]
        if len(body) < size:
            raise bad(name, line, f"a message of {size} bytes, of which {len(body)} are there: the file is cut")
        try:
            builder.frame(SENDERS[head[1]], Text(body.decode("utf-8")))
        except UnicodeDecodeError as error:
            raise bad(name, line, f"a message that is not UTF-8 ({error.reason})") from None
        at = begin + size
    if not data:
        raise bad(name, 1, "the file is empty")
    return builder.cassette()
