"""Reads a file of scenarios. Whatever is wrong in it is one line: where, what, and what was expected.

    default: weather
    folder: cassettes                 # beside this file; or s3://bucket/cassettes (extra "storage")
    scenarios:
      weather: {cassette: weather, pacing: instant}
      late-reply:
        simulate: openai
        replies: replies.yaml
        set: {pace: realtime}
        faults: ["delay 2s on response.created"]
        seed: 7
      refused: {script: scripts.py:refused}

The file is checked as a whole before anything of it is used: every cassette is read, every script run, every fault set.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mockserver import bounded_yaml
from mockserver.cassette.model import Cassette
from mockserver.cassette.redact import Redactor
from mockserver.cassette.store import redactor_for
from mockserver.dialects.registry import dialect_named, meant
from mockserver.engines.base import Numbered
from mockserver.engines.replay.source import Replay
from mockserver.engines.simulator import Rules, simulator
from mockserver.errors import CassetteError, MockServerError, SpecError, UsageError
from mockserver.providers import installed
from mockserver.server.config import Config, combined, find
from mockserver.server.reply_files import LARGEST_SOUND, REPLIES, SOUND
from mockserver.server.scenarios.folders import Folder, folder_of
from mockserver.server.scenarios.model import (
    KINDS,
    NAME,
    AnyScenario,
    CassetteScenario,
    ScenarioFile,
    ScriptScenario,
    SimulatorScenario,
)
from mockserver.server.scenarios.scenario import Cast, Lasting, Rounds, Scenario
from mockserver.server.scenarios.source import Programme
from mockserver.server.script_files import ran, script_of, split_name
from mockserver.server.sessions import AnyFault, FaultSet, parsed
from mockserver.server.text_files import decoded, text_of


def programme(file: Path, *, seed: object = 0) -> Programme:
    """The scenarios of a file. UsageError for the first thing that is wrong in it."""
    text = text_of(file, named=str(file), expected="YAML with scenarios")
    return _Reader(file, text, seed).read()


class _Misplaced(Exception):
    """Something at a place of the file."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.path = path


class _Reader:
    def __init__(self, file: Path, text: str, seed: object) -> None:
        self._file = file
        self._seed = seed
        self._root = bounded_yaml.compose(text, source=str(file), fast=True)
        self._text = text
        self._config: Config = find(file.resolve().parent)
        self._cassettes: dict[str, Cassette] = {}
        self._faults: dict[str, AnyFault] = {}
        self._modules: dict[Path, Any] = {}
        self._redactor_of: Callable[[str], Redactor] = cache(self._redactor)

    def read(self) -> Programme:
        """All of it."""
        try:
            self._known_once()
            value = None if self._root is None else bounded_yaml.constructed(self._root, source=str(self._file))
            if not isinstance(value, dict):
                raise _Misplaced((), "expected a mapping with the key 'scenarios'")
            whole = self._checked(ScenarioFile, value, ())
            for name in whole.scenarios:
                if NAME.fullmatch(name) is None:
                    raise _Misplaced(
                        ("scenarios", name),
                        "a name stands in addresses: expected letters, digits, '.', '-' and '_', 64 at most",
                    )
            if whole.default is not None and whole.default not in whole.scenarios:
                near = meant(whole.default, whole.scenarios) or f"; there are {', '.join(list(whole.scenarios)[:20])}"
                raise _Misplaced(("default",), f"there is no scenario {whole.default!r:.80}{near}")
            try:
                folder = folder_of(whole.folder, self._file.resolve().parent)
            except UsageError as error:
                raise _Misplaced(("folder",), str(error)) from None
            installed()
            scenarios = {name: self._scenario(name, given, folder) for name, given in whole.scenarios.items()}
        except _Misplaced as wrong:
            raise UsageError(f"{self._file}{self._line(wrong.path)}: {_place(wrong.path)}{wrong}") from None
        return Programme(scenarios, whole.default)

    # --- one scenario ---

    def _scenario(self, name: str, given: Mapping[str, Any], folder: Folder) -> Scenario:
        where = ("scenarios", name)
        said = [key for key in KINDS if key in given]
        if len(said) != 1:
            key = next((key for key in given if meant(str(key), KINDS)), None)
            if not said and key is not None:
                raise _Misplaced((*where, key), f"unknown key {key!r}{meant(str(key), KINDS)}")
            has = f"it has {' and '.join(said)}" if said else "it has none"
            raise _Misplaced(where, f"expected one of the keys {', '.join(KINDS)}, which say what answers; {has}")
        asked = self._checked(KINDS[said[0]], given, where)
        try:
            cast = self._cast(asked, name, folder)
        except (UsageError, CassetteError) as error:
            raise _Misplaced((*where, _blamed(error, given, said[0])), str(error)) from None
        try:
            seed = self._seed if asked.seed is None else asked.seed
            faults = FaultSet([self._fault(one) for one in asked.faults], f"{seed}/{name}", [cast.dialect])
        except UsageError as error:
            raise _Misplaced((*where, "faults"), str(error)) from None
        strip = not isinstance(asked, SimulatorScenario)
        return Scenario(name, cast, faults=faults, seed=asked.seed, strip=strip)

    def _cast(self, asked: AnyScenario, name: str, folder: Folder) -> Cast:
        match asked:
            case CassetteScenario():
                return Rounds(self._replays(asked, folder))
            case SimulatorScenario():
                return Lasting(self._simulator(asked, name, folder))
            case ScriptScenario():
                return self._script(asked, folder)
            case _:
                raise AssertionError(asked)

    def _replays(self, asked: CassetteScenario, folder: Folder) -> Callable[[], Numbered]:
        cassettes = [self._cassette(one, folder) for one in asked.cassette]
        redactor = self._redactor_of(cassettes[0].header.dialect)
        allowed = asked.allow_unplayed
        if allowed is not True:
            # Over and over, there is always a round that nobody has come to the end of.
            allowed = [*([allowed] if isinstance(allowed, str) else allowed or []), "connection"]
        settings: dict[str, Any] = {
            "pacing": asked.pacing,
            "rules": combined(self._config.rules, asked.rules),
            "redact": redactor.frame,
            "allow_unplayed": allowed,
            "stall_after": asked.stall_after,
            "on_stall": asked.on_stall,
            "patience": asked.patience,
        }
        return lambda: Replay(cassettes, **settings)

    def _cassette(self, name: str, folder: Folder) -> Cassette:
        if name not in self._cassettes:
            self._cassettes[name] = folder.cassette(name)
        return self._cassettes[name]

    def _fault(self, spec: str) -> AnyFault | str:
        """A fault has no state before it is armed, and many scenarios have the same."""
        if spec.startswith("@"):
            return spec
        if spec not in self._faults:
            self._faults[spec] = parsed(spec)
        return self._faults[spec]

    def _redactor(self, dialect: str) -> Redactor:
        return redactor_for(dialect_named(dialect), rules=self._config.redact)

    def _simulator(self, asked: SimulatorScenario, name: str, folder: Folder) -> Any:
        settings = dict(asked.set)
        at = settings.pop("at", "")
        if not isinstance(at, str):
            raise UsageError(f'at: expected a path such as "/gateway", not {at!r:.60}')
        if asked.replies is not None:
            data = folder.data(asked.replies, REPLIES)
            settings["replier"] = Rules.from_yaml(
                decoded(data, named=asked.replies, expected=REPLIES),
                source=asked.replies,
                sound=lambda wav: folder.data(wav, SOUND, LARGEST_SOUND),
            )
        return simulator(asked.simulate, at=f"/s/{name}{at}", **settings)

    def _script(self, asked: ScriptScenario, folder: Folder) -> Cast:
        path, name = split_name(asked.script)
        file = folder.here(str(path))
        if file not in self._modules:
            self._modules[file] = ran(file)
        module = self._modules[file]
        script_of(module, file, name)
        return Rounds(lambda: script_of(module, file, name).anew())

    # --- what is wrong, and where ---

    def _checked(self, model: Any, value: Mapping[str, Any], where: tuple[str | int, ...]) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return model.model_validate(value)
        except ValidationError as error:
            found = error.errors(include_url=False)
            # A misspelt key explains the one that is missing.
            wrong = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
            path = _existing(value, wrong["loc"])
            if wrong["type"] == "extra_forbidden":
                known = model.model_fields
                key = str(wrong["loc"][-1])
                near = meant(key, known) or f"; known are {', '.join(known)}"
                raise _Misplaced((*where, *path), f"unknown key {key!r:.80}{near}") from None
            if wrong["type"] == "missing":
                raise _Misplaced((*where, *path), f"the key {wrong['loc'][-1]!r} is missing") from None
            told = wrong["msg"].removeprefix("Input ")
            raise _Misplaced((*where, *path), f"{told}, not {wrong['input']!r:.80}") from None

    def _known_once(self) -> None:
        """YAML readers take the last of two equal keys, and a scenario would be gone without a word."""
        for path, node in _mappings(self._root):
            seen: set[str] = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode):
                    if key.value in seen:
                        raise _Misplaced((*path, key.value), f"the key {key.value!r:.80} stands there twice")
                    seen.add(key.value)

    def _line(self, path: tuple[str | int, ...]) -> str:
        node, line = self._root, 0 if self._root is None else self._root.start_mark.line
        for step in path:
            if isinstance(node, yaml.MappingNode):
                # The last of them: of a key that stands there twice, the second is one too many.
                found = next((pair for pair in reversed(node.value) if str(pair[0].value) == str(step)), None)
                if found is None:
                    break
                line, node = found[0].start_mark.line, found[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = node.start_mark.line
            else:
                break
        return f", line {line + 1}"


def _mappings(root: yaml.Node | None) -> Iterator[tuple[tuple[str, ...], yaml.MappingNode]]:
    """The mappings of a file down to a scenario's own, where a key is a name."""
    todo: list[tuple[tuple[str, ...], yaml.Node | None]] = [((), root)]
    while todo:
        path, node = todo.pop()
        if isinstance(node, yaml.MappingNode):
            yield path, node
            if len(path) < 3:
                todo += [((*path, str(key.value)), value) for key, value in reversed(node.value)]


def _existing(value: Any, loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """As much of a place as is in the value: pydantic adds words of its own."""
    path: list[str | int] = []
    for step in loc:
        inside = (isinstance(value, dict) and step in value) or (
            isinstance(value, list) and isinstance(step, int) and step < len(value)
        )
        if not inside:
            break
        value = value[step]
        path.append(step)
    return tuple(path)


def _place(path: tuple[str | int, ...]) -> str:
    """Where, in words: "scenario weather: faults: "."""
    if len(path) > 1 and path[0] == "scenarios":
        return "".join([f"scenario {path[1]}: ", *(f"{step}: " for step in path[2:])])
    return "".join(f"{step}: " for step in path)


def _blamed(error: MockServerError, given: Mapping[str, Any], kind: str) -> str:
    """The key that an error is about: the one that it names first, or the one that says what answers."""
    head = str(error).removeprefix("replay: ").removeprefix("simulator: ")
    if isinstance(error, SpecError) and "replies" in given:
        return "replies"
    if "set" in given and (isinstance(error, UsageError) and str(error).startswith("simulator: ")):
        return "set"
    for key, value in given.items():
        if isinstance(value, str) and head.startswith(f"{value}: "):
            return key
    return next((key for key in given if head.startswith((f"{key}=", f"{key}:", f"{key} "))), kind)
