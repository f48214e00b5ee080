"""Ids are repeatable, never repeated, and shaped like the provider's."""

from __future__ import annotations

import re
import uuid

from mockserver.core.ids import Ids, rng


def test_the_same_seed_and_names_give_the_same_ids() -> None:
    def mint(*names: object) -> list[str]:
        ids = Ids(rng(*names))
        return [ids.mint("item_") for _ in range(50)]

    assert mint(1, "items") == mint(1, "items")
    assert mint(1, "items") != mint(2, "items")
    assert mint(1, "items") != mint(1, "events")


def test_an_id_has_the_prefix_and_the_length_and_comes_once() -> None:
    ids = Ids(rng(0))
    made = [ids.mint("x_", 1, alphabet="ab") for _ in range(2)]
    assert sorted(made) == ["x_a", "x_b"]
    assert re.fullmatch(r"call_[0-9A-Za-z]{16}", ids.mint("call_", 16))


def test_a_uuid_is_one_of_version_4() -> None:
    parsed = uuid.UUID(Ids(rng(0)).uuid())
    assert parsed.version == 4
    assert parsed.variant == uuid.RFC_4122
