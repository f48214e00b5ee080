"""Faults of content, field by field: taken away, changed, another id, another type.

A touched text frame is written anew as compact JSON; everything else passes as it is. A field is named by its dotted
path; where it is not at the top of the body, it is looked for one level down (``metadata`` is found in ``response``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Unpack

from mockserver.core.frames import Binary, Item, Micros, Received, Text, to_client
from mockserver.core.ids import BASE62
from mockserver.core.paths import key_in
from mockserver.core.typed import Name, checked
from mockserver.dialects.base import parse
from mockserver.errors import UsageError
from mockserver.faults.action import Action, register
from mockserver.faults.base import Fault
from mockserver.faults.body import Body, Run, Sight
from mockserver.faults.options import On, Options, make
from mockserver.faults.values import dump

Place = tuple[dict[str, Any] | list[Any], str | int]


def locate(body: Any, path: str, *, fold_case: bool = False) -> Place | None:
    """Where a field is: its container and its key there; None where there is no such field."""
    parts = path.split(".")
    for root in (body, *(body.values() if isinstance(body, dict) else ())):
        here = root
        for part in parts[:-1]:
            here = _step(here, part, fold_case)
        if isinstance(here, dict) and (key := key_in(here, parts[-1], fold_case=fold_case)) is not None:
            return here, key
        if isinstance(here, list) and parts[-1].isdigit() and int(parts[-1]) < len(here):
            return here, int(parts[-1])
    return None


def _step(here: Any, part: str, fold_case: bool) -> Any:
    if isinstance(here, dict):
        key = key_in(here, part, fold_case=fold_case)
        return None if key is None else here[key]
    if isinstance(here, list) and part.isdigit() and int(part) < len(here):
        return here[int(part)]
    return None


class Damage(Action):
    """An action that changes the frame. ``damage`` returns the new frame and what was done; None: nothing to change."""

    __slots__ = ()
    group: ClassVar[str] = "content"

    def start(self, run: Run) -> Body:
        """A body for one session."""
        return Damaging(run, self)

    def damage(self, sight: Sight, run: Run) -> tuple[Text | Binary, str] | None:
        """The frame as it goes on, and what was done to it; None where there is nothing to change."""
        raise NotImplementedError


class Damaging(Body):
    """Puts the damaged frame in the place of the frame."""

    def __init__(self, run: Run, action: Damage) -> None:
        super().__init__(run)
        self.action = action

    def hit(self, sight: Sight, now: Micros) -> Iterable[Item]:
        """The frame, damaged."""
        written = sight.as_text()
        seen = written or sight
        damaged = self.action.damage(seen, self.run) if isinstance(seen.frame, Text | Binary) else None
        if damaged is None:
            return (sight.item,)
        frame, did = damaged
        if written is not None and isinstance(frame, Text):
            frame = Binary(frame.data.encode())  # as it came
        if frame == sight.frame:
            return (sight.item,)
        note = self.run.fire(did, sight)
        if isinstance(sight.item, Received):
            return (note, Received(sight.item.peer, frame))
        return (note, to_client(frame))


def body_of(sight: Sight) -> Any:
    """The body of a text frame, to be changed (never the view's own, which others look at)."""
    return parse(sight.frame.data) if isinstance(sight.frame, Text) else None


@register
@dataclass(frozen=True, slots=True)
class Strip(Damage):
    """``path``: dotted; where it is not at the top of the body it is looked for one level down."""

    syntax: ClassVar[str] = "strip <path:path>"
    about: ClassVar[str] = "A field is taken out. 'drop PATH on EVENT' says the same."
    example: ClassVar[str] = "strip {tie}"
    tries: ClassVar[tuple[str, ...] | None] = ("strip {field}",)

    path: str

    def damage(self, sight: Sight, run: Run) -> tuple[Text | Binary, str] | None:
        """The frame as it goes on, and what was done to it; None where there is nothing to change."""
        body = body_of(sight)
        place = locate(body, self.path, fold_case=run.dialect.fold_case)
        if place is None:
            return None
        container, key = place
        del container[key]  # type: ignore[arg-type]
        return Text(dump(body)), f"took {self.path} out of"


@register
@dataclass(frozen=True, slots=True)
class SetField(Damage):
    """``value`` is JSON text. A field that is not there is added where the path says."""

    syntax: ClassVar[str] = "set <path:path> to <value:json>"
    about: ClassVar[str] = "A field gets another value; it is added if it is not there."
    example: ClassVar[str] = "set {outcome}"
    tries: ClassVar[tuple[str, ...] | None] = ("set {field} to null",)

    path: str
    value: str

    def damage(self, sight: Sight, run: Run) -> tuple[Text | Binary, str] | None:
        """The frame as it goes on, and what was done to it; None where there is nothing to change."""
        body = body_of(sight)
        place = locate(body, self.path, fold_case=run.dialect.fold_case) or _absent(
            body, self.path, run.dialect.fold_case
        )
        if place is None:
            return None
        container, key = place
        container[key] = json.loads(self.value)  # type: ignore[index]
        return Text(dump(body)), f"set {self.path} to {self.value} in"


def _absent(body: Any, path: str, fold_case: bool) -> Place | None:
    parts = path.split(".")
    here = body
    for part in parts[:-1]:
        here = _step(here, part, fold_case)
    return (here, parts[-1]) if isinstance(here, dict) else None


@register
@dataclass(frozen=True, slots=True)
class AnotherId(Damage):
    """``path`` "" is the first there is of response_id, response.id, item_id, item.id, session.id, event_id."""

    syntax: ClassVar[str] = "another id [of <path:path>]"
    about: ClassVar[str] = (
        "An id is replaced by one that nobody knows, of the same shape; the response's id unless another is named."
    )
    example: ClassVar[str] = "another id of {id}"

    path: str = ""

    def damage(self, sight: Sight, run: Run) -> tuple[Text | Binary, str] | None:
        """The frame as it goes on, and what was done to it; None where there is nothing to change."""
        body = body_of(sight)
        for path in (self.path,) if self.path else _IDS:
            place = locate(body, path, fold_case=run.dialect.fold_case)
            if place is None:
                continue
            container, key = place
            old = container[key]  # type: ignore[index]
            if isinstance(old, str) and old:
                new = _like(old, run)
                container[key] = new  # type: ignore[index]
                return Text(dump(body)), f"called {old} {new} ({path}) in"
        return None


_IDS = ("response_id", "response.id", "item_id", "item.id", "session.id", "event_id")


def _like(old: str, run: Run) -> str:
    """An id of the same prefix and length."""
    if old.count("-") == 4 and len(old) == 36:
        return run.ids.uuid()
    prefix = old[: old.find("_") + 1]
    return run.ids.mint(prefix, max(len(old) - len(prefix), 1), BASE62)


@register
@dataclass(frozen=True, slots=True)
class WrongType(Damage):
    """A text becomes a number, a number a text, an object a list, a list an object, null an object."""

    syntax: ClassVar[str] = "wrong type of <path:path>"
    about: ClassVar[str] = "A field keeps its name and gets a value of another JSON type."
    example: ClassVar[str] = "wrong type of {object}"
    tries: ClassVar[tuple[str, ...] | None] = ("wrong type of {field}",)

    path: str

    def damage(self, sight: Sight, run: Run) -> tuple[Text | Binary, str] | None:
        """The frame as it goes on, and what was done to it; None where there is nothing to change."""
        body = body_of(sight)
        place = locate(body, self.path, fold_case=run.dialect.fold_case)
        if place is None:
            return None
        container, key = place
        old = container[key]  # type: ignore[index]
        container[key] = _other_type(old)  # type: ignore[index]
        return Text(dump(body)), f"changed the type of {self.path} in"


def _other_type(value: Any) -> Any:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return 42
        case int() | float():
            return str(value)
        case dict():
            return list(value.values())
        case list():
            return {str(index): item for index, item in enumerate(value)}
        case _:
            return {}


@register
@dataclass(frozen=True, slots=True)
class MissingType(Damage):
    """What clients switch on is gone."""

    syntax: ClassVar[str] = "missing type"
    about: ClassVar[str] = "The event has no field 'type'."
    example: ClassVar[str] = "missing type on {part}"

    def damage(self, sight: Sight, run: Run) -> tuple[Text | Binary, str] | None:
        """The frame as it goes on, and what was done to it; None where there is nothing to change."""
        body = body_of(sight)
        if not isinstance(body, dict) or "type" not in body:
            return None
        del body["type"]
        return Text(dump(body)), "took the type out of"


# --- constructors ---------------------------------------------------------------------------------------------------


@checked("faults.strip")
def strip(path: Name, on: On = (), **options: Unpack[Options]) -> Fault:
    """The field at ``path`` is taken out."""
    return make(Strip(path), on, options)


@checked("faults.set_field")
def set_field(path: Name, value: Any, on: On = (), **options: Unpack[Options]) -> Fault:
    """The field at ``path`` becomes ``value`` (anything that JSON can hold)."""
    try:
        text = dump(value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"value: expected what JSON can hold ({error})") from None
    return make(SetField(path, text), on, options)


@checked("faults.another_id")
def another_id(on: On = (), *, of: str = "", **options: Unpack[Options]) -> Fault:
    """An id is replaced by a foreign one; ``of`` is its path."""
    return make(AnotherId(of), on, options)


@checked("faults.wrong_type")
def wrong_type(path: Name, on: On = (), **options: Unpack[Options]) -> Fault:
    """The field at ``path`` gets another JSON type."""
    return make(WrongType(path), on, options)


@checked("faults.missing_type")
def missing_type(on: On = (), **options: Unpack[Options]) -> Fault:
    """Events without a type."""
    return make(MissingType(), on, options)
