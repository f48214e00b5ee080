"""Faults together: any chain gives the same timeline for any driver, each run is the same, and they come and go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.frames import (
    MILLISECOND,
    Accept,
    Binary,
    Dialled,
    Effect,
    Event,
    Handshake,
    Note,
    Opened,
    Peer,
    Received,
    Send,
    Text,
    to_client,
)
from mockserver.core.journal import Journal
from mockserver.core.machine import Plan
from mockserver.dialects.base import Dialect
from mockserver.dialects.registry import DIALECTS
from mockserver.engines.base import SessionContext
from mockserver.engines.simulator import Reply, Scripted, simulator
from mockserver.errors import UsageError
from mockserver.faults import catalogue, drop, parse
from tests.faults.stage import Stage, turn

SPECS = [entry.example for entry in catalogue() if "60min" not in entry.example] + [
    "delay 30ms jitter 70ms on response.output_audio*.delta",
    "delay 10ms growing by 5ms alone on response.*",
    "delay 15ms jitter 15ms holding everything",
    "delay 40ms jitter 40ms on response.create",
    "reorder by 2 waiting 35ms on every 2nd response.output_audio.delta",
    "drop on response.*.delta with probability 30%",
    "duplicate with probability 20% with seed 3",
    "cancel midway after 130ms",
    "close 1011 after 333ms since response.created",
    "stall for 77ms on 3rd response.output_audio.delta",
    "bandwidth 20kB/s",
    "unknown event after 90ms since response.created",
    "drop after 200ms of audio for first attempt",
]
chains = st.lists(st.sampled_from(SPECS), min_size=1, max_size=5)
ticks = st.none() | st.integers(1, 400).map(lambda ms: ms * MILLISECOND) | st.integers(997, 50_000)


def run(chain: list[str], tick: int | None, *, seed: object = 0) -> Stage:
    return turn(*chain, tick=tick, seed=seed, second_at_ms=700, until_ms=3_000)


@given(chains, ticks, ticks)
def test_no_driver_changes_the_timeline(chain: list[str], one: int | None, other: int | None) -> None:
    assert run(chain, one).record == run(chain, other).record


@given(chains, st.integers(0, 3))
def test_the_same_seed_gives_the_same_run(chain: list[str], seed: int) -> None:
    first, again = run(chain, None, seed=seed), run(chain, None, seed=seed)
    assert first.record == again.record
    assert [armed.fired for armed in first.armed] == [armed.fired for armed in again.armed]


@pytest.mark.parametrize("spec", [spec for spec in SPECS if "jitter" in spec or "probability 30" in spec])
def test_another_seed_gives_another_run(spec: str) -> None:
    assert run([spec], None, seed=1).timeline != run([spec], None, seed=2).timeline


def test_a_seed_of_its_own_does_not_depend_on_the_session() -> None:
    spec = "duplicate with probability 20% with seed 3"
    assert run([spec], None, seed=1).names == run([spec], None, seed=2).names


@given(chains)
def test_every_firing_leaves_a_note(chain: list[str]) -> None:
    stage = run(chain, None)
    assert len(stage.notes) == sum(armed.fired for armed in stage.armed)
    for note in stage.notes:
        assert parse(note.data["fault"]).spec == note.data["fault"]
        assert note.data["did"]


def test_the_journal_alone_says_how_to_repeat_the_run() -> None:
    stage = run(["drop on response.*.delta with probability 30%"], None, seed="s")
    begin = stage.journal.entries[0].what
    assert isinstance(begin, Note)
    assert begin.data["seed"] == "s/0"
    assert stage.notes[0].data["fault"] == "drop on response.*.delta with probability 0.3"


def test_they_apply_in_the_order_of_the_list() -> None:
    twice_then_drop = turn("duplicate on response.done", "drop on 1st response.done")
    drop_then_twice = turn("drop on 1st response.done", "duplicate on response.done")
    assert twice_then_drop.names.count("response.done") == 1
    assert drop_then_twice.names.count("response.done") == 0


def test_two_faults_of_the_same_spec_roll_different_dice() -> None:
    spec = "duplicate on response.*.delta with probability 50%"
    stage = turn(spec, spec)
    assert stage.armed[0].fired != stage.armed[1].fired or len({n.data.get("event_id") for n in stage.notes}) > 4


def test_added_while_the_session_runs_and_taken_away_again() -> None:
    stage = Stage().open().send("response.create")
    stage.run(until_ms=100)
    armed, layer = stage.add("drop on response.output_audio.delta")
    stage.run(until_ms=180)
    stage.effects += stage.session.remove_layer(layer, stage.now)
    stage.run(until_ms=5_000)
    plain = Stage().open().send("response.create").run(until_ms=5_000)
    deltas = [pair for pair in plain.timeline if pair[1] == "response.output_audio.delta"]
    assert [pair for pair in stage.timeline if pair[1] == "response.output_audio.delta"] == [
        pair for pair in deltas if not 100 < pair[0] <= 180
    ]
    assert armed.fired == len([pair for pair in deltas if 100 < pair[0] <= 180]) > 0


@pytest.mark.parametrize(
    "spec",
    [
        "delay 1h on response.created",
        "stall on response.created",
        "hold until never on response.created",
        "reorder waiting 1h on rate_limits.updated",
        "bandwidth 10B/s",
    ],
)
def test_what_is_held_back_is_not_lost_when_the_fault_goes(spec: str) -> None:
    stage = Stage().open()
    _, layer = stage.add(spec)
    stage.send("response.create").run(until_ms=1_000)
    held = len(stage.names)
    stage.effects += stage.session.remove_layer(layer, stage.now)
    plain = Stage().open().send("response.create").run(until_ms=1_000)
    assert held < len(plain.names)
    assert sorted(stage.texts) == sorted(plain.texts)


def test_what_is_not_the_clients_wire_passes() -> None:
    layer = drop().arm().layer(Stage().log, Stage().dialect)
    for item in (
        Send(Peer.UPSTREAM, Text("x")),
        Received(Peer.UPSTREAM, Text("x")),
        Note("a", "b"),
        Received(Peer.UPSTREAM, Binary(b"x")),
        Dialled(answer=None),
    ):  # type: ignore[arg-type]
        assert list(layer.feed(item, 0)) == [item]
    assert list(layer.feed(Send(Peer.CLIENT, Text("x")), 0)) != [Send(Peer.CLIENT, Text("x"))]


class Tape:
    """An engine that says a list of frames, 20 ms apart, whatever it hears."""

    def __init__(self, frames: list[Text]) -> None:
        self.plan: Plan[Effect] = Plan()
        for number, frame in enumerate(frames):
            self.plan.add((number + 1) * 20 * MILLISECOND, to_client(frame))

    def feed(self, item: Event, now: int) -> list[Effect]:
        return [Accept()] if isinstance(item, Opened) else []

    def wake_at(self) -> int | None:
        return self.plan.next_due()

    def wake(self, now: int) -> list[Effect]:
        return self.plan.take(now)


def refused(spec: str, dialect: Dialect) -> bool:
    """What a provider cannot say, no fault makes it say."""
    try:
        parse(spec).arm().check(dialect)
    except UsageError:
        return True
    return False


MOST = 120
"""Frames of a session's: whatever is to fire has fired by then."""


def test_every_fault_stands_any_providers_frames(shared_capture: Path) -> None:
    """Real sessions of every provider, where they are at hand: each fault alone, for two drivers."""
    lines = [json.loads(line) for line in shared_capture.read_text().splitlines()]
    provider = lines[0]["provider"]
    dialect = DIALECTS.get(provider) or next(
        (each for name, each in DIALECTS.items() if provider.startswith(name)), DIALECTS["generic"]
    )
    frames = [
        Text(line.get("text") or json.dumps(line["json"]))
        for line in lines[1:]
        if line["from"] == "server" and ("text" in line or "json" in line)
    ][:MOST]

    def play(spec: str, tick: int | None) -> Stage:
        stage = Stage(spec, engine=Tape(frames), dialect=dialect, tick=tick).open()
        return stage.send("response.create").run(until_ms=20 * len(frames) + 2_000)

    plain = play("noop on nothing optional", None)
    assert plain.texts == [frame.data for frame in frames]
    fired = 0
    for spec in SPECS:
        if refused(spec, dialect):
            continue
        one, other = play(spec, None), play(spec, 7 * MILLISECOND)
        assert one.record == other.record
        # What a fault could not do is told too, and is no firing.
        assert one.armed[0].fired == sum(not note.text.startswith("sent no ") for note in one.notes)
        if not one.armed[0].fired:
            # A fault that did nothing has changed no frame and no order.
            assert one.texts == plain.texts or "reorder" in spec
        fired += bool(one.armed[0].fired)
    assert fired > 3


KNOCK = Handshake("/v1/realtime", (("model", "gpt-realtime"),), (("Authorization", "Bearer any"),))


def simulated(chain: list[str], tick: int | None) -> Stage:
    """Two turns of the simulator, the second of them cancelled."""
    replies = [Reply(text="the tide comes in"), Reply(text="twice a day " * 20)] * 3
    source = simulator("openai", replier=Scripted(replies))
    journal = Journal()
    engine = source.open(KNOCK, SessionContext(0, "0/0", journal.open(source.dialect).lens))
    stage = Stage(*chain, engine=engine, dialect=source.dialect, tick=tick).open(KNOCK)
    stage.send("response.create", at_ms=10).send("response.create", at_ms=4_000)
    return stage.send("response.cancel", at_ms=4_600).run(until_ms=9_000)


def test_control_the_simulator_speaks() -> None:
    done = [body["response"]["status"] for body in simulated([], None).bodies("response.done")]
    assert done == ["completed", "cancelled"]


@given(st.lists(st.sampled_from(SPECS), min_size=1, max_size=3), ticks)
def test_no_driver_changes_what_the_simulator_says(chain: list[str], tick: int | None) -> None:
    assert simulated(chain, tick).record == simulated(chain, None).record
