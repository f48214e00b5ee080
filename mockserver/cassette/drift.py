"""Has the server's shape drifted? Compares what a server sent when it was recorded with what it sends now.

Shape is: which events come, in what order, with which fields, of which JSON types. Values are volatile and never
compared. Three things are no drift, because the provider promises none of them: how many deltas a reply is cut into and
how kinds of deltas interleave (also where words that are told whole stand amid their sound), where a floating event
stands (input transcription, rate limits, keep-alives; the dialect says which), and whether a nullable field is null
this time. A field counts as gone only where every recorded event had it and no live one has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any, Literal

from mockserver.cassette.varies import kind_of
from mockserver.core.frames import Frame, Sender
from mockserver.core.view import Kind, View
from mockserver.dialects.base import Dialect
from mockserver.dialects.life import listed

Change = Literal["event gone", "event added", "event moved", "field gone", "field added", "type changed", "end changed"]

FREE_KEYS = ("metadata", "properties")
"""Objects whose keys are the user's, not the provider's: what is under them is no shape of the server."""
PRESENT = "object"


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference. ``where`` is an event's name or ``event: dotted.path``; ``detail`` says what was and what is."""

    change: Change
    where: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.change}: {self.where}{f' ({self.detail})' if self.detail else ''}"


def drift(recorded: Sequence[Frame], live: Sequence[Frame], *, dialect: Dialect) -> list[Drift]:
    """The differences in shape between the server's frames of two sessions; order first, then fields."""
    before, after = _views(recorded, dialect), _views(live, dialect)
    return [*_order(before, after, dialect), *_end(before, after), *_fields(before, after)]


def compared_counts(recorded: Sequence[Frame], *, dialect: Dialect) -> tuple[int, int]:
    """How many events and how many fields of them ``drift`` looks at in a recording."""
    views = _views(recorded, dialect)
    named = _by_name(views).values()
    fields = sum(len(set.intersection(*(set(shape(body)) for body in bodies))) for bodies in named)
    return len(list(_sequence(views, dialect))), fields


def _views(frames: Iterable[Frame], dialect: Dialect) -> list[View]:
    views = (dialect.view(frame, Sender.SERVER) for frame in frames)
    return [replace(view, name=dialect.inside(view)) for view in views if view.kind is not Kind.KEEPALIVE]


# --- which events, in what order ---


def _order(before: Sequence[View], after: Sequence[View], dialect: Dialect) -> Iterator[Drift]:
    loose = dialect.floating
    old, new = list(_sequence(before, dialect)), list(_sequence(after, dialect))
    gone: list[str] = []
    added: list[str] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if tag != "equal":
            gone += old[i1:i2]
            added += new[j1:j2]
    for name in list(dict.fromkeys(gone)):
        if name in added:
            yield Drift("event moved", name, f"recorded after {_behind(old, name)}, now after {_behind(new, name)}")
            gone.remove(name)
            added.remove(name)
    yield from (Drift("event gone", name, f"{old.count(name)} recorded, {new.count(name)} now") for name in _once(gone))
    yield from (
        Drift("event added", name, f"{old.count(name)} recorded, {new.count(name)} now") for name in _once(added)
    )
    names = {view.name for view in after if listed(view.name, loose)}
    for name in sorted({view.name for view in before if listed(view.name, loose)} ^ names):
        yield Drift("event added" if name in names else "event gone", name)


def _sequence(views: Iterable[View], dialect: Dialect) -> Iterator[str]:
    """Names in order, without floating ones; each kind of delta once in an unbroken run of deltas, in sorted order.

    Words of the model's that are told whole stand anywhere among the pieces of their sound: they break no run.
    """
    run: set[str] = set()
    told: list[str] = []
    for view in views:
        if view.kind in (Kind.CLOSE, Kind.LOST) or listed(view.name, dialect.floating):
            continue
        if listed(view.name, dialect.repeated):
            run.add(view.name)
            continue
        if run and (said := dialect.spoken(view)) is not None and said.whole and said.speaker == "model":
            told.append(view.name)
            continue
        yield from (*sorted(run), *told)
        run.clear()
        told.clear()
        yield view.name
    yield from (*sorted(run), *told)


def _behind(names: Sequence[str], name: str) -> str:
    place = names.index(name)
    return names[place - 1] if place else "nothing"


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _end(before: Sequence[View], after: Sequence[View]) -> Iterator[Drift]:
    """How the server ended the connection, where the recording says that it did."""
    old, new = _ending(before), _ending(after)
    if old is not None and old != new:
        yield Drift("end changed", old, f"now {new or 'the server keeps the connection'}")
    elif old is None and new is not None:
        yield Drift("end changed", new, "recorded: the server kept the connection")


def _ending(views: Sequence[View]) -> str | None:
    return next((view.name for view in views if view.kind in (Kind.CLOSE, Kind.LOST)), None)


# --- which fields, of which types ---


def _fields(before: Sequence[View], after: Sequence[View]) -> Iterator[Drift]:
    old, new = _by_name(before), _by_name(after)
    for name in old:
        if name not in new:
            continue
        was, now = [shape(body) for body in old[name]], [shape(body) for body in new[name]]
        everywhere = set.intersection(*(set(one) for one in was))
        anywhere, seen = _union(now), _union(was)
        for path in sorted(everywhere - set(anywhere)):
            if not _below(path, everywhere - set(anywhere)):
                yield Drift("field gone", f"{name}: {path}", f"was {_types(seen[path])}")
        for path in sorted(set(anywhere) - set(seen)):
            if not _below(path, set(anywhere) - set(seen)):
                yield Drift("field added", f"{name}: {path}", f"is {_types(anywhere[path])}")
        for path in sorted(set(seen) & set(anywhere)):
            one, other = seen[path] - {"null"}, anywhere[path] - {"null"}
            if one and other and not one & other:
                yield Drift("type changed", f"{name}: {path}", f"was {_types(one)}, is {_types(other)}")


def _by_name(views: Iterable[View]) -> dict[str, list[Any]]:
    bodies: dict[str, list[Any]] = {}
    for view in views:
        if view.body is not None:
            bodies.setdefault(view.name, []).append(view.body)
    return bodies


def _union(shapes: Iterable[Mapping[str, set[str]]]) -> dict[str, set[str]]:
    whole: dict[str, set[str]] = {}
    for one in shapes:
        for path, types in one.items():
            whole.setdefault(path, set()).update(types)
    return whole


def _types(types: Iterable[str]) -> str:
    return " or ".join(sorted(types))


def _below(path: str, paths: set[str]) -> bool:
    """Whether a parent of this path is reported already."""
    return any(path.startswith((f"{other}.", f"{other}[", f"{other}<")) for other in paths)


def shape(body: Any) -> dict[str, set[str]]:
    """Every path in a JSON value with the types found there.

    List indices are one path (``output[]``). An object with a ``type`` of its own is a variant and its fields are apart
    from the other variants' (``item<function_call>.name``): a reply that takes another turn is not a changed field.
    """
    found: dict[str, set[str]] = {}
    _walk(body, "", found, top=True)
    return found


def _walk(value: Any, path: str, found: dict[str, set[str]], *, top: bool = False) -> None:
    if not top:
        found.setdefault(path, set()).add(kind_of(value))
    match value:
        case dict():
            variant = value.get("type")
            base = path if top or not isinstance(variant, str) else f"{path}<{variant}>"
            for key, inner in value.items():
                under = f"{base}.{key}" if base else str(key)
                if key in FREE_KEYS and isinstance(inner, dict):
                    found.setdefault(under, set()).add(PRESENT)
                else:
                    _walk(inner, under, found)
        case list():
            for inner in value:
                _walk(inner, f"{path}[]", found)
        case _:
            pass
