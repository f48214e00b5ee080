"""Fields taken away, set, renamed, retyped: the touched frame changes there and nowhere else, the others not at all."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from mockserver import faults
from mockserver.errors import UsageError
from mockserver.faults.damage import locate
from tests.faults.stage import turn

PLAIN = turn()


def touched(stage: Any) -> list[tuple[str, str]]:
    """(plain, damaged) of the frames that differ."""
    assert len(stage.texts) == len(PLAIN.texts)
    assert [at for at, _ in stage.timeline] == [at for at, _ in PLAIN.timeline]
    return [(plain, text) for plain, text in zip(PLAIN.texts, stage.texts, strict=True) if plain != text]


def test_control_the_turn_has_what_the_faults_take() -> None:
    created = PLAIN.bodies("response.created")[0]
    assert created["response"]["metadata"] == {"client_event_id": "mine"}


@pytest.mark.parametrize(
    "spec",
    [
        "strip response.metadata on response.created",
        "strip metadata on response.created",
        "drop metadata on response.created",
    ],
)
def test_a_field_is_taken_out(spec: str) -> None:
    stage = turn(spec)
    [(plain, damaged)] = touched(stage)
    expected = json.loads(plain)
    del expected["response"]["metadata"]
    assert json.loads(damaged) == expected
    assert list(json.loads(damaged)) == list(json.loads(plain))  # the order of keys stays
    assert stage.armed[0].fired == 1


def test_a_field_that_is_not_there_is_not_a_hit() -> None:
    stage = turn("strip response.hat on response.created")
    assert touched(stage) == []
    error = stage.armed[0].never_fired()
    assert error is not None
    assert "saw response.created, but there was nothing in it to act on" in str(error)


@pytest.mark.parametrize(
    ("spec", "path", "value"),
    [
        ('set response.status to "failed" on response.done', ("response", "status"), "failed"),
        ("set status to failed on response.done", ("response", "status"), "failed"),
        ("set response.usage to null on response.done", ("response", "usage"), None),
        ('set metadata to {"a": [1, 2]} on response.created', ("response", "metadata"), {"a": [1, 2]}),
        ("set hat to 3 on response.done", ("hat",), 3),
        ("set response.output.0.id to item_x on response.done", ("response", "output", 0, "id"), "item_x"),
    ],
)
def test_a_field_is_set(spec: str, path: tuple[Any, ...], value: Any) -> None:
    [(plain, damaged)] = touched(turn(spec))
    expected = copy.deepcopy(json.loads(plain))
    here = expected
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = value
    assert json.loads(damaged) == expected


def test_another_id_is_of_the_same_shape() -> None:
    [(plain, damaged)] = touched(turn("another id on 1st response.output_audio.delta"))
    old, new = json.loads(plain)["response_id"], json.loads(damaged)["response_id"]
    assert new != old
    assert new.startswith("resp_")
    assert len(new) == len(old)
    assert {**json.loads(damaged), "response_id": old} == json.loads(plain)


def test_another_id_of_a_field_is_the_same_on_each_run() -> None:
    spec = "another id of item_id on response.output_audio.done"
    first, again = touched(turn(spec)), touched(turn(spec))
    assert first == again
    assert json.loads(first[0][1])["item_id"].startswith("item_")
    assert touched(turn(faults.another_id("response.output_audio.done", of="item_id"))) == first


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("wrong type of response on response.created", list),
        ("wrong type of response.id on response.created", int),
        ("wrong type of output_index on response.content_part.added", str),
        ("wrong type of response.output on response.created", dict),
        ("wrong type of response.usage on response.created", dict),
    ],
)
def test_wrong_types(spec: str, kind: type) -> None:
    [(plain, damaged)] = touched(turn(spec))
    place, old = locate(json.loads(damaged), spec.split()[3]), locate(json.loads(plain), spec.split()[3])
    assert place is not None
    assert old is not None
    assert isinstance(place[0][place[1]], kind)  # type: ignore[index]
    assert not isinstance(old[0][old[1]], kind)  # type: ignore[index]


def test_missing_type() -> None:
    [(plain, damaged)] = touched(turn("missing type on response.output_item.added"))
    assert {"type": "response.output_item.added", **json.loads(damaged)} == json.loads(plain)


def test_damage_on_the_way_in_reaches_the_engine_only() -> None:
    stage = turn('set response.metadata.client_event_id to "theirs" on response.create')
    [text] = [entry.what.data for entry in stage.journal.frames() if entry.sender == "client"]
    assert json.loads(text)["response"]["metadata"]["client_event_id"] == "mine"
    assert stage.bodies("response.created")[0]["response"]["metadata"]["client_event_id"] == "theirs"


def test_untouched_frames_are_the_same_objects() -> None:
    from mockserver.core.frames import Text, to_client

    stage = turn("strip metadata on response.created")
    layer = stage.session.layers[0]
    item = to_client(Text('{ "type" : "response.output_audio.delta" }'))
    assert list(layer.feed(item, stage.now)) == [item]
    assert next(iter(layer.feed(item, stage.now))) is item


def test_a_value_must_be_json() -> None:
    with pytest.raises(UsageError, match="value: expected what JSON can hold"):
        faults.set_field("a", object(), "x")
    with pytest.raises(UsageError, match="value: expected what JSON can hold"):
        faults.set_field("a", float("nan"), "x")
