"""JSON that can be sent, and JSON that is too deep to be read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.core.json_text import dumps, loads, pretty, refused, too_deep
from mockserver.dialects.base import DEEPEST, parse, parse_once


def nested(levels: int, opens: str = "[", closes: str = "]") -> str:
    return opens * levels + "1" + closes * levels


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}")])
def test_a_value_is_read_up_to_a_depth_that_is_the_same_on_every_python(opens: str, closes: str) -> None:
    assert parse(nested(DEEPEST - 1, opens, closes)) is not None
    for levels in (DEEPEST + 1, 2_000, 100_000):
        assert parse(nested(levels, opens, closes)) is None


def test_many_brackets_side_by_side_are_not_deep() -> None:
    wide = json.dumps([{"a": []}] * 1_000)
    assert parse(wide) == json.loads(wide)
    assert not too_deep(json.loads(wide), 3)
    assert too_deep(json.loads(wide), 2)


def test_half_a_character_goes_back_as_the_escape_that_it_was() -> None:
    assert dumps({"a": "\ud800é"}) == '{"a":"\\ud800é"}'


def test_of_a_long_text_the_value_is_read_once() -> None:
    long = json.dumps({"a": "x" * 20_000})
    assert loads(long) is loads(long)
    assert parse_once(long) is parse_once(long)
    assert parse(long) is not parse(long)  # who changes what was read has a value of its own
    same = "".join(long)
    assert loads(json.dumps({"a": 1})) == {"a": 1}
    assert loads(same) == loads(long)


def test_of_a_long_text_without_json_it_is_remembered_that_there_is_none() -> None:
    broken = '{"a": "' + "x" * 20_000
    assert not refused(broken)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"JSON|Unterminated"):
            loads(broken)
        assert refused(broken)
    assert parse_once(broken) is None
    assert not refused(broken + " ")
    loads(json.dumps({"a": "y" * 20_000}))
    assert not refused(broken)


def test_a_value_inside_itself_is_told_from_one_that_is_too_deep() -> None:
    loop: dict[str, Any] = {"a": [1]}
    loop["a"].append(loop)
    with pytest.raises(ValueError, match="Circular reference"):
        dumps(loop)
    deep: list[Any] = []
    for _ in range(200_000):
        deep = [deep]
    with pytest.raises(RecursionError):
        dumps(deep)
    twice = {"x": 1}
    assert dumps([twice, twice]) == '[{"x":1},{"x":1}]'


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_laid_out_is_as_the_library_has_it(value: Any) -> None:
    assert pretty(value) == json.dumps(value, indent=2, ensure_ascii=False)


@pytest.mark.parametrize("odd", ["", '"', "\\", "\n", "\x7f", "\x00", "é", "\u2028"])
def test_a_long_text_is_laid_out_as_the_library_has_it(odd: str) -> None:
    value = {"data": "QUJD+/==" * 200 + odd + "QUJD"}
    assert pretty(value) == json.dumps(value, indent=2, ensure_ascii=False)


@given(st.text(max_size=40), st.sampled_from(["please book a table ", "日本語", "\n", '"', "\\", "é ", "\x7f"]), VALUES)
def test_an_event_with_a_long_text_is_written_as_the_library_writes_it(odd: str, unit: str, value: Any) -> None:
    for text in (odd + unit * 5_000, unit * 5_000 + odd):
        for told in ({"a": text, "b": value}, {"b": [1, {"c": {"d": text}, "e": value}], "f": []}):
            wanted = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
            assert dumps(told) == wanted.encode("utf-8", "backslashreplace").decode()


def test_an_event_with_a_long_text_may_have_a_name_that_is_none() -> None:
    assert dumps({1: "x" * 5_000}) == f'{{"1":"{"x" * 5_000}"}}'


def test_half_a_pair_is_laid_out_as_an_escape() -> None:
    assert json.loads(pretty({"a": "\ud800"}).encode()) == {"a": "\ud800"}
