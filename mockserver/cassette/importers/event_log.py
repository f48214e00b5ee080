"""Logs of events: a list of JSON objects, or one a line, with or without who sent each and when.

    {"type": "response.create", ...}                                     an event alone
    {"time": "2026-01-02T10:00:00Z", "source": "client", "event": {...}}   as openai-realtime-console keeps them
    {"message": "<<<", "lk.pii.event": {...}, "timestamp": "..."}        LiveKit's JSON log with LK_OPENAI_DEBUG=1

The words for the direction, the time and the event are many; those of the tables below are known. Where nothing says
who sent an event its name does. LiveKit's log leaves out the client's audio, and cuts the server's to ``...``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mockserver.cassette.importers.build import Builder, Tell, bad, untold
from mockserver.cassette.importers.neutral import LONGEST_MS, compact
from mockserver.cassette.model import Cassette
from mockserver.core.frames import Micros, Sender, Text
from mockserver.dialects.base import Dialect
from mockserver.dialects.registry import DIALECTS, dialect_named

_CLIENT = "client sent send out outgoing outbound outbound_event up tx request c2s client_to_server > -> --> >>>"
_SERVER = (
    "server received receive recv in incoming inbound inbound_event down rx response s2c server_to_client < <- <-- <<<"
)
WAYS: dict[str, Sender] = {
    **dict.fromkeys((*_CLIENT.split(), "gpt-live client event"), Sender.CLIENT),
    **dict.fromkeys((*_SERVER.split(), "gpt-live server event"), Sender.SERVER),
}
WHO = ("direction", "dir", "from", "sender", "source", "way", "message", "type", "kind")
WHAT = ("lk.pii.event", "event", "data", "payload", "body", "frame", "json", "message")
SECONDS = ("timestamp", "time", "ts", "at", "t", "created_at", "elapsed", "elapsed_s", "offset_s")
MILLISECONDS = ("at_ms", "atMs", "offset_ms", "time_ms", "ms", "elapsed_ms", "timestamp_ms")
CUT = "..."
"""What LiveKit writes in the place of audio."""


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One event of a log: where it stands, who sent it (None: not said), when (None: not said), and its body."""

    line: int
    sender: Sender | None
    at: Micros | None
    body: dict[str, Any]


def import_event_log(
    objects: Iterable[tuple[int, Any]], name: str, *, provider: str | None = None, tell: Tell = untold
) -> Cassette:
    """The cassette of a log: (line, object) one after another. Lines of a log that hold no event are left out."""
    dialects = tuple(DIALECTS.values()) if provider is None else (dialect_named(provider),)
    known = _Known(dialects)
    entries, silent = [], 0
    for line, one in objects:
        entry = _entry(line, one, known, name)
        if entry is None:
            silent += 1
        else:
            entries.append(entry)
    if silent:
        tell(f"{silent} line(s) that hold no event are left out")
    return put_together(entries, name, provider=provider, tell=tell, dialects=dialects)


def put_together(
    entries: list[LoggedEvent], name: str, *, provider: str | None, tell: Tell, dialects: tuple[Dialect, ...] = ()
) -> Cassette:
    """The cassette of what was logged. Times count from the first event."""
    known = _Known(dialects or tuple(DIALECTS.values()))
    origin = f"imported from {name.rsplit('/', 1)[-1]} (event log)"
    builder = Builder(provider, name=name, origin=origin, tell=tell)
    guessed: Counter[str] = Counter()
    empty = 0
    began = next((one.at for one in entries if one.at is not None), 0)
    for one in entries:
        body = one.body
        if body.get("delta") == CUT:
            body, empty = {**body, "delta": ""}, empty + 1
        sender = one.sender
        if sender is None:
            sender, sure = known.sender(body, one.line, name)
            guessed[str(body.get("type", next(iter(body), "")))[:60]] += not sure
        builder.frame(sender, Text(compact(body)), at_us=None if one.at is None else one.at - began)
    names = sorted(event for event, count in guessed.items() if count)
    if names:
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        tell(f"events of unknown names are taken for the server's: {', '.join(names[:5])}{more}")
    if empty:
        tell(f"the log has cut the audio of {empty} event(s); they are imported without it")
    return builder.cassette()


def lines_of(text: str, name: str) -> Iterator[tuple[int, Any]]:
    """(line, value) of JSON lines; None for a line that is no object, such as what a program printed between them."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line) if line.lstrip().startswith("{") else None
            except (ValueError, RecursionError) as error:
                raise bad(name, number, f"not JSON ({error})") from None


def _entry(line: int, one: Any, known: _Known, name: str) -> LoggedEvent | None:
    """The event of one object; None for a line of a log that is about something else."""
    if one is None:
        return None
    if not isinstance(one, dict):
        raise bad(name, line, "expected a JSON object: an event, or one with its direction and time")
    way = next((WAYS[word] for key in WHO if isinstance(word := one.get(key), str) and word in WAYS), None)
    for key in WHAT:  # of a provider whose events have no type, one stands under its own key beside the direction
        if way is not None and isinstance(one.get(key), dict) and known.sides(alone := {key: one[key]}):
            return LoggedEvent(line, way, _time(one, line, name), alone)
    if known.sides(one):
        return LoggedEvent(line, None, _time(one, line, name), one)
    is_log = "level" in one or "levelname" in one
    body = next((found for key in WHAT if (found := _object(one.get(key))) is not None), None)
    if body is not None:
        if way is None and is_log:
            return None  # a line about an event, such as LiveKit's of one that it does not handle
        return LoggedEvent(line, way, _time(one, line, name), body)
    if is_log:
        return None
    if isinstance(one.get("type"), str):  # an event of tomorrow
        return LoggedEvent(line, None, _time(one, line, name), one)
    raise bad(name, line, 'expected an event, or an object with one under "event"')


def _object(value: Any) -> dict[str, Any] | None:
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


Shape = tuple[Any, ...]


def _shape(body: dict[str, Any], depth: int = 3) -> Shape:
    """The names of the first fields, and of those within: what an event is told by where it has no type."""
    return tuple(
        (name, _shape(value, depth - 1)) if depth > 1 and isinstance(value := body[name], dict) else name
        for name in sorted(body)[:8]
    )


class _Known:
    """Whose an event is, by its name."""

    def __init__(self, dialects: tuple[Dialect, ...]) -> None:
        self._dialects = dialects
        self._told: dict[tuple[str, Shape], frozenset[Sender]] = {}

    def sides(self, body: dict[str, Any]) -> frozenset[Sender]:
        """The sides that send such an event, by any of the dialects."""
        key = (str(body.get("type")), _shape(body))
        found = self._told.get(key)
        if found is None:
            found = frozenset(
                sender
                for sender in Sender
                for dialect in self._dialects
                if dialect.read(body, sender).name in dialect.names(sender) and dialect.whose(body) in (None, sender)
            )
            if len(self._told) < 10_000:
                self._told[key] = found
        return found

    def sender(self, body: dict[str, Any], line: int, name: str) -> tuple[Sender, bool]:
        """Who sends it, and whether that is known: what a client can send is, so all else is taken for the server's."""
        sides = self.sides(body)
        if len(sides) > 1:
            raise bad(
                name, line, 'both sides send such an event: add who did ("direction": "client" or "server" beside it)'
            )
        return (next(iter(sides)), True) if sides else (Sender.SERVER, False)


def _time(one: dict[str, Any], line: int, name: str) -> Micros | None:
    for key in MILLISECONDS:
        if (value := one.get(key)) is not None:
            return _number(value, 1_000, line, name, key)
    for key in SECONDS:
        value = one.get(key)
        if isinstance(value, str):
            return moment(value, line, name)
        if value is not None:
            # Seconds since 1970 have ten digits, milliseconds thirteen; what is less is seconds since the beginning.
            big = isinstance(value, int | float) and value >= 1e11
            return _number(value, 1_000 if big else 1_000_000, line, name, key)
    return None


def _number(value: Any, unit: int, line: int, name: str, key: str) -> Micros:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < LONGEST_MS * 1e4:
        raise bad(name, line, f'"{key}" is a time, not {value!r:.40}')
    return round(value * unit)


def moment(text: str, line: int, name: str) -> Micros:
    """Microseconds since 1970 of a date and time (ISO 8601). Without a zone it is UTC: only distances count."""
    try:
        when = datetime.fromisoformat(text.strip().replace(",", "."))
    except ValueError:
        raise bad(name, line, f"a time is written as 2026-01-02T10:00:00.123Z, not {text!r:.40}") from None
    since = (when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return round(since.total_seconds() * 1_000_000)
