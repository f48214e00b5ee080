"""Opening what is to be imported. What it is, ``cassette.importers.detect`` finds out."""

from __future__ import annotations

import stat
from pathlib import Path

from mockserver.cassette.files.leftovers import near_to
from mockserver.cassette.importers.build import LARGEST, Tell, untold
from mockserver.cassette.importers.detect import FORMS, import_bytes
from mockserver.cassette.model import Cassette
from mockserver.errors import CassetteError, CassetteMissing


def detect_and_import(
    path: str | Path, *, provider: str | None = None, tell: Tell = untold, piece_ms: float | None = None
) -> Cassette:
    """The cassette of any recording that this package can read, unfinished ones of its own included.

    ``provider`` names the dialect where the file does not. Nothing is redacted here: saving does that. ``tell`` is
    given a line about whatever is imported otherwise than the file states it. Raises CassetteMissing, CassetteForeign
    (with what it looks like), CassetteDamaged (with the line).
    """
    file = Path(path)
    try:
        if file.is_dir():
            raise CassetteError(f"{file}: is a directory; expected {FORMS}")
        size = regular_size(file)
        if size > LARGEST:
            raise CassetteError(f"{file}: {size} bytes is more than the {LARGEST} that can be imported")
        with file.open("rb") as stream:
            data = stream.read(LARGEST + 1)  # it may grow meanwhile
    except FileNotFoundError:
        near = near_to(file, ending="")
        meant = "" if near is None else f"; did you mean {near}?"
        raise CassetteMissing(f"{file}: no such file{meant or f'; expected {FORMS}'}") from None
    except (OSError, ValueError) as error:
        raise CassetteError(f"{str(file)!r}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return import_bytes(data, str(file), provider=provider, tell=tell, piece_ms=piece_ms)


def regular_size(file: Path) -> int:
    """Bytes of a file. CassetteError for what only looks like one: reading a FIFO or a device may never end."""
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        raise CassetteError(f"{file}: is not a regular file; expected {FORMS}")
    return found.st_size
