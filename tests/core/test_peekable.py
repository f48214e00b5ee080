"""An iterator that can be looked into."""

from __future__ import annotations

from mockserver.core.peekable import Peekable


def test_what_comes_next_is_seen_and_not_taken() -> None:
    made = []

    def things() -> object:
        for thing in ("a", "", "c"):
            made.append(thing)
            yield thing

    looked: Peekable[str] = Peekable(things())
    assert (looked.first, looked.first, made) == ("a", "a", ["a"])
    assert next(looked) == "a"
    assert bool(looked), "something empty is something"
    assert list(looked) == ["", "c"]
    assert (looked.first, bool(looked), list(looked)) == (None, False, [])
    assert not Peekable[str]()
