"""Frames that are like one before in which there was nothing: they need not be searched again.

Nearly all frames of a session differ from the one before in an event id and in what they carry: base64 that is noise,
or a
few words. What is around that has been looked at once. Known values and rules are looked for in every frame all the
same.
"""

from __future__ import annotations

import re
from binascii import a2b_base64

from mockserver.cassette import shapes
from mockserver.cassette.decode import texty

LEAF = re.compile(
    r'"(delta|text|transcript|arguments|partial|thinking|content|token)"(\s*:\s*)("[^"\\]*(?:\\.[^"\\]*)*")', re.DOTALL
)
"""Fields in which providers send text piece by piece (deltas, text parts and transcriptions, words with
probabilities).
"""
_EVENT_ID = '"event_id":"'
_DELTA = '"delta":"'
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_Stencil = tuple[str, int, str, int, str]
"""Before the event id's last part and where that ends; between it and the payload, where that begins; behind it."""


WORDS = 256
"""Characters of words in a frame that is compared by its outline; of longer ones the words are most of the frame."""
OUTLINES = 64
"""So many outlines of quiet frames are remembered."""


class Quiet:
    """Remembers the last frame that carried noise and in which there was nothing else; and the outlines of frames in
    which there was nothing and that carried words.
    """

    def __init__(self) -> None:
        self._stencil: _Stencil | None = None
        self._same = ""  # the last text that was the same as what is remembered: each is asked about several times
        self._outlines: set[str] = set()
        self._outline_of, self._outline = "", ("", "")

    def same(self, text: str) -> bool:
        """Whether a text differs from the one that is remembered in the event id and the noise alone."""
        if self._stencil is None:
            return False
        if text is self._same:
            return True
        head, past, middle, begin, tail = self._stencil
        if not (text.startswith(head) and text.startswith(middle, past) and text.endswith(tail)):
            return False
        event_id = text[len(head) : past]
        if (
            (event_id.isalnum() or not middle)
            and not (len(event_id) > 15 and shapes.marked_word(event_id))
            and noise(text[begin : len(text) - len(tail)])
        ):
            self._same = text
            return True
        return False

    def outline(self, text: str) -> tuple[str, str]:
        """The outline of a text and its words (``outline``). Remembers the last one."""
        if text is not self._outline_of:
            self._outline_of, self._outline = text, outline(text)
        return self._outline

    def differs_in(self, text: str) -> str | None:
        """What there is in a text that was not in one in which there was nothing: its words, in their quotes. None for
        any other text.
        """
        sketch, words = self.outline(text)
        return f'"{words}"' if sketch and sketch in self._outlines else None

    def remember(self, text: str) -> None:
        """There was nothing in this text. Of noise only what says no words is remembered: those belong to a stream."""
        sketch, _ = self.outline(text)
        if sketch:
            if len(self._outlines) >= OUTLINES:
                self._outlines.clear()
            self._outlines.add(sketch)
            return
        middle = len(text) // 2
        begin, end = text.rfind('"', 0, middle) + 1, text.find('"', middle)
        if not begin or not noise(text[begin:end]):
            return
        if any(match[3] != '""' for match in LEAF.finditer(text[:begin] + text[end:])):
            return
        found = text.find(_EVENT_ID, 0, begin)
        if found < 0:
            self._stencil = (text[:begin], begin, "", begin, text[end:])
            return
        past = text.find('"', found + len(_EVENT_ID), begin)
        at = max(text.rfind("_", 0, past), text.rfind('"', 0, past)) + 1
        self._stencil = (text[:at], past, text[past:begin], begin, text[end:])


def outline(text: str) -> tuple[str, str]:
    """A frame without its event id and without the words that it carries, which alone differ from one to the next;
    and the
    words. (A NUL stands for words: JSON has none.)

    The outline is "" for any other frame, and where the event id or the words may hold a secret by themselves. What is
    found in a text is found inside a string or across several, never across an end of just one of these.
    """
    begin = text.rfind(_DELTA) + len(_DELTA)
    if begin < len(_DELTA):
        return "", ""
    end = text.find('"', begin)
    words = text[begin:end]
    if (
        not words
        or len(words) > WORDS
        or "\\" in words
        or "%" in words
        or "//" in words
        or "&" in words
        or "=" in words
    ):
        return "", ""
    found = text.find(_EVENT_ID, 0, begin)
    if found < 0:
        return f"{text[:begin]}\0{text[end:]}", words
    past = text.find('"', found + len(_EVENT_ID), begin)
    at = max(text.rfind("_", 0, past), text.rfind('"', 0, past)) + 1
    event_id = text[at:past]
    if not event_id.isalnum() or (len(event_id) > 15 and shapes.marked_word(event_id)):
        return "", ""
    return f"{text[:at]}{text[past:begin]}\0{text[end:]}", words


def noise(payload: str) -> bool:
    """Whether this is padded base64 of some length, and its bytes are no text."""
    if len(payload) < 64 or len(payload) % 4 or not payload.isascii():
        return False
    if len(payload) <= shapes.WHOLE and shapes.marked_word(payload):
        return False
    if payload[-1] == "=":
        payload = payload[:-2] if payload[-2] == "=" else payload[:-1]
    return not payload.encode().translate(None, _BASE64) and not texty(
        a2b_base64(payload[:88] + "=" * (-len(payload[:88]) % 4))
    )
