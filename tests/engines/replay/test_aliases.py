from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.engines.replay.aliases import EDGE, Aliases, cut, forms, looks_minted

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
        ('{"id":"minted_01"}', '{"id":"LIVE"}'),
        ('{"id" : "minted_01" , "n":1.0}\r\n', '{"id" : "LIVE" , "n":1.0}\r\n'),
        (
            '{"x":["minted_01",{"y":"minted_01"}],"z":"minted_01"}',
            '{"x":["LIVE",{"y":"LIVE"}],"z":"LIVE"}',
        ),
        ('{"minted_01":"minted_01"}', '{"minted_01":"LIVE"}'),  # a key stays
        ('{"minted_01" :1}', '{"minted_01" :1}'),
        ('{"text":"minted_01 and minted_012"}', '{"text":"minted_01 and minted_012"}'),
        (
            '{"args":"{\\"id\\":\\"minted_01\\"}"}',
            '{"args":"{\\"id\\":\\"minted_01\\"}"}',
        ),  # JSON in a string stays
        (
            '{"x":"\\\\","y":"minted_01"}',
            '{"x":"\\\\","y":"LIVE"}',
        ),  # a string that ends in a backslash
        ('"minted_01"', '"LIVE"'),
        ('["","minted_01",""]', '["","LIVE",""]'),
    ],
)
def test_whole_strings_only(text: str, expected: str) -> None:
    assert rewritten(text, minted_01="LIVE") == expected


def test_an_id_may_stand_at_either_edge_of_a_long_frame() -> None:
    audio = "A" * 10 * EDGE
    for text in (
        f'{{"id":"minted_01","delta":"{audio}"}}',
        f'{{"delta":"{audio}","id":"minted_01"}}',
    ):
        assert rewritten(text, minted_01="LIVE") == text.replace("minted_01", "LIVE")
    middle = f'{{"delta":"{audio}","id":"minted_01","more":"{audio}"}}'
    assert rewritten(middle, minted_01="LIVE") == middle.replace("minted_01", "LIVE")


def test_an_id_that_the_client_left_out_becomes_null() -> None:
    assert rewritten('{"event_id":"minted_01"}', minted_01=None) == '{"event_id":null}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"event_id":"1","delta":"1","role":"1"}', '{"event_id":"77","delta":"1","role":"1"}'),
        ('{"item":{"id":"1","content":[{"text":"1"}]}}', '{"item":{"id":"77","content":[{"text":"1"}]}}'),
        ('{"itemId" : "1","item_ids":["0","1" , "1"]}', '{"itemId" : "77","item_ids":["0","77" , "77"]}'),
        ('{"output_modalities":["1"],"x":[{"y":2},"1"]}', '{"output_modalities":["1"],"x":[{"y":2},"1"]}'),
        ('["1"]', '["1"]'),
        ('"1"', '"1"'),
    ],
)  # fmt: skip
def test_a_short_id_is_put_in_under_names_of_ids_only(text: str, expected: str) -> None:
    aliases = Aliases()
    aliases.learn([("1", "77")])
    parts = cut(text, {"1"})
    assert (text if parts is None else aliases.fill(parts)) == expected


def test_names_may_change_places() -> None:
    assert (
        rewritten('["minted_01","minted_02"]', minted_01="minted_02", minted_02="minted_01")
        == '["minted_02","minted_01"]'
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.sampled_from(["minted-id-1", "ü_minted_2"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
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
    names = {"minted-id-1": one, "ü_minted_2": two}
    text = json.dumps(value, ensure_ascii=ascii_only, separators=separators)
    aliases = Aliases()
    aliases.learn(names.items())
    parts = cut(text, forms("minted-id-1") | forms("ü_minted_2"))
    after = text if parts is None else aliases.fill(parts)
    assert json.loads(after) == renamed(value, names)


@given(JSON)
def test_what_holds_no_alias_keeps_its_bytes(value: Any) -> None:
    text = json.dumps(value, indent=1)
    parts = cut(text, forms("minted-id-1") | forms("ü_minted_2"))
    assert parts is None or Aliases().fill(parts) == text


def test_what_looks_minted() -> None:
    assert looks_minted("response_create_3f9a")
    assert not any(looks_minted(one) for one in ("weather", "a1", "two words 12345", 12345678, None, "fahrenheit"))
