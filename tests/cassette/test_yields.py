"""The search for secrets lets others go first, again and again, whatever the frame is made of.

Counted, not timed: between two of its calls there are so many calls of functions at most, however long the frame is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from mockserver import speech
from mockserver.cassette.redact import Redactor
from mockserver.cassette.spread import Spread
from mockserver.core.frames import Sender, Text
from mockserver.core.yielding import in_this_thread
from mockserver.speech.contour import contour

SIZE = 16 << 10
MOST = 5_000
"""Calls of functions: some milliseconds."""
FIELDS = {
    "escapes": "\\u0041",
    "percents": "%41",
    "entities": "&#65;",
    "logins": "https://a:b@c/ ",
    "keys": "sk-abcdefgh12345678 ",
    "schemes": "bearer abcdefgh1234 ",
    "lines": "\\nkey: a",
    "base64": "aGVsbG8gd29ybGQgdGhpcyBpcyB0ZXh0 ",
    "assignments": "api_key=a1 ",
    "queries": "?token=a1b2c3d4",
    "flags": "--api-key a1b2c3d4 ",
    "elements": "<token>a1</token>",
    "names": "my password is a1 ",
    "tags": "<a name='password' value='a1'>",
    "tables": "a,password\\nb,c1\\n",
    "known": "a-known-value ",
    "capitals that are longer in lower case": "\u0130 token ",
}
FRAMES = {
    **{name: '{"type":"x","a":"' + unit * (SIZE // len(unit)) + '"}' for name, unit in FIELDS.items()},
    "headers": '{"headers":[' + '"X-Api-Key: aaa",' * (SIZE // 17) + '""]}',
    "members": json.dumps([{"token": "abc", "n": number} for number in range(SIZE // 28)]),
    "JSON in JSON": json.dumps({"a": json.dumps([{"token": "abc", "n": number} for number in range(SIZE // 32)])}),
    "deltas": '{"a":[' + '{"delta":"some words"},' * (SIZE // 24) + '""]}',
}


class Counted:
    """How many calls of functions there were in all, and between two turns at most."""

    def __init__(self, work: Callable[[], object], *, turns: bool = True) -> None:
        self.turns = self.most = self.all = self._now = 0
        work()  # what is remembered of it (words, the tones that are looked for) is now
        in_this_thread(self._turn if turns else None)
        sys.setprofile(self._count)
        try:
            work()
        finally:
            sys.setprofile(None)
            in_this_thread(None)
            self._turn()

    def _count(self, frame: object, event: str, arg: object) -> None:
        self._now += 1

    def _turn(self) -> None:
        self.turns += 1
        self.all += self._now
        self.most = max(self.most, self._now)
        self._now = 0


def look(frame: str) -> Callable[[], Any]:
    redactor = Redactor(values=["a-known-value"]).beside()
    return lambda: Spread(redactor).frame(0, 0, Sender.CLIENT, Text(frame))


@pytest.mark.parametrize("name", FRAMES)
def test_a_look_at_a_frame_calls_all_the_time(name: str) -> None:
    counted = Counted(look(FRAMES[name]))
    assert counted.most <= MOST
    assert counted.all > 3 * MOST, "else this shows nothing"


@pytest.mark.parametrize(
    "value", ["api_key=" + "a1b2" * SIZE, "Authorization: Basic " + "YTpi" * SIZE, "token: " + "ab" * SIZE]
)
def test_a_value_of_any_length_is_a_few_calls(value: str) -> None:
    assert Counted(look(json.dumps({"type": "x", "a": value}))).all < MOST


def test_to_make_out_what_was_said_does_so_too() -> None:
    noise = Random(1).randbytes(40 * SIZE)
    for work in (lambda: speech.decode(noise, 24_000), lambda: contour(noise, 24_000)):
        counted = Counted(work)
        assert counted.most <= MOST
        assert counted.all > 3 * MOST


def test_nothing_is_called_where_nobody_asked() -> None:
    counted = Counted(look(FRAMES["keys"]), turns=False)
    assert counted.turns == 1
    assert counted.most > MOST
