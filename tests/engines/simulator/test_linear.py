"""What reads the words of a client, or of its model, takes time in proportion to them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mockserver.engines.simulator.elevenlabs.agent import _VARIABLE
from mockserver.engines.simulator.gpt_live.voice import layout
from mockserver.engines.simulator.nova_sonic.assistant import _SENTENCE
from mockserver.engines.simulator.voice.words import pieces, words_until
from tests.cassette.test_linear import SLACK, grows

READERS: dict[str, Callable[[str], object]] = {
    "pieces": pieces,
    "sentences": _SENTENCE.findall,
    "words in time": lambda text: layout(text, 0, 8_000, 0),
    "words until": lambda text: words_until(text, 1e9),
    "variables": _VARIABLE.findall,
}
UNITS = ["a", " ", ".", "!?", "a ", "a.", ". ", "\n", "{{", "{{ ", "{{a", "{{a ", "{{a}}", "é"]


@pytest.mark.parametrize("reader", READERS)
def test_eight_times_the_words_take_eight_times_as_long(reader: str) -> None:
    for unit in UNITS:
        for end in ("", "x", " "):
            taken = grows(READERS[reader], lambda size, unit=unit, end=end: unit * (size // len(unit)) + end)
            assert taken < SLACK, (unit, end)
