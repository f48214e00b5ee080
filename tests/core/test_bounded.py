"""A journal that does not grow says the same as one that does, as far as it has it, and says so where it has not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.bounded import PART, PART_BYTES, BoundedEntries
from mockserver.core.burst import Burst
from mockserver.core.frames import Binary, Close, Frame, Handshake, Lost, Note, Sender, Text
from mockserver.core.journal import Journal
from mockserver.core.shelf import unpacked
from mockserver.dialects.openai.lens import OPENAI
from mockserver.errors import ExpectationFailed


class Blocks:
    """A shelf in memory with room for some blocks."""

    def __init__(self, room: int = 1_000_000) -> None:
        self.blocks: list[bytes | None] = []
        self.oldest = 0
        self._room = room

    def put(self, data: bytes) -> None:
        """Keep it."""
        self.blocks.append(data)
        while len(self.blocks) - self.oldest > self._room:
            self.blocks[self.oldest] = None
            self.oldest += 1

    def get(self, number: int) -> bytes | None:
        """It, or None."""
        return self.blocks[number]


def bounded(*, most: int = 16, most_bytes: int = 1 << 30, room: int = 1_000_000) -> Journal:
    """A journal with a small memory."""
    return Journal(entries=BoundedEntries(Blocks(room), most=most, most_bytes=most_bytes))


def in_memory(journal: Journal) -> list[object]:
    """What it holds there."""
    assert isinstance(journal.entries, BoundedEntries)
    parts = [part.items for part in journal.entries._state.parts]
    return [item for items in (*parts, journal.entries.items) for item in items]


texts = st.text(max_size=20).map(lambda text: Text(json.dumps({"type": "x", "a": text})))
frames: st.SearchStrategy[Frame] = st.one_of(
    texts, st.builds(Binary, st.binary(max_size=20)), st.builds(Close, st.none() | st.just(1000)), st.builds(Lost)
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("frame"), st.sampled_from(Sender), frames),
        st.tuples(st.just("note"), st.none(), st.just(Note("x", "a note"))),
        st.tuples(st.just("shake"), st.none(), st.just(Handshake("/x"))),
        st.tuples(st.just("burst"), st.none(), st.lists(texts, min_size=1, max_size=9)),
    ),
    max_size=60,
)


@given(steps, st.integers(0, 80), st.sampled_from([16, 17, 40]), st.sampled_from([100, 1 << 30]))
def test_it_says_what_a_journal_without_bounds_says(script: list, index: int, most: int, most_bytes: int) -> None:
    plain, small = Journal(), bounded(most=most, most_bytes=most_bytes)
    for journal in (plain, small):
        logs = [journal.open(OPENAI), journal.open(OPENAI)]
        for at, (kind, sender, what) in enumerate(script):
            log = logs[at % 2]
            if kind == "burst":
                journal.burst(log, at, Burst([(one.data, None) for one in what]))
            else:
                journal.write(log, at, Sender.CLIENT if kind == "shake" else sender, what)
    assert list(small) == list(plain)
    assert len(small) == len(plain)
    assert list(small.entries.since(index)) == list(plain.entries.since(index))
    assert small.entries[2:index:3] == plain.entries[2:index:3]
    assert [small.entries[at] for at in range(len(plain))] == list(plain)
    assert [log.entries for log in small.sessions] == [log.entries for log in plain.sessions]
    assert small.timeline() == plain.timeline()
    assert small.gone() == 0
    assert len(small.sent_by_client()) == len(plain.sent_by_client())
    assert len(in_memory(small)) <= most + 9


def filled_up(room: int) -> Journal:
    """Two hundred frames of the client and as many of the server, in a journal with room for some."""
    journal = bounded(room=room)
    log = journal.open(OPENAI)
    for at in range(200):
        journal.write(log, at, Sender.CLIENT, Text(json.dumps({"type": "response.cancel", "n": at})))
        journal.write(log, at, Sender.SERVER, Text(json.dumps({"type": "response.done", "n": at})))
    journal.note(log, 200, Note("x", "the end"))
    return journal


@pytest.mark.parametrize(
    "check",
    [
        lambda journal: journal.sent_by_client("no.such").never(),
        lambda journal: journal.sent_by_client("response.cancel").at_most(1000),
        lambda journal: journal.sent_by_client("response.cancel").exactly(200),
        lambda journal: journal.sent_by_client("response.cancel", where={"n": 199}).once(),
        lambda journal: journal.sent_by_client("response.cancel").before(journal.sent_by_server("response.done")),
        lambda journal: journal.sent_by_client("response.cancel").first,
        lambda journal: journal.sent_by_client("response.cancel").bodies,
        lambda journal: len(journal.sent_by_client("response.cancel")),
        lambda journal: list(journal.frames(Sender.CLIENT)),
        lambda journal: journal.entries[3],
    ],
)
def test_a_check_that_needs_what_is_gone_fails_and_says_so(check: object) -> None:
    with pytest.raises(ExpectationFailed, match=r"cannot be? ?to?l?d?|cannot tell") as caught:
        check(filled_up(room=3))  # type: ignore[operator]
    assert "gone" in str(caught.value)
    assert "--journal-limit" in str(caught.value)


def test_what_can_be_told_without_it_holds() -> None:
    journal = filled_up(room=3)
    journal.sent_by_client("response.cancel").at_least(5)
    journal.sent_by_client("response.cancel", session=7).never()
    assert journal.gone(Sender.CLIENT) > 100
    assert journal.gone() == journal.gone(Sender.CLIENT) + journal.gone(Sender.SERVER)
    assert [note.kind for note in journal.notes()] == ["session", "journal", "x"]
    assert "are gone, the journal is bounded" in journal.timeline()
    assert journal.sessions[0].entries == 402


def test_where_nothing_is_gone_nothing_fails() -> None:
    journal = filled_up(room=1000)
    journal.sent_by_client("no.such").never()
    journal.sent_by_client("response.cancel").exactly(200)
    assert [note.kind for note in journal.notes()] == ["session", "x"]


def test_a_check_is_not_fooled_while_the_oldest_go() -> None:
    blocks = Blocks()
    journal = Journal(entries=BoundedEntries(blocks, most=16, most_bytes=1 << 30))
    logs = [journal.open(OPENAI), journal.open(OPENAI)]
    for at in range(60):
        journal.write(logs[at % 2], at, Sender.CLIENT, Binary(b"x"))
    blocks.oldest, blocks.blocks[:2] = 2, [None, None]  # two are given up, and the writer does not know it yet
    gone = 60 - len([*journal.present(Sender.CLIENT)])
    assert gone > 0
    assert journal.gone() == journal.gone(Sender.CLIENT) == gone
    assert journal.gone(session=0) + journal.gone(session=1) == gone
    with pytest.raises(ExpectationFailed, match=f"{gone} frames that may count are gone"):
        journal.sent_by_client("no.such").never()


def test_who_reads_on_while_the_oldest_go_is_told_that_they_went() -> None:
    journal = bounded(room=8)
    log = journal.open(OPENAI)
    for at in range(40):
        journal.write(log, at, Sender.CLIENT, Binary(b"x"))
    reading = iter(journal)
    seen = [next(reading) for _ in range(4)]
    for at in range(60):
        journal.write(log, at, Sender.CLIENT, Binary(b"x"))
    seen += reading
    frames = [entry.index for entry in seen if entry.sender]
    (place,) = [at for at, entry in enumerate(seen) if isinstance(entry.what, Note) and entry.what.kind == "journal"]
    before, after = seen[place - 1].index, seen[place + 1].index
    assert frames == [*range(1, before + 1), *range(after, frames[-1] + 1)]
    assert frames[-1] >= 40  # what was in memory then is there
    assert 4 <= before < after - 1
    assert seen[place].what.data["gone"] == after - 1


def test_entries_leave_a_few_at_a_time_so_that_nobody_waits_for_long() -> None:
    blocks = Blocks()
    journal = Journal(entries=BoundedEntries(blocks, most=1000, most_bytes=1 << 30))
    log = journal.open(OPENAI)
    left = 0
    for at in range(2000):
        journal.write(log, at, Sender.SERVER, Text("x"))
        before, left = left, len(journal) - len(in_memory(journal))
        assert left - before <= PART
    assert left >= 1000
    assert all(data is not None and len(unpacked(data)[1]) <= PART for data in blocks.blocks)


def test_who_listens_is_given_what_the_journal_says() -> None:
    journal, heard = bounded(), []
    journal.listen(heard.append)
    log = journal.open(OPENAI)
    for at in range(40):
        journal.write(log, at, Sender.CLIENT, Text("x") if at % 3 else Binary(b"y"))
    assert heard == list(journal)


def test_a_few_large_frames_leave_memory_too() -> None:
    journal = bounded(most=1000, most_bytes=10_000)
    log = journal.open(OPENAI)
    for at in range(100):
        journal.write(log, at, Sender.CLIENT, Binary(bytes(3000)))
    held = sum(len(item.what.data) for item in in_memory(journal) if hasattr(item, "what"))
    assert held <= 12_000
    assert len(journal.sent_by_client()) == 100


def test_large_frames_leave_memory_a_few_at_a_time() -> None:
    """Whoever writes waits for that, and so does every session."""
    shelf = Blocks()
    journal = Journal(entries=BoundedEntries(shelf, most=1000, most_bytes=32 * PART_BYTES))
    log = journal.open(OPENAI)
    size, left, most = PART_BYTES // 4, 0, 0
    for at in range(200):
        journal.write(log, at, Sender.CLIENT, Text("x" * size))
        gone = sum(len(block or b"") for block in shelf.blocks[left:])
        left, most = len(shelf.blocks), max(most, gone)
    assert PART_BYTES <= most < 2 * PART_BYTES
