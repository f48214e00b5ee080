"""Files of named fault sets: ``@faults.yaml:late`` stands for the faults of the set ``late`` of that file.

Only what the one who starts the server says is expanded (arguments, the marker, the command line). The control API
takes specs and nothing else: a client must not make the server read files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from mockserver.errors import UsageError
from mockserver.server.text_files import text_of

T = TypeVar("T")


def expanded(faults: Iterable[T | str]) -> Iterator[T | str]:
    """The faults, with each ``@FILE:SET`` replaced by its set; ``@FILE`` alone is a file of one set.

    UsageError where there is no such file or set, SpecError where the file is wrong.
    """
    for fault in faults:
        if isinstance(fault, str) and fault.startswith("@"):
            yield from named_set(fault)
        else:
            yield fault


def named_set(reference: str) -> list[str]:
    """The specs of one reference."""
    from mockserver.faults.grammar import load_text
    from mockserver.faults.tokens import nearest

    path, name = _split(reference.removeprefix("@"))
    text = text_of(path, named=f"fault set {reference!r:.200}", expected="YAML with sets of faults")
    sets = load_text(text, source=str(path))
    if name is None and len(sets) == 1:
        [name] = sets
    if name is None:
        raise UsageError(
            f"fault set {reference!r}: say which set, as in @{path}:{next(iter(sets), 'NAME')} "
            f"(the file has {', '.join(sets) or 'none'})"
        )
    if name not in sets:
        raise UsageError(
            f"fault set {reference!r}: {path} has no set {name!r}{nearest(name, sets)} "
            f"(it has {', '.join(sets) or 'none'})"
        )
    return [fault.spec for fault in sets[name]]


def _split(reference: str) -> tuple[Path, str | None]:
    """File and set. A colon belongs to the file's name where such a file is there (a drive letter, say)."""
    whole = Path(reference)
    path, colon, name = reference.rpartition(":")
    if not colon or not path or whole.is_file() or "/" in name or "\\" in name:
        return whole, None
    return Path(path), name
