"""Check sums made by another thread find the same damage, told in the same words, as those made in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mockserver.cassette.codec import encode
from mockserver.cassette.model import Cassette
from mockserver.cassette.reader import decode
from mockserver.cassette.store import LARGE, load, save
from mockserver.errors import CassetteDamaged
from tests.bench import material

WHOLE = encode(material.cassette(4_000, 1_500, gap_us=20_000))


def told(data: bytes, *, thread: bool, partial: bool) -> str | Cassette:
    """The cassette, or the words of the error."""
    with ThreadPoolExecutor(1) as pool:
        try:
            return decode(
                data, "x", partial=partial, aside=(lambda act: pool.submit(act).result) if thread else None
            )
        except CassetteDamaged as error:
            return str(error)


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("place", [200, 5_000, 1_500_000, 3_000_000, len(WHOLE) - 3, None])
def test_the_same_is_told_with_a_thread_and_without(place: int | None, partial: bool) -> None:
    data = bytearray(WHOLE)
    if place is not None:
        data[place] ^= 0x5A
    alone, beside = (told(bytes(data), thread=thread, partial=partial) for thread in (False, True))
    assert alone == beside
    assert isinstance(alone, Cassette) or place is not None


def test_a_large_file_is_loaded_that_way(tmp_path: Path) -> None:
    made = material.cassette(8_000, 1_500, gap_us=20_000)
    path = save(made, tmp_path / "x.cassette")
    assert path.stat().st_size > LARGE
    assert load(path).connections[0].records == made.connections[0].records
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CassetteDamaged, match="damaged at byte"):
        load(path)
