"""What redaction did to a cassette, place by place: what was taken out and why, what would be now, what nearly was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mockserver.cassette.model import Cassette
from mockserver.cassette.patterns import TOKEN
from mockserver.cassette.redact import Redactor
from mockserver.cassette.search import Cut, missed_by
from mockserver.cassette.spread import Spread
from mockserver.core.frames import Binary, Close, Lost, Text

KINDS = {
    "key": "the shape of a key",
    "token": "the shape of a token, or a scheme such as Bearer",
    "env": "a value of a key variable, or one given",
    "seen": "a credential that crossed before",
    "field": "the name beside it",
    "header": "a header that is not known to be harmless",
    "param": "the name of a parameter",
    "subprotocol": "a subprotocol that carries a key",
    "url": "user and password of a URL",
    "split": "a secret in pieces",
    "held": "what may have been the beginning of a secret when the recording ended",
    "rule": "a rule of the user's",
    "base64": "a secret inside base64",
}
"""Why a token of a kind stands in a cassette."""
SHOWN = 60
"""So many characters of what stays are shown."""


class Explained(NamedTuple):
    """One thing: ``what`` is "taken out" (before, by kind), "to take out" (today's rules would), or "nearly"."""

    what: str
    where: str
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.what}  {self.where}  {self.text}  ({self.rule})"


def explain(cassette: Cassette, redactor: Redactor) -> Iterator[Explained]:
    """Each thing, in the order of the cassette. What is still to be taken out is told without saying what it is."""
    for connection in cassette.connections:
        here = f"connection {connection.number}"
        redactor.see(connection.handshake)
        shake = connection.handshake
        for name, value in (*shake.query, *shake.headers, *connection.answer.headers):
            yield from _tokens(f"{here}, {name}", value)
        for text in (shake.path, *shake.subprotocols):
            yield from _tokens(f"{here}, its handshake", text)
        yield from _in(f"{here}, the answer's body", connection.answer.body, redactor)
        spread = Spread(redactor)
        for number, record in enumerate(connection.records):
            place = f"{here}, frame {number} ({record.sender})"
            match record.frame:
                case Text(data) | Close(_, data) | Lost(data):
                    yield from _text(place, data, redactor)
                case Binary(raw):
                    yield from _in(place, raw, redactor)
            if spread.look(connection.number, number, record.sender, record.frame):
                yield Explained(
                    "to take out", f"{place}, put together with the frames before it", KINDS["split"], "..."
                )
    for number, one in enumerate(cassette.exchanges):
        here = f"HTTP exchange {number} ({one.method})"
        for text in (one.path, *(value for _, value in one.headers)):
            yield from _tokens(here, text)
        for body in (one.request, one.body):
            yield from _in(f"{here}, a body", body, redactor)


def _in(where: str, raw: bytes, redactor: Redactor) -> Iterator[Explained]:
    yield from _tokens(where, raw.decode("latin-1"))
    told: list[Cut] = []
    before, redactor.told = redactor.told, told.append
    try:
        list(redactor.scan_bytes(raw))
    finally:
        redactor.told = before
    yield from (Explained("to take out", where, cut.rule, f"{cut.kind}, {len(cut.secret)} characters") for cut in told)


def _text(where: str, text: str, redactor: Redactor) -> Iterator[Explained]:
    yield from _tokens(where, text)
    if not text or not redactor.suspicious(text):
        return
    cuts, standing = redactor.search.cuts(text)
    yield from (Explained("to take out", where, cut.rule, f"{cut.kind}, {len(cut.secret)} characters") for cut in cuts)
    yield from (Explained("to take out", where, "stands where no token can", kind) for kind in standing)
    for cut in missed_by(redactor.search, text):
        if cut.secret.strip():
            shown = cut.secret if len(cut.secret) <= SHOWN else cut.secret[: SHOWN - 1] + "…"
            yield Explained("nearly", where, cut.rule, repr(shown))


def _tokens(where: str, text: str) -> Iterator[Explained]:
    for match in TOKEN.finditer(text) if "REDACTED-" in text else ():
        kind = match[0].split("-")[1]
        yield Explained("taken out", where, KINDS.get(kind, kind), match[0])
