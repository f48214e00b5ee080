"""``mockserver check``: a folder's cassettes are whole, hold no secret, are used, and their text twins are true."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mockserver.cassette.files.leftovers import STOPPED, UNSAFE, left_in, near_to
from mockserver.cassette.names import PARTIAL, SUFFIX
from mockserver.cli.common import escaped
from mockserver.cli.kinds import FILE
from mockserver.cli.orphans import cassettes, unused
from mockserver.errors import CassetteError, UsageError

if TYPE_CHECKING:
    from mockserver.cassette.model import Cassette

TWIN = ".txt"
"""Behind the cassette's name: ``NAME.cassette.txt``."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with a cassette. ``kind``: "damaged", "secret", "unused" or "twin"."""

    file: Path
    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


@click.command("check")
@click.argument("paths", nargs=-1, type=FILE, metavar="[FOLDER | FILE]...")
@click.option("--write", is_flag=True, help="Write the text twin of each cassette (NAME.cassette.txt).")
@click.option("--used", is_flag=True, help="Fail where no test run is noted, so that use cannot be looked at.")
@click.option("--json", "as_json", is_flag=True, help="Print one object of JSON.")
def check_command(paths: tuple[Path, ...], write: bool, used: bool, as_json: bool) -> None:
    """Look at every cassette of a FOLDER (by default this one), or at single FILEs.

    Each must be whole, hold no secret that today's rules know, and be used by a test (where a run of pytest is noted;
    see: orphans). Where one has a text twin beside it, all of them must, and each must be true: it is what reviewers
    read on a plain clone. --write writes them. Exit status 1 with a line for each thing that is wrong.
    """
    paths = paths or (Path(),)
    files = list(_found(paths))
    notes = _notes(paths)
    problems = complaints(paths, used=used, write=write)
    if as_json:
        told = [{"file": one.file.as_posix(), "kind": one.kind, "what": one.what} for one in problems]
        click.echo(json.dumps({"cassettes": len(files), "use_known": notes is not None, "problems": told}))
    else:
        for problem in problems:
            click.echo(escaped(str(problem)))
        for line in _left(paths):
            click.echo(f"mockserver: {escaped(line)}", err=True)
        if notes is None:
            click.echo("mockserver: no test run is noted here: which cassettes are used was not looked at", err=True)
        if not files and not problems:
            click.echo(f"no cassette in {', '.join(escaped(str(path)) for path in paths)}: nothing was looked at")
        elif not problems:
            click.echo(f"{len(files)} cassette{'' if len(files) == 1 else 's'}: nothing is wrong")
    if problems:
        raise SystemExit(1)


def complaints(paths: Sequence[Path], *, used: bool = False, write: bool = False) -> list[Complaint]:
    """What is wrong with the cassettes of these folders and files, by file. ``write``: twins are written first."""
    files, notes = list(_found(paths)), _notes(paths)
    if used and notes is None:
        raise UsageError("--used: no test run is noted here; run pytest first (its cache plugin must be on)")
    kept = write or any(_twins(path) for path in paths)
    problems = [problem for file in files for problem in _problems(file, write=write, kept=kept)]
    if notes is not None:
        problems += _unused(files, *notes)
    problems += [
        Complaint(twin, "twin", "no cassette stands beside this twin; remove it")
        for path in paths
        for twin in _twins(path)
        if not twin.with_suffix("").exists()
    ]
    return sorted(problems, key=lambda one: one.file)


def twin_of(cassette: Cassette) -> str:
    """The text that stands beside a cassette: the form of ``show --textconv``."""
    from mockserver.cassette import render

    return "".join(f"{escaped(line)}\n" for line in render.textconv(cassette))


def _found(paths: Sequence[Path]) -> Iterator[Path]:
    for path in dict.fromkeys(paths):
        if path.is_dir():
            # What a recorder left because it was to stop is finished by whoever opens it.
            yield from dict.fromkeys(
                (*cassettes(path), *(place for _, place, kind in left_in(path) if kind == STOPPED))
            )
        elif path.name.endswith(SUFFIX + TWIN):  # a hook names every file of a commit: its cassette is meant
            if path.with_suffix("").is_file():
                yield path.with_suffix("")
        elif path.exists():
            yield path
        else:
            near = near_to(path)
            meant = "" if near is None else f"; did you mean {near}?"
            raise UsageError(f"check: no such file or folder: {path}{meant}")


def _left(paths: Sequence[Path]) -> Iterator[str]:
    """Recordings that are no cassettes yet: none of them is wrong, and none of them is to be forgotten."""
    for left, place, kind in (one for path in paths if path.is_dir() for one in left_in(path)):
        if kind == PARTIAL:
            yield f"{left}: a recording that has not ended; keep it: mockserver import {left} --to {place}"
        elif kind == UNSAFE:
            yield f"{left}: holds a secret; make a cassette of it: mockserver scrub --rule ... {left} --to {place}"


def _twins(path: Path) -> list[Path]:
    """The twins of a folder, or those beside a file."""
    folder = path if path.is_dir() else path.parent
    pattern = f"*{SUFFIX}{TWIN}"
    return sorted(folder.rglob(pattern) if path.is_dir() else folder.glob(pattern))


def _problems(file: Path, *, write: bool, kept: bool) -> Iterator[Complaint]:
    from mockserver.cassette.clean import standing
    from mockserver.cassette.render import lens_of
    from mockserver.cassette.store import load, redactor_for
    from mockserver.server.config import find

    try:
        cassette = load(file)
    except CassetteError as error:
        yield Complaint(file, "damaged", str(error).removeprefix(f"{file}: "))
        return
    redactor = redactor_for(lens_of(cassette), rules=find(file.resolve().parent).redact)
    secret = next(standing(cassette, redactor), None)
    if secret is not None or cassette.header.unsafe:
        where = f"{secret[0]} holds a secret ({secret[1]})" if secret else "it says of itself that it holds a secret"
        yield Complaint(file, "secret", f"{where}; take it out: mockserver scrub --in-place {file}")
        return  # no twin may repeat it
    if kept:
        yield from _twin(file, twin_of(cassette), write=write)


def _twin(file: Path, text: str, *, write: bool) -> Iterator[Complaint]:
    twin = file.with_name(f"{file.name}{TWIN}")
    try:
        stands = twin.read_bytes()
    except FileNotFoundError:
        stands = None
    if stands is not None and stands.replace(b"\r\n", b"\n") == text.encode():
        return
    if write:
        twin.write_bytes(text.encode())
        return
    wrong = "others here have a text twin, it has none" if stands is None else f"its twin {twin.name} says otherwise"
    yield Complaint(file, "twin", f"{wrong}; write it: mockserver check --write {file}")


def _notes(paths: Sequence[Path]) -> tuple[Path, dict[str, set[str]]] | None:
    """Pytest's root folder and what it noted, from the first path up."""
    from mockserver.pytest_plugin.notes import read

    here = paths[0].resolve()
    for root in (here, *here.parents):
        noted = read(root / ".pytest_cache")
        if noted:
            return root, noted
        if (root / ".git").exists():
            break
    return None


def _unused(files: Sequence[Path], root: Path, notes: dict[str, set[str]]) -> Iterator[Complaint]:
    for file in files:
        if file.resolve().is_relative_to(root):
            complaint = unused(file.resolve(), root, notes)
            if complaint:
                yield Complaint(file, "unused", complaint)
