"""Arguments against their annotations: what is taken, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from mockserver.core.typed import (
    Name,
    NotNegative,
    Positive,
    PositiveInt,
    check,
    check_fields,
    checked,
    misfit,
)
from mockserver.errors import UsageError

TAKEN: list[tuple[Any, Any]] = [
    (str, ""),
    (Name, "x"),
    (int, 0),
    (float, 3),
    (Positive, 0.1),
    (NotNegative, 0),
    (bool, False),
    (Any, object()),
    (str | None, None),
    (Sequence[str], ["a"]),
    (Sequence[str], ("a", "b")),
    (Mapping[str, int], {"a": 1}),
    (tuple[int, str], (1, "a")),
    (Literal["a", "b"], "b"),
    (Callable[[], None], print),
    (Sequence[str] | str, "a"),
]
REFUSED: list[tuple[Any, Any, str]] = [
    (str, 5, "x=5: expected a text"),
    (Name, "", "x='': expected a text that is not empty"),
    (int, True, "x=True: expected a whole number"),
    (int, 1.0, "x=1.0: expected a whole number"),
    (float, "1", "x='1': expected a number"),
    (float, float("nan"), "x=nan: expected a number"),
    (Positive, 0, "x=0: expected a number above 0"),
    (PositiveInt, -1, "x=-1: expected a whole number above 0"),
    (bool, 1, "x=1: expected true or false"),
    (str | None, 5, "x=5: expected a text or None"),
    (Sequence[str], "abc", "x='abc': expected a list (each: a text)"),
    (Sequence[str], {"a": 1}, "x={'a': 1}: expected a list (each: a text)"),
    (Sequence[str], ["a", 5], "x[1]=5: expected a text"),
    (Sequence[str] | str, ["a", 5], "x[1]=5: expected a text"),
    (Mapping[str, Sequence[int]], {"a": [1, "2"]}, "x['a'][1]='2': expected a whole number"),
    (tuple[int, str], (1,), "x=(1,): expected (a whole number, a text)"),
    (Literal["a", "b"], "c", "x='c': expected one of 'a', 'b'"),
    (Callable[[], None], 5, "x=5: expected a function"),
    (str, ["y" * 100], f"x=['{'y' * 55}...: expected a text"),
]


@pytest.mark.parametrize(("hint", "value"), TAKEN)
def test_what_is_taken(hint: Any, value: object) -> None:
    assert misfit(value, hint) is None
    check("f", "x", value, hint)


@pytest.mark.parametrize(("hint", "value", "told"), REFUSED)
def test_what_is_refused_and_how(hint: Any, value: object, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        check("f", "x", value, hint)
    assert str(caught.value) == f"f: {told}"


def test_an_iterator_is_not_used_up() -> None:
    values = iter(["a", 5])
    check("f", "x", values, Iterator[str])
    assert list(values) == ["a", 5]


@pytest.mark.parametrize("name", ["require_key", "token", "client_secret"])
def test_a_key_of_the_wrong_type_is_in_no_error(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check("simulator", name, ["sk-live-0123456789"], str | None)
    assert str(caught.value) == f"simulator: {name}=(list): expected a text or None"


def test_functions_and_dataclasses_are_checked_by_what_they_declare() -> None:
    @checked("wait")
    def wait(seconds: Positive, *, why: str = "") -> str:
        return f"{seconds} {why}"

    @dataclass
    class Turn:
        text: str
        times: PositiveInt = 1

        def __post_init__(self) -> None:
            check_fields(self, "Turn")

    assert wait(1, why="x") == "1 x"
    assert Turn("a", 2).times == 2
    with pytest.raises(UsageError, match=r"^wait: seconds=0: expected a number above 0$"):
        wait(0)
    with pytest.raises(UsageError, match=r"^wait: why=5: expected a text$"):
        wait(1, why=5)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^Turn: times=0: expected a whole number above 0$"):
        Turn("a", 0)


def test_a_default_is_looked_at_like_any_value() -> None:
    @dataclass
    class Terms:
        count: PositiveInt = 0
        name: Name | None = None

        def __post_init__(self) -> None:
            check_fields(self, "Terms")

    for _ in range(2):
        assert Terms(1).name is None
        with pytest.raises(UsageError, match="Terms: count=0: expected a whole number above 0"):
            Terms()
        with pytest.raises(UsageError, match="Terms: name='': expected a text that is not empty or None"):
            Terms(1, "")
