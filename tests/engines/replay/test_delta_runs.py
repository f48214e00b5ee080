"""A frame that is like the one before it is told by comparing; that must give what reading it in full gives."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.burst import Burst
from mockserver.core.frames import Text
from mockserver.dialects.registry import dialect_named
from mockserver.engines.replay import delta_stream
from mockserver.engines.replay.aliases import Aliases, cut
from mockserver.engines.replay.delta_runs import DeltaShape, shape_like, shape_of
from mockserver.engines.replay.source import Replay
from tests.engines.driving import C, Live, S, recording

ITEM, LIVE = "item_minted_by_the_client_1", "item_minted_by_the_live_one"
NAME, RESPONSE = "response.output_audio.delta", "resp_1"


def delta(event: str = "event_000001", carried: str = "AAAA", **more: Any) -> str:
    body = {"type": NAME, "event_id": event, "response_id": RESPONSE, "item_id": ITEM, "delta": carried}
    return json.dumps({**body, **more}, separators=(",", ":"), ensure_ascii=False)


def shape(text: str, *ids: str) -> DeltaShape | None:
    known: list[DeltaShape] = []
    shape_of(text, frozenset(ids), known, (NAME, RESPONSE))
    return known[0] if known else None


def test_only_the_event_id_and_what_is_carried_may_differ() -> None:
    one = shape(delta(), ITEM)
    assert one is not None
    assert one.fits(delta("event_000002", "BBBBBBBB"))
    assert one.fits(delta("event_000002", "x" * 4000))
    assert not one.fits(delta("event_2"))  # all places after it would move
    assert not one.fits(delta().replace(RESPONSE, "resp_2"))
    assert not one.fits(delta().replace(NAME, "response.output_text.delta"))
    assert not one.fits(delta('a"b":"c"d,e').replace('\\"', '"'))  # a quote in place of the id


def test_a_client_id_that_a_frame_carries_is_not_overlooked() -> None:
    one = shape(delta(), ITEM)
    assert one is not None
    assert not one.fits(delta(carried=ITEM))
    assert not one.fits(delta(more=ITEM))
    assert not one.fits(delta(carried="x" * 4000, more=ITEM))
    same_size = shape(delta(), ITEM, "event_0000x1")
    assert same_size is not None
    assert same_size.fits(delta("event_000002"))
    assert not same_size.fits(delta("event_0000x1"))


def test_no_shape_where_what_tells_a_frame_stands_behind_what_it_carries() -> None:
    body = json.loads(delta())
    behind = {"delta": body.pop("delta"), **body}
    assert shape(json.dumps(behind), ITEM) is None
    assert shape(json.dumps(json.loads(delta())), ITEM) is not None  # blanks do not matter
    assert shape(delta(carried=ITEM), ITEM) is None
    assert shape(delta(event=ITEM), ITEM) is None
    assert shape('{"type":"response.done"}') is None


def test_shapes_of_two_kinds_in_turn_are_both_known() -> None:
    known: list[DeltaShape] = []
    words = delta().replace(NAME, "response.output_audio_transcript.delta")
    for text in (delta(), words):
        shape_of(text, frozenset((ITEM,)), known, ())
    assert shape_like(known, delta("event_000009")) is known[1]
    assert shape_like(known, words) is known[0]
    assert shape_like(known, '{"type":"response.done"}') is None


TEXT = st.one_of(
    st.text(st.sampled_from('ab"\\ ,:{}é\u2028'), max_size=12),
    st.sampled_from([ITEM, "msg_2", 'say "msg_2"', "x" * 700, ""]),
)
DELTAS = st.builds(
    delta,
    st.sampled_from(["event_000001", "event_000002", "event_3", ITEM, "msg_2", 'event\\000"']),
    TEXT,
    more=TEXT,
    output_index=st.integers(0, 1),
)


@given(st.lists(DELTAS, min_size=2, max_size=6), st.sets(st.sampled_from([ITEM, "msg_2", "event_000002"])))
def test_where_a_shape_fits_the_ids_are_where_cutting_finds_them(texts: list[str], ids: set[str]) -> None:
    known: list[DeltaShape] = []
    shape_of(texts[0], frozenset(ids), known, (NAME, RESPONSE))
    aliases = Aliases()
    aliases.learn([(ITEM, 'live "é" id'), ("msg_2", None)])
    dialect = dialect_named("openai")
    for text in texts[1:]:
        if not known or not known[0].fits(text):
            continue
        parts = cut(text, ids) if ids else None
        filled = text if parts is None else aliases.fill(parts)
        (made,) = Burst([(text, known[0].fill(aliases))])
        assert made == Text(filled)
        view = dialect.view(Text(text), S)
        assert (view.name, view.response_id) == (NAME, RESPONSE)


# --- the same session with and without ---------------------------------------------------------------------------


def session(deltas: Sequence[tuple[int, str]], *, apart: Sequence[tuple[int, str]] = ()) -> Any:
    item = {"id": ITEM, "type": "message", "role": "user", "content": []}
    response = {"id": RESPONSE, "status": "in_progress", "output": []}
    lines: list[tuple[int, Any, Any]] = [
        (0, S, {"type": "session.created"}),
        (10, C, {"type": "conversation.item.create", "item": item}),
        (20, S, {"type": "conversation.item.added", "item": item}),
        (30, C, {"type": "response.create"}),
        (40, S, {"type": "response.created", "response": response}),
        *((50 + at, S, text) for at, text in deltas),
        *((50 + at, S, text) for at, text in apart),
        (9_000, S, {"type": "response.done", "response": {**response, "status": "completed"}}),
    ]
    return recording(*sorted(lines, key=lambda line: line[0]))


def played(cassette: Any, pacing: str, *, live_id: str = LIVE) -> list[Any]:
    live = Live(Replay(cassette, pacing=pacing))
    item = {"id": live_id, "type": "message", "role": "user", "content": []}
    live.send({"type": "conversation.item.create", "item": item})
    live.wait(25)
    live.send({"type": "response.create"})
    live.wait(20_000)
    assert live.names()[-1] == "response.done"
    return live.got


@pytest.mark.parametrize("pacing", ["recorded", "instant", "<=3ms", "2"])
@given(
    deltas=st.lists(st.tuples(st.integers(0, 40), DELTAS), max_size=30),
    apart=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(['{"type":"rate_limits.updated"}'])), max_size=3),
)
def test_runs_change_nothing_in_what_a_client_gets_and_when(
    pacing: str, deltas: list[tuple[int, str]], apart: list[tuple[int, str]]
) -> None:
    cassette = session(deltas, apart=apart)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delta_stream, "shape_of", lambda *_: None)
        slowly = played(cassette, pacing)
    assert played(cassette, pacing) == slowly


@pytest.mark.parametrize("pacing", ["recorded", "instant"])
def test_a_long_response_is_played_in_runs_and_renamed(pacing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cassette = session([(place, delta(f"event_{place:06d}", "A" * 800)) for place in range(3000)])
    told: list[str] = []
    monkeypatch.setattr(delta_stream, "shape_of", lambda text, *rest: (told.append(text), shape_of(text, *rest)))
    got = [frame.data for _, frame in played(cassette, pacing) if NAME in frame.data]
    assert got == [delta(f"event_{place:06d}", "A" * 800).replace(ITEM, LIVE) for place in range(3000)]
    assert len(told) == 1  # all others were like the second
