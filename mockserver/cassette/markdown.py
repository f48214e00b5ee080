"""What a reviewer reads on the hosting site: how a cassette changed, as Markdown for a comment or a job's summary.

Everything from a cassette stands in a fenced block whose fence is longer than any run of backticks inside, with every
character that is not printable escaped. So nothing a recording says can become a heading, a link, a mention or HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from mockserver.cassette.diff import Difference
from mockserver.cassette.model import Cassette
from mockserver.cassette.render import summary, textconv
from mockserver.core.timeline import safe

MOST_LINES = 200
WIDEST = 600
"""A comment may have 65,536 characters; a job's summary is larger. What is left out is counted."""
MOST_CHARACTERS = 40_000


def changed(
    second: Cassette,
    differences: Sequence[Difference],
    waits: Sequence[Difference] = (),
    headers: Sequence[Difference] = (),
) -> Iterator[str]:
    """The differences of ``second`` from what it was, each with both of its sides; then the waits that changed.

    ``headers``: what the headers say otherwise. It stands first: a recording of another server is another witness.
    """
    count = f"{len(differences)} difference{'' if len(differences) == 1 else 's'}"
    yield f"### {_named(second)}: {count if differences else 'the same conversation'}"
    yield from _faults(second)
    if headers:
        yield ""
        yield "Its header, which is no difference in the conversation:"
        yield ""
        yield from _fenced("diff", _sides(headers))
    if differences:
        yield ""
        yield from _fenced("diff", _sides(differences))
    if waits:
        yield ""
        yield "Times, which are no difference in the conversation:"
        yield ""
        yield from _fenced("diff", _sides(waits))


def alone(cassette: Cassette, *, added: bool) -> Iterator[str]:
    """A cassette that is new, or was removed: what its header says, and the conversation folded away."""
    yield f"### {_named(cassette)}: {'new' if added else 'removed'}"
    yield from _faults(cassette)
    yield ""
    yield from _fenced("text", (line.strip() for line in summary(cassette)))
    if added:
        yield ""
        yield "<details><summary>The conversation</summary>"
        yield ""
        yield from _fenced("text", textconv(cassette))
        yield ""
        yield "</details>"


def _sides(differences: Iterable[Difference]) -> Iterator[str]:
    for (where, frames), group in groupby(differences, lambda one: (one.where, one.frames)):
        left, right = ("-" if number is None else str(number) for number in frames)
        yield f"@@ {where} [{left} | {right}] @@"
        for one in group:
            path = f"{one.path}: " if one.path else ""
            if one.before is None and one.after is None:
                yield f"! {one.what}"
                continue
            if one.before is not None:
                yield f"- {path}{one.before}"
            if one.after is not None:
                yield f"+ {path}{one.after}"


def _fenced(kind: str, told: Iterable[str]) -> Iterator[str]:
    lines: list[str] = []
    size = more = 0
    for line in told:
        shown = safe(line, WIDEST)
        if len(lines) >= MOST_LINES or size + len(shown) > MOST_CHARACTERS:
            more += 1
            continue
        lines.append(shown)
        size += len(shown) + 1
    if more:
        lines.append(f"... {more} more line{'' if more == 1 else 's'}")
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}{kind}"
    yield from lines
    yield fence


def _named(cassette: Cassette) -> str:
    """The file's name as code: no name of a file makes Markdown."""
    return code(safe(cassette.path or "cassette", 200))


def code(name: str) -> str:
    """A text without line ends as code."""
    longest = max((len(run) for run in re.findall("`+", name)), default=0)
    ticks = "`" * (longest + 1)
    return f"{ticks} {name} {ticks}" if longest else f"`{name}`"


def _faults(cassette: Cassette) -> Iterator[str]:
    if cassette.header.faults:
        yield ""
        yield "Made while faults stood around the client (nothing of them is in the recording):"
        yield ""
        yield from _fenced("text", cassette.header.faults)
