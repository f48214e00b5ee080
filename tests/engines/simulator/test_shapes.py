"""A value that fits is never complained of, and one that does not always is: the quick look and the slow one agree."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mockserver.engines.simulator import shapes
from mockserver.engines.simulator.openai import problems
from mockserver.engines.simulator.openai.problems import ClientProblem
from mockserver.engines.simulator.shapes import Shape, fits

NAMES = st.sampled_from(["a", "b", "type", "long name"])
WORDS = st.sampled_from(["a", "b", "a long word"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-3, 3) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
KINDS = st.lists(
    st.sampled_from(["string", "integer", "number", "boolean", "object", "array", "null"]), min_size=1, max_size=3
).map(tuple)
NONE = st.none()


def larger(inner: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    return st.builds(
        Shape,
        kinds=KINDS,
        values=st.lists(WORDS, max_size=2).map(tuple),
        least=NONE | st.integers(-2, 1),
        most=NONE | st.integers(-1, 2),
        longest=NONE | st.integers(0, 5),
        fields=NONE | st.dictionaries(NAMES, inner, max_size=3),
        required=st.lists(NAMES, max_size=1).map(tuple),
        one_of=st.lists(NAMES, max_size=2).map(tuple),
        of=NONE | inner,
        each=NONE | inner,
        longest_name=NONE | st.integers(0, 5),
        most_fields=NONE | st.integers(0, 3),
        open=st.booleans(),
        by=st.sampled_from(["", "type"]),
        cases=st.dictionaries(WORDS, inner, max_size=2),
        default=NONE | WORDS,
    )


SHAPES = st.recursive(st.builds(Shape, kinds=KINDS), larger, max_leaves=5)


def complaint(shape: Shape, value: Any) -> str | None:
    """What the slow look says."""
    try:
        shapes._complain(shape, value, "it", problems)
    except ClientProblem as problem:
        return problem.message
    return None


@given(SHAPES, VALUES)
def test_the_quick_look_says_what_the_slow_one_says(shape: Shape, value: Any) -> None:
    assert fits(shape, value) == (complaint(shape, value) is None)


def test_both_answers_come_by() -> None:
    listed = shapes.listing(shapes.record("a", a=shapes.integer(1)))
    assert fits(listed, [{"a": 1}])
    assert not fits(listed, [{"a": 1}, {"a": 0}])
    assert complaint(listed, [{"a": 1}, {"a": 0}]) == (
        "Invalid 'it[1].a': integer below minimum value. Expected a value >= 1, but got 0 instead."
    )
