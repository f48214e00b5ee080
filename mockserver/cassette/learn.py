"""What varied between several recordings of one scenario, as match rules: nobody has to guess what is volatile.

The recordings are laid side by side in the order of their causes, frame by frame. Ids are paired by where they stand
and are no difference. What is left is written down as narrowly as it was seen: the field of one frame that may hold any
text, or one of the values that were seen; a frame that one recording has and another has not; two frames that came in
either order. The first recording's replies are the ones that are played.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from itertools import combinations
from typing import Any

from mockserver.cassette.given_up import rows, set_up
from mockserver.cassette.model import Cassette, Connection
from mockserver.cassette.normal import (
    NOISE,
    Key,
    Names,
    NormalStep,
    client_left,
    is_id,
    moved,
    numbered,
    steps,
    unlike,
)
from mockserver.cassette.render import lens_of
from mockserver.cassette.varies import MISSING, SOUND, Path, Vary, Which, about, event_word, kind_of, plain, same
from mockserver.core.frames import Sender
from mockserver.dialects.base import Dialect
from mockserver.errors import UsageError


class Raw(Names):
    """Bodies as they are, without what differs in every recording: values are compared, and go into rules."""

    def normal(self, value: Any, key: str = "", depth: int = 0) -> Any:
        """The value without noise."""
        if isinstance(value, dict):
            return {k: self.normal(v, k, depth + 1) for k, v in value.items() if k not in NOISE}
        return [self.normal(one, key, depth + 1) for one in value] if isinstance(value, list) else value


@dataclass
class Learned:
    """What was found. ``told`` says in words what no rule can hold."""

    varies: dict[str, None] = field(default_factory=dict)
    optional: dict[str, None] = field(default_factory=dict)
    added: dict[str, None] = field(default_factory=dict)
    unordered: dict[str, None] = field(default_factory=dict)
    volatile: dict[str, None] = field(default_factory=dict)
    told: dict[str, None] = field(default_factory=dict)

    def rules(self) -> dict[str, list[str]]:
        """As they stand in a cassette's header; {} where nothing varied."""
        kinds = ("varies", "optional", "added", "unordered", "volatile")
        return {kind: list(found) for kind in kinds if (found := getattr(self, kind))}


def learn(cassettes: Sequence[Cassette]) -> tuple[Cassette, Learned]:
    """The first cassette with rules in its header for what varied. UsageError where they hold different scenarios."""
    if len(cassettes) < 2:
        raise UsageError("learn: two recordings or more of one scenario are needed to see what varies")
    first, *others = cassettes
    dialect = lens_of(first)
    found = Learned()
    for other in others:
        if other.header.dialect != first.header.dialect:
            raise _unlike(first, other, f"{first.header.dialect} and {other.header.dialect} are different services")
        if rows((first.connections, other.connections), dialect) is None:
            counts = f"{len(first.connections)} and {len(other.connections)}"
            raise _unlike(first, other, f"the number of connections differs ({counts})")
    made = []
    lined = rows([one.connections for one in cassettes], dialect) or []
    for number, row in enumerate(lined):
        here = [(one, line) for one, line in zip(cassettes, row.lines, strict=True) if line is not None]
        if row.given_up:
            # The recording that came furthest says most; the set-up is compared as far as each came.
            here.sort(key=lambda pair: -len(pair[1].records))
        line = here[0][1]
        if len(lined) > len(first.connections):
            line = replace(line, number=number)
        made.append(line)
        if row.given_up:
            here = [(one, cut) for one, theirs in here if (cut := set_up(theirs)).records]
            line = set_up(line)
        _Side(first, line, here[1:], dialect, found, one=len(lined) == 1).compare()
    first = replace(first, connections=tuple(made))
    rules = {**first.header.rules}
    for kind, lines_found in found.rules().items():
        rules[kind] = list(dict.fromkeys((*rules.get(kind, ()), *lines_found)))
    return replace(first, header=replace(first.header, rules=rules)), found


def _unlike(first: Cassette, other: Cassette, why: str) -> UsageError:
    return UsageError(f"learn: {first.path or 'the first'} and {other.path or 'another'} hold no one scenario: {why}")


class _Side:
    """One connection of the first recording beside the same one of all others."""

    def __init__(
        self,
        first: Cassette,
        line: Connection,
        others: Sequence[tuple[Cassette, Connection]],
        dialect: Dialect,
        found: Learned,
        *,
        one: bool,
    ) -> None:
        self._first, self._line, self._others = first, line, others
        self._dialect, self._found, self._alone = dialect, found, one
        self._values: dict[tuple[Key, Path], list[Any]] = {}
        self._mine = list(steps(line, dialect, Raw()))
        self._keys = list(numbered(self._mine, line.number))

    def compare(self) -> None:
        """Find what varied."""
        for cassette, line in self._others:
            self._handshake(cassette, line)
            theirs = list(steps(line, self._dialect, Raw()))
            pairs = list(self._paired(cassette, line, theirs))
            ids: dict[str, str] = {}
            for mine, other in pairs:
                for path, one, two in _Walk(ids, self._dialect.minted).differences(
                    self._mine[mine].body, theirs[other].body
                ):
                    self._differs(self._keys[mine], path, one, two)
                self._sound(self._keys[mine], self._mine[mine], theirs[other])
            self._order([pair for pair in pairs if self._mine[pair[0]].sender is Sender.CLIENT])
        for (key, path), values in self._values.items():
            self._found.varies.update(dict.fromkeys(map(str, self._rules(key, path, values))))

    def _handshake(self, cassette: Cassette, line: Connection) -> None:
        if line.handshake.path != self._line.handshake.path:
            paths = f"{self._line.handshake.path} and {line.handshake.path}"
            raise _unlike(self._first, cassette, f"the paths of connection {line.number} are {paths}")
        if line.answer.status != self._line.answer.status:
            statuses = f"{self._line.answer.status} and {line.answer.status}"
            raise _unlike(self._first, cassette, f"connection {line.number} was answered with {statuses}")
        mine, theirs = dict(self._line.handshake.query), dict(line.handshake.query)
        for name in sorted({*mine, *theirs}):
            if name not in mine or name not in theirs or not same(mine[name], theirs[name]):
                self._found.volatile[f"?{name}"] = None

    # --- which frame is which ---

    def _paired(self, cassette: Cassette, line: Connection, theirs: Sequence[NormalStep]) -> Iterator[tuple[int, int]]:
        """Places of the same frame in both; what has no partner becomes a rule."""
        mine = self._mine
        pairs = [*self._of_service(theirs), *self._of_client(theirs)]
        here, there = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
        late = (client_left(line), client_left(self._line))  # whose client may have left before a floating frame came
        lonely = [
            n for n, step in enumerate(mine) if n not in here and not (_ends(step) or (step.floating and late[0]))
        ]
        extra = [
            n for n, step in enumerate(theirs) if n not in there and not (_ends(step) or (step.floating and late[1]))
        ]
        asked = [step for step in mine if step.sender is Sender.CLIENT]
        missing = sum(mine[place].sender is Sender.CLIENT for place in lonely)
        if missing > max(2, len(asked) // 2):
            raise _unlike(self._first, cassette, f"{missing} of {len(asked)} client frames are in the first only")
        for place in lonely:
            self._found.optional[str(self._which(self._keys[place]))] = None
        for place in extra:
            step = theirs[place]
            name = event_word(step.name)
            if step.sender is Sender.SERVER or not isinstance(step.body, dict):
                self._found.added[name] = None
            else:
                body = json.dumps(step.body, ensure_ascii=False, separators=(",", ":"))
                self._found.added[f"{name} = {body}"] = None
        yield from sorted(pairs)

    def _of_service(self, theirs: Sequence[NormalStep]) -> Iterator[tuple[int, int]]:
        mine = [place for place, step in enumerate(self._mine) if step.sender is Sender.SERVER]
        other = [place for place, step in enumerate(theirs) if step.sender is Sender.SERVER]
        names = [[side[place].name for place in places] for side, places in ((self._mine, mine), (theirs, other))]
        for block in SequenceMatcher(None, names[0], names[1], autojunk=False).get_matching_blocks():
            for step in range(block.size):
                yield mine[block.a + step], other[block.b + step]

    def _of_client(self, theirs: Sequence[NormalStep]) -> Iterator[tuple[int, int]]:
        """Of each name first those that say the very same, at the same place before at another; the rest in order."""
        for name in dict.fromkeys(step.name for step in self._mine if step.sender is Sender.CLIENT):
            mine, other = (
                [place for place, step in enumerate(side) if step.sender is Sender.CLIENT and step.name == name]
                for side in (self._mine, theirs)
            )
            said = {place: _blank(self._mine[place].body, self._dialect.minted) for place in mine}
            told = {place: _blank(theirs[place].body, self._dialect.minted) for place in other}
            same_place = [pair for pair in zip(mine, other, strict=False) if said[pair[0]] == told[pair[1]]]
            for one, two in same_place:
                del said[one], told[two]
            yield from same_place
            for place in list(said):
                twin = next((one for one in told if told[one] == said[place]), None)
                if twin is not None:
                    del said[place], told[twin]
                    yield place, twin
            yield from zip(said, told, strict=False)

    def _order(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Which client frames came in another order."""
        places = [there for _, there in pairs]
        if places == sorted(places):
            return
        for (one, here), (two, there) in combinations(pairs, 2):
            if here > there and not _ends(self._mine[one]) and not _ends(self._mine[two]):
                words = (str(self._which(self._keys[place])) for place in (one, two))
                self._found.unordered[" ".join(words)] = None

    # --- what differs in it ---

    def _differs(self, key: Key, path: Path, one: Any, two: Any) -> None:
        if key[0] is Sender.CLIENT and about(self._dialect.rules.volatile, key[1], path):
            return
        values = self._values.setdefault((key, path), [one])
        values.append(two)

    def _sound(self, key: Key, mine: NormalStep, theirs: NormalStep) -> None:
        for moment, _ in moved(mine, theirs):
            self._found.varies[str(Vary(self._which(key), tuple(moment.split(".")), "number"))] = None
        if mine.audio_ms is None or theirs.audio_ms is None:
            return
        what = unlike(mine, theirs)
        if not what:
            return
        if key[0] is Sender.SERVER:
            self._found.varies[str(Vary(self._which(key), (SOUND,), "sound"))] = None
        elif "->" in what:
            lengths = f"{mine.audio_ms / 1000:.1f} s and {theirs.audio_ms / 1000:.1f} s"
            self._found.told[f"the client's audio has another length ({lengths}): no rule holds that"] = None

    def _rules(self, key: Key, path: Path, values: Sequence[Any]) -> Iterator[Vary]:
        """The first value is the recorded one; the others must be let pass, and nothing else."""
        spot = tuple(map(plain, path))
        others = [value for value in values[1:] if not same(values[0], value)]
        words = all(isinstance(value, str | int | float) and not isinstance(value, bool) for value in values)
        if words and len({json.dumps(value) for value in values}) == len(self._others) + 1:
            # Another one each time: it will be another one next time.
            kinds = dict.fromkeys(kind_of(value) for value in values)
            yield from (Vary(self._which(key), spot, kind) for kind in kinds)
            return
        told: list[Any] = []
        for value in others:
            if not any(same(one, value) for one in told):
                told.append(value)
        minted = bool(path) and is_id(path[-1], self._dialect.minted)
        for value in told:
            if minted and isinstance(value, str):
                yield Vary(self._which(key), spot, "string")  # an id of another frame never comes again
                continue
            missing = value is MISSING
            yield Vary(self._which(key), spot, "missing" if missing else "=", None if missing else value)

    def _which(self, key: Key) -> Which:
        return Which(event_word(key[1]), key[2], None if self._alone else key[3])


def _ends(step: NormalStep) -> bool:
    return step.name.startswith(("close", "lost"))


def _blank(body: Any, minted: Collection[str], key: str = "") -> Any:
    """A body without its ids."""
    if isinstance(body, dict):
        return {name: _blank(value, minted, name) for name, value in body.items()}
    if isinstance(body, list):
        return [_blank(value, minted, key) for value in body]
    return "" if isinstance(body, str) and is_id(key, minted) else body


class _Walk:
    """Where two bodies differ, ids apart: one stands for the other from the first time on that both stand there."""

    def __init__(self, ids: dict[str, str], minted: Collection[str]) -> None:
        self._ids, self._minted = ids, minted

    def differences(self, one: Any, two: Any, path: Path = (), key: str = "") -> Iterator[tuple[Path, Any, Any]]:
        """Places, and what stands there in each."""
        if isinstance(one, dict) and isinstance(two, dict):
            for name in dict.fromkeys((*one, *two)):
                yield from self.differences(one.get(name, MISSING), two.get(name, MISSING), (*path, name), name)
        elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
            for number, (mine, theirs) in enumerate(zip(one, two, strict=True)):
                yield from self.differences(mine, theirs, (*path, str(number)), key)
        elif isinstance(one, str) and isinstance(two, str) and (one in self._ids or is_id(key, self._minted)):
            if self._ids.setdefault(one, two) != two:
                yield path, one, two
        elif not same(one, two):
            yield path, one, two
