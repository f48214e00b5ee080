"""Recorded connections that a client gave up before anything came of them, and opened anew.

A client whose settings change while it still connects (its tools are known a moment later) drops that connection and
opens another. How far the first one had come by then is chance: it was not made, it was accepted, its set-up was sent,
its set-up was answered. So a recording that holds such a connection says that the client does this, and not how far it
comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from mockserver.cassette.model import Connection
from mockserver.core.frames import Close, Lost, Sender
from mockserver.dialects.base import Dialect
from mockserver.dialects.life import listed


def came_to_nothing(connection: Connection, dialect: Dialect) -> bool:
    """Whether the client left by itself, having said no more than its set-up, before the service began to reply.

    A refusal is an answer that counts, and so is everything of a provider of whom nothing is known.
    """
    if connection.answer.status != 101:
        return False
    life, replies = dialect.life, dialect.replies()
    for record in connection.records:
        frame, sender = record.frame, record.sender
        if isinstance(frame, Close | Lost):
            return sender is Sender.CLIENT
        name = dialect.peek(frame, sender)
        if sender is Sender.CLIENT:
            if not listed(name, life.first):
                return False
        elif not life.opening or listed(name, dialect.refusals):
            return False
        replies.see(sender, frame, name=name)
        if replies.open or life.is_delta(name):
            return False
    return False  # nobody has left


def given_up(connections: Sequence[Connection], dialect: Dialect) -> list[Connection]:
    """Those that came to nothing, after which the client connected to the same place again, and something came of it.

    A recording of nothing but a set-up is a recording of that set-up.
    """
    went_on: set[str] = set()
    found = []
    for connection in reversed(connections):
        if not came_to_nothing(connection, dialect):
            went_on.add(connection.handshake.path)
        elif connection.handshake.path in went_on:
            found.append(connection)
    return found[::-1]


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """The same connection of several recordings, in their order; None where one has none (``given_up``)."""

    given_up: bool
    lines: Sequence[Connection | None]


def rows(recordings: Sequence[Sequence[Connection]], dialect: Dialect) -> list[ConnectionRow] | None:
    """The connections of several recordings side by side. None where there are not equally many that went on."""
    split = [_runs(connections, dialect) for connections in recordings]
    if len({len(runs) for runs in split}) > 1:
        return None
    found = []
    for runs in zip(*split, strict=True):
        found += [ConnectionRow(True, lines) for lines in zip_longest(*(run[:-1] for run in runs))]
        if all(run[-1] is not None for run in runs):
            found.append(ConnectionRow(False, [run[-1] for run in runs]))
    return found


def _runs(connections: Sequence[Connection], dialect: Dialect) -> list[list[Connection | None]]:
    """Each connection that went on behind those that were given up before it; None at the very end."""
    gone = {id(one) for one in given_up(connections, dialect)}
    runs: list[list[Connection | None]] = [[]]
    for one in connections:
        runs[-1].append(one)
        if id(one) not in gone:
            runs.append([])
    runs[-1].append(None)
    return runs


def set_up(connection: Connection) -> Connection:
    """What a given-up connection has to be compared by: the client's own words, as far as it came."""
    said = [one for one in connection.records if one.sender is Sender.CLIENT]
    return replace(connection, records=[one for one in said if not isinstance(one.frame, Close | Lost)])
