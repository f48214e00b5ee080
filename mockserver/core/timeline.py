"""What crossed the wire as lines for a person: time, direction, event, the few fields that matter.

A run of audio frames of one stream is one line with its duration. Nothing from the wire reaches a terminal as it is:
whatever is not printable is escaped (``safe``), so no frame can move a cursor, ring a bell or turn text around.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from mockserver.core.entry import Entered
from mockserver.core.frames import Answer, Frame, Handshake, Micros, Note, Sender
from mockserver.core.view import Kind, Lens, View

ARROWS = {Sender.CLIENT: "-->", Sender.SERVER: "<--", None: " * "}
WIDEST = 240
"""Characters of one line's text; a summary that a frame makes longer than this is cut."""


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
    """Frames of one audio stream that follow each other."""

    row: Row
    view: View
    count: int = 1
    milliseconds: float = 0.0


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
    """One line a row, audio runs merged: mark, session, seconds since the session began, direction, event, fields."""
    run: _Run | None = None
    for row in rows:
        if isinstance(row.what, Handshake | Answer | Note):
            if run is not None:
                yield _run_line(run)
                run = None
            yield _line(row, _words(row.what))
            continue
        lens = lens_of(row.session)
        view = _view(lens, row.what, row.sender or Sender.SERVER)
        if merge and run is not None and _same_stream(run, row, view):
            run.count += 1
            run.milliseconds += view.audio.milliseconds() if view.audio is not None else 0
            continue
        if run is not None:
            yield _run_line(run)
            run = None
        if merge and view.audio is not None and not row.marked:
            run = _Run(row, replace(view, extra={"line": described(lens, view)}), 1, view.audio.milliseconds())
        else:
            yield _line(row, described(lens, view))
    if run is not None:
        yield _run_line(run)


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


def _same_stream(run: _Run, row: Row, view: View) -> bool:
    first = run.view
    return (
        view.audio is not None
        and not row.marked
        and (run.row.session, run.row.sender) == (row.session, row.sender)
        and (first.name, first.response_id, first.item_id) == (view.name, view.response_id, view.item_id)
    )


def _run_line(run: _Run) -> str:
    if run.count == 1:
        return _line(run.row, str(run.view.extra["line"]))
    ids = " ".join(one for one in (run.view.response_id, run.view.item_id) if one)
    said = f"{run.count} x {run.view.name}  {seconds_of(run.milliseconds)} of audio {ids}"
    return _line(run.row, said.rstrip())


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
