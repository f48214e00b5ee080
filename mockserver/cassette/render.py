"""A cassette as text: a timeline for a person, and a form for ``git diff`` in which a change can be reviewed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mockserver.cassette.model import Cassette, Connection
from mockserver.cassette.normal import Names, dumps, steps
from mockserver.core.frames import Sender
from mockserver.core.timeline import Row, lines, safe
from mockserver.core.view import Lens, Memo
from mockserver.dialects.base import Dialect
from mockserver.dialects.generic import GENERIC
from mockserver.dialects.registry import DIALECTS


def lens_of(cassette: Cassette) -> Dialect:
    """The cassette's dialect, or the generic one where this version does not know it."""
    return DIALECTS.get(cassette.header.dialect, GENERIC)


def timeline(
    cassette: Cassette, *, connection: int | None = None, merge: bool = True, limit: int | None = None
) -> Iterator[str]:
    """The header, then each connection's frames. ``merge`` makes one line of an audio run.

    ``connection`` shows only that one; ``limit`` at most so many lines of each.
    """
    yield from summary(cassette)
    for one in cassette.connections:
        if connection not in (None, one.number):
            continue
        yield ""
        yield from _connection(one, Memo(lens_of(cassette)), merge, limit)
    for exchange in cassette.exchanges if connection is None else ():
        size = f"{len(exchange.request)} bytes, answered {exchange.status} with {len(exchange.body)} bytes"
        yield safe(f"http {exchange.at / 1e6:.3f}  {exchange.method} {exchange.path}  {size}")


def summary(cassette: Cassette) -> Iterator[str]:
    """What the header says, and how much there is."""
    header = cassette.header
    when = [f"recorded on {header.recorded_on}"] if header.recorded_on else []
    made = [f"by {header.package}"] if header.package else []
    source = [f"from {header.upstream}"] if header.upstream else []
    yield safe(f"cassette {cassette.path}".rstrip())
    yield safe("  " + ", ".join([header.dialect, *when, *made, *source]))
    if header.origin:
        yield safe(f"  origin: {header.origin}", 600)
    if header.faults:
        yield safe(f"  faults around the client, and no part of this: {'; '.join(header.faults)}", 600)
    yield from (safe(f"  rule: {line}", 600) for line in rule_lines(header.rules))
    taken = ", ".join(f"{count} {kind}" for kind, count in sorted(header.redaction.items())) or "nothing"
    yield safe(f"  ended: {header.ended}; audio: {header.audio}; redacted: {taken}; format {header.version}")
    frames = sum(len(one.records) for one in cassette.connections)
    yield (
        f"  {_many(len(cassette.connections), 'connection')}, {_many(frames, 'frame')}, "
        f"{_many(len(cassette.exchanges), 'HTTP exchange')}"
    )


def rule_lines(rules: Mapping[str, Any]) -> Iterator[str]:
    """Match rules, a line each."""
    for kind, stated in rules.items():
        if isinstance(stated, list | tuple):
            yield from (f"{kind} {one}" for one in stated)
        else:
            yield f"{kind} {dumps(stated)}"


def _connection(one: Connection, lens: Lens, merge: bool, limit: int | None) -> Iterator[str]:
    when = f"opened at {one.opened_us / 1e6:.3f} s" if one.timed else "order only"
    yield safe(f"connection {one.number}, {when}")
    rows: Iterator[Row] = (
        Row(one.number, record.at if one.timed else None, record.sender, record.frame) for record in one.records
    )
    yield next(lines([Row(one.number, 0 if one.timed else None, Sender.CLIENT, one.handshake)], lambda _: lens))
    yield next(lines([Row(one.number, None, Sender.SERVER, one.answer)], lambda _: lens))
    for number, line in enumerate(lines(rows, lambda _: lens, merge=merge)):
        if limit is not None and number >= limit:
            yield f"  ... (the first {limit} lines of {_many(len(one.records), 'frame')})"
            return
        yield line


def textconv(cassette: Cassette) -> Iterator[str]:
    """The cassette as git shows it: one line a step, the same for the same conversation.

    No times and no ids of one recording (``cassette.normal``), the header without its date, every text in full, audio
    as duration and hash. What is left differs only where the conversation does.
    """
    header = cassette.header
    taken = ", ".join(f"{count} {kind}" for kind, count in sorted(header.redaction.items())) or "nothing"
    made = f"dialect {header.dialect}, format {header.version}"
    yield safe(f"{made}, ended {header.ended}, audio {header.audio}", 600)
    yield safe(f"upstream {header.upstream}", 600)
    yield safe(f"redacted {taken}", 600)
    yield from (safe(f"rule {line}", 1 << 20) for line in rule_lines(header.rules))
    yield from (f"fault around the client {dumps(fault)}" for fault in header.faults)
    names, dialect = Names(), lens_of(cassette)
    for one in cassette.connections:
        yield ""
        shake, answer = one.handshake, one.answer
        yield f"connection {one.number} {dumps(shake.path)}"
        yield from (f"query {dumps(name)} {dumps(value)}" for name, value in shake.query)
        yield from (f"subprotocol {dumps(name)}" for name in shake.subprotocols)
        yield f"answer {answer.status}" + (f" {dumps(answer.subprotocol)}" if answer.subprotocol else "")
        for step in steps(one, dialect, names):
            yield safe(step.line(), 1 << 20)
    for exchange in cassette.exchanges:
        yield ""
        yield safe(f"http {exchange.method} {dumps(exchange.path)} answered {exchange.status}", 1 << 20)
        yield f"request {dumps(exchange.request.decode('utf-8', 'replace'))}"
        yield f"reply {dumps(exchange.body.decode('utf-8', 'replace'))}"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
