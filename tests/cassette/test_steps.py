"""A long text is searched in steps, and what is found does not depend on where they end."""

from __future__ import annotations

import pytest

from mockserver.cassette import decode, shapes

KEY = "sk-proj-Ab1_Cd2-Ef3gh"
WORD = "Q29weSBvZiB0aGUga2V5IG9mIHRoZSBkb29y"
TEXT = f'{{"a":"{WORD}","b":"one. two - three _ {KEY}, {WORD}=="}} {"x" * 40} {WORD}|{WORD}. {KEY}'


def test_words_and_shapes_are_found_wherever_a_step_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    words, found = list(decode.base64_words(TEXT)), list(shapes.found(TEXT))
    assert [TEXT[begin:end] for begin, end, *_ in found] == [KEY, KEY]
    assert len(words) == 4
    for step in range(1, 80):
        monkeypatch.setattr(decode, "STEP", step)
        monkeypatch.setattr(shapes, "STEP", step)
        assert list(decode.base64_words(TEXT)) == words
        assert list(shapes.found(TEXT)) == found
        assert shapes.marked(TEXT)
