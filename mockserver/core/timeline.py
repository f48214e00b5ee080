"""What crossed the wire as lines for a person: time, direction, event, the few fields that matter.

The pieces of one stream are one line: of audio its duration, of a text its words. Nothing from the wire reaches a
terminal as it is: whatever is not printable is escaped (``safe``), so no frame can move a cursor, ring a bell or turn
text around.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from mockserver.core.entry import Entered
from mockserver.core.frames import Answer, Frame, Handshake, Micros, Note, Sender
from mockserver.core.view import Kind, Lens, Spoken, View

ARROWS = {Sender.CLIENT: "-->", Sender.SERVER: "<--", None: " * "}
WIDEST = 240
"""Characters of one line's text; a summary that a frame makes longer than this is cut."""

SLOW_MS = 1_000
"""Pieces that took longer to come say how long."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to show. ``at`` None leaves the time out; ``marked`` puts a ``>`` in front and keeps it out of runs."""

    session: int
    at: Micros | None
    sender: Sender | None
    what: Handshake | Answer | Frame | Note
    marked: bool = False


@dataclass(slots=True)
class _Run:
    """The pieces of one stream, of audio or of a text, that nothing but pieces of other streams comes between."""

    row: Row
    view: View
    told: str  # the first piece by itself
    stream: str
    count: int = 0
    milliseconds: float = 0.0
    words: str = ""
    said: bool = False
    last: Micros | None = None

    def add(self, row: Row, view: View, said: Spoken | None) -> None:
        """One more piece."""
        self.count, self.last = self.count + 1, row.at
        if view.audio is not None:
            self.milliseconds += view.audio.milliseconds()
        if said is not None:
            self.said = True
            self.words += said.text[: max(0, WIDEST - len(self.words))]


def entry_lines(journal: Entered, *, marked: Collection[int] = ()) -> list[str]:
    """A journal's lines; the entries whose index is in ``marked`` have a line of their own with a ``>``."""
    rows = (
        Row(
            one.session,
            one.at,
            one.sender,
            journal.shown(one.what) if isinstance(one.what, Handshake | Answer) else one.what,
            one.index in marked,
        )
        for one in journal.entries
    )
    return list(lines(rows, lambda session: journal.sessions[session].lens))


def lines(rows: Iterable[Row], lens_of: Callable[[int], Lens], *, merge: bool = True) -> Iterator[str]:
    """One line a row, pieces of a stream merged: mark, session, seconds since it began, direction, event, fields."""
    runs: dict[tuple[object, ...], _Run] = {}
    owners: dict[Sender | None, tuple[int, str | None]] = {}
    session: int | None = None
    for row in rows:
        if isinstance(row.what, Handshake | Answer | Note):
            told = _words(row.what)
        else:
            lens = lens_of(row.session)
            view = _view(lens, row.what, row.sender or Sender.SERVER)
            told = described(lens, view)
            if merge and not row.marked:
                said = _spoken(lens, view)
                if said is not None or view.audio is not None or view.kind is Kind.KEEPALIVE:
                    # What two sessions or two responses say in turns is seen in turns.
                    owner = (row.session, view.response_id)
                    if owners.get(row.sender, owner) != owner or session != row.session:
                        yield from map(_run_line, runs.values())
                        runs.clear()
                    owners[row.sender], session = owner, row.session
                    stream = "" if said is None else said.stream
                    key = (row.sender, view.name, view.item_id, stream)
                    if key not in runs:
                        runs[key] = _Run(row, view, told, stream)
                    runs[key].add(row, view, said)
                    continue
        yield from map(_run_line, runs.values())
        runs.clear()
        yield _line(row, told)
    yield from map(_run_line, runs.values())


def described(lens: Lens, view: View) -> str:
    """The event's name and its summary. A frame that the lens stumbles over is shown by its name alone."""
    try:
        summary = lens.summary(view)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError):
        summary = ""
    return f"{view.name}  {summary}".rstrip()


def safe(text: str, widest: int = WIDEST) -> str:
    """Text on one line in which every character that is not printable is escaped, cut to ``widest`` characters."""
    cut = text if len(text) <= widest else text[: widest - 1] + "…"
    return cut if cut.isprintable() else "".join(char if char.isprintable() else _escape(char) for char in cut)


def seconds_of(milliseconds: float) -> str:
    """A duration as people say it: ``40 ms``, ``1.2 s``."""
    return f"{milliseconds:.0f} ms" if milliseconds < 1_000 else f"{milliseconds / 1_000:.1f} s"


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _view(lens: Lens, frame: Frame, sender: Sender) -> View:
    try:
        return lens.view(frame, sender)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError):
        return View(Kind.OPAQUE, "unreadable")


def _spoken(lens: Lens, view: View) -> Spoken | None:
    """The words of a piece of a text; None where it is none, or is a whole text."""
    try:
        said = lens.spoken(view)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError):
        return None
    return None if said is None or said.whole else said


def _run_line(run: _Run) -> str:
    if run.count == 1:
        return _line(run.row, run.told)
    ids = " ".join(one for one in (run.stream, run.view.response_id, run.view.item_id) if one)
    what = "" if run.view.audio is None else f"{seconds_of(run.milliseconds)} of audio"
    if run.words or (not what and run.said):
        what = f"{what} {run.words!r}".lstrip()
    took = 0 if run.last is None or run.row.at is None else (run.last - run.row.at) / 1_000
    within = f" within {seconds_of(took)}" if took >= SLOW_MS else ""
    return _line(run.row, f"{run.count} x {run.view.name}  {what}{within} {ids}".rstrip())


def _words(what: Handshake | Answer | Note) -> str:
    match what:
        case Handshake():
            query = "&".join(f"{name}={value}" for name, value in what.query)
            return f"connect {what.path}{'?' if query else ''}{query}"
        case Answer():
            return f"answer {what.status}"
        case Note():
            return f"{what.kind}: {what.text}"


def _line(row: Row, said: str) -> str:
    time = f"{'':9}" if row.at is None else f"{row.at / 1e6:9.3f}"
    return f"{'>' if row.marked else ' '} {row.session} {time}  {ARROWS[row.sender]}  {safe(said)}"
