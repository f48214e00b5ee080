"""``mockserver review BASE``: what has happened to cassettes since a commit, as Markdown for a reviewer."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mockserver.cassette.names import SUFFIX
from mockserver.cli.check import Complaint, complaints
from mockserver.cli.git import check_repository
from mockserver.core.timeline import safe
from mockserver.errors import CassetteError, UsageError

if TYPE_CHECKING:
    from mockserver.cassette.model import Cassette

LARGEST = 900_000
"""Characters in all. A job's summary may have a megabyte; cassettes that do not fit are named only."""


@click.command("review")
@click.argument("base", metavar="BASE")
@click.option("--used", is_flag=True, help="Fail for a cassette that no test uses, and where no test run is noted.")
def review_command(base: str, used: bool) -> None:
    """Print as Markdown how cassettes have changed since the commit BASE, and what is wrong with any of them.

    For each cassette that is new, changed or removed: its conversation or the differences, and which faults stood
    around the client while it was made. Wrong is what check says is: damaged, a secret inside, no test that uses it, a
    text twin that says otherwise. Exit status 1 where something is wrong; a change alone is not.
    """
    top = Path(_git("rev-parse", "--show-toplevel").decode().strip())
    commit = _git("rev-parse", "--verify", "--end-of-options", f"{base}^{{commit}}").decode().strip()
    wrong = complaints((top,), used=used)
    closed = {one.file for one in wrong if one.kind in ("secret", "damaged")}
    names = _git("-C", str(top), "diff", "--name-only", "-z", "--no-renames", commit, "--", f"*{SUFFIX}")
    changed = [top / name.decode(errors="surrogateescape") for name in names.split(b"\0") if name]
    click.echo(f"## Cassettes: {len(changed)} changed, {len(wrong)} wrong")
    if wrong:
        click.echo("\n### What is wrong\n")
        for line in _listed(top, wrong):
            click.echo(line)
    left = LARGEST
    for file in changed:
        text = "\n".join(_one(top, file, commit, closed=file in closed))
        if len(text) > left:
            text = f"### {_code(file.relative_to(top).as_posix())}: changed; too much for this page"
        left -= len(text)
        click.echo(f"\n{text}")
    if wrong:
        raise SystemExit(1)


def _listed(top: Path, wrong: list[Complaint]) -> Iterator[str]:
    for one in wrong:
        yield f"- {_code(one.file.relative_to(top).as_posix())}: {_code(one.what)}"


def _one(top: Path, file: Path, commit: str, *, closed: bool) -> Iterator[str]:
    """One cassette: nothing of one that holds a secret, or that cannot be read."""
    from mockserver.cassette import markdown as form
    from mockserver.cassette.diff import diff, headers, waits

    name = file.relative_to(top).as_posix()
    if closed:
        yield f"### {_code(name)}: not shown, see above"
        return
    try:
        before, now = _before(top, name, commit), _read(file, name)
    except CassetteError as error:
        yield f"### {_code(name)}: what it was before cannot be read: {_code(str(error))}"
        return
    if before is None and now is not None:
        yield from form.alone(now, added=True)
    elif now is None and before is not None:
        # What it held is gone, and may have been a secret: its name is enough.
        yield f"### {_code(name)}: removed"
    elif before is not None and now is not None:
        yield from form.changed(now, diff(before, now), waits(before, now), headers(before, now))


def _read(file: Path, name: str) -> Cassette | None:
    from mockserver.cassette.store import load

    return replace(load(file), path=name) if file.exists() else None


def _before(top: Path, name: str, commit: str) -> Cassette | None:
    """The cassette as the commit has it, or None. One that would not be shown today is not read."""
    from mockserver.cassette.clean import standing
    from mockserver.cassette.render import lens_of
    from mockserver.cassette.store import load, redactor_for
    from mockserver.server.config import find

    listed = _git("-C", str(top), "ls-tree", "-z", commit, "--", name)
    if not listed:
        return None
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"before{SUFFIX}"
        file.write_bytes(_git("-C", str(top), "cat-file", "blob", f"{commit}:{name}"))
        cassette = replace(load(file), path=name)
    redactor = redactor_for(lens_of(cassette), rules=find(top).redact)
    if cassette.header.unsafe or next(standing(cassette, redactor), None) is not None:
        raise CassetteError("it held a secret")
    return cassette


def _code(text: str) -> str:
    from mockserver.cassette.markdown import code

    return code(safe(text, 600))


def _git(*words: str) -> bytes:
    try:
        done = subprocess.run(["git", *words], capture_output=True, check=False)
    except FileNotFoundError:
        raise UsageError("review: there is no git on this machine") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        check_repository(said, "review")
        raise UsageError(f"review: git {' '.join(words[:4])} failed: {said}; is BASE a commit that this clone has?")
    return done.stdout
