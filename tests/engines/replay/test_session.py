"""Replay as properties: what was recorded comes back, whatever the client renames, re-chunks,
delays or hurries.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mockserver.core.frames import Frame, Peer, Received, Text, frame_to_client
from mockserver.engines.replay.source import Replay
from tests.engines.dialogues import Line, Scene, scenes
from tests.engines.driving import C, Live, S, frame


def sent(scene: Scene) -> list[Line]:
    return [line for line in scene.lines if line.sender is S]


def at_recorded_times(live: Live, scene: Scene) -> None:
    for line in scene.lines:
        if line.sender is C:
            live.wait((line.at - live.now) / 1_000)
            live.send(line.body)
    live.wait(60_000)


def whole() -> Scene:
    """Everything that scenes are made of, once."""
    scene = Scene()
    scene.opens()
    scene.updates()
    scene.adds("one")
    scene.deletes(scene.adds("two"))
    scene.asks()
    scene.asks(aside=True)
    scene.asks(named=False)
    scene.hears()
    scene.commits()
    scene.calls()
    scene.fails()
    return scene


@given(scenes())
@example(whole())
def test_replay_of_a_record_is_the_identity(scene: Scene) -> None:
    source = Replay(scene.cassette())
    live = Live(source)
    at_recorded_times(live, scene)
    assert live.got == [(line.at, frame(line.body)) for line in sent(scene)]
    assert source.problems() == []


def renamed(value: Any) -> Any:
    """Every id that these dialogues' clients mint, under another name, wherever it stands as a
    whole string.
    """
    match value:
        case dict():
            return {key: renamed(one) for key, one in value.items()}
        case list():
            return [renamed(one) for one in value]
        case str() if value.startswith(("item_mine", "response_create_", "upd_", "add_", "ask_", "bad_", "del_")):
            return f'zz-{value[::-1]} "ü\\'
        case _:
            return value


@given(scenes())
@example(whole())
def test_ids_that_the_client_renames_come_back_renamed_and_nothing_else(scene: Scene) -> None:
    source = Replay(scene.cassette())
    live = Live(source)
    for line in scene.lines:
        if line.sender is C:
            live.wait((line.at - live.now) / 1_000)
            live.send(renamed(line.body))
    live.wait(60_000)
    assert live.bodies() == [renamed(line.body) for line in sent(scene)]
    assert source.problems() == []
    untouched = [
        (ours, line) for (_, ours), line in zip(live.got, sent(scene), strict=True) if renamed(line.body) == line.body
    ]
    assert all(ours == frame(line.body) for ours, line in untouched)


def rechunked(lines: Iterable[Line], sizes: Iterator[int]) -> Iterator[Any]:
    """The client's frames with its audio cut anew. Audio never crosses a frame of another kind."""
    held = b""
    for line in lines:
        if line.body["type"] == "input_audio_buffer.append":
            held += base64.b64decode(line.body["audio"])
            continue
        while held:
            size = next(sizes)
            yield {
                "type": "input_audio_buffer.append",
                "audio": base64.b64encode(held[:size]).decode(),
            }
            held = held[size:]
        yield line.body
    while held:
        size = next(sizes)
        yield {"type": "input_audio_buffer.append", "audio": base64.b64encode(held[:size]).decode()}
        held = held[size:]


@given(scenes(), st.lists(st.integers(1, 30_000), min_size=1, max_size=5))
@example(whole(), [7_777])
@example(whole(), [1])
def test_any_chunking_of_the_audio_gives_the_same_frames(scene: Scene, sizes: list[int]) -> None:
    def cycle() -> Iterator[int]:
        while True:
            yield from (max(size, 997) for size in sizes)

    source = Replay(scene.cassette(), pacing="instant")
    live = Live(source)
    for body in rechunked((line for line in scene.lines if line.sender is C), cycle()):
        live.send(body)
        live.wait(1)
    live.wait(60_000)
    assert sorted(map(repr, live.frames())) == sorted(repr(frame(line.body)) for line in sent(scene))
    assert source.problems() == []


@given(scenes(), st.sampled_from([0.1, 0.5, 3, 10]))
@example(whole(), 10)
@example(whole(), 0.1)
def test_delays_are_the_recorded_ones_for_slower_and_faster_clients(scene: Scene, slower: float) -> None:
    live = Live(Replay(scene.cassette()))
    when: dict[int, int] = {}
    before = last = 0
    for place, line in enumerate(scene.lines):
        if line.sender is C:
            # What floats beside the client's audio is not waited for: this client has
            # spoken long before it, or long after.
            while not _floating(scene, place) and len(live.got) < before:
                live.wait((live.session.wake_at() - live.now) / 1_000)  # type: ignore[operator]
            live.wait(round((line.at - last) * slower) / 1_000)
            live.send(line.body)
            when[place] = live.now
        before += line.sender is S
        last = line.at
    live.wait(60_000)
    arrived = {one: at for at, one in live.got}
    assert len(arrived) == len(sent(scene))
    for line in sent(scene):
        if line.cause is not None:
            assert arrived[frame(line.body)] - when[line.cause] == line.at - scene.lines[line.cause].at


def _floating(scene: Scene, place: int) -> bool:
    """Whether something is answered after a client line that was caused before it."""
    return any(line.cause is not None and line.cause < place for line in scene.lines[place + 1 :])


@given(scenes(), st.lists(st.integers(0, 90), max_size=40))
@example(whole(), [1, 2, 3, 50] * 10)
def test_the_timeline_does_not_depend_on_when_the_driver_looks(scene: Scene, looks: list[int]) -> None:
    def run(ticks: Iterable[int]) -> list[tuple[int, Frame]]:
        live = Live(Replay(scene.cassette()))
        session = live.session
        moments = sorted({line.at for line in scene.lines if line.sender is C} | set(ticks))
        for moment in moments:
            live._take(session.wake(moment))
            for line in scene.lines:
                if line.sender is C and line.at == moment:
                    live._take(session.feed(Received(Peer.CLIENT, frame(line.body)), moment))
        live._take(session.wake(scene.now + 60_000_000))
        return [(entry.at, entry.what) for entry in live.journal.frames(S)]  # type: ignore[misc]

    assert run(()) == run(moment * 37_000 for moment in looks)


def test_what_is_fed_at_one_time_is_answered_at_that_time_when_instant() -> None:
    scene = whole()
    live = Live(Replay(scene.cassette(), pacing="instant"))
    for line in scene.lines:
        if line.sender is C:
            live.send(line.body)
    assert {at for at, _ in live.got} == {0}
    assert len(live.got) == len(sent(scene))


def test_a_cap_bounds_each_wait_and_keeps_the_order() -> None:
    scene = Scene()
    scene.opens()
    asked = scene.request(gap=40_000)
    scene.answers(asked, scene.lines[asked].body["response"]["metadata"], gap=900_000)
    live = Live(Replay(scene.cassette(), pacing="<=250ms"))
    live.wait(1_000)
    live.send(scene.lines[asked].body)
    live.wait(60_000)
    times = [at - 1_000_000 for at, _ in live.got[1:]]
    assert times == [250_000 * place for place in range(1, len(times))] + [250_000 * (len(times) - 1) + 1_000]
    assert live.frames() == [frame(line.body) for line in sent(scene)]


def test_a_speed_factor_of_two_halves_the_waits() -> None:
    scene = Scene()
    scene.opens()
    scene.updates(gap=100_000)
    live = Live(Replay(scene.cassette(), pacing=2))
    live.wait(500)
    live.send(scene.lines[1].body)
    live.wait(1_000)
    assert [at for at, _ in live.got] == [10_000, 550_000]


def test_bytes_that_hold_no_alias_go_out_as_recorded() -> None:
    odd = '{"type" : "session.created",\n "session":{"x":"\\u00fc\\/"} , "n":1.50}\r\n'
    scene = Scene()
    scene.server(odd)
    scene.adds("x")
    live = Live(Replay(scene.cassette(), pacing="instant"))
    live.send(renamed(scene.lines[1].body))
    assert live.frames()[0] == Text(odd)
    text = live.frames()[1]
    assert isinstance(text, Text)
    assert json.loads(text.data)["item"]["id"] == renamed("item_mine0001")


@pytest.mark.long
def test_the_first_frames_of_a_long_recording_do_not_wait_for_the_rest() -> None:
    scene = Scene()
    scene.opens()
    asked = scene.request()
    name = scene.begins(asked, scene.lines[asked].body["response"]["metadata"])
    for place in range(20_000):
        scene.says(name, str(place), 10, asked)
    scene.ends(name, None, 10, asked)
    source = Replay(scene.cassette(), pacing="instant")
    live = Live(source)
    engine = live.session.engine
    assert engine.score.read < 3_000
    first = [
        one
        for one in live.session.feed(Received(Peer.CLIENT, frame(scene.lines[asked].body)), 0)
        if frame_to_client(one)
    ]
    assert 0 < len(first) <= 256
    assert engine.score.read < 3_000
    live.wait(1_000)
    assert len(first) + len(live.got) == len(sent(scene))
