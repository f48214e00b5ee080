"""Every real session that is at hand, replayed: as it was, and to a client that renames its ids and
cuts its audio anew.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mockserver.cassette.files.foreign import detect_and_import
from mockserver.cassette.model import Cassette, Record
from mockserver.core.frames import Close, Frame, Text
from mockserver.core.view import Kind
from mockserver.dialects.causes import APART
from mockserver.dialects.registry import dialect_named
from mockserver.engines.replay.source import Replay
from tests.engines.driving import C, Live, S, frame, play, with_records

SAID = re.compile(r'("text"\s*:\s*")')
URL_SAFE = str.maketrans("-_", "+/")
ECHOES = ("conversation.item.added", "conversation.item.created")


def server_side(cassette: Cassette) -> list[Frame]:
    return [record.frame for record in cassette.connections[0].records if record.sender is S]


@pytest.mark.parametrize("pacing", ["recorded", "instant", "<=20ms", 3])
def test_a_capture_comes_back_as_it_was(shared_capture: Path, pacing: str | float) -> None:
    cassette = detect_and_import(shared_capture)
    source = Replay(cassette, pacing=pacing)
    live = Live(source, began=150)  # a real server needs some time to open a connection
    play(live, cassette.connections[0].records)
    assert lanes(live.frames(), cassette) == lanes(server_side(cassette), cassette)
    assert source.problems() == []


def lanes(said: list[Any], cassette: Cassette) -> list[list[Any]]:
    """What the service said on a clock of its own, and the rest: how the two cross is the pace's affair."""
    dialect, connection = dialect_named(cassette.header.dialect), cassette.connections[0]
    causes, apart = dialect.causes(), set()
    for record in connection.records:
        view = dialect.view(record.frame, record.sender)
        if record.sender is C:
            if view.kind is Kind.AUDIO:
                causes.audio()
            else:
                causes.client(0, view, lambda: ())
        elif connection.timed and causes.server(view.name, record.frame, lambda: ()).chain == APART:
            apart.add(view.name)
    names = [dialect.view(frame(one), S).name for one in said]
    both = zip(names, said, strict=True)
    found: list[list[Any]] = [[], []]
    for name, one in both:
        found[name in apart].append(one)
    return found


def body(record: Record) -> Any:
    return json.loads(record.frame.data) if isinstance(record.frame, Text) else None


def with_ids_of_the_client(records: Iterable[Record]) -> list[Record]:
    """The capture as if the client had named each item, event and response itself, as livekit
    does.
    """
    records = list(records)
    bodies = [body(record) for record in records]
    echoed = [
        one["item"]["id"]
        for record, one in zip(records, bodies, strict=True)
        if record.sender is S
        and one
        and one.get("type") in ECHOES
        and one["item"].get("role") in (None, "user", "system")
        and one["item"].get("type") != "function_call"
    ]
    created = [one for record, one in zip(records, bodies, strict=True) if record.sender is S and _is_response(one)]
    asked = 0
    for number, (record, one) in enumerate(zip(records, bodies, strict=True)):
        if record.sender is not C or not isinstance(one, dict) or "type" not in one:
            continue
        one["event_id"] = f"client-event-{number}"
        if one["type"] == "conversation.item.create" and echoed and one["item"].get("role") != "assistant":
            one["item"]["id"] = echoed.pop(0)
        if one["type"] == "response.create" and created:
            asked += 1
            metadata = {"client_event_id": f"client-response-{asked}"}
            one["response"] = {**one.get("response", {}), "metadata": metadata}
            name = created.pop(0)["response"]["id"]
            for other in bodies:
                if _is_response(other) and other["response"]["id"] == name:
                    other["response"]["metadata"] = metadata
            for other in bodies:
                if isinstance(other, dict) and other.get("type") == "response.done" and other["response"]["id"] == name:
                    other["response"]["metadata"] = metadata
    return [
        record if one is None else replace(record, frame=Text(json.dumps(one)))
        for record, one in zip(records, bodies, strict=True)
    ]


def _is_response(one: Any) -> bool:
    return isinstance(one, dict) and one.get("type") == "response.created"


def minted_by_the_client(records: Iterable[Record]) -> set[str]:
    ids = set()
    for record in records:
        one = body(record)
        if record.sender is C and isinstance(one, dict):
            ids |= {one.get("event_id"), (one.get("item") or {}).get("id")}
            ids |= set(((one.get("response") or {}).get("metadata") or {}).values())
    return {one for one in ids if one}


def renamed(value: Any, ids: set[str]) -> Any:
    match value:
        case dict():
            return {key: renamed(one, ids) for key, one in value.items()}
        case list():
            return [renamed(one, ids) for one in value]
        case str() if value in ids:
            return f"live/{value[::-1]}"
        case _:
            return value


PIECES = 1_000
"""At most so many pieces stand for what the client said in one go: more show nothing more."""


def rechunked(records: Iterable[Record], dialect_name: str, size: int) -> Iterator[Record]:
    """The same records with the client's audio in pieces of ``size`` bytes, where it stood
    together.
    """
    dialect = dialect_named(dialect_name)
    held: list[tuple[Record, bytes]] = []
    for record in [*records, Record(0, S, Close())]:
        view = dialect.view(record.frame, record.sender)
        if record.sender is C and view.kind is Kind.AUDIO and view.audio is not None:
            here: Any = view.body
            for step in view.audio.path:
                here = here[step]
            # Some are URL-safe, and some were cut by hand.
            kept = re.sub("[^A-Za-z0-9+/]", "", here.translate(URL_SAFE))
            held.append((record, base64.b64decode(kept[: len(kept) // 4 * 4])))
            continue
        if held:
            whole, first = b"".join(data for _, data in held), held[0][0]
            path = dialect.view(first.frame, C).audio.path  # type: ignore[union-attr]
            step_size = max(size, len(whole) // PIECES | 1)
            for start in range(0, len(whole), step_size):
                shaped = body(first)
                place = shaped
                for step in path[:-1]:
                    place = place[step]
                place[path[-1]] = base64.b64encode(whole[start : start + step_size]).decode()
                yield replace(first, frame=Text(json.dumps(shaped)))
            held = []
        yield record


@pytest.mark.parametrize("size", [7, 1_000, 10_000_000])
def test_a_capture_stands_new_ids_and_other_chunks(shared_capture: Path, size: int) -> None:
    imported = detect_and_import(shared_capture)
    records = with_ids_of_the_client(imported.connections[0].records)
    cassette = with_records(imported, records)
    ids = minted_by_the_client(records)
    chunked = list(rechunked(records, cassette.header.dialect, size))[:-1]

    def rename(one: Frame) -> tuple[Frame, ...]:
        return (Text(json.dumps(renamed(json.loads(one.data), ids))),) if isinstance(one, Text) else (one,)

    source = Replay(cassette)
    live = Live(source)
    play(live, chunked, rename)
    expected = [renamed(body(record), ids) for record in records if record.sender is S]
    assert lanes(live.bodies(), cassette) == lanes(expected, cassette)
    assert source.problems() == []
    # What the client named is named by the server too, wherever the client created something.
    names = [one.get("type") for one in map(body, records) if isinstance(one, dict)]
    asked = [name for name in names if name == "response.create" and "response.created" in names]
    assert ("live/" in json.dumps(expected)) is bool(asked)


def test_a_capture_with_one_word_changed_is_a_departure(shared_capture: Path) -> None:
    cassette = detect_and_import(shared_capture)
    records = list(cassette.connections[0].records)
    changed = 0
    for place, record in enumerate(records):
        if record.sender is C and isinstance(record.frame, Text) and not changed:
            text, changed = SAID.subn(r"\1not ", record.frame.data, count=1)
            records[place] = replace(record, frame=Text(text))
    source = Replay(cassette)
    play(Live(source), records)
    told = [str(one) for one in source.problems()]
    # A capture in which the client says nothing in writing is not changed, and no departure.
    assert [" live 'not " in one for one in told] == [True] * changed
