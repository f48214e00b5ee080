"""Check sums made by another thread find the same damage, told in the same words, as those made in order."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from zlib import crc32

import pytest

from mockserver.cassette import reader
from mockserver.cassette.codec import encode
from mockserver.cassette.model import Cassette
from mockserver.cassette.reader import decode
from mockserver.cassette.store import LARGE, load, save
from mockserver.errors import CassetteDamaged
from tests.bench import material


@cache
def whole() -> bytes:
    """A file of 6 MB."""
    return encode(material.cassette(4_000, 1_500, gap_us=20_000))


@pytest.fixture
def summing(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the threads in which check sums were made."""
    names: set[str] = set()

    def noted(data: memoryview, before: int) -> int:
        names.add(threading.current_thread().name)
        return crc32(data, before)

    monkeypatch.setattr(reader, "crc32", noted)
    return names


def told(data: bytes, *, thread: bool, partial: bool) -> str | Cassette:
    """The cassette, or the words of the error."""
    with ThreadPoolExecutor(1, thread_name_prefix="aside") as pool:
        try:
            return decode(data, "x", partial=partial, aside=(lambda act: pool.submit(act).result) if thread else None)
        except CassetteDamaged as error:
            return str(error)


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("place", [200, 5_000, 1_500_000, 3_000_000, -3, None])
def test_the_same_is_told_with_a_thread_and_without(place: int | None, partial: bool) -> None:
    data = bytearray(whole())
    if place is not None:
        data[place] ^= 0x5A
    alone, beside = (told(bytes(data), thread=thread, partial=partial) for thread in (False, True))
    assert alone == beside
    assert isinstance(alone, Cassette) or place is not None


def test_the_sums_are_made_by_the_thread_that_is_given(summing: set[str]) -> None:
    told(whole(), thread=True, partial=False)
    assert summing == {"aside_0"}
    summing.clear()
    told(whole(), thread=False, partial=False)
    assert summing == {threading.current_thread().name}


@pytest.mark.long
def test_a_large_file_is_loaded_that_way_and_a_small_one_is_not(tmp_path: Path, summing: set[str]) -> None:
    small = save(material.cassette(20, 1_500, gap_us=20_000), tmp_path / "small.cassette")
    summing.clear()
    assert len(load(small).connections) == 1
    assert summing == {threading.current_thread().name}
    made = material.cassette(8_000, 1_500, gap_us=20_000)
    path = save(made, tmp_path / "x.cassette")
    assert path.stat().st_size > LARGE
    summing.clear()
    assert load(path).connections[0].records == made.connections[0].records
    assert summing == {"mockserver-load_0"}
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CassetteDamaged, match="damaged at byte"):
        load(path)
