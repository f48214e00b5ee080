"""A session routes items through its layers in list order, and writes its journal at the client's wire."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.frames import (
    Accept,
    Close,
    Effect,
    Event,
    Handshake,
    Hangup,
    Item,
    Lost,
    Note,
    Opened,
    Peer,
    Received,
    Send,
    Sender,
    Tell,
    Text,
    to_client,
)
from mockserver.core.journal import Journal
from mockserver.core.machine import Plan
from mockserver.core.session import Session
from mockserver.core.view import PlainLens


class Parrot:
    """Accepts; says every text again 100 microseconds later; hangs up on "bye"; notes what it is told."""

    def __init__(self) -> None:
        self.plan: Plan[Effect] = Plan()

    def feed(self, event: Event, now: int) -> Iterable[Effect]:
        match event:
            case Opened():
                yield Accept()
            case Received(Peer.CLIENT, Text("bye")):
                yield Hangup(code=4000, reason="bye")
                yield to_client(Text("too late"))
            case Received(Peer.CLIENT, Text(data)):
                self.plan.add(now + 100, to_client(Text(data)))
            case Tell(word):
                yield Note("engine", f"told {word}")
            case _:
                pass

    def wake_at(self) -> int | None:
        return self.plan.next_due()

    def wake(self, now: int) -> list[Effect]:
        return self.plan.take(now)


class Stamp:
    """Marks every text that passes, both ways; answers "ask" itself; tells the engine of "tell" on its way down."""

    def __init__(self, mark: str, hold_us: int = 0) -> None:
        self.mark, self.hold_us = mark, hold_us
        self.plan: Plan[Item] = Plan()

    def feed(self, item: Item, now: int) -> Iterable[Item]:
        match item:
            case Received(Peer.CLIENT, Text("ask")):
                return [to_client(Text(f"answer of {self.mark}"))]
            case Received(Peer.CLIENT, Text(data)) if data != "bye":
                return [Received(Peer.CLIENT, Text(f"{data}{self.mark}"))]
            case Send(Peer.CLIENT, Text(data)) if data.startswith("tell"):
                return [Tell("seen"), item]
            case Send(Peer.CLIENT, Text(data)):
                marked = to_client(Text(f"{data}{self.mark}"))
                if not self.hold_us:
                    return [marked]
                self.plan.add(now + self.hold_us, marked)
                return []
            case _:
                return [item]

    def wake_at(self) -> int | None:
        return self.plan.next_due()

    def wake(self, now: int) -> list[Item]:
        return self.plan.take(now)

    def release(self, now: int) -> list[Item]:
        return self.plan.clear()


def begin(*layers: Stamp) -> tuple[Session, Journal]:
    journal = Journal(seed=7)
    session = Session(Parrot(), journal=journal, log=journal.open(PlainLens()), layers=layers)
    assert session.feed(Opened(Handshake("/")), 0) == [Accept()]
    return session, journal


def say(session: Session, text: str, now: int) -> list[Effect]:
    return session.feed(Received(Peer.CLIENT, Text(text)), now)


def said(journal: Journal, sender: Sender) -> list[tuple[int, object]]:
    return [(entry.at, entry.what) for entry in journal.frames(sender)]


def test_both_ways_a_frame_meets_the_layers_in_list_order() -> None:
    session, journal = begin(Stamp("1"), Stamp("2"))
    assert say(session, "a", 5) == []
    assert session.wake_at() == 105
    assert session.wake(105) == [to_client(Text("a1212"))]
    assert said(journal, Sender.CLIENT) == [(5, Text("a"))], "as it came, before any layer"
    assert said(journal, Sender.SERVER) == [(105, Text("a1212"))], "as it went out, after every layer"


def test_an_effect_from_a_layer_goes_on_from_its_own_place() -> None:
    session, _ = begin(Stamp("1"), Stamp("2"))
    assert say(session, "ask", 5) == [to_client(Text("answer of 12"))]


def test_an_event_from_a_layer_on_the_way_down_reaches_the_engine() -> None:
    session, journal = begin(Stamp("1"))
    say(session, "tell", 5)
    session.wake(105)
    assert [note.text for note in journal.notes("engine")] == ["told seen"]


def test_nothing_is_sent_after_the_end_and_the_end_is_written_once() -> None:
    session, journal = begin()
    assert say(session, "bye", 5) == [Hangup(code=4000, reason="bye")]
    assert session.over
    assert said(journal, Sender.SERVER) == [(5, Close(4000, "bye"))]


def test_what_was_due_before_an_item_goes_out_before_it() -> None:
    session, journal = begin()
    say(session, "a", 0)
    out = say(session, "bye", 300)
    assert out == [to_client(Text("a")), Hangup(code=4000, reason="bye")]
    assert said(journal, Sender.SERVER)[0] == (100, Text("a")), "at its due time, not at the driver's"


def test_a_layer_taken_away_lets_go_what_it_holds() -> None:
    holder = Stamp("h", hold_us=1_000_000)
    session, _ = begin(holder, Stamp("2"))
    say(session, "a", 0)
    assert session.wake(200) == []
    assert session.remove_layer(holder, 200) == [to_client(Text("ah2h2"))]
    assert session.wake_at() is None


@given(st.lists(st.integers(0, 2_000), max_size=30), st.lists(st.integers(0, 900), max_size=5))
def test_tick_invariance(ticks: list[int], words: list[int]) -> None:
    def run(extra: list[int]) -> list[tuple[int, object]]:
        session, journal = begin(Stamp("1", hold_us=70), Stamp("2"))
        moments = sorted([(at, 0, "") for at in extra] + [(at, 1, f"w{at}") for at in words])
        for at, _, word in moments:
            if word:
                say(session, word, at)
            else:
                session.wake(at)
        session.wake(5_000)
        return said(journal, Sender.SERVER)

    assert run(ticks) == run([])
    assert len(run([])) == len(words)


def test_the_first_entry_holds_the_seed() -> None:
    _, journal = begin()
    first = journal.entries[0].what
    assert isinstance(first, Note)
    assert first.data["seed"] == "7/0"


def test_a_session_that_the_shell_ends_is_over_and_its_engine_knows_nothing_of_it() -> None:
    """The client has not left: an engine that is told so would take it for the client's own end."""

    class Watching(Parrot):
        def feed(self, event: Event, now: int) -> Iterable[Effect]:
            seen.append(event)
            return super().feed(event, now)

    seen: list[Event] = []
    journal = Journal()
    session = Session(Watching(), journal=journal, log=journal.open(PlainLens()))
    session.feed(Opened(Handshake()), 0)
    session.cut(5, "the server closed")
    session.cut(6, "twice")
    assert session.over
    last = journal.entries[-1]
    assert (last.at, last.sender, last.what) == (5, Sender.CLIENT, Lost("the server closed"))
    assert seen == [Opened(Handshake())]


class Eager(Parrot):
    """Says many frames at once, and passes on what an upstream says."""

    passes = True

    def wake_bursts(self, now: int) -> Iterable[Effect]:
        return self.wake(now)


def test_of_an_engine_that_is_given_up_nothing_is_kept() -> None:
    journal = Journal()
    session = Session(Eager(), journal=journal, log=journal.open(PlainLens()))
    session.feed(Opened(Handshake()), 0)
    engine = weakref.ref(session.engine)
    session.give_up(Parrot())
    gc.collect()
    assert engine() is None
    assert session.feed(Received(Peer.UPSTREAM, Text("late")), 5) == []
