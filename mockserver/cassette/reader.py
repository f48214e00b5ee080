"""Reads a cassette's bytes (``cassette.codec`` says what they are).

The file's bytes are kept, with the places where the frames lie in them; a frame becomes an object when it is asked for,
and is not kept. So a one-hour recording needs its own size in memory, and its first frame is there at once.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, overload
from zlib import crc32

import msgpack

from mockserver.cassette import audio
from mockserver.cassette.claims import Claim, Claims, claim
from mockserver.cassette.codec import CHECK, END, FRAME_KINDS, MAGIC, PREFIX, RECORDING, SENDERS, pack
from mockserver.cassette.foreign import HEAD, looks_like
from mockserver.cassette.model import FORMAT_VERSION, Cassette, Connection, Exchange, Header, Record
from mockserver.cassette.upgrade import UPGRADES, Upgrade, upgraded
from mockserver.core.frames import Answer, Binary, Close, Frame, Handshake, Lost, Micros, Text
from mockserver.errors import CassetteDamaged, CassetteForeign, CassetteTooNew

_BAD = (ValueError, TypeError, msgpack.UnpackException, RecursionError)


class Records(Sequence[Record]):
    """The frames of one connection, decoded when asked for and not kept."""

    def __init__(self, buffer: bytes, places: array[int], name: str, claims: Claims | None = None) -> None:
        self._buffer = buffer
        self._places = places  # begin and end of each, in turn
        self._name = name
        self._claims = Claims() if claims is None else claims

    def __len__(self) -> int:
        return len(self._places) // 2

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Record, ...]: ...
    def __getitem__(self, at: int | slice) -> Record | tuple[Record, ...]:
        if isinstance(at, slice):
            return tuple(self._decode(place) for place in range(len(self))[at])
        return self._decode(range(len(self))[at])

    def __iter__(self) -> Iterator[Record]:
        return map(self._decode, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str | bytes):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # a sequence that compares by content, like list

    def __repr__(self) -> str:
        return f"<{len(self)} frames of {self._name}>"

    def _decode(self, place: int) -> Record:
        begin, end = self._places[2 * place], self._places[2 * place + 1]
        try:
            # Two passes: what digests claim is added up before a byte of it is made up.
            claimed: list[int] = []
            item = msgpack.unpackb(self._buffer[begin:end], ext_hook=lambda code, data: claim(code, data, claimed))
            if claimed:
                self._claims.take(begin, sum(claimed))
                item = [part.zeros() if isinstance(part, Claim) else part for part in item]
            return _record(item)
        except _BAD as error:
            raise damaged(self._name, begin, f"not a frame ({_short(error)})") from None


def _record(item: Any) -> Record:
    kind, _number, at = item[:3]
    rest = item[3:]
    sender = SENDERS[kind & 1]
    if not isinstance(at, int):
        raise TypeError("a time that is no number")
    hashes: tuple[str, ...] = ()
    frame: Frame
    match kind & ~1:
        case 16 if len(rest) == 1 and isinstance(rest[0], str):
            return Record(at, sender, Text(rest[0]))
        case 18 if len(rest) % 2 and all(isinstance(part, (str, bytes)[n % 2]) for n, part in enumerate(rest)):
            frame = Text(audio.join(rest))
            hashes = tuple(getattr(part, "sha256", "") for part in rest[1::2])
        case 20 if len(rest) == 1 and isinstance(rest[0], bytes):
            frame = Binary(bytes(rest[0]))
            hashes = (getattr(rest[0], "sha256", ""),)
        case 22 if len(rest) == 2 and (rest[0] is None or _code(rest[0])) and isinstance(rest[1], str):
            frame = Close(rest[0], rest[1])
        case 24 if len(rest) == 1 and isinstance(rest[0], str):
            frame = Lost(rest[0])
        case _:
            raise ValueError(f"kind {kind} with {len(rest)} values")
    return Record(at, sender, frame, hashes if any(hashes) else ())


def _code(code: Any) -> bool:
    """Whether this is two bytes, as the code of a close frame is."""
    return isinstance(code, int) and 0 <= code <= 0xFFFF


Aside = Callable[[Callable[[], bool]], Callable[[], bool]]
"""Takes something to do, in the order given; returns what waits for its result."""


def decode(
    buffer: bytes,
    name: str = "cassette",
    *,
    partial: bool = False,
    current: int = FORMAT_VERSION,
    upgrades: Mapping[int, Upgrade] = UPGRADES,
    aside: Aside | None = None,
) -> Cassette:
    """The cassette in these bytes; ``name`` is what errors call it.

    An unfinished recording reads up to where it stops, and its header says "killed". A finished file must be whole,
    unless ``partial`` asks for what can be read before the damage. ``aside`` has the check sums made beside it,
    by another thread; a wrong one is then looked for again, in order, so that the damage is told as without it.
    """
    first, version = _first(buffer, name, current)
    if version < current:
        try:
            objects = upgraded([*_objects(buffer)], version, current, upgrades)
        except (KeyError, *_BAD) as error:
            problem = f"format {version} could not be brought to format {current} ({_short(error)})"
            raise damaged(name, 0, problem) from None
        objects[0] = {**objects[0], MAGIC: current}
        buffer = b"".join(map(pack, objects))
        first = objects[0]
    header = _header(first, current, name)
    sums = _Sums(buffer, aside)
    try:
        found = _scan(buffer, header, name, partial, sums)
    except CassetteDamaged:
        if sums.right():
            raise
    else:
        if sums.right():
            return found
    return _scan(buffer, header, name, partial, _Sums(buffer, None))


def _first(buffer: bytes, name: str, current: int) -> tuple[Any, int]:
    """The first object and the format version that it states."""
    if not buffer:
        again = f"`mockserver record --force --to {name} ...`"
        raise CassetteDamaged(f"{name}: the file is empty; record it again ({again})")
    if not buffer.startswith(PREFIX):
        if PREFIX.startswith(buffer):
            raise damaged(name, len(buffer), _HEADLESS, readable=False)
        looks = looks_like(buffer[:HEAD])
        hint = "" if "`" in looks else "; expected what `mockserver record` or `mockserver import` writes"
        raise CassetteForeign(f"{name}: not a cassette, it looks like {looks}{hint}")
    unpacker = msgpack.Unpacker(max_buffer_size=len(buffer) + 1)
    unpacker.feed(buffer[: 1 << 20])
    try:
        first = unpacker.unpack()
        version = first[MAGIC]
    except msgpack.OutOfData:
        raise damaged(name, len(buffer), _HEADLESS, readable=False) from None
    except (KeyError, *_BAD) as error:
        raise damaged(name, 0, f"its first object cannot be read ({_short(error)})") from None
    if not isinstance(version, int) or version < 0:
        raise damaged(name, 0, f"its format version is {version!r:.40}")
    if version > current:
        raise CassetteTooNew(
            f"{name}: written in cassette format {version}, this version reads up to {current}; "
            "upgrade it: pip install -U realtime-mockserver"
        )
    return first, version


def _header(first: Any, version: int, name: str) -> Header:
    stated = first.get("header")
    if not isinstance(stated, dict):
        raise damaged(name, 0, "its header has the wrong shape")
    # A field of a later version, of whatever shape, is read past (docs/cassettes.md, "The version of the format").
    known = {key: value for key, value in stated.items() if key in Header.__dataclass_fields__ and key != "version"}
    shape = {"rules": dict}
    if any(not isinstance(value, shape.get(key, str)) for key, value in known.items()):
        raise damaged(name, 0, "its header has the wrong shape")
    if "faults" in known:
        known["faults"] = tuple(known["faults"].splitlines())
    return Header(**{"dialect": "generic", **known, "version": version})


def _objects(buffer: bytes) -> Iterator[Any]:
    """Every whole object, for the upgrades (which run on files of the past, so nothing is lazy here)."""
    unpacker = msgpack.Unpacker(max_buffer_size=len(buffer) + 1)
    unpacker.feed(buffer)
    yield from unpacker


class _Chunks:
    """The bytes as the file that msgpack reads from, so that it never holds a second copy of all of them."""

    def __init__(self, buffer: bytes) -> None:
        self._buffer, self._at = buffer, 0

    def read(self, size: int) -> bytes:
        chunk = self._buffer[self._at : self._at + size]
        self._at += len(chunk)
        return chunk


class _Sums:
    """The running check sum, made at once or aside."""

    def __init__(self, buffer: bytes, aside: Aside | None) -> None:
        self._view, self._aside = memoryview(buffer), aside
        self._crc = self._done = 0
        self._waiting: list[Callable[[], bool]] = []

    def check(self, end: int, stated: int) -> bool:
        """Whether all bytes before ``end`` have this sum; True as long as that is being found out."""
        begin, self._done = self._done, end
        if self._aside is None:
            return self._step(begin, end, stated)
        self._waiting.append(self._aside(lambda: self._step(begin, end, stated)))
        return True

    def right(self) -> bool:
        """Whether all that was put aside has turned out right."""
        return all(result() for result in self._waiting)

    def _step(self, begin: int, end: int, stated: int) -> bool:
        self._crc = crc32(self._view[begin:end], self._crc)
        return self._crc == stated


def _scan(buffer: bytes, header: Header, name: str, partial: bool, sums: _Sums) -> Cassette:
    """Where everything lies. Only what is not a frame is decoded; damage is found by structure and by check sums."""
    unpacker = msgpack.Unpacker(_Chunks(buffer), read_size=1 << 18, max_buffer_size=len(buffer) + (1 << 19))
    unpacker.skip()
    opened: dict[int, tuple[Micros, bool, Handshake]] = {}
    answers: dict[int, Answer] = {}
    places: dict[int, array[int]] = {}
    exchanges: list[Exchange] = []
    begin, ended = unpacker.tell(), False
    unfinished = header.ended == RECORDING
    problem = ""
    try:
        while True:
            begin = unpacker.tell()
            try:
                unpacker.skip()
            except msgpack.OutOfData:
                break
            if ended:
                problem = "something follows the end of the cassette"
                break
            end = unpacker.tell()
            kind = buffer[begin + 1]
            if kind in FRAME_KINDS and buffer[begin + 2] < 128 and 0x94 <= buffer[begin] < 0xA0:
                places[buffer[begin + 2]].extend((begin, end))
                continue
            item = msgpack.unpackb(buffer[begin:end])
            match item:
                case [1, int(number), int(at), bool(timed), list(shake)]:
                    opened[number] = (at, timed, _handshake(shake))
                    places[number] = array("Q")
                case [2, int(number), int(), int(status), list(headers), (str() | None) as chosen, bytes(body)]:
                    answers[number] = Answer(_status(status), _headers(headers), chosen, body)
                case [3, _, int(at), str(method), str(path), bytes(sent), int(status), list(headers), bytes(body)]:
                    exchanges.append(Exchange(method, path, sent, _status(status), _headers(headers), body, at))
                case [4 | 5 as kind, 0, 0, int(stated), *rest] if len(rest) == kind - CHECK:
                    if not sums.check(begin, stated):
                        problem = "bytes before this place were changed (the check sum differs)"
                        break
                    if kind == END:
                        ended = True
                        header = replace(header, redaction=_report(rest))
                case [6 | 7, *_]:
                    header = _of_unfinished(item, header, places, buffer, begin, end)
                case [int(kind), int(number), *_] if kind in FRAME_KINDS:
                    places[number].extend((begin, end))
                case _:
                    raise ValueError("no known kind of object")
    except (*_BAD, AttributeError, KeyError, IndexError) as error:
        problem = f"an object cannot be read ({_short(error)})"
    if not problem and not ended and begin < len(buffer):
        problem = "it is cut in the middle of an object"
    if not problem and not ended:
        problem = "it is cut: its end is missing"
    if problem and not partial and not (unfinished and problem.startswith("it is cut")):
        raise damaged(name, begin, problem)
    if problem and header.ended in (RECORDING, "clean"):
        header = replace(header, ended="killed" if unfinished else "cut")
    return _result(buffer, header, name, opened, answers, places, exchanges)


def _of_unfinished(
    item: list[Any], header: Header, places: dict[int, array[int]], buffer: bytes, begin: int, end: int
) -> Header:
    """What stands in unfinished files only: a frame once more, whole, and how the recording ended."""
    match item:
        case [6, int(number), int(place), list()]:
            places[number][2 * place] = end - _size_of_last(buffer, begin, end)
            places[number][2 * place + 1] = end
            return header
        case [7, 0, 0, str(ended), str(faults)]:
            return replace(header, ended=ended, faults=tuple(faults.splitlines()))
    raise ValueError("no known kind of object")


def _result(
    buffer: bytes,
    header: Header,
    name: str,
    opened: dict[int, tuple[Micros, bool, Handshake]],
    answers: dict[int, Answer],
    places: dict[int, array[int]],
    exchanges: list[Exchange],
) -> Cassette:
    claims = Claims()
    connections = tuple(
        Connection(
            number, shake, answers.get(number, Answer()), at, Records(buffer, places[number], name, claims), timed
        )
        for number, (at, timed, shake) in opened.items()
    )
    return Cassette(header, connections, tuple(exchanges), name)


def _size_of_last(buffer: bytes, begin: int, end: int) -> int:
    """The bytes of the last of four members of a list."""
    unpacker = msgpack.Unpacker(max_buffer_size=end - begin + 1)
    unpacker.feed(buffer[begin:end])
    unpacker.read_array_header()
    for _ in range(3):
        unpacker.skip()
    return end - begin - int(unpacker.tell())


def _report(rest: list[Any]) -> dict[str, int]:
    (report,) = rest
    return {str(kind): int(count) for kind, count in report.items()}


def _handshake(shake: list[Any]) -> Handshake:
    path, query, headers, subprotocols, target = shake
    if not all(isinstance(value, str) for value in (path, target, *subprotocols)):
        raise TypeError("a handshake of the wrong shape")
    return Handshake(path, _pairs(query), _headers(headers), tuple(subprotocols), target)


def _status(status: int) -> int:
    if not 100 <= status <= 599:
        raise ValueError(f"an HTTP status of {status}")
    return status


def _headers(pairs: Any) -> tuple[tuple[str, str], ...]:
    """Header lines, which end no line themselves."""
    made = _pairs(pairs)
    if any(sign in word for pair in made for word in pair for sign in "\r\n\0"):
        raise ValueError("a header with a line break in it")
    return made


def _pairs(pairs: Any) -> tuple[tuple[str, str], ...]:
    made = tuple((name, value) for name, value in pairs)
    if not all(isinstance(word, str) for pair in made for word in pair):
        raise TypeError("a name or value that is no text")
    return made


def damaged(name: str, offset: int, what: str, *, readable: bool = True) -> CassetteDamaged:
    """The error for a file that was a cassette. ``readable``: whether a part of it can be shown."""
    told = f"{name}: damaged at byte {offset}: {what}; get it from version control again"
    if not readable:
        return CassetteDamaged(f"{told} or record it again")
    return CassetteDamaged(f"{told}, record it again, or read what is left with `mockserver show --partial {name}`")


_HEADLESS = "it is cut inside its first object; nothing can be read"


def _short(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:120]
