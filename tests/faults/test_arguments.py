"""Every argument of every constructor against values of every kind. The walk asks the signatures, so it knows new ones.

What is refused says so in one line; what is taken can be written as words and read back: nothing in between.
"""

from __future__ import annotations

import dataclasses
import inspect
from functools import cache
from typing import Any

import pytest

from mockserver import faults
from mockserver.errors import MockServerError, UsageError
from mockserver.faults.options import Options

MAKERS = sorted(
    name
    for name, one in vars(faults).items()
    if name in faults.__all__
    and inspect.isfunction(one)
    and name not in ("catalogue", "describe", "foresee", "load_text", "make", "parse", "register", "to_client")
)
STRANGER = object()
NO = [
    5,
    -1,
    0,
    1.5,
    float("nan"),
    float("inf"),
    True,
    None,
    "",
    "x",
    b"x",
    [1],
    ["x"],
    [],
    (),
    (1, 2),
    (1, ""),
    {},
    {"a": 1},
    STRANGER,
    len,
]
NEEDED: dict[str, Any] = {
    "path": "a.b",
    "value": 1,
    "until": "response.done",
    "seconds": 1,
    "by": 1,
    "event": "x",
    "bytes_per_second": 1_000,
    "status": 429,
    "url": "https://example.invalid",
}


@cache
def arguments(name: str) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(getattr(faults, name)).parameters)


def needed(name: str) -> dict[str, Any]:
    """The least that a constructor wants."""
    known = arguments(name)
    given = {
        one: NEEDED[one]
        for one, about in known.items()
        if about.default is about.empty and one not in ("on", "options")
    }
    return {**given, **({"on": "response.done"} if "on" in known else {})}


def walked() -> list[tuple[str, str]]:
    """Every argument of every constructor: own ones, then those that all share."""
    own = [(name, one) for name in MAKERS for one in arguments(name) if one != "options"]
    return [*own, *((name, one) for name in MAKERS for one in Options.__annotations__)]


def complaint(name: str, argument: str, wrong: Any) -> str | None:
    """What is wrong with how a constructor takes one value; None where nothing is."""
    try:
        fault = getattr(faults, name)(**{**needed(name), argument: wrong})
    except UsageError as error:
        told = str(error)
        if "\n" in told:
            return "more than one line"
        if not any(word in told for word in ("expected", "need", "not both", "give ", ";")):
            return f"does not say what was expected: {told}"
        return None if wrong is not STRANGER or argument in told else f"does not name the argument: {told}"
    except Exception as error:  # noqa: BLE001 - whatever else comes out is what this looks for
        return f"{type(error).__name__}: {error}"
    if wrong is STRANGER:
        return "taken"
    return None if faults.parse(fault.spec) == fault else f"means {fault.spec!r}, which is read back as another fault"


def test_the_walk_knows_every_constructor() -> None:
    assert len(MAKERS) > 40
    for name in MAKERS:
        assert "options" in arguments(name), name
        getattr(faults, name)(**needed(name))  # the control


def test_every_argument_is_refused_in_one_line_or_it_means_something() -> None:
    """One loop over thousands of values that reports all failures at once."""
    found = [
        f"faults.{name}({argument}={wrong!r:.40}): {said}"
        for name, argument in walked()
        for wrong in NO
        if (said := complaint(name, argument, wrong)) is not None
    ]
    assert found == []


def test_the_loop_sees_what_is_taken_and_what_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: constructors that take anything, raise what they like or say nothing."""

    def broken(path: Any, **options: Any) -> Any:
        if path is STRANGER:
            return faults.drop("x")
        if path == 5:
            raise UsageError("no")
        raise ValueError("boom")

    monkeypatch.setattr(faults, "strip", broken)
    monkeypatch.setitem(globals(), "needed", lambda name: {})
    assert complaint("strip", "path", STRANGER) == "taken"
    assert complaint("strip", "path", 5) == "does not say what was expected: no"
    assert complaint("strip", "path", "x") == "ValueError: boom"


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: faults.drop("x", nth="2"), "faults.drop: nth='2': expected a whole number or None"),
        (lambda: faults.strip("", "x"), "faults.strip: path='': expected a text that is not empty"),
        (lambda: faults.hold("x", until=""), "faults.hold: until='': expected a text that is not empty"),
        (lambda: faults.delay("x", seconds="a"), "faults.delay: seconds='a': expected a number"),
        (lambda: faults.drop("x", after_ms="5"), "faults.drop: after_ms='5': expected a number above 0 or None"),
        (lambda: faults.drop("x", after_ms=-5), "faults.drop: after_ms=-5: expected a number above 0 or None"),
        (lambda: faults.drop("x", optional="no"), "faults.drop: optional='no': expected true or false"),
        (lambda: faults.drop("x", after_events=("a", 1)), "faults.drop: after_events[0]='a': expected a whole number"),
        (lambda: faults.drop(["x", 5]), "faults.drop: on[1]=5: expected a text"),
        (lambda: faults.drop(iter(["x", 5])), "Where: events[1]=5: expected a text"),
        (lambda: faults.parse(None), "faults.parse: spec=None: expected a text"),
        (lambda: faults.parse(5), "faults.parse: spec=5: expected a text"),
        (lambda: faults.load_text(None), "faults.load_text: text=None: expected a text"),
        (lambda: faults.describe(None), "faults.describe: name=None: expected a text"),
        (lambda: faults.make(faults.drop("x").action, "x", {"nth": "2"}), "fault: options['nth']='2': expected"),
        (lambda: faults.make("drop", "x", {}), "fault: action='drop': expected an Action"),
        (lambda: faults.Fault("drop"), "Fault: action='drop': expected an Action"),
    ],
)
def test_what_is_wrong_is_said_with_the_place(make: Any, told: str) -> None:
    with pytest.raises(UsageError) as error:
        make()
    assert str(error.value).startswith(told)


@pytest.mark.parametrize("kind", [faults.Where, faults.After])
def test_every_part_of_a_where_is_checked(kind: Any) -> None:
    least: dict[str, Any] = {"amount": 1} if kind is faults.After else {}
    kind(**least)
    for field in dataclasses.fields(kind):
        with pytest.raises(UsageError, match=f"{kind.__name__}: {field.name}="):
            kind(**{**least, field.name: STRANGER})


@pytest.mark.parametrize(
    "spec",
    [
        'strip "" on x',
        'hold until "" on x',
        'redirect to ""',
        'drop on ""',
        'fail as "" on x',
        'drop on x in response ""',
        'drop after 2 ""',
        'unknown event called ""',
    ],
)
def test_words_may_not_be_empty_either(spec: str) -> None:
    with pytest.raises(MockServerError) as error:
        faults.parse(spec)
    assert "expected" in str(error.value)
    assert "\n" not in str(error.value)


def test_none_is_not_given() -> None:
    assert faults.drop("x", nth=None, after_ms=None, after_events=None, since=None) == faults.drop("x")
