from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.engines.aliases import EDGE, Aliases, cut, forms, looks_minted

IDS = {"item_1", "evt-2"}


def rewritten(text: str, **names: str | None) -> str:
    aliases = Aliases()
    aliases.learn(names.items())
    ids = {form for name in names for form in forms(name)}
    parts = cut(text, ids)
    return text if parts is None else aliases.fill(parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"id":"a1"}', '{"id":"LIVE"}'),
        ('{"id" : "a1" , "n":1.0}\r\n', '{"id" : "LIVE" , "n":1.0}\r\n'),
        ('{"x":["a1",{"y":"a1"}],"z":"a1"}', '{"x":["LIVE",{"y":"LIVE"}],"z":"LIVE"}'),
        ('{"a1":"a1"}', '{"a1":"LIVE"}'),  # a key stays
        ('{"a1" :1}', '{"a1" :1}'),
        ('{"text":"a1 and a12"}', '{"text":"a1 and a12"}'),  # a part of a longer string stays
        (
            '{"args":"{\\"id\\":\\"a1\\"}"}',
            '{"args":"{\\"id\\":\\"a1\\"}"}',
        ),  # JSON in a string stays
        ('{"x":"\\\\","y":"a1"}', '{"x":"\\\\","y":"LIVE"}'),  # a string that ends in a backslash
        ('"a1"', '"LIVE"'),
        ('["","a1",""]', '["","LIVE",""]'),
    ],
)
def test_whole_strings_only(text: str, expected: str) -> None:
    assert rewritten(text, a1="LIVE") == expected


def test_an_id_may_stand_at_either_edge_of_a_long_frame() -> None:
    audio = "A" * 10 * EDGE
    for text in (f'{{"id":"a1","delta":"{audio}"}}', f'{{"delta":"{audio}","id":"a1"}}'):
        assert rewritten(text, a1="LIVE") == text.replace("a1", "LIVE")
    middle = f'{{"delta":"{audio}","id":"a1","more":"{audio}"}}'
    assert rewritten(middle, a1="LIVE") == middle.replace("a1", "LIVE")


def test_an_id_that_the_client_left_out_becomes_null() -> None:
    assert rewritten('{"event_id":"a1"}', a1=None) == '{"event_id":null}'


def test_names_may_change_places() -> None:
    assert rewritten('["a1","b2"]', a1="b2", b2="a1") == '["b2","a1"]'


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=6)
    | st.sampled_from(["id-1", "ü 2"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


def renamed(value: Any, names: dict[str, str]) -> Any:
    match value:
        case dict():
            return {key: renamed(one, names) for key, one in value.items()}
        case list():
            return [renamed(one, names) for one in value]
        case str():
            return names.get(value, value)
        case _:
            return value


@given(JSON, st.text(), st.text(), st.booleans(), st.sampled_from([None, (", ", ": "), (",", ":")]))
def test_rewriting_text_is_rewriting_values(
    value: Any, one: str, two: str, ascii_only: bool, separators: tuple[str, str] | None
) -> None:
    names = {"id-1": one, "ü 2": two}
    text = json.dumps(value, ensure_ascii=ascii_only, separators=separators)
    aliases = Aliases()
    aliases.learn(names.items())
    parts = cut(text, forms("id-1") | forms("ü 2"))
    after = text if parts is None else aliases.fill(parts)
    assert json.loads(after) == renamed(value, names)


@given(JSON)
def test_what_holds_no_alias_keeps_its_bytes(value: Any) -> None:
    text = json.dumps(value, indent=1)
    parts = cut(text, forms("id-1") | forms("ü 2"))
    assert parts is None or Aliases().fill(parts) == text


def test_what_looks_minted() -> None:
    assert looks_minted("response_create_3f9a")
    assert not any(
        looks_minted(one)
        for one in ("weather", "a1", "two words 12345", 12345678, None, "fahrenheit")
    )
