"""What recordings leave beside a cassette's place where they could not be finished there.

    NAME.cassette.partial     being written, or left by a recorder that was killed
    NAME.cassette.stopped     left by a recorder that was asked to stop: the next command that opens NAME finishes it
    NAME.cassette.unsafe      holds a secret that could not be taken out: for its owner only, git ignores it, and
                              nothing replays it; ``mockserver scrub`` makes a cassette of it

Whole files are read and written in ``cassette.store``.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import cast

from mockserver.cassette import codec
from mockserver.cassette.files.places import read_at
from mockserver.cassette.model import Cassette, Connection
from mockserver.cassette.names import PARTIAL, SUFFIX
from mockserver.cassette.reader import decode
from mockserver.core.frames import Frame
from mockserver.errors import CassetteError, CassetteMissing, UsageError

FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
STOPPED, UNSAFE = ".stopped", ".unsafe"
MOST = 100
LARGEST = 8 << 30
"""Bytes. A file is read whole, so a larger one is refused before that."""


def leftovers(path: str | os.PathLike[str], ending: str = PARTIAL) -> list[Path]:
    """The files of one ending beside a cassette's place, first the one without a number."""
    file = Path(path)
    if not file.parent.is_dir():
        return []
    names = (f"{file.name}{ending}", *(f"{file.name}.{number}{ending}" for number in range(2, MOST)))
    return [file.parent / name for name in names if (file.parent / name).is_file()]


def temporary(file: Path) -> Path:
    """A new name beside the file, so that moving it into place is one step on the same disk."""
    return file.with_name(f".{file.name}.{os.getpid()}.{os.urandom(4).hex()}{PARTIAL}")


def stopped(file: Path) -> list[Path]:
    """What is to be finished; nearly always nothing, which one look tells."""
    return leftovers(file, STOPPED) if file.name and file.with_name(f"{file.name}{STOPPED}").is_file() else []


def left_in(folder: Path) -> Iterator[tuple[Path, Path, str]]:
    """What recordings have left in a folder and those below it: the file, the cassette's place, the ending."""
    for left in sorted(folder.rglob(f"*{SUFFIX}.*")):
        name, _, rest = left.name.rpartition(SUFFIX)
        number, ending = left.with_name(rest).stem.removeprefix("."), left.suffix
        if ending in (PARTIAL, STOPPED, UNSAFE) and (rest == ending or number.isdecimal()):
            yield left, left.with_name(name + SUFFIX), ending


def whole(file: Path) -> bytes:
    """All bytes of a file, or one line that says why not."""
    try:
        if file.is_dir():
            raise CassetteError(f"{file}: is a directory; expected a cassette file (NAME{SUFFIX})")
        if file.exists() and not file.is_file():
            raise CassetteError(f"{file}: is not a regular file; expected a cassette file (NAME{SUFFIX})")
        with file.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > LARGEST:
                raise CassetteError(f"{file}: {size} bytes is more than the {LARGEST} that a cassette may have")
            return stream.read()
    except FileNotFoundError:
        raise missing(file) from None
    except ValueError:
        raise UsageError(f"{str(file)!r:.120}: not a file name (it holds a NUL character)") from None
    except OSError as error:
        raise CassetteError(f"{file}: cannot be read: {error.strerror}; check the path and its permissions") from None


def missing(file: Path) -> CassetteMissing:
    """The error for a cassette that is not there, with what lies in its place."""
    left = leftovers(file)
    if left:
        return CassetteMissing(
            f"{file}: no such cassette, but {left[0]} holds a recording that did not end; look at it with "
            f"`mockserver show {left[0]}`, keep it with `mockserver import {left[0]} --to {file}`"
        )
    near = near_to(file)
    if near is not None:
        return CassetteMissing(
            f"{file}: no such cassette; did you mean {near}? If it is to be a new one, "
            f"record it with `mockserver record --upstream PROVIDER --to {file}`"
        )
    return CassetteMissing(
        f"{file}: no such cassette; record it with `mockserver record --upstream PROVIDER --to {file}`"
    )


def near_to(file: Path, *, ending: str = SUFFIX) -> Path | None:
    """The file whose name is most like the one asked for, in its folder or, where there is none, beside that.

    ``ending``: only files with this one; "" for all.
    """
    folder = file.parent
    try:
        if folder.is_dir():
            found = list(folder.glob(f"*{ending}"))
        elif folder.parent.is_dir():
            found = [*folder.parent.glob(f"*/*{ending}"), *folder.parent.glob(f"*{ending}")]
        else:
            return None
    except OSError:
        return None
    names = {one.as_posix().removesuffix(SUFFIX): one for one in found}
    top = folder if folder.is_dir() else folder.parent
    short = {name[len(top.as_posix()) :]: one for name, one in names.items()}
    asked = file.as_posix().removesuffix(SUFFIX)[len(top.as_posix()) :]
    near = get_close_matches(asked, short, 1, 0.75)
    return short[near[0]] if near else None


def claimed(file: Path, ending: str, flags: int, mode: int) -> tuple[Path, int] | None:
    """A new file of this ending beside a cassette's place, and its descriptor: what lies there is never written to."""
    for number in range(1, MOST):
        place = file.with_name(f"{file.name}{'' if number == 1 else f'.{number}'}{ending}")
        try:
            return place, os.open(place, flags | os.O_CREAT | os.O_EXCL | FLAGS, mode)
        except FileExistsError:
            continue
    return None


def read_back(descriptor: int, partial: Path) -> tuple[Cassette, bool]:
    """What a recorder has written, from its own descriptor: also after somebody has removed the file.

    Returns the recording, and whether the file was removed or is another one now.
    """
    size = os.fstat(descriptor).st_size
    chunks: list[bytes] = []
    while size > (done := sum(map(len, chunks))):
        chunk = read_at(descriptor, min(1 << 24, size - done), done)
        if not chunk:
            break
        chunks.append(chunk)
    try:
        gone = not os.path.samestat(partial.stat(), os.fstat(descriptor))
    except OSError:
        gone = True
    return decode(b"".join(chunks), str(partial)), gone


def keep_unsafe(cassette: Cassette, file: Path, withheld: Mapping[tuple[int, int], Frame]) -> Path | None:
    """Keep a recording that holds a secret, with what was withheld of it. None where the disk refuses.

    Its owner alone may read it, and git ignores it.
    """
    complete = replace(
        cassette,
        header=replace(cassette.header, unsafe="yes"),
        connections=tuple(_with(one, withheld) for one in cassette.connections),
    )
    try:
        made = claimed(file, UNSAFE, os.O_WRONLY, 0o600)
        if made is None:
            return None
        place, descriptor = made
        with os.fdopen(descriptor, "wb") as stream:
            writer = codec.Writer(cast("Callable[[bytes], None]", stream.write))
            codec.write(complete, writer, lambda: dict(cassette.header.redaction))
        _ignore(place.parent)
    except OSError:
        return None
    return place


def _with(connection: Connection, withheld: Mapping[tuple[int, int], Frame]) -> Connection:
    if not any(number == connection.number for number, _ in withheld):
        return connection
    records = list(connection.records)
    for (number, place), frame in withheld.items():
        if number == connection.number and place < len(records):
            records[place] = replace(records[place], frame=frame)
    return replace(connection, records=tuple(records))


def _ignore(folder: Path) -> None:
    """A line in the folder's .gitignore, so that no commit takes the file along."""
    ignoring = folder / ".gitignore"
    line = f"*{UNSAFE}"
    text = ignoring.read_text(encoding="utf-8") if ignoring.is_file() else ""
    if line not in text.splitlines():
        gap = "" if not text or text.endswith("\n") else "\n"
        ignoring.write_text(f"{text}{gap}{line}\n", encoding="utf-8")


def remove(paths: list[Path]) -> None:
    """Remove files that have served."""
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
