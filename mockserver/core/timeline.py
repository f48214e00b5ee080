"""A journal as lines for a person."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from mockserver.core.frames import Answer, Handshake, Note, Sender

if TYPE_CHECKING:
    from mockserver.core.journal import Entry, Journal

ARROWS = {Sender.CLIENT: "-->", Sender.SERVER: "<--", None: " * "}


def entry_lines(journal: Journal, *, marked: Collection[int] = ()) -> list[str]:
    """One line an entry: mark, session, seconds since it began, direction, event, the few fields that matter."""
    return [_line(journal, entry, entry.index in marked) for entry in journal.entries]


def _line(journal: Journal, entry: Entry, marked: bool) -> str:
    what = entry.what
    if isinstance(what, Handshake):
        said = f"connect {what.path}"
    elif isinstance(what, Answer):
        said = f"answer {what.status}"
    elif isinstance(what, Note):
        said = f"{what.kind}: {what.text}"
    else:
        lens = journal.sessions[entry.session].lens
        view = lens.view(what, entry.sender or Sender.SERVER)
        said = f"{view.name}  {lens.summary(view)}".rstrip()
    said = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in said)
    return f"{'>' if marked else ' '} {entry.session} {entry.at / 1e6:9.3f}  {ARROWS[entry.sender]}  {said}"
