"""Frames that go out together: as frames, as bytes, and in the journal."""

from __future__ import annotations

from mockserver.core.burst import Burst
from mockserver.core.entry import Entry
from mockserver.core.frames import Accept, Handshake, Hangup, Note, Opened, Sender, Text, to_client
from mockserver.core.journal import Journal
from mockserver.core.session import Session
from mockserver.core.view import PlainLens

BURST = Burst([("a=1", None), ("b=22", (2, 4, "live")), ("c=3ü", (2, 3, "é"))])
FILLED = [Text("a=1"), Text("b=live"), Text("c=éü")]


def test_a_burst_is_the_frames_with_what_is_put_into_them() -> None:
    assert list(BURST) == FILLED
    assert BURST[-1] == FILLED[-1]
    assert len(BURST) == 3
    assert list(BURST[1:]) == FILLED[1:]


class Speaker:
    """Accepts, then says a note, a burst and a close at 10; anything after that is too late."""

    def __init__(self) -> None:
        self.due: int | None = 10

    def feed(self, event: object, now: int) -> list[Accept]:
        return [Accept()]

    def wake_at(self) -> int | None:
        return self.due

    def wake(self, now: int) -> list[object]:
        raise AssertionError("the session asks for bursts where it can take them")

    def wake_bursts(self, now: int) -> list[object]:
        self.due = None
        return [Note("engine", "speaks"), BURST, Hangup(code=1000), BURST]


class Careful(Speaker):
    """The same engine where somebody has to see each frame."""

    def wake(self, now: int) -> list[object]:
        self.due = None
        return [Note("engine", "speaks"), *(to_client(frame) for frame in BURST), Hangup(code=1000)]

    def wake_bursts(self, now: int) -> list[object]:
        raise AssertionError("a frame would go by unseen")


def opened(engine: Speaker, journal: Journal, **more: object) -> Session:
    session = Session(engine, journal=journal, log=journal.open(PlainLens()), **more)
    session.feed(Opened(Handshake()), 0)
    return session


def whats(journal: Journal) -> list[object]:
    return [entry.what for entry in journal.entries if entry.sender is Sender.SERVER]


def test_a_shell_that_knows_no_bursts_gets_frames() -> None:
    journal = Journal()
    session = opened(Speaker(), journal)
    effects = session.wake(20)
    assert effects == [*(to_client(frame) for frame in FILLED), Hangup(code=1000)]
    assert whats(journal)[1:4] == FILLED


def test_a_burst_goes_out_whole_and_nothing_after_the_end() -> None:
    journal = Journal()
    bursts: list[Burst] = []
    effects: list[object] = []
    session = opened(Speaker(), journal, emit=effects.append, emit_burst=bursts.append)
    session.wake(20)
    assert bursts == [BURST]
    assert effects == [Accept(), Hangup(code=1000)]
    assert whats(journal)[1:4] == FILLED
    assert session.over


def test_a_sink_is_told_of_each_frame_before_it_goes_out() -> None:
    journal = Journal()
    order: list[object] = []
    journal.listen(lambda entry: order.append(entry.what))
    session = opened(Careful(), journal, emit=order.append, emit_burst=order.append)
    order.clear()
    session.wake(20)
    told = [one for frame in FILLED for one in (frame, to_client(frame))]
    assert order[1:7] == told


def test_the_journal_makes_entries_when_they_are_looked_at() -> None:
    journal = Journal()
    log = journal.open(PlainLens())
    journal.burst(log, 7, BURST)
    journal.write(log, 9, Sender.CLIENT, Text("end"))
    assert len(journal) == 5
    last = journal.entries[4]
    assert last == Entry(4, 0, 9, Sender.CLIENT, Text("end"))
    assert journal.entries[2] == Entry(2, 0, 7, Sender.SERVER, FILLED[1])
    assert journal.entries[2] is journal.entries[2]
    assert journal.entries[-1] is last
    assert [entry.index for entry in journal] == [0, 1, 2, 3, 4]
    assert [entry.what for entry in journal.entries[1:4]] == FILLED
    assert [entry.what for entry in journal.frames(Sender.SERVER)] == FILLED
    assert journal.entries == list(journal.entries)
    assert repr(FILLED[2]) in repr(journal.entries)
    assert last in journal.entries


def test_who_goes_through_the_journal_sees_what_comes_meanwhile() -> None:
    journal = Journal()
    log = journal.open(PlainLens())
    seen = []
    for entry in journal.entries:
        if not seen:
            journal.burst(log, 1, BURST)
        seen.append(entry.index)
    assert seen == [0, 1, 2, 3]
