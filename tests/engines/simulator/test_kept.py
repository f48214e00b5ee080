"""What plain requests leave behind has a limit, which the oldest pay for."""

from __future__ import annotations

from mockserver.engines.simulator.kept import Kept


def there(kept: Kept[str, int]) -> str:
    return "".join(key for key in "abcdef" if key in kept)


def test_the_oldest_makes_room() -> None:
    kept: Kept[str, int] = Kept(most=3, most_bytes=100)
    for number, key in enumerate("abc"):
        kept.keep(key, number, 30)
    assert (there(kept), kept.get("b")) == ("abc", 1)
    kept.keep("d", 3, 0)
    assert there(kept) == "bcd", "three at most"
    kept.keep("e", 4, 90)
    assert (there(kept), kept.get("b")) == ("de", None), "a hundred bytes at most"


def test_the_newest_stays_though_it_alone_is_too_much() -> None:
    kept: Kept[str, int] = Kept(most_bytes=100)
    kept.keep("a", 1, 10)
    kept.keep("b", 2, 1_000)
    assert (there(kept), kept.made) == ("b", 2)
