"""Arguments against their declared types, where they are given: one line says what, where and what was expected.

Users are not type checked: settings come from a command line, a YAML file or a test without mypy. So the annotations
that mypy reads are read here too, and an argument that is added later is checked without another word. ``checked`` is
for functions, ``check_fields`` for dataclasses. What a type cannot say is a ``Limit`` beside it, in ``Annotated``.

Libraries do it too. Compared with pydantic 2.14 (strict), beartype and cattrs, this stays for three reasons: its error
is one line with the value's place as written in Python, where pydantic's are four with a web address and beartype's
tell the type hint; it knows bounds, and takes 1 for a number, where beartype does neither; and its import takes 30 ms
of every test session, where theirs take 93, 118 and 72.
"""

from __future__ import annotations

import inspect
import math
import re
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cache, wraps
from typing import Annotated, Any, Literal, TypeVar, Union, Unpack, get_args, get_origin, get_type_hints, is_typeddict

from mockserver.errors import UsageError


@dataclass(frozen=True, slots=True)
class Limit:
    """What a value must be beside its type. ``words`` end "expected a number ..."; ``holds`` is asked of that type."""

    words: str
    holds: Callable[[Any], bool]


ABOVE_0 = Limit("above 0", lambda value: bool(value > 0))
NOT_NEGATIVE = Limit("of 0 or more", lambda value: bool(value >= 0))
NOT_EMPTY = Limit("that is not empty", bool)

Name = Annotated[str, NOT_EMPTY]
Positive = Annotated[float, ABOVE_0]
NotNegative = Annotated[float, NOT_NEGATIVE]
PositiveInt = Annotated[int, ABOVE_0]
NotNegativeInt = Annotated[int, NOT_NEGATIVE]


@dataclass(frozen=True, slots=True)
class Misfit:
    """``path``: where in the argument, as written in Python (``['a'][0]``)."""

    path: str
    value: object
    expected: str


_PLAIN = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    bytes: "bytes",
    types.NoneType: "None",
}
_SECRET = re.compile(r"key|token|secret|passw", re.IGNORECASE)
_LISTS = (list, tuple, set, frozenset, Sequence, Collection, Iterable)


def misfit(value: object, hint: Any, path: str = "") -> Misfit | None:
    """What in ``value`` is not as the annotation says, or None."""
    if hint is Any or hint is object or hint is inspect.Parameter.empty:  # to compare annotations takes long
        return None
    origin, args = _parts(hint)
    if origin is Annotated:
        wrong = misfit(value, args[0], path)
        limits = [limit for limit in args[1:] if isinstance(limit, Limit)]
        inside = wrong is not None and wrong.path != path
        if inside or (wrong is None and all(limit.holds(value) for limit in limits)):
            return wrong
        return Misfit(path, value, said(hint))
    if origin in (Union, types.UnionType):
        return _of_union(value, args, hint, path)
    if not _fits(value, origin, args):
        return Misfit(path, value, said(hint))
    return next(_inside(value, hint, path), None)


def _parts(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """What an annotation is of, and what in. Annotations are few, and a server of a thousand scenarios asks often."""
    try:
        return _parts_of(hint)
    except TypeError:  # one that cannot be hashed
        return get_origin(hint) or hint, get_args(hint)


@cache
def _parts_of(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    return get_origin(hint) or hint, get_args(hint)


def _of_union(value: object, options: tuple[Any, ...], hint: Any, path: str) -> Misfit | None:
    """The misfit that is farthest inside says most: of [1], that 1 is no text, not that a list is no function."""
    if type(value) in options and type(value) is not float:
        return None
    found: list[Misfit] = []
    for option in options:
        wrong = misfit(value, option, path)
        if wrong is None:
            return None
        found.append(wrong)
    deepest = max(found, key=lambda wrong: len(wrong.path))
    return deepest if deepest.path != path else Misfit(path, value, said(hint))


def _fits(value: object, origin: Any, args: tuple[Any, ...]) -> bool:
    """Whether the value itself is of this type, whatever is in it."""
    if origin is Literal:
        return any(value == one and isinstance(value, type(one)) for one in args)
    if origin is None:
        return value is None
    if origin is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if origin is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if is_typeddict(origin):
        return isinstance(value, Mapping)
    if origin in _LISTS:
        # A text is a sequence of texts, and a mapping one of its keys; neither is ever meant.
        return isinstance(value, origin) and not isinstance(value, str | bytes | Mapping)
    if origin is Callable:
        return callable(value)
    return isinstance(value, origin) if isinstance(origin, type) else True


def _inside(value: Any, hint: Any, path: str) -> Iterator[Misfit]:
    """The misfits in what a value holds. An iterator is not read: that would use it up."""
    origin, args = _parts(hint)
    pairs: Iterable[tuple[str, object, Any]] = ()
    if is_typeddict(origin):
        known = hints_of(origin)
        pairs = ((f"[{key!r}]", one, known[key]) for key, one in value.items() if key in known)
    elif not args or origin is Literal:
        return
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        pairs = (
            pair
            for at, (key, one) in enumerate(value.items())
            for pair in ((f" (its key {at + 1})", key, args[0]), (f"[{key!r}]", one, args[1]))
        )
    elif origin is tuple and Ellipsis not in args:
        if len(value) != len(args):
            yield Misfit(path, value, said(hint))
            return
        pairs = ((f"[{at}]", one, args[at]) for at, one in enumerate(value))
    elif origin in _LISTS and isinstance(value, Collection):
        pairs = ((f"[{at}]", one, args[0]) for at, one in enumerate(value))
    for step, one, inner in pairs:
        wrong = misfit(one, inner, path + step)
        if wrong is not None:
            yield wrong


def said(hint: Any) -> str:
    """What an annotation asks for, in words."""
    try:
        return _said(hint)
    except TypeError:  # one that cannot be hashed
        return _said.__wrapped__(hint)


@cache
def _said(hint: Any) -> str:
    origin, args = get_origin(hint) or hint, get_args(hint)
    if origin is Annotated:
        limits = " and ".join(limit.words for limit in args[1:] if isinstance(limit, Limit))
        return f"{said(args[0])} {limits}".strip()
    if origin in (Union, types.UnionType):
        words = list(dict.fromkeys(said(option) for option in args))
        return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    if origin is Literal:
        shown = [repr(one) for one in args]
        return shown[0] if len(shown) == 1 else f"one of {', '.join(shown)}"
    if origin is None or origin in _PLAIN:
        return _PLAIN[origin or types.NoneType]
    if origin is tuple and args and Ellipsis not in args:
        return f"({', '.join(said(one) for one in args)})"
    if origin in _LISTS:
        inner = [one for one in args if one is not Ellipsis]
        plain = not inner or inner[0] in (Any, object)
        return "a list" if plain else f"a list (each: {said(inner[0])})"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "keys and values"
    if origin is Callable:
        return "a function"
    name = getattr(origin, "__name__", str(origin))
    return f"{'an' if name[:1] in 'AEIOU' else 'a'} {name}"


def shown(value: object) -> str:
    """A value in one short line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def check(owner: str, name: str, value: object, hint: Any) -> None:
    """UsageError where an argument is not as its annotation says."""
    wrong = misfit(value, hint)
    if wrong is not None:
        # A key that was given in the wrong place must not be printed: its type is told, not its value.
        secret = _SECRET.search(name + wrong.path.replace("its key", "")) is not None
        hidden = secret and not isinstance(wrong.value, int | float | None)
        value = f"({type(wrong.value).__name__})" if hidden else shown(wrong.value)
        raise UsageError(f"{owner}: {name}{wrong.path}={value}: expected {wrong.expected}")


@cache
def hints_of(thing: Any) -> Mapping[str, Any]:
    """The annotations of a class or function, with their limits; ``**options: Unpack[Options]`` by its names."""
    hints = get_type_hints(thing, include_extras=True)
    for name, hint in list(hints.items()):
        if get_origin(hint) is Unpack and is_typeddict(inner := get_args(hint)[0]):
            del hints[name]
            hints |= hints_of(inner)
    hints.pop("return", None)
    return hints


def check_fields(made: Any, owner: str) -> None:
    """The fields of a dataclass, from its ``__post_init__``. ``owner``: who complains."""
    kind: Any = type(made)
    for name, hint, default in _declared(kind):
        value = getattr(made, name)
        if value is not default:
            check(owner, name, value, hint)


@cache
def _declared(kind: Any) -> tuple[tuple[str, Any, Any], ...]:
    """The fields of a dataclass: name, annotation, and the default, which need not be looked at again."""
    hints = hints_of(kind)
    found = [(field.name, hints[field.name], field.default) for field in fields(kind)]
    return tuple(
        (name, hint, MISSING if default is MISSING or misfit(default, hint) else default)
        for name, hint, default in found
    )


F = TypeVar("F", bound=Callable[..., Any])


def checked(owner: str) -> Callable[[F], F]:
    """A function whose arguments are checked before it runs. Names that it does not know are left to it."""

    def around(function: F) -> F:
        signature = inspect.signature(function)
        rest = {name for name, one in signature.parameters.items() if one.kind is one.VAR_KEYWORD}

        @wraps(function)
        def call(*args: Any, **given: Any) -> Any:
            try:
                bound = signature.bind(*args, **given).arguments
            except TypeError:
                return function(*args, **given)  # Python's own error says what is missing
            hints = hints_of(function)
            for name, value in bound.items():
                for each, argument in value.items() if name in rest else ((name, value),):
                    if each in hints:
                        check(owner, each, argument, hints[each])
            return function(*args, **given)

        return call  # type: ignore[return-value]

    return around
