"""The client's half of a cassette, live: against our replay, our simulator, and gateways that do it wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from mockserver.cassette.model import Cassette, Record
from mockserver.cassette.store import load
from mockserver.core.frames import Answer, Binary, Close, Frame, Lost, Sender, Text
from mockserver.dialects.base import Dialect
from mockserver.dialects.registry import DIALECTS
from mockserver.engines.base import Source
from mockserver.engines.replay.source import Replay
from mockserver.engines.simulator import Rules, simulator
from mockserver.errors import UsageError
from mockserver.load.caller import Caller, CallerRole, CallOptions
from mockserver.load.outcome import CallReport, HeardReply
from tests.docs import TOP
from tests.every import every
from tests.load.booth import Gateway, Passing, played

EXACT = CallOptions(check="exact")
SPOKEN = [path.stem for path in sorted((TOP / "cassettes").glob("*.cassette")) if path.stem != "nova_sonic"]


@cache
def recorded(name: str) -> Cassette:
    return load(TOP / "cassettes" / f"{name}.cassette")


def behind(name: str) -> Replay:
    return Replay(recorded(name))


def modelled(replies: str) -> Source:
    return simulator("openai", replier=Rules.from_yaml(replies, source="-"), require_key=False)


def test_a_cassette_that_answers_itself_is_as_recorded() -> None:
    def as_recorded(name: str) -> None:
        report = played(recorded(name), behind(name), options=EXACT)
        assert report.good, list(report.faults())
        assert report.replies
        assert report.sent == sum(
            record.sender == "client" and isinstance(record.frame, Text | Binary)
            for record in recorded(name).connections[0].records
        )

    every(SPOKEN, as_recorded)


def test_the_simulator_answers_in_the_recorded_shape() -> None:
    text = (TOP / "tests" / "recordings" / "replies.yaml").read_text(encoding="utf-8")
    report = played(recorded("openai"), modelled(text))
    assert report.good, list(report.faults())
    [reply] = report.replies
    assert reply.over is not None
    other = played(recorded("openai"), modelled("otherwise: fail"))
    assert other.mismatches, "the control: a reply that fails is seen"


def test_times_are_taken_from_what_the_client_waits_from() -> None:
    report = played(recorded("openai"), behind("openai"), options=EXACT)
    assert report.opening == report.connected == 0 or report.opening is not None
    reply = report.replies[0]
    assert reply.sound is not None
    assert reply.over is not None
    assert reply.asked <= reply.begun <= reply.sound <= reply.over
    twice = played(recorded("openai"), behind("openai"), options=CallOptions(speed=2, check="exact"))
    assert twice.ended < report.ended


class Dropping(Gateway):
    """Loses the second piece of a reply's words."""

    def down(self, frame: Frame) -> Passing:
        if self.dialect.life.stream(self.name(frame)) in ("transcript", "text"):
            self.count += 1
            if self.count == 2:
                return []
        return [(0, frame)]


class Forgetting(Gateway):
    """Loses the end of a reply."""

    def down(self, frame: Frame) -> Passing:
        return [] if self.name(frame) in self.dialect.life.ends else [(0, frame)]


class Swapping(Gateway):
    """Two pieces of a text in the wrong order."""

    held: Frame | None = None

    def down(self, frame: Frame) -> Passing:
        if self.dialect.life.stream(self.name(frame)) in ("transcript", "text") and self.count < 2:
            self.count += 1
            if self.held is None:
                self.held = frame
                return []
            return [(0, frame), (0, self.held)]
        return [(0, frame)]


class Delaying(Gateway):
    """A reply begins 900 ms late, and all behind it."""

    late = 0

    def down(self, frame: Frame) -> Passing:
        if self.name(frame) in self.dialect.life.begins:
            self.late = 900_000
        return [(self.late, frame)]


class Stuttering(Gateway):
    """From the third piece of sound on, everything comes so late that what came before has been played."""

    late = 0

    def down(self, frame: Frame) -> Passing:
        if self.dialect.life.stream(self.name(frame)) == "audio":
            self.count += 1
            if self.count == 3:
                self.late = 2_000_000
        return [(self.late, frame)]


class Stripping(Gateway):
    """A field of the first event is gone."""

    def down(self, frame: Frame) -> Passing:
        if self.name(frame) in self.dialect.life.opening and isinstance(frame, Text):
            body = json.loads(frame.data)
            del body["session"]["model"]
            return [(0, Text(json.dumps(body)))]
        return [(0, frame)]


class Closing(Gateway):
    """Closes as the reply begins."""

    def down(self, frame: Frame) -> Passing:
        return [(0, Close(1011) if self.name(frame) in self.dialect.life.begins else frame)]


class Twice(Gateway):
    """Sends the end of a reply twice."""

    def down(self, frame: Frame) -> Passing:
        return [(0, frame)] * (2 if self.name(frame) in self.dialect.life.ends else 1)


GATEWAYS: dict[Callable[[Dialect], Gateway], tuple[str, str]] = {
    Dropping: ("exact", "mismatch: response.output_audio_transcript.delta"),
    Forgetting: ("shape", "mismatch: event gone: response.done"),
    Swapping: ("exact", "mismatch: response.output_audio_transcript.delta"),
    Delaying: ("shape", "late: "),
    Stuttering: ("shape", "gap: "),
    Stripping: ("shape", "mismatch: field gone: session.created: session<realtime>.model"),
    Closing: ("shape", "closed: close 1011"),
    Twice: ("shape", "mismatch: event added: response.done"),
}


def test_each_thing_that_a_gateway_does_wrong_is_found() -> None:
    def found(case: tuple[Callable[[Dialect], Gateway], tuple[str, str]]) -> None:
        gateway, (check, said) = case
        options = CallOptions(check=check, wait_s=5)  # type: ignore[arg-type]
        report = played(recorded("openai"), behind("openai"), gateway, options=options)
        assert any(line.startswith(said) for line in report.faults()), list(report.faults())
        assert not report.good
        control = played(recorded("openai"), behind("openai"), options=options)
        assert control.good, list(control.faults())

    every(GATEWAYS.items(), found)


def own_ids() -> Cassette:
    """A client that names its events and its item, as many do; the service says the item's name again."""
    whole = recorded("openai")
    line = whole.connections[0]
    item = next(
        body["item"]["id"]
        for record in line.records
        if isinstance(record.frame, Text)
        and (body := json.loads(record.frame.data))["type"] == "conversation.item.added"
    )
    records = []
    for place, record in enumerate(line.records):
        if record.sender == "client" and isinstance(record.frame, Text):
            body = json.loads(record.frame.data) | {"event_id": f"event_own{place:08}"}
            if "item" in body:
                body["item"]["id"] = item
            record = replace(record, frame=Text(json.dumps(body)))  # noqa: PLW2901
        records.append(record)
    return replace(whole, connections=(replace(line, records=tuple(records)),))


def test_a_service_that_ends_when_all_is_said_has_done_no_wrong() -> None:
    def ended(late_us: int) -> CallReport:
        """The connection is lost so long after the last frame."""
        role = CallerRole(recorded("openai"), recorded("openai").connections[0])
        caller = Caller(role, options=CallOptions(check="exact", ids=False))
        caller.opened(0)
        for record in recorded("openai").connections[0].records:
            if record.sender == "server":
                while (due := caller.wake_at()) is not None and due < record.at:
                    caller.wake(due)
                caller.feed(record.frame, record.at)
                last = record.at
                if late_us < 0 and "response.created" in str(record.frame):
                    break
        caller.feed(Lost(), last + abs(late_us))
        return caller.report

    assert ended(1_000).good
    assert next(ended(-1).faults()) == "closed: connection lost", "the control"


def test_ids_of_the_client_are_new_in_each_call_and_stand_for_the_same() -> None:
    cassette = own_ids()
    calls: list[list[Frame]] = [[], [], []]
    for sent, seed in zip(calls, (1, 1, 2), strict=True):
        report = played(cassette, Replay(cassette), options=EXACT, seed=seed, sent=sent)
        assert report.good, list(report.faults())
    first, again, other = ([json.loads(one.data) for one in sent if isinstance(one, Text)] for sent in calls)
    assert first == again
    before = str([record.frame for record in cassette.connections[0].records])
    for body, unlike in zip(first, other, strict=True):
        assert body["event_id"].startswith("event_")
        assert body["event_id"] != unlike["event_id"]
        assert body["event_id"] not in before
    assert first[0]["item"]["id"] not in before
    assert first[0]["item"]["id"].startswith("item_")
    kept: list[Frame] = []
    played(cassette, Replay(cassette), options=CallOptions(ids=False), sent=kept)
    assert all(isinstance(frame, Close) or str(frame) in before for frame in kept), "the control"


def test_a_gap_is_what_a_listener_hears() -> None:
    reply = HeardReply(0, 0)
    for at, lasts in ((0, 200), (50, 200), (300, 200), (705, 100), (900, 100)):
        reply.plays(at * 1_000, lasts * 1_000)
    assert reply.gaps == [100_000 - 5_000]


@pytest.mark.parametrize("wrong", [{"speed": 0}, {"wait_s": 0}, {"check": "some"}])
def test_a_wrong_option_fails_at_once(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(wrong))}="):
        CallOptions(**wrong)  # type: ignore[arg-type]


def test_every_websocket_provider_is_played() -> None:
    assert {DIALECTS[recorded(name).header.dialect].transport for name in SPOKEN} == {"websocket"}


class ClosingAtOnce(Gateway):
    """Closes before the client has said a word."""

    def down(self, frame: Frame) -> Passing:
        return [(0, Close(1011))]


def test_what_was_never_sent_is_told() -> None:
    closed = list(played(recorded("openai"), behind("openai"), ClosingAtOnce).faults())
    steps = len(CallerRole(recorded("openai"), recorded("openai").connections[0]).steps)
    assert f"mismatch: {steps} of {steps} client frames were never sent" in closed, closed


def test_an_end_that_the_service_makes_is_waited_for() -> None:
    whole = recorded("openai")
    line = whole.connections[0]
    kept = tuple(record for record in line.records if not isinstance(record.frame, Close | Lost))
    ends = Record(kept[-1].at + 1_000_000, Sender.SERVER, Close(1000))
    cassette = replace(whole, connections=(replace(line, records=(*kept, ends)),))

    def ended(last: Frame | None) -> CallReport:
        caller = Caller(CallerRole(cassette, cassette.connections[0]), options=CallOptions(wait_s=5, ids=False))
        caller.opened(0)
        for record in (*kept, *(() if last is None else (replace(ends, frame=last),))):
            while (due := caller.wake_at()) is not None and due < record.at:
                caller.wake(due)
            if record.sender is Sender.SERVER:
                caller.feed(record.frame, record.at)
        while (due := caller.wake_at()) is not None:
            caller.wake(due)
        return caller.report

    assert ended(Close(1000)).good, list(ended(Close(1000)).faults())
    [said] = ended(None).faults()
    assert said.startswith("mismatch: end changed: close 1000")


def test_a_recorded_refusal_is_as_recorded_and_another_is_not() -> None:
    whole = recorded("openai")
    cassette = replace(whole, connections=(replace(whole.connections[0], answer=Answer(401), records=()),))

    def refused(status: int) -> CallReport:
        caller = Caller(CallerRole(cassette, cassette.connections[0]))
        caller.refused(status, 1)
        return caller.report

    assert refused(401).good
    assert list(refused(403).faults()) == ["refused: the handshake was answered with HTTP 403"]


def test_without_a_check_only_times_are_taken() -> None:
    for gateway in (Stripping, Dropping):
        report = played(recorded("openai"), behind("openai"), gateway, options=CallOptions(check="none", wait_s=1))
        assert report.good, list(report.faults())
        assert report.replies[0].over is not None
