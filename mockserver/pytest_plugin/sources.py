"""What answers a test: the simulator or script of its marker, or its cassette in the run's recording mode."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

import pytest

from mockserver.engines.base import Source
from mockserver.errors import UsageError
from mockserver.pytest_plugin.options import NOTES, ini_or_option
from mockserver.pytest_plugin.plans import ServedFor, SourcePlan
from mockserver.pytest_plugin.settings import MarkerSettings

LONGEST = 150
"""Bytes of a test's name in a file name; the rest is told apart by a check sum."""


def plan(item: pytest.Function, settings: MarkerSettings) -> SourcePlan:
    """The plan for one test. Raises UsageError and cassette errors, which become the test's."""
    if settings.simulator is not None:
        return SourcePlan(_simulator(settings))
    if settings.script is not None:
        return SourcePlan(_script(settings.script))
    return cassette_plan(item, settings, cassette_path(item, settings))


def factory_plan(place: ServedFor, settings: MarkerSettings) -> SourcePlan:
    """The plan of a server that belongs to no test: a cassette is a path here, from pytest's root folder."""
    if settings.simulator is not None:
        return SourcePlan(_simulator(settings))
    if settings.script is not None:
        return SourcePlan(_script(settings.script))
    if settings.cassette is None:
        raise UsageError("realtime_mock_factory: say what answers: simulator=, script=, or cassette= with a path")
    return cassette_plan(place, settings, place.config.rootpath / settings.cassette)


def _simulator(settings: MarkerSettings) -> Source:
    if isinstance(settings.simulator, str):
        from mockserver.engines.simulator import simulator
        from mockserver.providers import installed

        installed(settings.simulator)
        replier = {} if settings.replier is None else {"replier": settings.replier}
        source: Source = simulator(settings.simulator, **replier)
        return source
    if settings.replier is not None:
        raise UsageError("marker realtime_mock: replier= goes into simulator(...), where that is not a name")
    made: Source = settings.simulator() if callable(settings.simulator) else settings.simulator
    return made


def _script(given: Any) -> Source:
    # A decorator's arguments live as long as the module; a source keeps the account of one server. So a function that
    # makes one is taken too, and a test that runs twice (reruns, parameters) uses that.
    made: Source = given() if callable(given) else given
    return made


def cassette_path(item: pytest.Function, settings: MarkerSettings) -> Path:
    """Where the test's cassette is or would be. UsageError for a name that leaves the folder."""
    from mockserver.cassette.names import from_test
    from mockserver.cassette.store import locate

    folder = item.path.parent / "cassettes"
    if settings.cassette is not None:
        return locate(folder, settings.cassette)
    wanted = item.name if item.cls is None else f"{item.cls.__name__}.{item.name}"
    name = from_test(wanted)
    if name != wanted or len(name.encode()) > LONGEST or (_has_twin(item) and not _stands(folder, item, name)):
        # Two names that differ only in what a file name cannot have, or not on every disk, must not share a cassette.
        head = re.sub(r"\W+$", "", name.encode()[:LONGEST].decode(errors="ignore"))
        name = f"{head}-{zlib.crc32(wanted.encode()):08x}"
    return locate(folder, f"{item.path.stem}/{name}")


def _has_twin(item: pytest.Function) -> bool:
    """Whether another test of the module could have a name that some disks take for this one's.

    Parameters are not all known where only some tests run, so a capital or a letter beyond ASCII among them is enough.
    """
    parameters = item.name.partition("[")[2]
    if parameters != parameters.casefold() or not parameters.isascii():
        return True
    names = {item.originalname, item.cls.__name__ if item.cls is not None else item.originalname}
    for owner in (item.module, item.cls):
        for name in vars(owner) if owner is not None else ():
            if any(name != one and name.casefold() == one.casefold() for one in names):
                return True
    return False


def _stands(folder: Path, item: pytest.Function, name: str) -> bool:
    """Whether a cassette of this very name is there, made before names were told apart by more."""
    from mockserver.cassette.names import SUFFIX

    place = folder / item.path.stem
    # A disk that folds case says of both that they exist.
    return place.is_dir() and any(path.name == f"{name}{SUFFIX}" for path in place.iterdir())


def note_use(item: ServedFor, path: Path) -> None:
    """Remember for ``mockserver orphans`` that this test takes this cassette."""
    try:
        relative = path.resolve().relative_to(item.config.rootpath.resolve()).as_posix()
    except ValueError:
        return  # outside of the root folder, where nobody looks for orphans
    item.config.stash.setdefault(NOTES, {}).setdefault(relative, set()).add(item.nodeid or "realtime_mock_factory")


def cassette_plan(item: ServedFor, settings: MarkerSettings, path: Path) -> SourcePlan:
    """The plan for a test with a cassette."""
    from mockserver.pytest_plugin import modes

    mode = ini_or_option(item.config, "realtime_mock_record") or "none"
    if mode not in modes.PLANS:
        raise UsageError(f"realtime_mock_record: expected one of {', '.join(modes.PLANS)}, got {mode!r}")
    note_use(item, path)
    made: SourcePlan = modes.PLANS[mode](item, settings, path)
    return made
