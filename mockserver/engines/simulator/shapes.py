"""A table of fields, types and bounds, and the check of a JSON value against it.

One table entry is a ``Shape``. ``check`` raises the first thing that is wrong, in the provider's words (``Words``).
Pydantic would do it too, but words its errors in its own way, of which a provider's cannot be made, and costs every
test session 93 ms for its import.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Words(Protocol):
    """How a provider words what is wrong with a value: each function gives the exception to raise."""

    def kind_of(self, value: Any, /) -> str: ...
    def bad_type(self, value: Any, kinds: tuple[str, ...], path: str, /) -> Exception: ...
    def no_choice(self, value: Any, values: Iterable[str], path: str, /) -> Exception: ...
    def bad_value(self, value: Any, values: Iterable[str], path: str, /) -> Exception: ...
    def too_long(self, value: Any, longest: int, path: str, /) -> Exception: ...
    def too_small(self, value: float, least: float, path: str, word: str, /) -> Exception: ...
    def too_big(self, value: float, most: float, path: str, word: str, /) -> Exception: ...
    def missing(self, path: str, /) -> Exception: ...
    def unknown(self, path: str, /) -> Exception: ...
    def too_many_fields(self, value: dict[str, Any], most: int, path: str, /) -> Exception: ...
    def name_too_long(self, name: str, longest: int, path: str, /) -> Exception: ...


@dataclass(frozen=True, slots=True)
class Shape:
    """What one JSON value may be.

    ``kinds``: JSON types ("number" takes integers too). ``values``: the strings that are allowed. ``fields`` and
    ``required``: of an object, which also has at least one of ``one_of``; ``fields`` None takes any, ``open`` takes
    others beside them. ``of``: each element of an array. ``each``, ``longest_name`` and ``most_fields``: of an object
    whose names are the client's, its values, the length of a name and how many there may be. ``by``: the field that
    says which of ``cases`` an object is; ``default`` is the case where the field is left out; ``named`` are the cases
    that an error tells of, where it does not tell all.
    """

    kinds: tuple[str, ...] = ("object",)
    values: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    longest: int | None = None
    fields: Mapping[str, Shape] | None = None
    required: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    of: Shape | None = None
    each: Shape | None = None
    longest_name: int | None = None
    most_fields: int | None = None
    open: bool = False
    by: str = ""
    cases: Mapping[str, Shape] = field(default_factory=dict)
    default: str | None = None
    named: tuple[str, ...] = ()


_KINDS = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    dict: "object",
    list: "array",
    type(None): "null",
}


def check(shape: Shape, value: Any, path: str, words: Words) -> None:
    """Raise what ``words`` says for the first thing in ``value`` that is not as ``shape`` says."""
    if not fits(shape, value):
        _complain(shape, value, path, words)


def fits(shape: Shape, value: Any) -> bool:
    """Whether a value is as ``shape`` says. Nearly all are, and to say where one is not takes longer."""
    kind = _KINDS[type(value)]
    if kind not in shape.kinds and not (kind == "integer" and "number" in shape.kinds):
        return False
    if kind == "string":
        return (not shape.values or value in shape.values) and (shape.longest is None or len(value) <= shape.longest)
    if kind == "object":
        return _is_object(shape, value)
    if kind == "array":
        of = shape.of
        return of is None or all(fits(of, element) for element in value)
    if kind == "integer" or kind == "number":
        return (shape.least is None or value >= shape.least) and (shape.most is None or value <= shape.most)
    return True


def _is_object(shape: Shape, value: dict[str, Any]) -> bool:
    if shape.by:
        name = value.get(shape.by, shape.default)
        case = shape.cases.get(name) if isinstance(name, str) else None
        return case is not None and fits(case, value)
    for name in shape.required:
        if name not in value:
            return False
    if shape.one_of and not any(name in value for name in shape.one_of):
        return False
    if shape.most_fields is not None and len(value) > shape.most_fields:
        return False
    if shape.each is not None:
        longest = shape.longest_name
        for name, inner in value.items():
            if (longest is not None and len(name) > longest) or not fits(shape.each, inner):
                return False
    fields = shape.fields
    if fields is not None:
        for name, inner in value.items():
            field = fields.get(name)
            if field is None:
                if not shape.open:
                    return False
            elif not fits(field, inner):
                return False
    return True


def _complain(shape: Shape, value: Any, path: str, words: Words) -> None:
    kind = words.kind_of(value)
    if kind not in shape.kinds and not (kind == "integer" and "number" in shape.kinds):
        raise _of_other_type(shape, value, path, words)
    match value:
        case str():
            _check_string(shape, value, path, words)
        case bool() | None:
            pass
        case int() | float():
            _check_number(shape, value, path, words)
        case list():
            if shape.of is not None:
                for index, element in enumerate(value):
                    _complain(shape.of, element, f"{path}[{index}]", words)
        case dict():
            _check_object(shape, value, path, words)


def _of_other_type(shape: Shape, value: Any, path: str, words: Words) -> Exception:
    """A text that is one of several is told with them, and an array with what it is of."""
    if shape.values and set(shape.kinds) <= {"string", "null"}:
        return words.no_choice(value, shape.values, path)
    if shape.of is not None and shape.of.kinds == ("object",):
        return words.bad_type(value, tuple("objects" if kind == "array" else kind for kind in shape.kinds), path)
    return words.bad_type(value, shape.kinds, path)


def _check_string(shape: Shape, value: str, path: str, words: Words) -> None:
    if shape.values and value not in shape.values:
        raise words.bad_value(value, shape.values, path)
    if shape.longest is not None and len(value) > shape.longest:
        raise words.too_long(value, shape.longest, path)


def _check_number(shape: Shape, value: float, path: str, words: Words) -> None:
    number = "integer" if "integer" in shape.kinds else "decimal"
    if shape.least is not None and value < shape.least:
        raise words.too_small(value, shape.least, path, number)
    if shape.most is not None and value > shape.most:
        raise words.too_big(value, shape.most, path, number)


def _check_object(shape: Shape, value: dict[str, Any], path: str, words: Words) -> None:
    dot = f"{path}." if path else ""
    if shape.by:
        name = value.get(shape.by, shape.default)
        if name is None and shape.by not in value:
            raise words.missing(dot + shape.by)
        if not isinstance(name, str):
            raise words.no_choice(name, shape.named or shape.cases, dot + shape.by)
        if name not in shape.cases:
            raise words.bad_value(name, shape.named or shape.cases, dot + shape.by)
        return _complain(shape.cases[name], value, path, words)
    for name in shape.required:
        if name not in value:
            raise words.missing(dot + name)
    if shape.one_of and not any(name in value for name in shape.one_of):
        raise words.missing(dot + shape.one_of[0])
    if shape.most_fields is not None and len(value) > shape.most_fields:
        raise words.too_many_fields(value, shape.most_fields, path)
    if shape.each is not None:
        for name, inner in value.items():
            if shape.longest_name is not None and len(name) > shape.longest_name:
                raise words.name_too_long(name, shape.longest_name, path)
            _complain(shape.each, inner, dot + name, words)
    if shape.fields is None:
        return None
    for name, inner in value.items():
        if name not in shape.fields:
            if shape.open:
                continue
            raise words.unknown(dot + name)
        _complain(shape.fields[name], inner, dot + name, words)
    return None


def text(*values: str, longest: int | None = None, null: bool = False) -> Shape:
    """A string, one of ``values`` where given."""
    return Shape(("string", "null") if null else ("string",), values=values, longest=longest)


def integer(least: float | None = None, most: float | None = None, *, null: bool = False) -> Shape:
    """An integer within bounds."""
    return Shape(("integer", "null") if null else ("integer",), least=least, most=most)


def number(least: float | None = None, most: float | None = None) -> Shape:
    """A number within bounds."""
    return Shape(("number",), least=least, most=most)


def listing(of: Shape | None = None) -> Shape:
    """An array."""
    return Shape(("array",), of=of)


def record(*required: str, null: bool = False, **fields: Shape) -> Shape:
    """An object with exactly these fields."""
    return Shape(("object", "null") if null else ("object",), fields=fields, required=required)


def variants(by: str, cases: Mapping[str, Shape], *, default: str | None = None, null: bool = False) -> Shape:
    """An object whose field ``by`` says which of ``cases`` it is."""
    return Shape(("object", "null") if null else ("object",), by=by, cases=cases, default=default)


FLAG = Shape(("boolean",))
ANY_OBJECT = Shape()
