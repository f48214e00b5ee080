"""How a text is cut into deltas, how many tokens it has, and which of its words were complete at a time."""

from __future__ import annotations

import pytest

from mockserver.engines.simulator.voice import words
from mockserver.engines.simulator.voice.words import SHORT, complete_until, count, each_piece, pieces, words_until
from mockserver.speech import timings

TEXT = "Well, this is  a text;\nit has (some) words."


def test_pieces_are_the_text() -> None:
    assert pieces(TEXT) == list(each_piece(TEXT))
    assert "".join(pieces(TEXT)) == TEXT
    assert pieces(TEXT)[:4] == ["Well", ",", " this", " is"]


def test_tokens_of_a_long_text_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A conversation of many such texts is counted anew with each response."""
    read: list[str] = []

    def reading(text: str) -> list[str]:
        read.append(text)
        return pieces(text)

    monkeypatch.setattr(words, "pieces", reading)
    texts = [f"{number} " + "word " * SHORT for number in range(100)]
    assert [count(text) for text in texts] == [SHORT + 2] * 100
    assert len(read) == 100, "the control"
    assert sum(map(count, texts)) == 100 * (SHORT + 2)
    assert len(read) == 100


def test_words_that_were_complete_are_as_they_are_written() -> None:
    times = timings(TEXT)
    third = times[2].end_ms
    assert [word.text for word in complete_until(TEXT, third)] == ["Well,", "this", "is"]
    assert words_until(TEXT, third) == "Well, this is"
    assert words_until(TEXT, third - 1) == "Well, this"
    assert words_until(TEXT, times[0].end_ms - 1) == ""
    assert words_until(TEXT, 1e9) == TEXT
