"""Every real session that is at hand, to a client that keeps in step and to one that sends all it has at once.

Each is played with the ids of the client renamed and its audio in other pieces, at the recorded pace and at once.
Nothing may be missing and nothing may be extra. ``pytest -s`` prints the table.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mockserver.cassette.files.foreign import detect_and_import
from mockserver.cassette.model import Record
from mockserver.core.frames import Close, Frame, Lost, Text
from mockserver.engines.replay.source import Replay
from tests.engines.driving import C, Live, S, play, with_records
from tests.engines.replay.test_captures import (
    minted_by_the_client,
    rechunked,
    renamed,
    with_ids_of_the_client,
)

ROWS: list[str] = []
CHUNK = 1_000


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """Print what was found."""
    yield
    if ROWS:
        print("\n" + "\n".join(ROWS))


def counted(frames: list[Any]) -> Counter[str]:
    return Counter(json.dumps(one, sort_keys=True) if isinstance(one, dict | list) else repr(one) for one in frames)


def at_once(live: Live, records: list[Record], change: Any) -> None:
    """A client that sends everything as soon as it may: it waits for nothing that the service says."""
    live.wait(1)
    for record in records:
        if record.sender is C and not isinstance(record.frame, Close | Lost):
            for one in change(record.frame):
                live.send(one)
    live.wait(3_600_000)


@pytest.mark.parametrize("pacing", ["recorded", "instant"])
@pytest.mark.parametrize("client", ["in step", "greedy"])
def test_nothing_is_missing_and_nothing_is_extra(shared_capture: Path, client: str, pacing: str) -> None:
    imported = detect_and_import(shared_capture)
    records = with_ids_of_the_client(imported.connections[0].records)
    cassette = with_records(imported, records)
    ids = minted_by_the_client(records)
    sent = list(rechunked(records, cassette.header.dialect, CHUNK))[:-1]

    def rename(one: Frame) -> tuple[Frame, ...]:
        return (Text(json.dumps(renamed(json.loads(one.data), ids))),) if isinstance(one, Text) else (one,)

    source = Replay(cassette, pacing=pacing, allow_unplayed=["close"])
    live = Live(source)
    (play if client == "in step" else at_once)(live, sent, rename)
    wanted = [renamed(json.loads(one.frame.data), ids) if isinstance(one.frame, Text) else one.frame
              for one in records if one.sender is S]  # fmt: skip
    missing, extra = counted(wanted) - counted(live.bodies()), counted(live.bodies()) - counted(wanted)
    told = [str(one).splitlines()[0] for one in source.problems()]
    ROWS.append(
        f"{shared_capture.stem[:64]:64} {client:8} {pacing:9} {len(wanted):5} frames  "
        f"{missing.total():3} missing {extra.total():3} extra  {told[0] if told else ''}"
    )
    assert (missing, extra, told) == (Counter(), Counter(), [])
