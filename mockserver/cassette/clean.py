"""A whole cassette without secrets, and the proof of it: redaction frame by frame, then across frames, then a scan.

``finish`` is the last step of every way to a file. It works record by record, so that a one-hour recording needs no
memory of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import overload

from mockserver.cassette import audio
from mockserver.cassette.model import Cassette, Connection, Record
from mockserver.cassette.redact import Redactor
from mockserver.cassette.spread import Spread, still_spread
from mockserver.core.frames import Frame, Sender, Text
from mockserver.core.view import Lens
from mockserver.errors import SecretFound


class Cleaned(Sequence[Record]):
    """The records of a connection, redacted as they are read."""

    def __init__(
        self,
        number: int,
        records: Sequence[Record],
        redactor: Redactor,
        spread: Spread,
        lens: Lens,
        policy: audio.Policy,
    ) -> None:
        self._number, self._records = number, records
        self._redactor, self._spread, self._lens, self._policy = redactor, spread, lens, policy

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Record, ...]: ...
    def __getitem__(self, at: int | slice) -> Record | tuple[Record, ...]:
        if isinstance(at, slice):
            return tuple(self[place] for place in range(len(self))[at])
        return self._made(range(len(self))[at], self._records[at])

    def __iter__(self) -> Iterator[Record]:
        for number, record in enumerate(self._records):
            yield self._made(number, record)

    def _made(self, number: int, record: Record) -> Record:
        frame = self._spread.finished(self._number, number, self._redactor.frame(record.frame))
        made = record if frame is record.frame else replace(record, frame=frame)
        return audio.quiet(made, self._lens, self._policy)


def cleaned(
    cassette: Cassette,
    redactor: Redactor,
    *,
    lens: Lens,
    policy: audio.Policy = "keep",
    spreads: Mapping[int, Spread] | None = None,
) -> Cassette:
    """The cassette as it may be saved. ``spreads``: what a recorder has seen of each connection, by its number;
    without them the frames are read.
    """
    exchanges = tuple(redactor.exchange(one) for one in cassette.exchanges)  # first: a reply may hand out a key
    for connection in cassette.connections:
        redactor.see(connection.handshake)
    if spreads is None:
        spread = Spread(redactor)
        spreads = {connection.number: spread for connection in cassette.connections}
        for connection in cassette.connections:
            redactor.reserve(repr((connection.handshake, connection.answer)))
            for number, record in enumerate(connection.records):
                if isinstance(record.frame, Text):
                    redactor.reserve(record.frame.data)
                    redactor.suspicious(record.frame.data)  # what is quiet need not be taken apart
                spread.look(connection.number, number, record.sender, record.frame)
    header = cassette.header
    return Cassette(
        replace(
            header,
            upstream=redactor.url(header.upstream),
            origin=redactor.text(header.origin),
            audio=policy if policy != "keep" else header.audio,
            faults=tuple(redactor.text(fault) for fault in header.faults),
            unsafe="",
        ),
        tuple(
            Connection(
                one.number,
                redactor.handshake(one.handshake),
                redactor.answer(one.answer),
                one.opened_us,
                Cleaned(one.number, one.records, redactor, spreads[one.number], lens, policy),
                one.timed,
            )
            for one in cassette.connections
        ),
        exchanges,
        cassette.path,
    )


def scrub(cassette: Cassette, redactor: Redactor, *, lens: Lens, policy: audio.Policy = "keep") -> Cassette:
    """A copy in memory, redacted anew (with rules that the first redaction did not have) and checked."""
    made = cleaned(cassette, redactor, lens=lens, policy=policy)
    made = replace(made, connections=tuple(replace(one, records=tuple(one.records)) for one in made.connections))
    verify(made, redactor, name=cassette.path or "cassette")
    counts = redactor.counts + Counter(cassette.header.redaction)
    return replace(made, header=replace(made.header, redaction=dict(sorted(counts.items()))))


def verify(cassette: Cassette, redactor: Redactor, *, name: str, data: bytes = b"") -> None:
    """Raises SecretFound for a secret that still stands. Says where and of what kind, never what.

    ``data``: the finished file, in which the known values are looked for once more, by a search that shares nothing
    with the walk.
    """
    for where, kind in standing(cassette, redactor):
        raise standing_error(name, where, kind)
    known = redactor.known.standing(data)
    if known:
        raise standing_error(name, "the finished file", known)


def standing_error(name: object, where: str, kind: str) -> SecretFound:
    """The error for a secret that the redaction could not take out."""
    return SecretFound(
        f"{name}: a secret ({kind}) still stands after redaction in {where}; nothing was saved there: "
        "take it out at its source, or add a redaction rule that matches the text around it"
    )


def kept_error(found: SecretFound, name: object, kept: object) -> SecretFound:
    """The same where the recording is kept aside: how to go on."""
    return SecretFound(
        f"{found}. The recording is kept in {kept}, for its owner only: git ignores it and nothing replays it. "
        f"Make a cassette of it: mockserver scrub --rule REGEX {kept} --to {name}"
    )


def standing(cassette: Cassette, redactor: Redactor) -> Iterator[tuple[str, str]]:
    """Each secret that stands in a cassette: where, and of what kind."""
    header = cassette.header
    stated = (("upstream", header.upstream), ("origin", header.origin), *(("faults", one) for one in header.faults))
    for label, text in stated:
        yield from ((f"the header's {label}", kind) for kind, _ in redactor.scan(text))
    for connection in cassette.connections:
        here = f"connection {connection.number}"
        shake, answer = connection.handshake, connection.answer
        words = (shake.path, shake.target, *shake.subprotocols, answer.subprotocol or "")
        pairs = (*shake.query, *shake.headers, *answer.headers)
        for text in (*words, *(word for pair in pairs for word in pair)):
            yield from ((f"{here}, its handshake", kind) for kind, _ in redactor.scan(text))
        yield from ((f"{here}, the answer's body", kind) for kind, _ in redactor.scan_bytes(answer.body))
        alone: list[tuple[str, str]] = []
        spread = still_spread(redactor, _scanned(connection, redactor, here, alone))
        together = [
            (f"{here}, frame {number} ({sender}), put together with the frames before it", "split")
            for _, number, sender in spread
        ]
        yield from (*alone, *together)
    for number, one in enumerate(cassette.exchanges):
        here = f"HTTP exchange {number} ({one.method})"
        for text in (one.path, *(word for pair in one.headers for word in pair)):
            yield from ((here, kind) for kind, _ in redactor.scan(text))
        for body in (one.request, one.body):
            yield from ((f"{here}, a body", kind) for kind, _ in redactor.scan_bytes(body))


def _scanned(
    connection: Connection, redactor: Redactor, here: str, found: list[tuple[str, str]]
) -> Iterator[tuple[int, int, Sender, Frame]]:
    """The frames of a connection, each read once; ``found`` gets the secrets that stand in one by itself."""
    for number, record in enumerate(connection.records):
        for kind, path in redactor.scan_frame(record.frame):
            found.append((f"{here}, frame {number} ({record.sender}), {path}", kind))
        yield connection.number, number, record.sender, record.frame
